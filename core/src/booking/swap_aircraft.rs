//! Another aircraft flies: who sat on a seat that it does not have is seated anew, and is told.

use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::lock::{self, LockedBooking};
use super::{change_seats, seating};
use crate::clock::Clock;
use crate::error::OnConstraint;
use crate::fare::Cabin;
use crate::ids::{AccountId, BookingId, FlightId, HoldId, PassengerId};
use crate::inventory::{self, Seat};
use crate::seat::{self, SeatStatus, Sitter};
use crate::{Error, Result, document};

/// What a swap did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swapped {
    /// Passengers who kept their seat.
    pub kept: usize,
    /// Passengers who have another one.
    pub moved: usize,
}

/// Somebody, or a hold, who has a named seat.
struct Claim {
    flight_id: FlightId,
    seat_row: i16,
    letter: String,
    hold_id: Option<HoldId>,
    passenger_id: Option<PassengerId>,
    booking_id: Option<BookingId>,
    account_id: Option<AccountId>,
    status: Option<String>,
    /// Whether the new aircraft has the same seat in the same cabin, in or out of an exit row as before.
    fits: bool,
}

/// Gives a flight another aircraft type, its cabins the capacities of its layout, and everybody whose seat it does not
/// have another one near their party, with the reason `aircraft_change`; their ticket documents are made anew. Blocked
/// seats are free again. A named seat of an open hold or unpaid booking that does not exist any more is given up, and a
/// change of seats that waits for its money ends when it wanted such a seat.
///
/// Errors: [`Error::NotFound`]; [`Error::SoldOut`] when a cabin has fewer seats than are held and sold.
pub async fn swap_aircraft(
    conn: &mut PgConnection,
    clock: &Clock,
    flight_id: FlightId,
    aircraft: &str,
) -> Result<Swapped> {
    let waiting = lock_waiting(conn, flight_id).await?;
    resize(conn, flight_id, aircraft).await?;
    let claims = claims(conn, flight_id, aircraft).await?;
    let lost = lost_changes(conn, flight_id, aircraft).await?;
    sqlx::query!(
        "update flight set aircraft = $2 where id = $1",
        flight_id.0,
        aircraft
    )
    .execute(&mut *conn)
    .await?;
    for booking in &waiting {
        if let Some((_, change)) = lost.iter().find(|(of, _)| *of == booking.id) {
            change_seats::lose(conn, clock, booking, *change).await?;
        }
    }
    let mut swapped = Swapped::default();
    let mut losers: Vec<(BookingId, AccountId, HoldId)> = Vec::new();
    for claim in &claims {
        if claim.fits {
            swapped.kept += usize::from(claim.passenger_id.is_some());
            continue;
        }
        give_up(conn, claim).await?;
        let is_paid = matches!(
            claim.status.as_deref(),
            Some("confirmed" | "partially_cancelled")
        );
        if let (true, Some(booking), Some(account), Some(hold)) =
            (is_paid, claim.booking_id, claim.account_id, claim.hold_id)
            && !losers.contains(&(booking, account, hold))
        {
            losers.push((booking, account, hold));
        }
    }
    for (booking_id, account_id, hold_id) in losers {
        swapped.moved += seat_again(conn, flight_id, booking_id, hold_id).await?;
        document::reissue_tickets(conn, clock, account_id, booking_id).await?;
    }
    Ok(swapped)
}

/// Locks the bookings whose change of seats on this flight waits for its money, then the cabins (invariant 4).
///
/// A change that came between the two belongs to a booking that is not locked: everything is let go and locked anew.
async fn lock_waiting(conn: &mut PgConnection, flight_id: FlightId) -> Result<Vec<LockedBooking>> {
    loop {
        let mut attempt = conn.begin().await?;
        let mut locked = Vec::new();
        for id in waiting(&mut attempt, flight_id).await? {
            locked.push(lock::lock(&mut attempt, id).await?);
        }
        sqlx::query!(
            "select cabin from flight_cabin where flight_id = $1 order by cabin for update",
            flight_id.0,
        )
        .fetch_all(&mut *attempt)
        .await?;
        let now = waiting(&mut attempt, flight_id).await?;
        if now
            .iter()
            .all(|id| locked.iter().any(|booking| booking.id == *id))
        {
            attempt.commit().await?;
            return Ok(locked);
        }
        attempt.rollback().await?;
    }
}

/// The bookings with an open change of seats on a flight, in the order of locks.
async fn waiting(conn: &mut PgConnection, flight_id: FlightId) -> Result<Vec<BookingId>> {
    let waiting = sqlx::query_scalar!(
        r#"
        select c.booking_id as "id: BookingId" from seat_change c
        where c.status = 'open' and exists (select from seat_change_item i where i.seat_change_id = c.id and i.flight_id = $1)
        order by c.booking_id
        "#,
        flight_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(waiting)
}

/// The open changes of seats that want a seat which the new aircraft does not have as it was.
async fn lost_changes(
    conn: &mut PgConnection,
    flight_id: FlightId,
    aircraft: &str,
) -> Result<Vec<(BookingId, Uuid)>> {
    let lost = sqlx::query!(
        r#"
        select distinct c.id, c.booking_id as "booking_id: BookingId"
        from seat_change c
        join seat_change_item i on i.seat_change_id = c.id and i.flight_id = $1
        join flight f on f.id = i.flight_id
        left join seat_layout o on o.aircraft = f.aircraft and o.seat_row = i.seat_row and o.letter = i.letter
        left join seat_layout n on n.aircraft = $2 and n.seat_row = i.seat_row and n.letter = i.letter
              and n.cabin = o.cabin and n.exit_row = o.exit_row
        where c.status = 'open' and n.aircraft is null
        "#,
        flight_id.0,
        aircraft,
    )
    .fetch_all(conn)
    .await?;
    Ok(lost
        .into_iter()
        .map(|row| (row.booking_id, row.id))
        .collect())
}

/// The cabins take the capacities of the new layout.
async fn resize(conn: &mut PgConnection, flight_id: FlightId, aircraft: &str) -> Result<()> {
    let known = sqlx::query_scalar!("select iata from aircraft_type where iata = $1", aircraft)
        .fetch_optional(&mut *conn)
        .await?;
    known.ok_or(Error::NotFound("aircraft"))?;
    let cabins = sqlx::query_scalar!(
        "select cabin from flight_cabin where flight_id = $1 order by cabin",
        flight_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    if cabins.is_empty() {
        return Err(Error::NotFound("flight"));
    }
    for cabin in cabins {
        sqlx::query!(
            r#"
            update flight_cabin set capacity = (select count(*) from seat_layout l where l.aircraft = $3 and l.cabin = $2)
            where flight_id = $1 and cabin = $2
            "#,
            flight_id.0,
            cabin,
            aircraft,
        )
        .execute(&mut *conn)
        .await
        .on_constraint("flight_cabin_not_oversold", Error::SoldOut { flight_id })?;
    }
    Ok(())
}

async fn claims(
    conn: &mut PgConnection,
    flight_id: FlightId,
    aircraft: &str,
) -> Result<Vec<Claim>> {
    let claims = sqlx::query_as!(
        Claim,
        r#"
        select s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, s.hold_id as "hold_id: HoldId",
               s.passenger_id as "passenger_id: PassengerId", b.id as "booking_id?: BookingId",
               b.account_id as "account_id?: AccountId", b.status as "status?",
               (n.aircraft is not null and s.reason <> 'blocked') as "fits!"
        from passenger_seat s
        join flight f on f.id = s.flight_id
        left join seat_layout o on o.aircraft = f.aircraft and o.seat_row = s.seat_row and o.letter = s.letter
        left join seat_layout n on n.aircraft = $2 and n.seat_row = s.seat_row and n.letter = s.letter
              and n.cabin = o.cabin and n.exit_row = o.exit_row
        left join passenger p on p.id = s.passenger_id
        left join booking b on b.id = p.booking_id
        where s.flight_id = $1 order by s.seat_row, s.letter
        "#,
        flight_id.0,
        aircraft,
    )
    .fetch_all(conn)
    .await?;
    Ok(claims)
}

async fn give_up(conn: &mut PgConnection, claim: &Claim) -> Result<()> {
    sqlx::query!(
        "delete from passenger_seat where flight_id = $1 and seat_row = $2 and letter = $3",
        claim.flight_id.0,
        claim.seat_row,
        claim.letter,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn seat_again(
    conn: &mut PgConnection,
    flight_id: FlightId,
    booking_id: BookingId,
    hold_id: HoldId,
) -> Result<usize> {
    let cabin = sqlx::query_scalar!(
        r#"select cabin as "cabin: Cabin" from booked_flight where booking_id = $1 and flight_id = $2"#,
        booking_id.0,
        flight_id.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    let party: Vec<Sitter> = seating::party(conn, booking_id, flight_id).await?;
    let free: Vec<_> = seat::list(conn, flight_id, Some(cabin))
        .await?
        .into_iter()
        .filter(|seat| seat.status == SeatStatus::Free)
        .map(|seat| seat.place)
        .collect();
    let seated: Vec<(PassengerId, Seat, _)> = seat::allocate(&free, &party);
    for (passenger_id, seat, _) in &seated {
        inventory::claim_seats(conn, hold_id, &[(flight_id, *seat)], "aircraft_change").await?;
        seating::occupy(conn, flight_id, *seat, *passenger_id).await?;
    }
    Ok(seated.len())
}

/// The flight of an airline's number on a local date, for those who type it.
pub async fn find_flight(
    conn: &mut PgConnection,
    airline: &str,
    number: &str,
    date: chrono::NaiveDate,
) -> Result<FlightId> {
    let id: Option<Uuid> = sqlx::query_scalar!(
        "select id from flight where airline = $1 and flight_number = $2 and departure_date = $3 order by departs_at limit 1",
        airline,
        number,
        date,
    )
    .fetch_optional(conn)
    .await?;
    id.map(FlightId).ok_or(Error::NotFound("flight"))
}
