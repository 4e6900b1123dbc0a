//! Cancelling: an unpaid booking at once, a paid one by a quote that is confirmed.

use flightdesk_core::account::Principal;
use flightdesk_core::booking::{
    self, CancellationQuote, CancellationScope, Canceller, Decision, QuoteItem, QuoteLine,
    QuoteOutdated, QuoteRequest,
};
use flightdesk_core::error::{Error, Violations};
use flightdesk_core::fault;
use flightdesk_core::ids::{BookingRef, PassengerId};
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::text;
use flightdesk_core::trade::LineKind;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Done, Resource, member_path};
use crate::http::body::{Checked, Rules};
use crate::http::idempotency::Once;
use crate::http::optional::Optional;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::{BookingView, reference};
use crate::views::{Instant, MoneyView};

/// Cancellations.
pub struct Cancellations;

/// Which of a paid booking is to be cancelled
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CancellationQuoteRequest {
    /// Which directions; may be left out when only one is left
    scope: Option<ScopeView>,
    /// The `id` of each passenger to cancel; everybody when left out
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Option<Vec<Uuid>>,
}

/// Which directions are cancelled
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "CancellationScope", rename_all = "snake_case")]
pub enum ScopeView {
    /// The departing direction
    Departing,
    /// The returning direction
    Returning,
    /// Both directions
    Both,
}

impl From<ScopeView> for CancellationScope {
    fn from(scope: ScopeView) -> Self {
        match scope {
            ScopeView::Departing => Self::Departing,
            ScopeView::Returning => Self::Returning,
            ScopeView::Both => Self::Both,
        }
    }
}

impl From<CancellationScope> for ScopeView {
    fn from(scope: CancellationScope) -> Self {
        match scope {
            CancellationScope::Departing => Self::Departing,
            CancellationScope::Returning => Self::Returning,
            CancellationScope::Both => Self::Both,
        }
    }
}

impl From<CancellationQuoteRequest> for QuoteRequest {
    fn from(body: CancellationQuoteRequest) -> Self {
        let ids = |ids: Vec<Uuid>| ids.into_iter().map(PassengerId).collect();
        Self {
            scope: body.scope.map(CancellationScope::from),
            passengers: body.passengers.map(ids),
            waiver: None,
        }
    }
}

impl FromRaw for CancellationQuoteRequest {
    fn from_raw(_raw: Raw<'_>) -> Self {
        Self {
            scope: None,
            passengers: None,
        }
    }
}

impl Rules for CancellationQuoteRequest {}

/// The quote to confirm; without one an unpaid booking is cancelled
#[derive(Debug, Object)]
#[oai(rename = "CancelBooking", deny_unknown_fields)]
pub struct CancelBooking {
    /// The newest quote of a paid booking
    quote_id: Option<Uuid>,
}

impl FromRaw for CancelBooking {
    fn from_raw(_raw: Raw<'_>) -> Self {
        Self { quote_id: None }
    }
}

impl Rules for CancelBooking {}

/// What cancelling gives back, and why
#[derive(Debug, Object)]
#[oai(rename = "CancellationQuote", skip_serializing_if_is_none)]
pub struct QuoteView {
    quote_id: Uuid,
    booking_ref: String,
    created_at: Instant,
    /// Until when it can be confirmed
    expires_at: Instant,
    /// When it was confirmed; absent until then
    confirmed_at: Option<Instant>,
    scope: ScopeView,
    /// One for each passenger and direction that is cancelled
    items: Vec<QuoteItemView>,
    /// What was paid for all items
    paid: MoneyView,
    /// The cancellation fees
    charge: MoneyView,
    /// Per-booking fees that are not refundable
    fees_kept: MoneyView,
    /// Per-booking fees that are refunded: all of them, when the airline operates none of the flights as booked
    fees_refund: MoneyView,
    /// The amount to refund, to where it was paid from
    refund: MoneyView,
}

/// One passenger in one direction
#[derive(Debug, Object)]
#[oai(rename = "CancellationItem")]
pub struct QuoteItemView {
    passenger_id: Uuid,
    /// First and last name
    passenger: String,
    /// `departing` or `returning`
    direction: String,
    /// The rule that decided, and from what
    rule: RuleView,
    /// The base fare that was paid, before a coupon
    base_fare: MoneyView,
    /// A coupon's share of the fare: it comes off what the fare gives back
    coupon_share: MoneyView,
    /// The cancellation fee, never more than was paid for the fare
    charge: MoneyView,
    /// The base fare less the coupon's share less the charge
    base_fare_refund: MoneyView,
    /// Each tax, airport charge, seat and bag
    lines: Vec<QuoteLineView>,
    /// `base_fare_refund` and the refunds of all lines
    refund: MoneyView,
}

/// A tax, seat or bag, and how much of it is refunded
#[derive(Debug, Object)]
#[oai(rename = "CancellationLine", skip_serializing_if_is_none)]
pub struct QuoteLineView {
    /// `tax`, `seat` or `baggage`
    kind: String,
    /// Code of a tax, class and number of a seat, weight of baggage
    code: String,
    /// What a tax is called
    name: Option<String>,
    /// Absent for baggage, which is for the direction
    flight_id: Option<Uuid>,
    paid: MoneyView,
    refund: MoneyView,
}

/// The rule that decided
#[derive(Debug, Object)]
#[oai(rename = "CancellationRuleApplied", skip_serializing_if_is_none)]
pub struct RuleView {
    /// `fare_tier`, `free_after_booking` or, by staff, `waived`: whichever gives back more; `no_show` after departure;
    /// `schedule_change` when the airline has cancelled or moved the flight
    name: String,
    /// `Standard`
    fare_family: String,
    booked_at: Instant,
    /// When the first flight of the direction leaves
    departs_at: Instant,
    /// When it was decided
    decided_at: Instant,
    /// Whole hours between the two
    hours_before_departure: i64,
    /// Of `fare_tier`: the tier holds while departure is more than this many hours away
    more_than_hours: Option<u16>,
    /// Of `free_after_booking`: it ends so many hours after booking
    within_hours: Option<u16>,
    /// Of `free_after_booking`: the booking was made at least so many days before the first flight
    days_ahead: Option<u16>,
    /// The same for people
    sentence: String,
}

impl Resource for QuoteView {
    fn path(answer: &Value) -> String {
        let booking = member_path("/v1/bookings", &answer["booking_ref"]);
        member_path(
            &format!("{booking}/cancellation-quotes"),
            &answer["quote_id"],
        )
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl Cancellations {
    /// Ask what cancelling gives back
    ///
    /// Of a paid booking: a direction or both, everybody or some passengers. Nothing is cancelled yet. The quote says for each
    /// passenger and direction what was paid, the cancellation fee, the refund and which rule decided. It can be confirmed for
    /// ten minutes, unless a newer one is made.
    #[oai(
        path = "/bookings/:booking_ref/cancellation-quotes",
        method = "post",
        operation_id = "create_cancellation_quote"
    )]
    async fn quote(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<CancellationQuoteRequest>,
    ) -> Result<Created<QuoteView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let owner = Canceller::Owner(principal.account_id);
        let request = body.into_inner().into();
        once.run(app, &principal, digest, async |tx| {
            let quote = booking::quote(tx, &app.clock, owner, &reference, &request).await?;
            Ok(QuoteView::new(&reference, quote))
        })
        .await
    }

    /// A quote, explained
    ///
    /// As it was made, also after it was confirmed or has expired.
    #[oai(
        path = "/bookings/:booking_ref/cancellation-quotes/:quote_id",
        method = "get",
        operation_id = "get_cancellation_quote"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        Path(quote_id): Path<Uuid>,
    ) -> Result<Json<QuoteView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let reference = reference(&booking_ref)?;
        let account = principal.account_id;
        let quote = booking::get_quote(&mut conn, account, &reference, quote_id).await?;
        Ok(Json(QuoteView::new(&reference, quote)))
    }

    /// Cancel a booking
    ///
    /// A paid one by the `quote_id` of its newest quote: the seats are free at once, the refund is on its way, and those who still fly
    /// get new tickets. When cancelling gives back another amount by now, the answer is 409 `quote_outdated` with a new
    /// `quote`, and nothing has changed. One that is not paid is cancelled whole, without a quote: the body is an empty object or left out, and an open checkout page is
    /// closed. Confirming the same quote again changes nothing; what is cancelled already is answered by 409 `wrong_state`.
    #[oai(
        path = "/bookings/:booking_ref/cancellations",
        method = "post",
        operation_id = "cancel_booking"
    )]
    async fn cancel(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Optional<CancelBooking>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let account = principal.account_id;
        match body.0.and_then(|body| body.into_inner().quote_id) {
            Some(id) => {
                let owner = Canceller::Owner(account);
                confirm(app, &principal, once, owner, &reference, id).await
            }
            None => {
                once.run(app, &principal, digest(None), async |tx| {
                    booking::cancel_unpaid(tx, &app.clock, account, &reference).await?;
                    let booking = booking::get(tx, account, &reference).await?;
                    Ok((booking, app).into())
                })
                .await
            }
        }
    }
}

/// Cancellations by staff.
pub struct AdminCancellations;

/// Which of a traveller's paid booking is to be cancelled
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct AdminQuoteRequest {
    /// Which directions; may be left out when only one is left
    scope: Option<ScopeView>,
    /// The `id` of each passenger to cancel; everybody when left out
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Option<Vec<Uuid>>,
    /// Whether what the fare would keep is given back too
    waive: Option<bool>,
    /// Why it is waived, as quote, receipt and record say it; required with `waive`
    #[oai(validator(min_length = 3, max_length = 300))]
    reason: Option<String>,
}

impl FromRaw for AdminQuoteRequest {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            scope: None,
            passengers: None,
            waive: raw.flag("waive"),
            reason: raw.optional_text("reason"),
        }
    }
}

impl AdminQuoteRequest {
    fn check(&self) -> Result<(), Error> {
        let mut wrong = Violations::new();
        let waives = self.waive == Some(true);
        match &self.reason {
            None if waives => wrong.add("reason", "required", "say why the charge is waived"),
            None => {}
            Some(reason) => {
                if let Err((code, message)) = text::one_line(reason, 300) {
                    wrong.add("reason", code, message);
                }
            }
        }
        wrong.into_result()
    }
}

impl Rules for AdminQuoteRequest {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.check()
    }
}

impl From<AdminQuoteRequest> for QuoteRequest {
    fn from(body: AdminQuoteRequest) -> Self {
        let ids = |ids: Vec<Uuid>| ids.into_iter().map(PassengerId).collect();
        let waives = body.waive == Some(true);
        Self {
            scope: body.scope.map(CancellationScope::from),
            passengers: body.passengers.map(ids),
            waiver: body
                .reason
                .filter(|_| waives)
                .map(|reason| reason.trim().to_owned()),
        }
    }
}

/// What staff confirm
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ConfirmCancellation {
    /// The newest quote of the booking
    quote_id: Uuid,
}

impl FromRaw for ConfirmCancellation {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            quote_id: raw.id("quote_id").unwrap_or_default(),
        }
    }
}

impl Rules for ConfirmCancellation {}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl AdminCancellations {
    /// Ask what cancelling for a traveller gives back
    ///
    /// As `POST /v1/bookings/{booking_ref}/cancellation-quotes`, of any account's booking. With `waive` what the fare would keep comes
    /// back too, and `reason` says why. Needs the scope `refunds`.
    #[oai(
        path = "/bookings/:booking_ref/cancellation-quotes",
        method = "post",
        operation_id = "create_cancellation_quote_for_traveller"
    )]
    async fn quote(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Refunds>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<AdminQuoteRequest>,
    ) -> Result<Created<QuoteView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let body = body.into_inner();
        body.check()?;
        let request = body.into();
        once.run(app, &principal, digest, async |tx| {
            let staff = Canceller::Staff;
            let quote = booking::quote(tx, &app.clock, staff, &reference, &request).await?;
            Ok(QuoteView::new(&reference, quote))
        })
        .await
    }

    /// Cancel for a traveller
    ///
    /// Confirms the newest quote of any account's booking. Needs the scope `refunds`.
    #[oai(
        path = "/bookings/:booking_ref/cancellations",
        method = "post",
        operation_id = "cancel_booking_for_traveller"
    )]
    async fn cancel(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Refunds>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<ConfirmCancellation>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let id = body.into_inner().quote_id;
        confirm(app, &principal, once, Canceller::Staff, &reference, id).await
    }
}

/// Confirms a quote; an outdated one is answered with a new one.
async fn confirm(
    app: &App,
    principal: &Principal,
    once: Once,
    who: Canceller,
    reference: &BookingRef,
    quote_id: Uuid,
) -> Result<Done<BookingView>, ApiError> {
    let mut outdated = None;
    let answer = once
        .run(app, principal, digest(Some(quote_id)), async |tx| {
            let cancelled = booking::cancel(tx, &app.clock, who, reference, quote_id).await;
            if let Err(error) = &cancelled {
                let why = error.refusal::<QuoteOutdated>();
                outdated = why.map(|why| why.request.clone());
            }
            let booking = booking::get_by_id(tx, cancelled?).await?;
            Ok((booking, app).into())
        })
        .await;
    match (answer, outdated) {
        (Err(problem), Some(request)) => {
            let fresh = fresh_quote(app, who, reference, &request).await?;
            let quote = QuoteView::new(reference, fresh).to_json();
            Err(problem.member("quote", quote.unwrap_or_default()))
        }
        (answer, _) => {
            fault::point("cancellation_committed");
            answer
        }
    }
}

/// A new quote for what an outdated one was asked for. Its errors are more telling than "outdated": too late by now, or
/// cancelled by somebody else.
async fn fresh_quote(
    app: &App,
    who: Canceller,
    reference: &BookingRef,
    request: &QuoteRequest,
) -> Result<CancellationQuote, ApiError> {
    let mut tx = app.db.begin().await?;
    let quote = booking::quote(&mut tx, &app.clock, who, reference, request).await?;
    tx.commit().await?;
    Ok(quote)
}

/// Two confirmations of one quote are one request, however their bodies are written.
fn digest(quote_id: Option<Uuid>) -> [u8; 32] {
    let mut digest = [0; 32];
    if let Some(id) = quote_id {
        digest[..16].copy_from_slice(id.as_bytes());
    }
    digest
}

impl QuoteView {
    fn new(reference: &BookingRef, quote: CancellationQuote) -> Self {
        let content = quote.content;
        let money = |minor| MoneyView::from(Money::new(minor, content.currency));
        let items = || content.items.iter();
        Self {
            quote_id: quote.id,
            booking_ref: reference.to_string(),
            created_at: quote.created_at.into(),
            expires_at: quote.expires_at.into(),
            confirmed_at: quote.confirmed_at.map(Instant::from),
            scope: content.scope.into(),
            paid: money(items().map(QuoteItem::paid_minor).sum()),
            charge: money(items().map(|item| item.charge_minor).sum()),
            fees_kept: money(content.fees_kept_minor),
            fees_refund: money(content.fees_back_minor()),
            refund: content.refund().into(),
            items: items()
                .map(|item| QuoteItemView::new(item, content.currency))
                .collect(),
        }
    }
}

impl QuoteItemView {
    fn new(item: &QuoteItem, currency: Currency) -> Self {
        let money = |minor| MoneyView::from(Money::new(minor, currency));
        let of_fare =
            |line: &&QuoteLine| matches!(line.kind, LineKind::BaseFare | LineKind::Discount);
        let sum = |kind| -> i64 {
            let of_kind = item.lines.iter().filter(|line| line.kind == kind);
            of_kind.map(|line| line.paid_minor).sum()
        };
        let (base, coupon) = (sum(LineKind::BaseFare), -sum(LineKind::Discount));
        let others = item.lines.iter().filter(|line| !of_fare(line));
        Self {
            passenger_id: item.passenger_id.0,
            passenger: item.passenger.clone(),
            direction: item.direction.as_str().to_owned(),
            rule: RuleView::from(&item.decision),
            base_fare: money(base),
            coupon_share: money(coupon),
            charge: money(item.charge_minor),
            base_fare_refund: money(base - coupon - item.charge_minor),
            lines: others
                .map(|line| QuoteLineView {
                    kind: line.kind.as_str().to_owned(),
                    code: line.code.clone(),
                    name: line.name.clone(),
                    flight_id: line.flight_id.map(|id| id.0),
                    paid: money(line.paid_minor),
                    refund: money(line.refund_minor),
                })
                .collect(),
            refund: money(item.refund_minor()),
        }
    }
}

impl From<&Decision> for RuleView {
    fn from(decision: &Decision) -> Self {
        Self {
            name: decision.rule.as_str().to_owned(),
            fare_family: decision.fare_family.clone(),
            booked_at: decision.booked_at.into(),
            departs_at: decision.departs_at.into(),
            decided_at: decision.decided_at.into(),
            hours_before_departure: decision.hours_before_departure(),
            more_than_hours: decision.more_than_hours,
            within_hours: decision.within_hours,
            days_ahead: decision.days_ahead,
            sentence: decision.sentence.clone(),
        }
    }
}
