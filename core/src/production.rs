//! What production refuses: defaults that take no real money, secrets that can be guessed, endpoints that can be read.

use std::str::FromStr;

use clap::builder::Resettable;
use clap::{Command, Parser};
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::{Host, Url};

use crate::config::{
    DEVELOPMENT_MAIL_FROM, DEVELOPMENT_SECRET, Environment, SANDBOX_WEBHOOK_SECRET, Settings,
    SmsBackend,
};

/// Reads a program's settings. A variable that is set to nothing counts as not set: an empty secret is not a secret.
pub fn parse<T: Parser>() -> T {
    let mut command = without_empty_variables(T::command());
    let mut matches = command.clone().get_matches();
    T::from_arg_matches_mut(&mut matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

fn without_empty_variables(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.is_empty()) {
            arg.env(Resettable::Reset)
        } else {
            arg
        }
    });
    command.mut_subcommands(without_empty_variables)
}

/// How long a secret has to be, and how many guesses (as a power of ten, estimated by zxcvbn) it has to withstand.
struct Strength {
    length: usize,
    guesses: f64,
}

/// What we make ourselves and others can try offline against tokens that they have: 32 random characters.
const OWN: Strength = Strength {
    length: 32,
    guesses: 19.0,
};
/// What a provider made: long and random, or a placeholder.
const PROVIDED: Strength = Strength {
    length: 16,
    guesses: 12.0,
};
/// A password that is asked for online, in an address.
const PASSWORD: Strength = Strength {
    length: 12,
    guesses: 10.0,
};

impl Strength {
    fn is_met(&self, secret: &str) -> bool {
        secret.chars().count() >= self.length
            && zxcvbn::zxcvbn(secret, &[]).guesses_log10() >= self.guesses
    }
}

/// Collects refusals.
struct Refusals(Vec<String>);

impl Refusals {
    fn unless(&mut self, right: bool, why: &str) {
        if !right {
            self.0.push(why.to_owned());
        }
    }

    fn weak(&mut self, name: &str, secret: &str, strength: &Strength) {
        let why = format!(
            "{name} is too short or too easy to guess: it must have at least {} random characters",
            strength.length
        );
        self.unless(strength.is_met(secret), &why);
    }

    fn plain(&mut self, name: &str, url: &str, loopback_too: bool) {
        let right = Url::parse(url)
            .is_ok_and(|url| url.scheme() == "https" || loopback_too && is_loopback(&url));
        self.unless(right, &format!("{name} must be an https:// address"));
    }

    /// The password inside an address, if there is one.
    fn weak_password(&mut self, name: &str, url: &str) {
        let password = Url::parse(url)
            .ok()
            .filter(|url| !is_local(url))
            .and_then(|url| url.password().map(str::to_owned));
        if let Some(password) = password {
            self.weak(&format!("the password in {name}"), &password, &PASSWORD);
        }
    }
}

impl Settings {
    /// What forbids these settings in production, each naming its variable; empty in development.
    pub fn refusals(&self) -> Vec<String> {
        if self.environment == Environment::Development {
            return Vec::new();
        }
        let mut refusals = Refusals(Vec::new());
        self.refuse_defaults(&mut refusals);
        self.refuse_weak_secrets(&mut refusals);
        self.refuse_plain_text(&mut refusals);
        refusals.0
    }

    fn refuse_defaults(&self, refusals: &mut Refusals) {
        let webhook_secret = self.stripe.stripe_webhook_secret.expose_secret();
        refusals.unless(
            self.secret_key.expose_secret() != DEVELOPMENT_SECRET,
            "SECRET_KEY must be set to at least 32 random characters",
        );
        refusals.unless(
            self.stripe.stripe_secret_key.is_some(),
            "STRIPE_SECRET_KEY must be set: the sandbox takes no real money",
        );
        refusals.unless(
            webhook_secret != SANDBOX_WEBHOOK_SECRET && !webhook_secret.is_empty(),
            "STRIPE_WEBHOOK_SECRET must be the endpoint's own secret",
        );
        refusals.unless(
            self.storage.s3_bucket.is_some(),
            "S3_BUCKET must be set: a local folder is not shared by processes",
        );
        refusals.unless(
            self.mail.smtp_url.is_some(),
            "SMTP_URL must be set: a local folder sends no mail",
        );
        refusals.unless(
            self.mail.mail_from.trim() != DEVELOPMENT_MAIL_FROM,
            "MAIL_FROM must be set to a sender of your own domain",
        );
        refusals.unless(
            self.sms.sms_backend != SmsBackend::Log,
            "SMS_BACKEND must be off: the log sends no text messages",
        );
        refusals.unless(
            !self.webhooks.webhook_allow_loopback,
            "WEBHOOK_ALLOW_LOOPBACK must be false: whoever names an endpoint would reach this machine",
        );
    }

    fn refuse_weak_secrets(&self, refusals: &mut Refusals) {
        let own = self.secret_key.expose_secret();
        if own != DEVELOPMENT_SECRET {
            refusals.weak("SECRET_KEY", own, &OWN);
        }
        let webhook_secret = self.stripe.stripe_webhook_secret.expose_secret();
        if webhook_secret != SANDBOX_WEBHOOK_SECRET && !webhook_secret.is_empty() {
            let random = webhook_secret.trim_start_matches("whsec_");
            refusals.weak("STRIPE_WEBHOOK_SECRET", random, &PROVIDED);
        }
        if let Some(key) = &self.stripe.stripe_secret_key {
            let random = key.expose_secret().rsplit('_').next().unwrap_or_default();
            refusals.weak("STRIPE_SECRET_KEY", random, &PROVIDED);
        }
        if let Some(key) = &self.storage.s3_secret_access_key {
            refusals.weak("S3_SECRET_ACCESS_KEY", key.expose_secret(), &PROVIDED);
        }
        refusals.weak_password("DATABASE_URL", self.database.database_url.expose_secret());
        if let Some(url) = &self.database.direct_database_url {
            refusals.weak_password("DIRECT_DATABASE_URL", url.expose_secret());
        }
        refusals.weak_password("REDIS_URL", self.redis.redis_url.expose_secret());
        if let Some(url) = &self.mail.smtp_url {
            refusals.weak_password("SMTP_URL", url.expose_secret());
        }
    }

    fn refuse_plain_text(&self, refusals: &mut Refusals) {
        // What browsers open has no loopback; what this process calls may be a proxy beside it.
        refusals.plain("PUBLIC_URL", &self.public_url, false);
        for origin in &self.stripe.return_url_origins {
            refusals.plain("RETURN_URL_ORIGINS", origin, false);
        }
        if let Some(endpoint) = &self.storage.s3_public_endpoint {
            refusals.plain("S3_PUBLIC_ENDPOINT", endpoint, false);
        }
        if let Some(endpoint) = &self.storage.s3_endpoint {
            // Without an address of their own, browsers get this one.
            let loopback_too = self.storage.s3_public_endpoint.is_some();
            refusals.plain("S3_ENDPOINT", endpoint, loopback_too);
        }
        if let Some(base) = &self.stripe.stripe_api_base {
            refusals.plain("STRIPE_API_BASE", base, true);
        }
        if let Some(url) = &self.mail.smtp_url {
            refusals.unless(
                is_private(url, |url| {
                    url.scheme() == "smtps"
                        || url
                            .query_pairs()
                            .any(|(name, value)| name == "tls" && value == "required")
                }),
                "SMTP_URL must be smtps:// or end in ?tls=required",
            );
        }
        if self.trusted_network {
            return;
        }
        let has_authority = self.database.database_ca_file.is_some();
        if let Some(url) = &self.database.direct_database_url {
            refusals.unless(
                is_private_database(url, has_authority),
                "DIRECT_DATABASE_URL goes over a network and must demand TLS (?sslmode=require or stricter), or TRUSTED_NETWORK=true must say that nobody can read there",
            );
        }
        refusals.unless(
            is_private_database(&self.database.database_url, has_authority),
            "DATABASE_URL goes over a network and must demand TLS (?sslmode=require or stricter), or TRUSTED_NETWORK=true must say that nobody can read there",
        );
        refusals.unless(
            is_private(&self.redis.redis_url, |url| url.scheme() == "rediss"),
            "REDIS_URL goes over a network and must be rediss://, or TRUSTED_NETWORK=true must say that nobody can read there",
        );
    }
}

/// Whether nobody on a network can read what goes to an address.
fn is_private(url: &SecretString, is_encrypted: impl FnOnce(&Url) -> bool) -> bool {
    Url::parse(url.expose_secret()).is_ok_and(|url| is_local(&url) || is_encrypted(&url))
}

/// As sqlx reads it, `PGSSLMODE` and `PGHOST` included.
/// With a certificate authority and no `sslmode` the certificate is checked (core/src/db/options.rs).
fn is_private_database(url: &SecretString, has_authority: bool) -> bool {
    let Ok(options) = PgConnectOptions::from_str(url.expose_secret()) else {
        return false;
    };
    let host = options.get_host();
    let is_local = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let url = url.expose_secret();
    let is_chosen = url.contains("sslmode=") || url.contains("ssl-mode=");
    is_local
        || match options.get_ssl_mode() {
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => true,
            PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer => {
                has_authority && !is_chosen
            }
        }
}

/// Whether an address is on this machine: a socket file, or loopback.
fn is_local(url: &Url) -> bool {
    url.host_str().is_none_or(str::is_empty) || is_loopback(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // Of an unknown scheme the host is text whatever it is.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name
                    .trim_matches(['[', ']'])
                    .parse()
                    .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_strong_when_it_is_random() {
        let strong = [
            "0f1c86e2a9b04d7e8c3f5a6b7d9e1f20",
            "Zk3vQ9s0TtYw2mXbLr8Hn5Jd7Fg1Pc6A",
            "correct-horse-battery-staple-Ek4dQ",
        ];
        for secret in strong {
            assert!(OWN.is_met(secret), "{secret}");
        }
        let weak = [
            String::new(),
            "a".repeat(32),
            "ab".repeat(20),
            "password".repeat(5),
            "1234567890".repeat(4),
            "abcdefghijklmnopqrstuvwxyz0123456789".to_owned(),
            "qwertyuiopasdfghjklzxcvbnm123456".to_owned(),
            "changeme".repeat(4),
            "0f1c86e2a9b04d7e8c3f5a6b7d9e1f2".to_owned(),
        ];
        for secret in weak {
            assert!(!OWN.is_met(&secret), "{secret}");
        }
    }
}
