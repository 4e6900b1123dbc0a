//! A quote of a change as clients see it.

use flightdesk_core::booking::{
    ChangeItem, ChangeLine, ChangeQuote, ChangedDirection, ChangedSeat,
};
use flightdesk_core::ids::BookingRef;
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::trade::LineKind;
use poem_openapi::Object;
use serde_json::Value;
use uuid::Uuid;

use crate::http::answer::{Resource, member_path};
use crate::views::{Instant, MoneyView};

/// What other flights cost or give back, and why
#[derive(Debug, Object)]
#[oai(rename = "ChangeQuote", skip_serializing_if_is_none)]
pub struct ChangeQuoteView {
    quote_id: Uuid,
    booking_ref: String,
    created_at: Instant,
    /// Until when it can be confirmed
    expires_at: Instant,
    /// When it was confirmed; absent until then
    confirmed_at: Option<Instant>,
    /// The directions that get other flights
    directions: Vec<ChangedDirectionView>,
    /// Whether those who change get a booking of their own when it is confirmed, because others keep their flights
    splits: bool,
    /// One for each passenger and direction that changes
    items: Vec<ChangeItemView>,
    /// What becomes of chosen seats; bags go along
    seats: Vec<ChangedSeatView>,
    /// The fares that are paid less those that the new flights cost, over all items; negative when the new ones cost less
    fare_difference: MoneyView,
    /// The same of taxes and airport charges
    tax_difference: MoneyView,
    /// What the fares charge for the change
    fee: MoneyView,
    /// What fares that are not refundable keep where the new ones cost less
    fare_kept: MoneyView,
    /// The amount to pay, or zero
    to_pay: MoneyView,
    /// The amount to refund, or zero
    refund: MoneyView,
}

/// A direction that gets other flights
#[derive(Debug, Object)]
#[oai(rename = "ChangedDirection")]
pub struct ChangedDirectionView {
    /// `departing` or `returning`
    direction: String,
    /// The flights that are booked, in the order of travel
    from_flight_ids: Vec<Uuid>,
    /// What will be
    to_flight_ids: Vec<Uuid>,
    /// The cabin of the new flights
    cabin: String,
    /// Name of the new fare family, whose conditions hold from then on
    fare_family: String,
}

/// One passenger in one direction
#[derive(Debug, Object)]
#[oai(rename = "ChangeItem")]
pub struct ChangeItemView {
    passenger_id: Uuid,
    /// First and last name
    passenger: String,
    /// `departing` or `returning`
    direction: String,
    /// Which rule of the fare decided, for people
    rule: String,
    fare_difference: MoneyView,
    tax_difference: MoneyView,
    /// Fees of chosen seats that the new flights do not have; zero or negative
    seat_difference: MoneyView,
    fee: MoneyView,
    fare_kept: MoneyView,
    /// The sum: to pay when positive, to refund when negative
    amount: MoneyView,
    /// How each part of the price moves
    lines: Vec<ChangeLineView>,
}

/// How a part of the price moves
#[derive(Debug, Object)]
#[oai(rename = "ChangeLine", skip_serializing_if_is_none)]
pub struct ChangeLineView {
    /// As in the price of a booking
    kind: String,
    /// As in the price of a booking; `CHANGE` for the fee of the fare, `FARE_KEPT` for what it keeps
    code: String,
    /// What a tax or fee is called
    name: Option<String>,
    flight_id: Option<Uuid>,
    /// Positive: additional collection. Negative: credit for the old fare
    amount: MoneyView,
}

/// A chosen seat, and where it goes
#[derive(Debug, Object)]
#[oai(rename = "ChangedSeat", skip_serializing_if_is_none)]
pub struct ChangedSeatView {
    passenger_id: Uuid,
    /// Row and letter: `12A`
    seat: String,
    from_flight_id: Uuid,
    /// The new flight that has the same seat for them; absent where none does: what was paid for the seat comes back, and another
    /// one is given
    to_flight_id: Option<Uuid>,
    /// What was paid for choosing it
    paid: MoneyView,
}

impl Resource for ChangeQuoteView {
    fn path(answer: &Value) -> String {
        let booking = member_path("/v1/bookings", &answer["booking_ref"]);
        member_path(&format!("{booking}/change-quotes"), &answer["quote_id"])
    }
}

/// The parts of an item or of several, in minor units.
struct Parts {
    fare: i64,
    tax: i64,
    seats: i64,
    fee: i64,
    kept: i64,
}

impl Parts {
    fn of<'a>(items: &(impl Iterator<Item = &'a ChangeItem> + Clone)) -> Self {
        let sum = |is_wanted: fn(&ChangeLine) -> bool| -> i64 {
            items.clone().map(|item| item.sum(is_wanted)).sum()
        };
        Self {
            fare: sum(|line| matches!(line.kind, LineKind::BaseFare | LineKind::Discount)),
            tax: sum(|line| line.kind == LineKind::Tax),
            seats: sum(|line| matches!(line.kind, LineKind::Seat | LineKind::Baggage)),
            fee: sum(ChangeLine::is_change_fee),
            kept: sum(ChangeLine::is_kept),
        }
    }
}

impl ChangeQuoteView {
    pub(super) fn new(reference: &BookingRef, quote: &ChangeQuote) -> Self {
        let content = &quote.content;
        let money = |minor| MoneyView::from(Money::new(minor, content.currency));
        let parts = Parts::of(&content.items.iter());
        let amount = content.amount().minor();
        let seats = content.seats.iter();
        Self {
            quote_id: quote.id,
            booking_ref: reference.to_string(),
            created_at: quote.created_at.into(),
            expires_at: quote.expires_at.into(),
            confirmed_at: quote.confirmed_at.map(Instant::from),
            splits: content.splits(),
            directions: content
                .directions
                .iter()
                .map(ChangedDirectionView::from)
                .collect(),
            seats: seats
                .map(|seat| ChangedSeatView::new(seat, content.currency))
                .collect(),
            fare_difference: money(parts.fare),
            tax_difference: money(parts.tax),
            fee: money(parts.fee),
            fare_kept: money(parts.kept),
            to_pay: money(amount.max(0)),
            refund: money((-amount).max(0)),
            items: (content.items.iter())
                .map(|item| ChangeItemView::new(item, content.currency))
                .collect(),
        }
    }
}

impl From<&ChangedDirection> for ChangedDirectionView {
    fn from(changed: &ChangedDirection) -> Self {
        let ids = |flights: &[flightdesk_core::ids::FlightId]| {
            flights.iter().map(|flight| flight.0).collect()
        };
        Self {
            direction: changed.direction.as_str().to_owned(),
            from_flight_ids: ids(&changed.from),
            to_flight_ids: ids(&changed.to),
            cabin: changed.cabin.as_str().to_owned(),
            fare_family: changed.conditions.name.clone(),
        }
    }
}

impl ChangeItemView {
    fn new(item: &ChangeItem, currency: Currency) -> Self {
        let money = |minor| MoneyView::from(Money::new(minor, currency));
        let parts = Parts::of(&std::iter::once(item));
        Self {
            passenger_id: item.passenger_id.0,
            passenger: item.passenger.clone(),
            direction: item.direction.as_str().to_owned(),
            rule: item.rule.clone(),
            fare_difference: money(parts.fare),
            tax_difference: money(parts.tax),
            seat_difference: money(parts.seats),
            fee: money(parts.fee),
            fare_kept: money(parts.kept),
            amount: money(item.amount_minor()),
            lines: (item.lines.iter())
                .map(|line| ChangeLineView {
                    kind: line.kind.as_str().to_owned(),
                    code: line.code.clone(),
                    name: line.name.clone(),
                    flight_id: line.flight_id.map(|flight| flight.0),
                    amount: money(line.minor),
                })
                .collect(),
        }
    }
}

impl ChangedSeatView {
    fn new(seat: &ChangedSeat, currency: Currency) -> Self {
        Self {
            passenger_id: seat.passenger_id.0,
            seat: seat.seat.clone(),
            from_flight_id: seat.from.0,
            to_flight_id: seat.to.map(|flight| flight.0),
            paid: Money::new(seat.paid_minor, currency).into(),
        }
    }
}
