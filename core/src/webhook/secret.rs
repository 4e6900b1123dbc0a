//! What deliveries are signed with, as Standard Webhooks says it
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;
use uuid::Uuid;

use crate::ids::WebhookEndpointId;
use crate::signing::Signer;

/// Derives the secrets of endpoints.
#[derive(Clone, Debug)]
pub struct WebhookSecrets(Signer);

impl WebhookSecrets {
    /// Of this deployment: with another `SECRET_KEY` every endpoint has another secret.
    pub fn new(secret_key: &SecretString) -> Self {
        Self(Signer::new(secret_key, "webhooks"))
    }

    /// The secret of a row of `webhook_secret`.
    pub(super) fn derive(&self, endpoint_id: WebhookEndpointId, secret_id: Uuid) -> WebhookSecret {
        let ids = [*endpoint_id.0.as_bytes(), *secret_id.as_bytes()].concat();
        WebhookSecret(SecretSlice::from(self.0.mac(&ids).to_vec()))
    }
}

/// A secret that an endpoint checks signatures with. Neither `Debug` nor the logs show it.
#[derive(Clone, Debug)]
pub struct WebhookSecret(SecretSlice<u8>);

impl WebhookSecret {
    /// As its owner gets it, once: `whsec_` and base64.
    pub fn expose(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.0.expose_secret()))
    }

    /// The signature of a message: `v1,` and base64.
    pub fn sign(&self, id: Uuid, timestamp: i64, body: &str) -> String {
        self.sign_message(&format!("{id}.{timestamp}.{body}"))
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn sign_message(&self, message: &str) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .expect("HMAC takes keys of any length")
            .chain_update(message);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Standard Webhooks are tested with.
    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let secret = WebhookSecret(SecretSlice::from(key));
        assert_eq!(secret.expose(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let message = r#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(
            secret.sign_message(message),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn each_row_has_a_secret_of_its_own_that_nothing_shows() {
        let secrets = WebhookSecrets::new(&SecretString::from("a secret of the deployment"));
        let (endpoint, row) = (WebhookEndpointId::new(), Uuid::now_v7());
        let secret = secrets.derive(endpoint, row);
        assert_eq!(secret.expose(), secrets.derive(endpoint, row).expose());
        assert_eq!(secret.expose().len(), "whsec_".len() + 44);
        for other in [
            secrets.derive(endpoint, Uuid::now_v7()),
            secrets.derive(WebhookEndpointId::new(), row),
            WebhookSecrets::new(&SecretString::from("another")).derive(endpoint, row),
        ] {
            assert_ne!(secret.expose(), other.expose());
        }
        assert!(!format!("{secret:?}").contains(&secret.expose()[6..]));
    }
}
