//! Confirming a quote of a change: at once where nothing is to pay, else the new seats are held until it is paid.

use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{ChangeContent, ChangeRequest, ChangedDirection};
use super::{quote, seats, swap};
use crate::booking::cancel::load::{Trip, trip};
use crate::booking::{pending, split, traveller};
use crate::booking_event::{self, Event};
use crate::booking_lock::{self, LockedBooking};
use crate::error::Refusal;
use crate::ids::{AccountId, BookingId, BookingRef, FlightId};
use crate::inventory::{self, Change};
use crate::trade::{Cabin, PassengerType};
use crate::{Error, Result, Shop, fault};

/// The quote is not what the change costs now: it has expired, a newer one was made, or something that it depends on has
/// changed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct ChangeOutdated {
    /// What to ask for to have a new quote.
    pub request: ChangeRequest,
    why: &'static str,
}

impl Refusal for ChangeOutdated {
    fn code(&self) -> &'static str {
        "change_quote_outdated"
    }
}

/// Changes flights as a quote says, once, and returns which booking it was: a second confirmation of the same quote changes
/// nothing. When only some of a party change, they get a booking of their own first, which is the one that is returned; it stays
/// also when the change is not paid.
///
/// Where something is to pay, the new seats are held and [`crate::settlement::start`] opens a checkout; the flights change
/// when it is paid. Errors: [`Error::NotFound`], [`Error::WrongState`], [`Error::TooLate`], [`super::ChangeNotAllowed`],
/// [`Error::SoldOut`], [`Error::SalesClosed`], [`Error::DuplicatePassenger`], [`ChangeOutdated`] with what to ask for again.
pub async fn change(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    reference: &BookingRef,
    quote_id: Uuid,
) -> Result<BookingId> {
    let booking = booking_lock::lock_of_account(conn, account_id, reference).await?;
    let found = sqlx::query!(
        r#"
        select q.expires_at, q.content as "content: Json<ChangeContent>",
               (select c.booking_id from booking_change c where c.change_quote_id = q.id) as "changed: BookingId",
               exists (select from change_quote n where n.booking_id = q.booking_id and n.position > q.position) as "is_superseded!"
        from change_quote q where q.id = $1 and q.booking_id = $2
        "#,
        quote_id,
        booking.id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let found = found.ok_or(Error::NotFound("quote"))?;
    if let Some(changed) = found.changed {
        return Ok(changed);
    }
    quote::require_paid(&booking)?;
    let quoted = found.content.0;
    let outdated = |why| ChangeOutdated {
        request: quoted.request(),
        why,
    };
    if found.is_superseded {
        return Err(outdated("a newer quote was made for this booking: confirm that one").into());
    }
    if found.expires_at <= shop.clock.now() {
        return Err(outdated("the quote has expired: confirm the new one").into());
    }
    // What waits for its money holds seats that this one may want.
    if let Some(open) = pending::find_open(conn, booking.id).await? {
        pending::drop_open(conn, shop.clock, &booking, open.id).await?;
    }
    let trip = trip(conn, shop.clock, (&booking).into()).await?;
    let (now, _) = quote::compute(conn, shop, &booking, &trip, &quoted.request()).await?;
    if !now.says_the_same(&quoted) {
        return Err(
            outdated("the change costs another amount by now: confirm the new quote").into(),
        );
    }
    match divide_and_apply(conn, shop, booking, trip, quote_id, &now).await {
        Ok(changed) => Ok(changed),
        Err(Error::SeatTaken { .. }) => {
            Err(outdated("a chosen seat was taken meanwhile: confirm the new quote").into())
        }
        Err(error) => Err(error),
    }
}

/// Changes the flights in the booking, or in a new one of those who change, and returns which it was.
async fn divide_and_apply(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: LockedBooking,
    whole: Trip,
    quote_id: Uuid,
    content: &ChangeContent,
) -> Result<BookingId> {
    let Some(people) = &content.split else {
        apply(conn, shop, &booking, &whole, quote_id, content).await?;
        return Ok(booking.id);
    };
    let cabins = new_flights(&whole, content).into_iter();
    let cabins = cabins.map(|(flight_id, cabin, seats)| Change {
        flight_id,
        cabin,
        held: seats,
        sold: 0,
    });
    let new = split::split(conn, shop.clock, &booking, &whole, people, cabins.collect()).await?;
    let trip = trip(conn, shop.clock, (&new).into()).await?;
    apply(conn, shop, &new, &trip, quote_id, content).await?;
    Ok(new.id)
}

async fn apply(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    trip: &Trip,
    quote_id: Uuid,
    content: &ChangeContent,
) -> Result<()> {
    let id = Uuid::now_v7();
    for changed in &content.directions {
        let own = content.items.iter();
        let own = own.filter(|item| item.direction == changed.direction);
        let people: Vec<_> = own.map(|item| item.passenger_id).collect();
        traveller::claim_new(conn, booking, &people, &changed.to).await?;
    }
    let new = new_flights(trip, content);
    let open_until = shop.clock.now() + shop.sales.sales_close();
    let changes = new.iter().map(|(flight_id, cabin, seats)| Change {
        flight_id: *flight_id,
        cabin: *cabin,
        held: *seats,
        sold: 0,
    });
    inventory::hold(conn, changes.collect(), open_until).await?;
    fault::point("change_seats_held");
    write(conn, shop, booking, id, quote_id, content).await?;
    write_flights(conn, id, &new).await?;
    write_seats(conn, booking, id, content).await?;
    let amount = content.amount();
    if amount.minor() > 0 {
        let held = Event::FlightChangeHeld {
            change_id: id,
            amount,
            expires_at: shop.clock.now() + shop.sales.hold_time(),
        };
        let account = booking.account_id;
        booking_event::record(conn, shop.clock, account, booking.id, &held).await?;
        return Ok(());
    }
    swap::all(conn, shop.clock, booking, trip, id, content).await
}

/// What has to be held: flights that are not booked in the same cabin already, for everybody who has a seat.
pub(super) fn new_flights(trip: &Trip, content: &ChangeContent) -> Vec<(FlightId, Cabin, i32)> {
    let of = |changed: &ChangedDirection| {
        let seats = seats_of(trip, content, changed);
        let new = changed.to.iter().filter(|flight| !changed.stays(**flight));
        let new = new.map(|flight| (*flight, changed.cabin, seats));
        new.collect::<Vec<_>>()
    };
    content.directions.iter().flat_map(of).collect()
}

/// How many seats those who fly in a direction have.
pub(super) fn seats_of(trip: &Trip, content: &ChangeContent, changed: &ChangedDirection) -> i32 {
    let own = content
        .items
        .iter()
        .filter(|item| item.direction == changed.direction);
    let seated = own.filter(|item| {
        let passenger = trip.passenger(item.passenger_id);
        passenger.is_some_and(|one| one.kind != PassengerType::Infant)
    });
    i32::try_from(seated.count()).unwrap_or(i32::MAX)
}

async fn write(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    id: Uuid,
    quote_id: Uuid,
    content: &ChangeContent,
) -> Result<()> {
    let now = shop.clock.now();
    // Its lines are the quote's.
    sqlx::query!(
        r#"
        insert into booking_change (id, booking_id, kind, change_quote_id, created_at, expires_at, currency, amount_minor, lines)
        values ($1, $2, 'flights', $3, $4, $5, $6, $7, '[]')
        "#,
        id,
        booking.id.0,
        quote_id,
        now,
        now + shop.sales.hold_time(),
        content.currency.code(),
        content.amount().minor(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn write_flights(
    conn: &mut PgConnection,
    id: Uuid,
    flights: &[(FlightId, Cabin, i32)],
) -> Result<()> {
    sqlx::query!(
        r#"
        insert into booking_change_flight (booking_change_id, flight_id, cabin, seats)
        select $1, flight_id, cabin, seats from unnest($2::uuid[], $3::text[], $4::int[]) as t (flight_id, cabin, seats)
        "#,
        id,
        &flights.iter().map(|(flight, ..)| flight.0).collect::<Vec<_>>(),
        &flights
            .iter()
            .map(|(_, cabin, _)| cabin.as_str().to_owned())
            .collect::<Vec<_>>(),
        &flights.iter().map(|(.., seats)| *seats).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Claims the seats that go along.
async fn write_seats(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    id: Uuid,
    content: &ChangeContent,
) -> Result<()> {
    let directions = content.directions.iter();
    let going: Vec<_> = directions
        .flat_map(|changed| seats::going(&content.seats, changed.direction))
        .collect();
    sqlx::query!(
        r#"
        insert into booking_change_seat (booking_change_id, passenger_id, flight_id, seat_row, letter, fee_minor)
        select $1, passenger_id, flight_id, seat_row, letter, fee
        from unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::text[], $6::bigint[]) as t (passenger_id, flight_id, seat_row, letter, fee)
        "#,
        id,
        &going.iter().map(|(passenger, ..)| passenger.0).collect::<Vec<_>>(),
        &going.iter().map(|(_, flight, ..)| flight.0).collect::<Vec<_>>(),
        &going.iter().map(|(_, _, seat, _)| seat.row).collect::<Vec<_>>(),
        &going
            .iter()
            .map(|(_, _, seat, _)| seat.letter.to_string())
            .collect::<Vec<_>>(),
        &going.iter().map(|(.., paid)| *paid).collect::<Vec<_>>(),
    )
    .execute(&mut *conn)
    .await?;
    let seats: Vec<_> = going
        .iter()
        .map(|(_, flight, seat, _)| (*flight, *seat))
        .collect();
    inventory::claim_seats(conn, booking.hold_id, &seats, "chosen").await
}
