//! Paying: a Checkout Session for a booking, and what Stripe tells us afterwards.

use flightdesk_core::Error;
use flightdesk_core::account::KeyMode;
use flightdesk_core::error::Violations;
use flightdesk_core::fault;
use flightdesk_core::ids::{AccountId, BookingRef};
use flightdesk_core::payment::stripe::{CheckoutRequest, Fact, StripeError, read_event};
use flightdesk_core::payment::{self, Payment, ReturnUrls, Started};
use flightdesk_core::settlement;
use poem::http::StatusCode;
use poem::web::Data;
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Binary;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Resource, member_path};
use crate::http::body::{Checked, Rules};
use crate::http::optional::Optional;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::reference;
use crate::resources::return_link;
use crate::views::{Instant, MoneyView};

/// Payments.
pub struct Payments;

/// Where the traveller comes back to
#[derive(Clone, Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct StartPayment {
    /// After paying, on one of our allowed origins; `{CHECKOUT_SESSION_ID}` is replaced. Default: our own page
    #[oai(validator(max_length = 2000))]
    success_url: Option<String>,
    /// After giving up, on one of our allowed origins. Default: our own page
    #[oai(validator(max_length = 2000))]
    cancel_url: Option<String>,
}

/// An open payment
#[derive(Debug, Object)]
#[oai(rename = "Payment")]
pub struct PaymentView {
    payment_id: Uuid,
    /// Of which booking; its answer shows how the payment stands
    booking_ref: String,
    /// `open`
    status: String,
    amount: MoneyView,
    /// The page to pay on
    checkout_url: String,
    /// When that page closes
    expires_at: Instant,
}

impl Resource for PaymentView {
    fn path(answer: &Value) -> String {
        member_path("/v1/bookings", &answer["booking_ref"])
    }
}

/// What the payment provider is told
#[derive(ApiResponse)]
pub enum WebhookAnswer {
    /// Stored, now or before
    #[oai(status = 200)]
    Stored,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Payments")]
impl Payments {
    /// Pay for a booking
    ///
    /// Opens a page to pay on, or answers the one that is open: calling it again opens no second one. The booking's
    /// deadline moves to the end of that page.
    #[oai(
        path = "/bookings/:booking_ref/payment",
        method = "post",
        operation_id = "start_payment"
    )]
    async fn start(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        body: Optional<StartPayment>,
    ) -> Result<Created<PaymentView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let wish = body.0.map(Checked::into_inner).unwrap_or_default();
        let urls = return_urls(app, principal.account_id, &reference, wish)?;
        let payment = open(app, principal.account_id, &reference, &urls).await?;
        Ok(Created::new(PaymentView {
            payment_id: payment.id.0,
            booking_ref: reference.to_string(),
            status: payment.status.as_str().to_owned(),
            amount: payment.amount.into(),
            checkout_url: payment.checkout_url.unwrap_or_default(),
            expires_at: payment.expires_at.into(),
        }))
    }

    /// Receive an event of Stripe
    ///
    /// For Stripe alone. The signature covers the bytes of the body and is good for 300 seconds either way. Stored
    /// and settled in one step: 200, also for events that mean nothing here; 503 when nothing could be stored. Let Stripe send
    /// `checkout.session.completed`, `checkout.session.expired`, `refund.created`, `refund.updated`, `refund.failed`, and
    /// `charge.dispute.created`, `.updated`, `.funds_withdrawn`, `.funds_reinstated` and `.closed`.
    #[oai(
        path = "/webhooks/stripe",
        method = "post",
        operation_id = "receive_stripe_event"
    )]
    async fn receive(
        &self,
        Data(app): Data<&App>,
        #[oai(name = "Stripe-Signature")] Header(signature): Header<Option<String>>,
        Binary(body): Binary<Vec<u8>>,
    ) -> Result<WebhookAnswer, ApiError> {
        let secret = &app.settings.stripe.stripe_webhook_secret;
        let mut event = read_event(
            secret,
            signature.as_deref().unwrap_or_default(),
            &body,
            &app.clock,
        )
        .map_err(|error| {
            ApiError::new(StatusCode::BAD_REQUEST, "bad_signature", error.to_string())
        })?;
        let is_live = app.key_mode() == KeyMode::Live;
        if event.livemode.is_some_and(|live| live != is_live) {
            tracing::warn!(
                event = event.id,
                is_live,
                "an event of Stripe's other mode is filed without effect"
            );
            event.fact = Fact::Other;
        }
        fault::point("event_verified");
        let stored = async {
            let mut tx = app.db.begin().await?;
            let received = settlement::receive(&mut tx, &app.clock, &event, &body).await?;
            fault::point("event_settled");
            tx.commit().await?;
            fault::point("event_committed");
            Ok::<_, Error>(received)
        };
        let received = stored.await.map_err(ApiError::unavailable)?;
        tracing::info!(
            event = event.id,
            kind = event.kind,
            ?received,
            "received an event of the payment provider"
        );
        Ok(WebhookAnswer::Stored)
    }
}

/// The page to pay a booking on, for whoever has the booking's address.
pub(crate) async fn open_by_link(
    app: &App,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<String, ApiError> {
    let urls = return_urls(app, account_id, reference, StartPayment::default())?;
    let payment = open(app, account_id, reference, &urls).await?;
    let nowhere = || Error::PaymentProvider("the checkout has no address".to_owned());
    Ok(payment.checkout_url.ok_or_else(nowhere)?)
}

/// Commit, ask Stripe, commit: the row's id is the idempotency key, so a crash anywhere is repaired by calling again.
async fn open(
    app: &App,
    account_id: AccountId,
    reference: &BookingRef,
    urls: &ReturnUrls,
) -> Result<Payment, ApiError> {
    // A row that Stripe refuses (its end came too near while nobody asked) is closed, and a new one is opened once.
    for attempt in 0..2 {
        let mut tx = app.db.begin().await?;
        let started = settlement::start(&mut tx, &app.clock, account_id, reference, urls).await?;
        let email = flightdesk_core::booking::get(&mut tx, account_id, reference)
            .await?
            .contact
            .email;
        tx.commit().await?;
        let waiting = match started {
            Started::Open(payment) => return Ok(payment),
            Started::New(payment) => payment,
        };
        fault::point("checkout_promised");
        match app
            .stripe
            .create_checkout(&checkout_request(&waiting, reference, email))
            .await
        {
            Ok(session) => {
                fault::point("checkout_opened");
                let mut tx = app.db.begin().await?;
                let attached = payment::attach(&mut tx, &app.clock, waiting.id, &session).await?;
                fault::point("checkout_attached");
                tx.commit().await?;
                fault::point("checkout_committed");
                return Ok(attached?);
            }
            Err(StripeError::Unavailable(cause)) => {
                return Err(Error::PaymentProvider(cause).into());
            }
            Err(StripeError::Refused { code, message }) => {
                tracing::warn!(payment_id = %waiting.id, attempt, code, message, "the payment provider refused a checkout");
                let mut tx = app.db.begin().await?;
                payment::refuse(&mut tx, &app.clock, waiting.id).await?;
                tx.commit().await?;
            }
        }
    }
    Err(Error::PaymentProvider("it refuses to open a checkout for this booking".to_owned()).into())
}

fn checkout_request(
    payment: &Payment,
    reference: &BookingRef,
    customer_email: String,
) -> CheckoutRequest {
    CheckoutRequest {
        payment_id: payment.id,
        booking_id: payment.booking_id,
        booking_ref: reference.to_string(),
        description: format!("Flight booking {reference}"),
        amount: payment.amount,
        expires_at: payment.expires_at,
        success_url: payment.success_url.clone(),
        cancel_url: payment.cancel_url.clone(),
        customer_email,
    }
}

impl FromRaw for StartPayment {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            success_url: raw.optional_text("success_url"),
            cancel_url: raw.optional_text("cancel_url"),
        }
    }
}

impl Rules for StartPayment {
    /// Our own pages, or the caller's on an allowed origin: an open redirect would lend our name to anybody.
    fn rules(self, app: &App) -> Result<(), Error> {
        let mut wrong = Violations::new();
        let urls = [
            ("success_url", self.success_url),
            ("cancel_url", self.cancel_url),
        ];
        for (field, url) in urls {
            if url.is_some_and(|url| !is_allowed(app, &url)) {
                let message =
                    "must be an http(s) address on an origin that was agreed with the operator";
                wrong.add(field, "not_allowed", message);
            }
        }
        wrong.into_result()
    }
}

fn return_urls(
    app: &App,
    account_id: AccountId,
    reference: &BookingRef,
    wish: StartPayment,
) -> Result<ReturnUrls, ApiError> {
    wish.clone().rules(app)?;
    let base = app.settings.public_url.trim_end_matches('/');
    let success = || format!("{base}/return?session_id={{CHECKOUT_SESSION_ID}}");
    let cancel = || return_link::cancel_url(app, account_id, reference);
    Ok(ReturnUrls {
        success: wish.success_url.unwrap_or_else(success),
        cancel: wish.cancel_url.unwrap_or_else(cancel),
    })
}

/// Only visible ASCII, no backslash and no user name before the host: URL parsers disagree about those.
fn is_allowed(app: &App, raw: &str) -> bool {
    if raw
        .bytes()
        .any(|byte| !byte.is_ascii_graphic() || byte == b'\\')
    {
        return false;
    }
    let origin = |raw: &str| {
        Url::parse(raw)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .map(|url| url.origin())
    };
    let allowed = app
        .settings
        .stripe
        .return_url_origins
        .iter()
        .chain([&app.settings.public_url]);
    origin(raw).is_some_and(|wanted| {
        allowed
            .filter_map(|allowed| origin(allowed))
            .any(|allowed| allowed == wanted)
    })
}
