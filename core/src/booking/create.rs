//! Making a booking of a hold, or of offers that are held in the same transaction.
//!
//! **The cabin's row is locked last.** A booking of offers writes its own rows before it touches `flight_cabin`: on a hot
//! flight everybody waits for what is done after that, which is one update, the stored answer of the `Idempotency-Key`
//! and the commit.
//!
//! **A step is one statement.** Each is a round trip. Locks that need no row are taken with the reading of the flights;
//! what decides and what is written is one statement, which sees all that was committed before the lock. The answer is
//! made of what was written (`api/tests/it/statements.rs` counts).
//!
//! **A booking of zero is confirmed at once.** There is no payment row and nothing for Stripe to say: the same
//! transaction sells the seats, issues the tickets and promises the documents.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use sqlx::PgConnection;

use super::model::{
    BookedDirection, BookedPassenger, Booking, Contact, NewBooking, PaymentSummary,
};
use super::passengers::{self, Passenger, PassengerName};
use super::price::{self, Priced};
use super::source::Source;
use super::traveller;
use super::{confirm, insert, queries};
use crate::baggage::{Bag, BookedBag};
use crate::booking_event::{self, Event};
use crate::booking_lock;
use crate::clock::Clock;
use crate::coupon::{self, Asked, BookedCoupon, Refusal};
use crate::document::{self, Settled};
use crate::error::Violations;
use crate::flight::Flight;
use crate::hold::{self, Hold, HoldStatus, NewHold};
use crate::ids::{AccountId, BookingId, BookingRef, FlightId, HoldId};
use crate::money::Money;
use crate::reference::Airline;
use crate::trade::{BookingStatus, Direction, PassengerType};
use crate::{Error, Result, Shop, seat};

/// Books the seats of a hold for named passengers. They stay held until `payment_due_at`, which is the hold's end.
///
/// Errors: those of [`hold::create`] when offers are given; [`Error::HoldExpired`], [`Error::HoldBooked`],
/// [`Error::NotFound`] for a hold; [`Error::Invalid`] with every wrong field of passengers, baggage and contact;
/// [`coupon::Refusal`], [`Error::DuplicatePassenger`]. A total of zero is confirmed at once.
pub async fn create(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    input: &NewBooking,
) -> Result<Booking> {
    let mut wrong = Violations::new();
    match wrong.note(Source::parse(&input.source))? {
        Some(Source::Hold(id)) => of_hold(conn, shop.clock, account_id, id, input).await,
        Some(Source::Offers(new)) => of_offers(conn, shop, account_id, &new, input).await,
        None => Err(with_the_rest(conn, shop.clock, wrong, input).await?),
    }
}

/// What is wrong with hold or offers, and with everything else as far as it can be told without their flights.
async fn with_the_rest(
    conn: &mut PgConnection,
    clock: &Clock,
    mut wrong: Violations,
    input: &NewBooking,
) -> Result<Error> {
    input.rules_beside_source(&mut wrong, clock);
    if let Some(code) = &input.coupon {
        wrong.note(coupon::refuse_unknown(conn, code).await)?;
    }
    Ok(wrong.into_error())
}

async fn of_hold(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    id: HoldId,
    input: &NewBooking,
) -> Result<Booking> {
    let lock = traveller::lock_name(account_id);
    let (hold, flights) = hold::get_with_flights(conn, account_id, id, &lock).await?;
    let order = check(conn, clock, &hold, flights, input).await?;
    let Some((booking, has_seats)) = file(conn, clock, &hold, &order, true).await? else {
        return match hold::get(conn, account_id, hold.id).await?.status {
            HoldStatus::Booked => Err(Error::HoldBooked),
            HoldStatus::Open | HoldStatus::Released | HoldStatus::Expired => {
                Err(Error::HoldExpired)
            }
        };
    };
    if has_seats {
        give_seats(conn, booking.id, hold.id, &order.flights, &order.passengers).await?;
    }
    refuse_exit_rows(conn, &hold, &order.flights, &order.passengers).await?;
    settle(conn, clock, booking.id, account_id, &order.priced).await?;
    answer(conn, booking, &order, has_seats).await
}

/// The booking as it was written, or, where more became of it than that, as it is.
async fn answer(
    conn: &mut PgConnection,
    booking: Booking,
    order: &Order,
    has_seats: bool,
) -> Result<Booking> {
    if has_seats || order.priced.is_free() {
        return queries::get_by_id(conn, booking.id).await;
    }
    Ok(booking)
}

async fn of_offers(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    new: &NewHold,
    input: &NewBooking,
) -> Result<Booking> {
    let mut wrong = Violations::new();
    let locks = [
        hold::account_lock(account_id),
        traveller::lock_name(account_id),
    ];
    let journey =
        hold::prepare_journey(conn, shop, account_id, &new.offers, new.open_jaw, &locks).await;
    let Some(mut prepared) = wrong.note(journey)? else {
        return Err(with_the_rest(conn, shop.clock, wrong, input).await?);
    };
    let seats = hold::change::name_seats(conn, shop, &mut prepared.hold, &new.seats).await;
    let seats = wrong.note(seats)?;
    let flights = std::mem::take(&mut prepared.flights);
    let order = match check(conn, shop.clock, &prepared.hold, flights, input).await {
        // What the seats cost may be what is missing.
        Err(error) if seats.is_none() && error.refusal() == Some(&Refusal::MinimumNotMet) => None,
        checked => wrong.note(checked)?,
    };
    let (Some(seats), Some(order)) = (seats, order) else {
        return Err(wrong.into_error());
    };
    prepared.seats = seats;
    prepared.hold.status = HoldStatus::Booked;
    let filed = hold::file(conn, shop, &prepared).await?;
    let hold = &prepared.hold;
    let booking = file(conn, shop.clock, hold, &order, false).await?;
    let (booking, _) = booking.ok_or(Error::HoldExpired)?;
    hold::take(conn, shop, &prepared, filed).await?;
    refuse_exit_rows(conn, hold, &order.flights, &order.passengers).await?;
    let has_seats = !prepared.seats.is_empty();
    if has_seats {
        give_seats(conn, booking.id, hold.id, &order.flights, &order.passengers).await?;
    }
    settle(conn, shop.clock, booking.id, hold.account_id, &order.priced).await?;
    answer(conn, booking, &order, has_seats).await
}

/// What is booked, checked and priced.
struct Order {
    flights: Vec<Flight>,
    passengers: Vec<Passenger>,
    contact: Contact,
    priced: Priced,
}

/// Confirms what costs nothing, then counts the coupon, then numbers the invoice: locks in their order (invariant 4).
async fn settle(
    conn: &mut PgConnection,
    clock: &Clock,
    id: BookingId,
    account_id: AccountId,
    priced: &Priced,
) -> Result<()> {
    confirm_free(conn, clock, id, priced).await?;
    if let Some(discount) = &priced.discount {
        coupon::redeem(conn, id, account_id, &discount.code).await?;
    }
    invoice_free(conn, clock, id, account_id, priced).await
}

/// Promises the tickets and the invoice of a booking that costs nothing; comes last, for the invoice's number's sake.
pub(super) async fn invoice_free(
    conn: &mut PgConnection,
    clock: &Clock,
    id: BookingId,
    account_id: AccountId,
    priced: &Priced,
) -> Result<()> {
    if !priced.is_free() {
        return Ok(());
    }
    let settled = Settled {
        account_id,
        booking_id: id,
        payment_id: None,
        first_line: 0,
    };
    document::request_sold(conn, clock, &settled).await
}

/// Confirms a booking that costs nothing; any other is left as it is.
pub(super) async fn confirm_free(
    conn: &mut PgConnection,
    clock: &Clock,
    id: BookingId,
    priced: &Priced,
) -> Result<()> {
    if priced.is_free() {
        let booking = booking_lock::lock(conn, id).await?;
        if confirm::confirm(conn, clock, &booking, None)
            .await?
            .is_none()
        {
            return Err(Error::WrongState {
                status: "cancelled",
                action: "sold: a flight of it does not fly any more",
            });
        }
    }
    Ok(())
}

/// Writes the rows of a booking and returns it as it stands then: nobody has paid, nobody has a seat; and
/// whether its hold has named seats. `None` when it takes a hold that is no longer open.
async fn file(
    conn: &mut PgConnection,
    clock: &Clock,
    hold: &Hold,
    order: &Order,
    takes_hold: bool,
) -> Result<Option<(Booking, bool)>> {
    let (id, priced) = (BookingId::new(), &order.priced);
    let first_event = Event::Held {
        total: priced.price.total(),
        payment_due_at: hold.expires_at,
    };
    let row = insert::NewRow {
        id,
        hold,
        flights: &order.flights,
        passengers: &order.passengers,
        price: &priced.price,
        contact: &order.contact,
        takes_hold,
        event: booking_event::Row::new(clock, hold.account_id, id, &first_event)?,
    };
    let Some(made) = insert::booking(conn, clock, &row).await? else {
        return Ok(None);
    };
    let content = insert::Content {
        hold,
        flights: &order.flights,
        passengers: &order.passengers,
        bags: &priced.bags,
        lines: &priced.price.lines,
    };
    insert::content(conn, id, &content).await?;
    if let Some(discount) = &priced.discount {
        coupon::file(conn, clock, id, hold.account_id, discount).await?;
    }
    let booking = written(clock, id, made.reference, hold, order);
    Ok(Some((booking, made.has_seats)))
}

/// A booking as [`queries::get_by_id`] would read it right after it was written.
fn written(
    clock: &Clock,
    id: BookingId,
    reference: BookingRef,
    hold: &Hold,
    order: &Order,
) -> Booking {
    let priced = &order.priced;
    let nothing = Money::new(0, priced.price.currency);
    Booking {
        id,
        reference,
        status: BookingStatus::PendingPayment,
        created_at: clock.now(),
        payment_due_at: hold.expires_at,
        first_departs_at: (order.flights.first())
            .map_or(hold.expires_at, |flight| flight.departs_at),
        confirmed_at: None,
        directions: directions(hold, &order.flights),
        passengers: (order.passengers.iter())
            .map(|passenger| booked(passenger, &priced.bags))
            .collect(),
        contact: order.contact.clone(),
        price: priced.price.clone(),
        coupon: priced.discount.as_ref().map(|discount| BookedCoupon {
            code: discount.code.clone(),
            discount: discount.amount,
        }),
        payment: PaymentSummary {
            status: "none".to_owned(),
            id: None,
            card: None,
            checkout_url: None,
            open_until: None,
            amount_paid: nothing,
            amount_refunded: nothing,
            mismatches: Vec::new(),
            disputes: Vec::new(),
        },
        late_payment: None,
        split_from: None,
        split_into: Vec::new(),
        documents: Vec::new(),
        change: None,
        disruption: None,
        told: Vec::new(),
    }
}

fn directions(hold: &Hold, flights: &[Flight]) -> Vec<BookedDirection> {
    let mut remaining = flights;
    let names = [Direction::Departing, Direction::Returning];
    let offers = hold.offers.iter().zip(names);
    let directions = offers.filter_map(|(offer, direction)| {
        let (own, rest) = remaining.split_at(offer.pinned.flights.len().min(remaining.len()));
        remaining = rest;
        Some(BookedDirection {
            direction,
            status: "booked".to_owned(),
            cancelled_at: None,
            validating_airline: Airline::clone(&own.first()?.airline),
            cabin: offer.pinned.cabin,
            conditions: offer.conditions.clone(),
            flights: own.to_vec(),
        })
    });
    directions.collect()
}

fn booked(passenger: &Passenger, bags: &[Bag]) -> BookedPassenger {
    let name = |name: &PassengerName| name.as_str().to_owned();
    let names = [Direction::Departing, Direction::Returning];
    let own = |direction: Direction| {
        let mut bags = bags
            .iter()
            .filter(move |bag| bag.passenger_id == passenger.id);
        let bag = bags.find(|bag| bag.direction == direction.ordinal())?;
        let kg = i16::try_from(bag.kg).unwrap_or(i16::MAX);
        Some(BookedBag { direction, kg })
    };
    BookedPassenger {
        id: passenger.id,
        passenger_type: passenger.kind,
        title: passenger.title.clone(),
        first_name: passenger.first_name.as_ref().map(name),
        middle_name: passenger.middle_name.as_ref().map(name),
        last_name: name(&passenger.last_name),
        gender: passenger.gender,
        date_of_birth: passenger.date_of_birth,
        adult_id: passenger.adult_id,
        seat_preference: passenger.seat_preference,
        seats: Vec::new(),
        baggage: names.into_iter().filter_map(own).collect(),
        cancelled: Vec::new(),
        no_shows: Vec::new(),
        is_corrected: false,
        special_requests: passenger.special_requests.clone(),
        travel_document: passenger.travel_document.clone(),
        ticket_numbers: Vec::new(),
    }
}

/// Everything that can be wrong with passengers, baggage and contact, at once, before anything is written; then what
/// it costs.
async fn check(
    conn: &mut PgConnection,
    clock: &Clock,
    hold: &Hold,
    flights: Vec<Flight>,
    input: &NewBooking,
) -> Result<Order> {
    let coupon = input.coupon.as_deref().map(Asked::anew);
    let (passengers, bags, contact) = match check_people(clock, hold, &flights, input) {
        Err(Error::Invalid(mut fields)) => {
            fields.extend(price::coupon_problem(conn, clock, hold, &flights, coupon).await?);
            return Err(Error::Invalid(fields));
        }
        checked => checked?,
    };
    let priced = price::with_extras(conn, clock, hold, &flights, bags, coupon).await?;
    Ok(Order {
        flights,
        passengers,
        contact,
        priced,
    })
}

/// Everything that can be wrong with passengers and contact, at once, before anything is written.
fn check_people(
    clock: &Clock,
    hold: &Hold,
    flights: &[Flight],
    input: &NewBooking,
) -> Result<(Vec<Passenger>, Vec<Bag>, Contact)> {
    let last = flights.last().ok_or(Error::NotFound("flight"))?;
    let (today, day) = (passengers::latest_date(clock.now()), last.departure_date);
    let new = &input.passengers;
    let mut wrong = Violations::new();
    let passengers = wrong.note(passengers::check(new, today, day, hold.party))?;
    let passengers = passengers.unwrap_or_default();
    let kinds = passengers::kinds(new, today, day);
    let bags = wrong.note(price::bags(hold, new, &kinds, &passengers))?;
    let contact = passengers::check_contact(&mut wrong, &input.contact);
    match contact {
        Some(contact) if wrong.is_empty() => Ok((passengers, bags.unwrap_or_default(), contact)),
        _ => Err(wrong.into_error()),
    }
}

/// The named seats of the hold go to the seated passengers in their order, and are remembered as their choice.
pub(super) async fn give_seats(
    conn: &mut PgConnection,
    booking_id: BookingId,
    hold_id: HoldId,
    flights: &[Flight],
    passengers: &[Passenger],
) -> Result<()> {
    let claims = sqlx::query!(
        r#"
        select s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, l.exit_row
        from passenger_seat s
        join flight f on f.id = s.flight_id
        join seat_layout l on l.aircraft = f.aircraft and l.seat_row = s.seat_row and l.letter = s.letter
        where s.hold_id = $1 order by s.flight_id, s.seat_row, s.letter
        "#,
        hold_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seated: Vec<_> = passengers
        .iter()
        .filter(|passenger| passenger.kind != PassengerType::Infant)
        .collect();
    let mut wrong = Violations::new();
    let mut given = BTreeSet::new();
    for claim in claims {
        let departs_on = flights
            .iter()
            .find(|flight| flight.id == claim.flight_id)
            .map(|flight| flight.departure_date)
            .ok_or(Error::NotFound("flight"))?;
        // Those who may sit in an exit row get one; the others take the rest.
        let next = seated.iter().find(|passenger| {
            !given.contains(&(claim.flight_id, passenger.id))
                && (!claim.exit_row || may_sit_at_exit(passenger, passengers, departs_on))
        });
        let Some(passenger) = next else {
            wrong.add(
                "seats",
                "exit_row",
                format!(
                    "seat {}{} is in an exit row, but everybody left is under 15 or has an infant: name a seat in another row",
                    claim.seat_row, claim.letter
                ),
            );
            continue;
        };
        given.insert((claim.flight_id, passenger.id));
        sqlx::query!(
            r#"
            with claimed as (
                update passenger_seat set passenger_id = $1 where flight_id = $2 and seat_row = $3 and letter = $4 returning 1
            )
            insert into seat_choice (booking_id, passenger_id, flight_id, seat_row, letter, paid_minor)
            select $5, $1, $2, $3, $4, coalesce((
                select l.amount_minor from price_line l
                where l.booking_id = $5 and l.flight_id = $2 and l.kind = 'seat' and l.code like '% ' || $3::smallint || $4), 0)
            from claimed
            "#,
            passenger.id.0,
            claim.flight_id.0,
            claim.seat_row,
            claim.letter,
            booking_id.0,
        )
        .execute(&mut *conn)
        .await?;
    }
    wrong.into_result()
}

/// A hold knows how many children there are; a booking knows who is under 15.
pub(super) async fn refuse_exit_rows(
    conn: &mut PgConnection,
    hold: &Hold,
    flights: &[Flight],
    passengers: &[Passenger],
) -> Result<()> {
    let is_barred = |passenger: &Passenger| {
        let on = |flight: &Flight| may_sit_at_exit(passenger, passengers, flight.departure_date);
        passenger.kind == PassengerType::Adult && !flights.iter().all(on)
    };
    if passengers.iter().any(is_barred) {
        hold::refuse_exit_rows(conn, hold).await?;
    }
    Ok(())
}

/// Whether a passenger may sit in an exit row on a day.
pub(super) fn may_sit_at_exit(
    passenger: &Passenger,
    all: &[Passenger],
    departs_on: NaiveDate,
) -> bool {
    let has_infant = all
        .iter()
        .any(|infant| infant.adult_id == Some(passenger.id));
    seat::may_sit_at_exit(passenger.date_of_birth, departs_on, has_infant)
}
