//! The client of Stripe. It never learns whether the sandbox answers: only the base address differs.
//!
//! Call nothing here inside a database transaction (invariant 5).
//!
//! **Cards only is said the new way.** The API version of the pinned client has no `payment_method_types`; sessions
//! carry `allowed_payment_method_types` instead.
//!
//! **401 and 403 from Stripe are passing faults.** A key that is being rotated must not kill refunds.

mod dispute;
mod event;
mod model;

use std::collections::HashMap;
use std::time::Duration;

use secrecy::ExposeSecret;
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeRequest};
use stripe_checkout::CheckoutSessionMode;
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData,
    CreateCheckoutSessionPaymentIntentData, ExpireCheckoutSession, ProductData,
    RetrieveCheckoutSession,
};
use stripe_core::payment_intent::RetrievePaymentIntent;
use stripe_core::refund::{CreateRefund, RetrieveRefund};
use tokio::time::Instant;

use crate::charge;
use crate::config::Settings;
use crate::error::{Error, Result};
use crate::ids::RefundId;
use crate::money::Money;

pub use dispute::StripeDispute;
pub use event::{Event, Fact, SignatureError, read_event};
pub use model::{
    Card, CheckoutRequest, CheckoutSession, CheckoutStatus, StripeRefund, StripeRefundStatus,
};

/// The key the sandbox is called with: it takes any test key.
const SANDBOX_KEY: &str = "sk_test_sandbox";
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a call is made at most.
const ATTEMPTS: u32 = 3;
/// After this long no further attempt begins: a caller waits 22 seconds at worst.
const PATIENCE: Duration = Duration::from_secs(12);

/// Stripe, or the sandbox. Clones share nothing but settings.
#[derive(Clone, Debug)]
pub struct Stripe {
    client: Client,
}

/// Why Stripe did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StripeError {
    /// No answer, or none that counts: the network, Stripe's own trouble, its limits, a key it does not take. The
    /// call may have had its effect; the same call later finds out, because it carries the same idempotency key.
    #[error("Stripe is not available: {0}")]
    Unavailable(String),
    /// Stripe understood and said no. The same call will be refused again.
    #[error("Stripe refused{}: {message}", code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused {
        /// One of <https://docs.stripe.com/error-codes>, when there is one.
        code: Option<String>,
        /// For engineers, not for travellers.
        message: String,
    },
}

impl Stripe {
    /// A client for these settings. Fails when the key or the base address cannot be put into a request.
    pub fn new(settings: &Settings) -> Result<Self> {
        let key = match &settings.stripe.stripe_secret_key {
            Some(key) => key.expose_secret(),
            None => SANDBOX_KEY,
        };
        let client = ClientBuilder::new(key)
            .url(format!("{}/", settings.stripe_base().trim_end_matches('/')))
            .timeout(TIMEOUT)
            .app_info(
                "Flightdesk",
                Some(env!("CARGO_PKG_VERSION").to_owned()),
                None,
            )
            .build()
            .map_err(|error| Error::PaymentProvider(error.to_string()))?;
        Ok(Self { client })
    }

    /// Opens a payment page. The same payment id opens it once, however often this is called in 24 hours.
    ///
    /// Cards only, through `allowed_payment_method_types`: API version 2026-09-30 no longer takes
    /// `payment_method_types` (<https://docs.stripe.com/changelog/endive>).
    pub async fn create_checkout(
        &self,
        request: &CheckoutRequest,
    ) -> Result<CheckoutSession, StripeError> {
        let metadata = HashMap::from([
            ("payment_id".to_owned(), request.payment_id.to_string()),
            ("booking_id".to_owned(), request.booking_id.to_string()),
        ]);
        let mut price =
            CreateCheckoutSessionLineItemsPriceData::new(charge::code(request.amount.currency()));
        price.unit_amount = Some(stripe_amount(request.amount)?);
        price.product_data = Some(ProductData::new(&request.description));
        let mut line = CreateCheckoutSessionLineItems::new();
        line.price_data = Some(price);
        line.quantity = Some(1);
        let mut intent = CreateCheckoutSessionPaymentIntentData::new();
        intent.metadata = Some(metadata.clone());
        intent.description = Some(format!("Booking {}", request.booking_ref));
        let create = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Payment)
            .allowed_payment_method_types([CreateCheckoutSessionAllowedPaymentMethodTypes::Card])
            .line_items([line])
            .payment_intent_data(intent)
            .metadata(metadata)
            .client_reference_id(&request.booking_ref)
            .customer_email(&request.customer_email)
            .expires_at(request.expires_at.timestamp())
            .success_url(&request.success_url)
            .cancel_url(&request.cancel_url);
        let session = self
            .send(&create, Some(request.payment_id.to_string()))
            .await?;
        readable(CheckoutSession::read(session))
    }

    /// A payment page as it is now.
    pub async fn checkout(&self, session_id: &str) -> Result<CheckoutSession, StripeError> {
        let session = self
            .send(&RetrieveCheckoutSession::new(session_id), None)
            .await?;
        readable(CheckoutSession::read(session))
    }

    /// Closes a payment page and answers what it is afterwards: expired, or complete when the traveller was faster.
    ///
    /// Stripe refuses to expire what is not open (<https://docs.stripe.com/api/checkout/sessions/expire>).
    pub async fn expire_checkout(&self, session_id: &str) -> Result<CheckoutSession, StripeError> {
        match self
            .send(&ExpireCheckoutSession::new(session_id), None)
            .await
        {
            Ok(session) => readable(CheckoutSession::read(session)),
            Err(refused @ StripeError::Refused { .. }) => {
                let session = self.checkout(session_id).await?;
                match session.status {
                    CheckoutStatus::Open => Err(refused),
                    CheckoutStatus::Complete | CheckoutStatus::Expired => Ok(session),
                }
            }
            Err(unavailable) => Err(unavailable),
        }
    }

    /// Sends money back. The same refund id sends it once, however often this is called in 24 hours.
    pub async fn create_refund(
        &self,
        refund_id: RefundId,
        payment_intent: &str,
        amount: Money,
    ) -> Result<StripeRefund, StripeError> {
        let create = CreateRefund::new()
            .payment_intent(payment_intent)
            .amount(stripe_amount(amount)?)
            .metadata(HashMap::from([(
                "refund_id".to_owned(),
                refund_id.to_string(),
            )]));
        let refund = self.send(&create, Some(refund_id.to_string())).await?;
        readable(StripeRefund::read(refund))
    }

    /// A refund as it is now.
    pub async fn refund(&self, stripe_refund_id: &str) -> Result<StripeRefund, StripeError> {
        let refund = self
            .send(&RetrieveRefund::new(stripe_refund_id), None)
            .await?;
        readable(StripeRefund::read(refund))
    }

    /// The card a payment was made with, or `None` while it is unpaid or was paid otherwise.
    pub async fn card(&self, payment_intent: &str) -> Result<Option<Card>, StripeError> {
        let retrieve =
            RetrievePaymentIntent::new(payment_intent).expand(["latest_charge".to_owned()]);
        let intent = self.send(&retrieve, None).await?;
        let card = intent
            .latest_charge
            .and_then(stripe_types::Expandable::into_object)
            .and_then(|charge| charge.payment_method_details)
            .and_then(|details| details.card);
        Ok(card.and_then(|card| {
            Some(Card {
                brand: card.brand?,
                last4: card.last4?,
            })
        }))
    }

    /// Makes a call, and makes it again with the same key while that may help.
    ///
    /// Around the library, because its own retry strategies make up a key of their own. Stripe replays a stored
    /// answer to the same key, even a 500 (<https://docs.stripe.com/api/idempotent_requests>): what is still
    /// unavailable after the last attempt is the caller's to try later.
    async fn send<R>(&self, request: &R, key: Option<String>) -> Result<R::Output, StripeError>
    where
        R: StripeRequest,
        R::Output: miniserde::Deserialize,
    {
        let strategy = match key {
            Some(key) => RequestStrategy::Idempotent(
                IdempotencyKey::new(key)
                    .map_err(|error| StripeError::Unavailable(error.to_string()))?,
            ),
            None => RequestStrategy::Once,
        };
        let begun = Instant::now();
        let mut attempt = 1;
        loop {
            let call = request.customize().request_strategy(strategy.clone());
            let error = match call.send(&self.client).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !may_help(&error) || attempt == ATTEMPTS || begun.elapsed() >= PATIENCE {
                return Err(explain(error));
            }
            // 100-200 ms, then 200-400 ms: apart from others who failed at the same moment.
            let pause = 100.0 * f64::from(attempt) * (1.0 + rand::random::<f64>());
            tokio::time::sleep(Duration::from_secs_f64(pause / 1000.0)).await;
            attempt += 1;
        }
    }
}

/// Whether the same call again, at once, may succeed (<https://docs.stripe.com/error-low-level>).
fn may_help(error: &stripe::StripeError) -> bool {
    match error {
        stripe::StripeError::Stripe(_, status) => matches!(status, 409 | 424 | 429 | 500..),
        stripe::StripeError::ClientError(_)
        | stripe::StripeError::Timeout
        // Not Stripe's own error body: a proxy in between, or an answer cut short.
        | stripe::StripeError::JSONDeserialize(_) => true,
        stripe::StripeError::ConfigError(_) => false,
    }
}

/// What an error means for the caller. A key that Stripe does not take (401, 403) is an operator's mistake, and not a
/// reason to give up a refund: trying again helps once it is mended.
fn explain(error: stripe::StripeError) -> StripeError {
    match error {
        stripe::StripeError::Stripe(error, status)
            if (400..500).contains(&status) && !matches!(status, 401 | 403 | 409 | 424 | 429) =>
        {
            StripeError::Refused {
                code: error.code.map(|code| code.as_str().to_owned()),
                message: error.message.unwrap_or_default(),
            }
        }
        stripe::StripeError::Stripe(error, status) => StripeError::Unavailable(format!(
            "status {status}: {}",
            error.message.unwrap_or_default()
        )),
        other => StripeError::Unavailable(other.to_string()),
    }
}

/// The amount as Stripe counts it. What Stripe cannot express is refused here, as Stripe would.
fn stripe_amount(money: Money) -> Result<i64, StripeError> {
    charge::to_stripe(money).ok_or_else(|| StripeError::Refused {
        code: Some("invalid_amount".to_owned()),
        message: format!("{money} is no amount that Stripe can charge"),
    })
}

fn readable<T>(answer: Result<T, model::Unreadable>) -> Result<T, StripeError> {
    answer.map_err(|error| StripeError::Unavailable(error.to_string()))
}
