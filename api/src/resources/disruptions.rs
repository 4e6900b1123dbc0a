//! Flights that the airline cancels or moves: what staff do, and what each booking chooses.

use chrono::{DateTime, FixedOffset, Utc};
use flightdesk_core::booking::{
    self, Answer, BookingDisruption, ChoiceOption, FlightChange, FlightTimes, Impact,
    NewDisruption, OpenDisruption, RefundScope,
};
use flightdesk_core::entitlement::{Entitlement, Regulation};
use flightdesk_core::error::{Error, Violations};
use flightdesk_core::flight::Flight;
use flightdesk_core::ids::{BookingRef, FlightId};
use flightdesk_core::trade::{DefaultChoice, DisruptionChoice, DisruptionKind, DisruptionStatus};
use flightdesk_core::{fault, text, zone};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::ParseFromParameter;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Done, Resource, member_path};
use crate::http::body::{Checked, Rules};
use crate::http::idempotency::Once;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::reference;
use crate::views::itinerary::{FlightView, local};
use crate::views::{Instant, MoneyView};

/// Disruptions of bookings.
pub struct Disruptions;

/// What the airline does to a flight
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DisruptionKind", rename_all = "snake_case")]
pub enum KindView {
    /// It does not fly
    Cancelled,
    /// It leaves and lands at other times
    Retimed,
}

/// Where a booking stands in a disruption
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DisruptionStatus", rename_all = "snake_case")]
pub enum StatusView {
    /// Something can be chosen
    Open,
    /// It flies at the new times
    Accepted,
    /// The direction is cancelled, everything that was paid for it is refunded
    Refunded,
    /// It has other flights
    Rebooked,
    /// There was no answer in time; our staff look at it
    Lapsed,
    /// The flight was changed again
    Superseded,
}

/// What can be chosen
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DisruptionChoice", rename_all = "snake_case")]
pub enum ChoiceView {
    /// To fly at the new times
    Accept,
    /// To fly not, and have everything back
    Refund,
    /// To fly another flight of the route, some days before or after at most, for nothing
    Rebook,
}

/// What happens without an answer
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DisruptionDefault", rename_all = "snake_case")]
pub enum DefaultView {
    /// The new times count as accepted
    Accept,
    /// Everything is refunded
    Refund,
    /// Nothing; our staff look at it
    Nothing,
}

/// How much of a booking a refund is of
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DisruptionScope", rename_all = "snake_case")]
pub enum ScopeView {
    /// The direction that the flight is of
    Direction,
    /// The other direction too, when both are on the ticket of one airline
    Ticket,
}

/// A law that gives passengers rights
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "Regulation", rename_all = "snake_case")]
pub enum RegulationView {
    /// Regulation (EC) No 261/2004
    Eu261,
    /// The same as retained in the United Kingdom
    Uk261,
    /// India's Civil Aviation Requirements, section 3, series M, part IV
    Dgca,
}

/// What the airline has done to a flight of a booking, and what can be chosen
#[derive(Debug, Object)]
#[oai(rename = "BookingDisruption", skip_serializing_if_is_none)]
pub struct DisruptionView {
    booking_ref: String,
    disruption_id: Uuid,
    kind: KindView,
    status: StatusView,
    /// Why, in words
    reason: String,
    told_at: Instant,
    /// The direction that the flight is of: `departing` or `returning`
    direction: String,
    /// The flight as it is now
    flight: FlightView,
    /// When it was to leave and land
    before: TimesView,
    /// When it leaves and lands; absent when it is cancelled
    after: Option<TimesView>,
    /// Whether a connection of the booking is missed at the new times: then they cannot be accepted
    connection_broken: bool,
    /// Until when something can be chosen
    decide_by: Instant,
    /// What happens without an answer
    default_choice: DefaultView,
    /// What can be chosen now; empty once it is decided or the time is over
    options: Vec<OptionView>,
    /// What each law gives each passenger beside that. Information: nothing of it is paid by itself
    entitlements: Vec<EntitlementView>,
    /// When it was decided; absent while it is open
    decided_at: Option<Instant>,
    /// Whether there was no answer in time
    decided_by_default: bool,
}

/// When a flight leaves and lands
#[derive(Debug, Object)]
#[oai(rename = "FlightTimes")]
pub struct TimesView {
    departs_at: Instant,
    /// Local time at the origin, with its offset
    departs_local: String,
    arrives_at: Instant,
    /// Local time at the destination, with its offset
    arrives_local: String,
}

/// Something that can be chosen
#[derive(Debug, Object)]
#[oai(rename = "DisruptionOption", skip_serializing_if_is_none)]
pub struct OptionView {
    choice: ChoiceView,
    /// Of `refund`: how much of the booking
    scope: Option<ScopeView>,
    /// Of `refund`: what is refunded
    refund: Option<MoneyView>,
}

/// What a law gives each passenger
#[derive(Debug, Object)]
#[oai(rename = "Entitlement", skip_serializing_if_is_none)]
pub struct EntitlementView {
    regulation: RegulationView,
    /// Whether it is about this journey
    applies: bool,
    /// What each passenger may claim of the airline; absent where nothing is owed
    amount: Option<MoneyView>,
    /// Why, in words
    why: String,
    /// Where it can be read
    source: String,
}

/// A disruption of a booking in short, while something can be chosen
#[derive(Debug, Object)]
#[oai(rename = "OpenDisruption")]
pub struct OpenDisruptionView {
    disruption_id: Uuid,
    kind: KindView,
    /// Until when something can be chosen
    decide_by: Instant,
}

/// The traveller's choice
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct AnswerDisruption {
    choice: ChoiceView,
    /// Of `refund`: how much of the booking; `direction` when left out
    scope: Option<ScopeView>,
    /// Of `rebook`: `offer_id` of a search for those who fly in the direction
    offer: Option<String>,
    /// The disruption that is answered; the one that `GET` shows when left out
    disruption_id: Option<Uuid>,
}

impl FromRaw for AnswerDisruption {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            choice: ChoiceView::Refund,
            scope: None,
            offer: raw.optional_text("offer"),
            disruption_id: raw.id("disruption_id"),
        }
    }
}

impl Rules for AnswerDisruption {}

impl Resource for DisruptionView {
    fn path(answer: &Value) -> String {
        let booking = member_path("/v1/bookings", &answer["booking_ref"]);
        format!("{booking}/disruption")
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl Disruptions {
    /// What the airline has done to a flight
    ///
    /// When the airline cancels or moves a flight of the booking: old and new times, what can be chosen with its amounts, until when,
    /// what happens without an answer, and what the law gives beside that. Of several the open one that is to be
    /// answered first, else the newest. 404 while every flight is as it was booked.
    #[oai(
        path = "/bookings/:booking_ref/disruption",
        method = "get",
        operation_id = "get_booking_disruption"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
    ) -> Result<Json<DisruptionView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let reference = reference(&booking_ref)?;
        let account = principal.account_id;
        let (clock, sales) = (&app.clock, &app.settings.sales);
        let shown = booking::get_disruption(&mut conn, clock, sales, account, &reference).await?;
        Ok(Json(DisruptionView::new(&reference, shown)))
    }

    /// Choose
    ///
    /// `accept` the new times: the tickets are made anew. Or `refund`: the direction is cancelled and everything that was paid for it goes
    /// back, taxes that are kept otherwise, seats and bags included; with `scope: ticket` the other direction of a
    /// one-airline round trip too. Or `rebook` with an `offer`: another flight of the same route, airline and cabin within
    /// `DISRUPTION_REBOOK_DAYS` (3), for nothing; the fare stays what it was. When nothing is left of the booking its fee comes back as well. What was decided, or
    /// whose time is over, is answered by 409 `disruption_decided`.
    #[oai(
        path = "/bookings/:booking_ref/disruption",
        method = "post",
        operation_id = "answer_booking_disruption"
    )]
    async fn answer(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<AnswerDisruption>,
    ) -> Result<Done<DisruptionView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let (digest, account) = (body.digest(), principal.account_id);
        let body = body.into_inner();
        let offer = body.offer.clone();
        let answer = Answer::from(body);
        let (tariff, _) = app.catalogue().await?;
        let answered = once
            .run(app, &principal, digest, async |tx| {
                let (clock, shop) = (&app.clock, app.shop(&tariff));
                let id = match answer.choice {
                    DisruptionChoice::Rebook => {
                        let (offer, meant) = (offer.as_deref(), answer.disruption_id);
                        booking::rebook_disrupted(tx, shop, account, &reference, offer, meant).await
                    }
                    DisruptionChoice::Accept | DisruptionChoice::Refund => {
                        booking::decide_disruption(tx, clock, account, &reference, answer).await
                    }
                }?;
                let sales = &app.settings.sales;
                let all = booking::list_disruptions(tx, clock, sales, account, &reference).await?;
                let shown = all.into_iter().find(|one| one.id == id);
                let shown = shown.ok_or(Error::NotFound("disruption of this booking"))?;
                Ok(DisruptionView::new(&reference, shown))
            })
            .await;
        fault::point("disruption_answer_committed");
        answered
    }
}

/// Disruptions of flights, by staff.
pub struct AdminDisruptions;

/// What is done to a flight: either `cancel` or `retime`
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct DisruptFlight {
    /// `true`: the flight does not fly
    cancel: Option<bool>,
    /// The flight leaves and lands at other times
    retime: Option<Retime>,
    /// Why, as travellers read it
    #[oai(validator(min_length = 3, max_length = 300))]
    reason: String,
    /// `true`: only see whom it concerns; nothing is changed
    dry_run: Option<bool>,
}

/// The new times of a flight
#[derive(Clone, Copy, Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct Retime {
    /// On the local date that the flight is known by, or a day earlier or later
    departs_at: Instant,
    /// As long after departure as before when left out
    arrives_at: Option<Instant>,
}

impl FromRaw for Retime {
    fn from_raw(raw: Raw<'_>) -> Self {
        let instant = |name| {
            let text = raw.optional_text(name)?;
            Instant::parse_from_parameter(&text).ok()
        };
        Self {
            departs_at: instant("departs_at").unwrap_or(Instant(DateTime::<Utc>::MAX_UTC)),
            arrives_at: instant("arrives_at"),
        }
    }
}

impl FromRaw for DisruptFlight {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            cancel: raw.flag("cancel"),
            retime: raw.optional_object("retime"),
            reason: raw.text("reason"),
            dry_run: raw.flag("dry_run"),
        }
    }
}

impl DisruptFlight {
    /// What is done, if it is one thing.
    fn change(&self, wrong: &mut Violations) -> Option<FlightChange> {
        match (self.cancel == Some(true), self.retime) {
            (true, None) => Some(FlightChange::Cancel),
            (false, Some(times)) => Some(FlightChange::Retime {
                departs_at: times.departs_at.0,
                arrives_at: times.arrives_at.map(|arrives| arrives.0),
            }),
            (true, Some(_)) => {
                let message = "the flight is cancelled: leave out `retime`, or `cancel`";
                wrong.add("retime", "contradicts", message);
                None
            }
            (false, None) => {
                let message = "write `cancel: true`, or `retime` with the new times";
                wrong.add("cancel", "required", message);
                None
            }
        }
    }

    fn check(&self) -> Result<FlightChange, Error> {
        let mut wrong = Violations::new();
        if let Err((code, message)) = text::one_line(&self.reason, 300) {
            wrong.add("reason", code, message);
        }
        match self.change(&mut wrong) {
            Some(change) if wrong.is_empty() => Ok(change),
            _ => Err(wrong.into_error()),
        }
    }
}

impl Rules for DisruptFlight {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.check().map(drop)
    }
}

/// Whom a disruption concerns
#[derive(Debug, Object)]
#[oai(rename = "DisruptionReport", skip_serializing_if_is_none)]
pub struct ReportView {
    /// Whether nothing was changed
    dry_run: bool,
    flight_id: Uuid,
    kind: KindView,
    /// Absent when nothing was changed
    disruption_id: Option<Uuid>,
    /// The job that tells the bookings: `GET /v1/jobs/{id}` says how far it is. Absent when nothing was changed
    job_id: Option<Uuid>,
    /// Paid bookings
    bookings: i32,
    /// Who flies by them, infants too
    passengers: i32,
    /// What goes back if all of them choose the refund of the direction: everything that was paid for it, and the convenience fee of
    /// bookings of which nothing else is left. Charges for earlier changes do not come back
    paid: MoneyView,
    /// Bookings that wait for their payment: they end when the flight is cancelled
    unpaid_bookings: i32,
    /// Of the paid bookings, how many miss a connection at the new times
    connections_broken: i32,
}

impl Resource for ReportView {
    fn path(answer: &Value) -> String {
        let flight = member_path("/v1/admin/flights", &answer["flight_id"]);
        format!("{flight}/disruptions")
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl AdminDisruptions {
    /// Cancel or move a flight
    ///
    /// With `dry_run` the answer says how many bookings and passengers it concerns and what they paid, and nothing is changed. Without,
    /// the flight is cancelled or moved at once, and a job tells each booking what can be chosen and until when. A newer
    /// disruption of a flight takes the place of the one before. Needs the scope `admin`.
    #[oai(
        path = "/flights/:flight_id/disruptions",
        method = "post",
        operation_id = "disrupt_flight"
    )]
    async fn disrupt(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        Path(flight_id): Path<Uuid>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<DisruptFlight>,
    ) -> Result<Done<ReportView>, ApiError> {
        let principal = access.look_up(app).await?;
        let digest = body.digest();
        let body = body.into_inner();
        let wish = NewDisruption {
            flight_id: FlightId(flight_id),
            change: body.check()?,
            reason: body.reason,
        };
        let is_dry = body.dry_run == Some(true);
        let currency = app.settings.sales.sale_currency;
        once.run(app, &principal, digest, async |tx| {
            if is_dry {
                let impact = booking::preview_disruption(tx, &app.clock, currency, &wish).await?;
                return Ok(ReportView::new(&wish, &impact, None));
            }
            let made = booking::disrupt(tx, &app.clock, currency, &wish).await?;
            let ids = (made.id, made.job_id.0);
            Ok(ReportView::new(&wish, &made.impact, Some(ids)))
        })
        .await
    }
}

impl ReportView {
    fn new(wish: &NewDisruption, impact: &Impact, made: Option<(Uuid, Uuid)>) -> Self {
        let (disruption_id, job_id) = made.unzip();
        Self {
            dry_run: made.is_none(),
            flight_id: wish.flight_id.0,
            kind: match wish.change {
                FlightChange::Cancel => KindView::Cancelled,
                FlightChange::Retime { .. } => KindView::Retimed,
            },
            disruption_id,
            job_id,
            bookings: impact.bookings,
            passengers: impact.passengers,
            paid: impact.paid.into(),
            unpaid_bookings: impact.unpaid_bookings,
            connections_broken: impact.connections_broken,
        }
    }
}

impl From<AnswerDisruption> for Answer {
    fn from(body: AnswerDisruption) -> Self {
        Self {
            choice: match body.choice {
                ChoiceView::Accept => DisruptionChoice::Accept,
                ChoiceView::Refund => DisruptionChoice::Refund,
                ChoiceView::Rebook => DisruptionChoice::Rebook,
            },
            scope: match body.scope {
                None | Some(ScopeView::Direction) => RefundScope::Direction,
                Some(ScopeView::Ticket) => RefundScope::Ticket,
            },
            disruption_id: body.disruption_id,
        }
    }
}

impl DisruptionView {
    fn new(reference: &BookingRef, shown: BookingDisruption) -> Self {
        let entitlements = shown.entitlements.into_iter();
        Self {
            booking_ref: reference.to_string(),
            disruption_id: shown.id,
            kind: shown.kind.into(),
            status: shown.status.into(),
            reason: shown.reason,
            told_at: shown.told_at.into(),
            direction: shown.direction.as_str().to_owned(),
            before: TimesView::new(&shown.flight, shown.before),
            after: shown
                .after
                .map(|after| TimesView::new(&shown.flight, after)),
            flight: shown.flight.into(),
            connection_broken: shown.connection_broken,
            decide_by: shown.decide_by.into(),
            default_choice: shown.default_choice.into(),
            options: shown.options.into_iter().map(OptionView::from).collect(),
            entitlements: entitlements.map(EntitlementView::from).collect(),
            decided_at: shown.decided_at.map(Instant::from),
            decided_by_default: shown.is_default,
        }
    }
}

impl TimesView {
    fn new(flight: &Flight, times: FlightTimes) -> Self {
        let at = |instant, zone| -> DateTime<FixedOffset> { zone::local(instant, zone) };
        Self {
            departs_at: times.departs_at.into(),
            departs_local: local(at(times.departs_at, flight.origin.time_zone)),
            arrives_at: times.arrives_at.into(),
            arrives_local: local(at(times.arrives_at, flight.destination.time_zone)),
        }
    }
}

impl From<ChoiceOption> for OptionView {
    fn from(option: ChoiceOption) -> Self {
        Self {
            choice: match option.choice {
                DisruptionChoice::Accept => ChoiceView::Accept,
                DisruptionChoice::Refund => ChoiceView::Refund,
                DisruptionChoice::Rebook => ChoiceView::Rebook,
            },
            scope: option.scope.map(|scope| match scope {
                RefundScope::Direction => ScopeView::Direction,
                RefundScope::Ticket => ScopeView::Ticket,
            }),
            refund: option.refund.map(MoneyView::from),
        }
    }
}

impl From<Entitlement> for EntitlementView {
    fn from(entitlement: Entitlement) -> Self {
        Self {
            regulation: match entitlement.regulation {
                Regulation::Eu261 => RegulationView::Eu261,
                Regulation::Uk261 => RegulationView::Uk261,
                Regulation::Dgca => RegulationView::Dgca,
            },
            applies: entitlement.applies,
            amount: entitlement.amount.map(|amount| amount.money().into()),
            why: entitlement.why,
            source: entitlement.regulation.source().to_owned(),
        }
    }
}

impl From<OpenDisruption> for OpenDisruptionView {
    fn from(open: OpenDisruption) -> Self {
        Self {
            disruption_id: open.id,
            kind: open.kind.into(),
            decide_by: open.decide_by.into(),
        }
    }
}

impl From<DisruptionKind> for KindView {
    fn from(kind: DisruptionKind) -> Self {
        match kind {
            DisruptionKind::Cancelled => Self::Cancelled,
            DisruptionKind::Retimed => Self::Retimed,
        }
    }
}

impl From<DisruptionStatus> for StatusView {
    fn from(status: DisruptionStatus) -> Self {
        match status {
            DisruptionStatus::Open => Self::Open,
            DisruptionStatus::Accepted => Self::Accepted,
            DisruptionStatus::Refunded => Self::Refunded,
            DisruptionStatus::Rebooked => Self::Rebooked,
            DisruptionStatus::Lapsed => Self::Lapsed,
            DisruptionStatus::Superseded => Self::Superseded,
        }
    }
}

impl From<DefaultChoice> for DefaultView {
    fn from(choice: DefaultChoice) -> Self {
        match choice {
            DefaultChoice::Accept => Self::Accept,
            DefaultChoice::Refund => Self::Refund,
            DefaultChoice::Nothing => Self::Nothing,
        }
    }
}
