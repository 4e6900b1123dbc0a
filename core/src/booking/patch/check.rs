//! What a booking would become and what it would cost then. Nothing is written here.
//!
//! **An unpaid booking keeps what it was priced at until its flights or its party change.** With new offers their
//! pinned price holds. With another number of adults, children or infants on the same flights there is no price to
//! keep: it is made at today's tariff, while the conditions stay those that were frozen. A seat keeps what it cost
//! while it stays with the same flights, a coupon is judged as of its redemption. No other price is ever charged
//! than one that the caller has named.

use sqlx::PgConnection;

use super::current::{self, Current};
use super::{BookingPatch, CouponChange, ExpectedTotal};
use crate::booking::create::may_sit_at_exit;
use crate::booking::model::BookedPassenger;
use crate::booking::passengers::{self, NewPassenger, Passenger};
use crate::booking::price::{self, Priced};
use crate::booking::traveller::Person;
use crate::coupon::{self, Asked};
use crate::error::Violations;
use crate::flight::{self, Flight, FlightStatus};
use crate::hold::{self, Hold, SeatWish};
use crate::ids::{FlightId, PassengerId};
use crate::inventory::Seat;
use crate::money::{self, Currency, Money};
use crate::trade::PassengerType;
use crate::{Error, Result, Shop, seat};

/// A checked change.
pub(super) struct Wanted {
    pub hold: Hold,
    pub flights: Vec<Flight>,
    pub passengers: Vec<Passenger>,
    pub seats: Vec<(FlightId, Seat)>,
    /// Who keeps which of the seats; empty when seats are named anew.
    pub kept: Vec<Kept>,
    pub priced: Priced,
    /// What the caller expects to pay.
    pub expected: Option<Money>,
    /// Whether flights, people or seats may be others.
    pub moves: bool,
}

/// A seat that stays somebody's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub passenger_id: PassengerId,
    pub flight_id: FlightId,
    pub seat: Seat,
}

/// Checks contact and expected price; the price that the caller expects, if they say one.
pub(super) fn plain(patch: &BookingPatch, currency: Currency) -> Result<Option<Money>> {
    let mut wrong = Violations::new();
    patch.rules_of_members(&mut wrong);
    let expected = patch.expected_total.as_ref();
    let expected = expected.and_then(|expected| expected.read(&mut wrong, currency));
    wrong.into_result()?;
    Ok(expected)
}

impl ExpectedTotal {
    /// The price, in the currency of the booking.
    fn read(&self, wrong: &mut Violations, currency: Currency) -> Option<Money> {
        if self.currency != currency.code() {
            let message = format!("the booking is in {}", currency.code());
            wrong.add("expected_total.currency", "currency_mismatch", message);
        }
        let money = Money::parse(&self.amount, currency);
        if money.is_err() {
            let message = "a decimal with the digits of the currency, such as 5914.10";
            wrong.add("expected_total.amount", "format", message);
        }
        money.ok()
    }

    /// Whether it is a price at all, whatever the booking's currency is.
    pub(in crate::booking) fn rules(&self, wrong: &mut Violations) {
        match money::currency(&self.currency) {
            Some(currency) => drop(self.read(wrong, currency)),
            None => wrong.add(
                "expected_total.currency",
                "currency_mismatch",
                "an ISO 4217 code: the booking's",
            ),
        }
    }
}

/// Checks everything that a patch names, beside each other, and prices the whole.
pub(super) async fn check(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    current: &Current,
    patch: &BookingPatch,
) -> Result<Wanted> {
    let mut wrong = Violations::new();
    let expected = wrong.note(plain(patch, current.hold.price.currency))?;
    let asked = coupon(current, patch);
    let journey = wrong.note(journey(conn, shop, current, patch).await)?;
    let Some((mut hold, flights)) = journey else {
        patch.rules_of_party(&mut wrong, shop.clock);
        if let Some(asked) = asked {
            wrong.note(coupon::refuse_unknown(conn, asked.code).await)?;
        }
        return Err(wrong.into_error());
    };
    let input = match &patch.passengers {
        Some(passengers) => passengers.clone(),
        None => current::passengers(&current.booking),
    };
    let people = wrong.note(people(shop, &hold, &flights, &input, current, patch))?;
    let kinds = kinds(shop, &flights, &input)?;
    let seated = people.as_deref().unwrap_or_default();
    let bags = wrong.note(price::bags(&hold, &input, &kinds, seated))?;
    let party = passengers::largest_party(&kinds);
    if people.is_none() && patch.offers.is_none() {
        // Nothing is priced for them, but it is their number that seats are counted against.
        hold.party = party;
    } else if people.is_some() && party != hold.party {
        hold = hold::change::for_party(conn, shop, &hold, party).await?;
    }
    let named = match &patch.seats {
        Some(wishes) => {
            wrong.note(hold::change::name_seats(conn, shop, &mut hold, wishes).await)?
        }
        None => None,
    };
    let (Some(passengers), Some(bags), true) = (people, bags, wrong.is_empty()) else {
        let problem = price::coupon_problem(conn, shop.clock, &hold, &flights, asked).await?;
        let mut fields = match wrong.into_result() {
            Err(Error::Invalid(fields)) => fields,
            other => return Err(other.err().unwrap_or(Error::NotFound("passenger"))),
        };
        fields.extend(problem);
        return Err(Error::Invalid(fields));
    };
    let (seats, kept) = match named {
        Some(seats) => (seats, Vec::new()),
        None => keep_seats(conn, shop, &mut hold, &flights, &passengers, current, patch).await?,
    };
    let priced = price::with_extras(conn, shop.clock, &hold, &flights, bags, asked).await?;
    Ok(Wanted {
        hold,
        flights,
        passengers,
        seats,
        kept,
        priced,
        expected: expected.flatten(),
        moves: patch.changes_who_flies_where(),
    })
}

/// The flights that the booking would have, with their pinned price.
async fn journey(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    current: &Current,
    patch: &BookingPatch,
) -> Result<(Hold, Vec<Flight>)> {
    let before = &current.hold;
    let Some(offers) = &patch.offers else {
        let ids: Vec<_> = before.flights().map(|(id, _)| id).collect();
        return Ok((before.clone(), flight::list_by_id(conn, &ids).await?));
    };
    let open_jaw = patch.open_jaw.unwrap_or_default();
    let account_id = before.account_id;
    let prepared = hold::prepare_journey(conn, shop, account_id, offers, open_jaw, &[]).await?;
    refuse_closed(shop, &prepared.flights)?;
    let hold = Hold {
        id: before.id,
        status: before.status,
        created_at: before.created_at,
        expires_at: before.expires_at,
        ..prepared.hold
    };
    if hold.price.currency != before.price.currency {
        let mut wrong = Violations::new();
        let message = "the currency of the booking";
        wrong.add("offers[0]", "currency_mismatch", message);
        wrong.into_result()?;
    }
    Ok((hold, prepared.flights))
}

/// A flight that the booking is on already takes no seat anew, so that its cabin does not say that it is closed.
fn refuse_closed(shop: Shop<'_>, flights: &[Flight]) -> Result<()> {
    let open_until = shop.clock.now() + shop.sales.sales_close();
    let is_closed = |flight: &&Flight| {
        flight.status != FlightStatus::Scheduled || flight.departs_at < open_until
    };
    match flights.iter().find(is_closed) {
        Some(flight) => Err(Error::SalesClosed {
            flight_id: flight.id,
        }),
        None => Ok(()),
    }
}

/// Who would fly. New offers were priced for a party, which must be this one; without them the party makes the price.
fn people(
    shop: Shop<'_>,
    hold: &Hold,
    flights: &[Flight],
    input: &[NewPassenger],
    current: &Current,
    patch: &BookingPatch,
) -> Result<Vec<Passenger>> {
    let last = flights.last().ok_or(Error::NotFound("flight"))?;
    let (today, day) = (
        passengers::latest_date(shop.clock.now()),
        last.departure_date,
    );
    let mut people = if patch.offers.is_some() {
        passengers::check(input, today, day, hold.party)?
    } else {
        passengers::check_any(input, today, day, shop.sales.max_passengers)?
    };
    keep_ids(&mut people, &current.booking.passengers);
    Ok(people)
}

fn kinds(
    shop: Shop<'_>,
    flights: &[Flight],
    input: &[NewPassenger],
) -> Result<Vec<Option<PassengerType>>> {
    let last = flights.last().ok_or(Error::NotFound("flight"))?;
    let today = passengers::latest_date(shop.clock.now());
    Ok(passengers::kinds(input, today, last.departure_date))
}

/// Who has the folded names and the date of birth of somebody before is that person; twins are matched in order.
fn keep_ids(people: &mut [Passenger], before: &[BookedPassenger]) {
    let mut before: Vec<_> = before
        .iter()
        .map(|passenger| (Person::from(passenger), passenger.id))
        .collect();
    let mut renamed = Vec::new();
    for passenger in people.iter_mut() {
        let person = Person::from(&*passenger);
        if let Some(found) = before.iter().position(|(other, _)| *other == person) {
            let (_, id) = before.remove(found);
            renamed.push((passenger.id, id));
            passenger.id = id;
        }
    }
    for passenger in people {
        let adult = passenger.adult_id;
        if let Some((_, id)) = renamed.iter().find(|(new, _)| Some(*new) == adult) {
            passenger.adult_id = Some(*id);
        }
    }
}

/// The coupon that the booking would use. One that it uses already is judged as of then.
fn coupon<'a>(current: &'a Current, patch: &'a BookingPatch) -> Option<Asked<'a>> {
    let code = match (&patch.coupon, &current.coupon) {
        (Some(CouponChange::Drop), _) | (None, None) => return None,
        (Some(CouponChange::Use(code)), _) | (None, Some((code, _))) => code,
    };
    let used = current.coupon.as_ref();
    let used = used.filter(|(used, _)| code.trim().eq_ignore_ascii_case(used));
    Some(Asked {
        code,
        changing: Some(current.booking.id),
        redeemed_at: used.map(|(_, redeemed_at)| *redeemed_at),
    })
}

/// Exact seats stay with those who stay, on flights and in cabins that stay; their price stays unless the offers change.
async fn keep_seats(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    hold: &mut Hold,
    flights: &[Flight],
    people: &[Passenger],
    current: &Current,
    patch: &BookingPatch,
) -> Result<(Vec<(FlightId, Seat)>, Vec<Kept>)> {
    let had = current.booking.passengers.iter().flat_map(|passenger| {
        passenger.seats.iter().map(|seat| Kept {
            passenger_id: passenger.id,
            flight_id: seat.flight_id,
            seat: seat.seat,
        })
    });
    let had: Vec<_> = had.collect();
    let wanted: Vec<_> = had.iter().map(|kept| (kept.flight_id, kept.seat)).collect();
    let places = seat::find(conn, &wanted).await?;
    let mut wrong = Violations::new();
    let mut stay = Vec::new();
    for kept in had {
        let person = people.iter().find(|person| person.id == kept.passenger_id);
        let place = places
            .iter()
            .find(|place| (place.flight_id, place.place.seat) == (kept.flight_id, kept.seat));
        let flight = flights.iter().find(|flight| flight.id == kept.flight_id);
        let (Some(person), Some(place), Some(flight)) = (person, place, flight) else {
            continue;
        };
        let is_flown = hold.flights().any(|on| on == (flight.id, place.cabin));
        if !is_flown || person.kind == PassengerType::Infant {
            continue;
        }
        if place.place.exit_row && !may_sit_at_exit(person, people, flight.departure_date) {
            let message = format!(
                "seat {} is in an exit row, where its passenger may not sit: name seats in other rows",
                kept.seat
            );
            wrong.add("seats", "exit_row", message);
        }
        stay.push(kept);
    }
    wrong.into_result()?;
    let seats: Vec<_> = stay
        .iter()
        .map(|kept| (kept.flight_id, kept.seat))
        .collect();
    if patch.offers.is_some() {
        let wishes: Vec<_> = stay
            .iter()
            .map(|kept| SeatWish {
                flight_id: kept.flight_id,
                seat: kept.seat.to_string(),
            })
            .collect();
        hold::change::name_seats(conn, shop, hold, &wishes).await?;
    } else {
        hold::change::keep_seats(hold, &seats)?;
    }
    Ok((seats, stay))
}
