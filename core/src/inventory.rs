//! The one place that locks and moves seats: cabin counters and named seats (invariants 3 and 4).
//!
//! Callers have locked the hold or booking before they come here. Rows are taken in the order of flight id and
//! cabin, seats in the order of flight, row and letter, so that two parties never wait for each other in a ring.
//!
//! **The cabin's row is the queue.** A hot flight is one row, and its updates wait for each other. We do not shard
//! the counter: exact "seven seats left" matters more than the last bookings per second of one flight;
//! `MEASUREMENTS.md` says what that costs.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::postgres::PgDatabaseError;
use uuid::Uuid;

use crate::error::OnConstraint;
use crate::ids::{BookingId, FlightId, HoldId, PassengerId};
use crate::trade::Cabin;
use crate::{Error, Result};

/// How the counters of one cabin move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The flight.
    pub flight_id: FlightId,
    /// The cabin.
    pub cabin: Cabin,
    /// Added to `held`.
    pub held: i32,
    /// Added to `sold`.
    pub sold: i32,
}

/// A seat by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat {
    /// Row, from 1.
    pub row: i16,
    /// Letter, `A` to `Z`.
    pub letter: char,
}

impl Seat {
    /// Reads `12A`; case does not matter, leading zeros do not either.
    pub fn parse(raw: &str) -> Option<Self> {
        let letter = raw.chars().last()?.to_ascii_uppercase();
        let digits = raw.get(..raw.len().checked_sub(1)?)?;
        let row: i16 = digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())??;
        (letter.is_ascii_uppercase() && row > 0).then_some(Self { row, letter })
    }

    /// The seat of a row of the database.
    pub(crate) fn of_columns(row: i16, letter: &str) -> Option<Self> {
        let letter = letter.chars().next()?;
        Some(Self { row, letter })
    }
}

impl std::fmt::Display for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.row, self.letter)
    }
}

/// The changes in the order in which cabins are locked, those of one cabin added up.
pub(crate) fn in_order(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_by_key(|change| (change.flight_id, change.cabin.as_str()));
    changes.dedup_by(|later, first| {
        let same = (later.flight_id, later.cabin) == (first.flight_id, first.cabin);
        if same {
            first.held += later.held;
            first.sold += later.sold;
        }
        same
    });
    changes
}

/// Changes in columns, in the order of locks.
struct Columns {
    flights: Vec<Uuid>,
    cabins: Vec<String>,
    held: Vec<i32>,
    sold: Vec<i32>,
}

impl Columns {
    fn of(changes: &[Change]) -> Self {
        let cabin = |change: &Change| change.cabin.as_str().to_owned();
        Self {
            flights: changes.iter().map(|change| change.flight_id.0).collect(),
            cabins: changes.iter().map(cabin).collect(),
            held: changes.iter().map(|change| change.held).collect(),
            sold: changes.iter().map(|change| change.sold).collect(),
        }
    }
}

/// Which flight is full says the row that breaks the constraint: one statement moves several cabins.
fn sold_out(error: sqlx::Error, changes: &[Change]) -> Error {
    let sqlx::Error::Database(violation) = &error else {
        return error.into();
    };
    if violation.constraint() != Some("flight_cabin_not_oversold") {
        return error.into();
    }
    let detail = violation.try_downcast_ref::<PgDatabaseError>();
    let detail = detail.and_then(PgDatabaseError::detail).unwrap_or_default();
    let names = |change: &&Change| detail.contains(&change.flight_id.to_string());
    match changes.iter().find(names).or(changes.first()) {
        Some(change) => Error::SoldOut {
            flight_id: change.flight_id,
        },
        None => error.into(),
    }
}

/// Moves the counters of all the cabins or, by the error, of none once the caller rolls back.
///
/// [`Error::SoldOut`] names the flight whose cabin is too full.
pub async fn apply(conn: &mut PgConnection, changes: Vec<Change>) -> Result<()> {
    let changes = in_order(changes);
    let columns = Columns::of(&changes);
    // An update locks in the order of its plan; the rows are locked in ours before.
    sqlx::query!(
        r#"
        with cabin as materialized (
            select c.flight_id, c.cabin, wanted.held, wanted.sold
            from unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) as wanted (flight_id, cabin, held, sold)
            join flight_cabin c on c.flight_id = wanted.flight_id and c.cabin = wanted.cabin
            order by c.flight_id, c.cabin for no key update of c
        )
        update flight_cabin c set held = c.held + cabin.held, sold = c.sold + cabin.sold
        from cabin where c.flight_id = cabin.flight_id and c.cabin = cabin.cabin
        "#,
        &columns.flights,
        &columns.cabins,
        &columns.held,
        &columns.sold,
    )
    .execute(conn)
    .await
    .map_err(|error| sold_out(error, &changes))?;
    Ok(())
}

/// Takes seats out of cabins that are on sale: scheduled, and leaving at `sales_open_until` or later.
///
/// Errors: [`Error::SalesClosed`], [`Error::SoldOut`]; the caller rolls back, so a party gets all seats or none.
pub async fn hold(
    conn: &mut PgConnection,
    changes: Vec<Change>,
    sales_open_until: DateTime<Utc>,
) -> Result<()> {
    let changes = in_order(changes);
    let columns = Columns::of(&changes);
    let held = sqlx::query!(
        r#"
        with cabin as materialized (
            select c.flight_id, c.cabin, wanted.held
            from unnest($1::uuid[], $2::text[], $3::int[]) as wanted (flight_id, cabin, held)
            join flight_cabin c on c.flight_id = wanted.flight_id and c.cabin = wanted.cabin
            join flight f on f.id = c.flight_id and f.status = 'scheduled' and f.departs_at >= $4
            order by c.flight_id, c.cabin for no key update of c
        )
        update flight_cabin c set held = c.held + cabin.held
        from cabin where c.flight_id = cabin.flight_id and c.cabin = cabin.cabin
        returning c.flight_id as "flight_id: FlightId", c.cabin as "cabin: Cabin"
        "#,
        &columns.flights,
        &columns.cabins,
        &columns.held,
        sales_open_until,
    )
    .fetch_all(conn)
    .await
    .map_err(|error| sold_out(error, &changes))?;
    let is_held = |change: &&Change| {
        let mut held = held.iter();
        held.any(|row| (row.flight_id, row.cabin) == (change.flight_id, change.cabin))
    };
    match changes.iter().find(|change| !is_held(change)) {
        Some(closed) => Err(Error::SalesClosed {
            flight_id: closed.flight_id,
        }),
        None => Ok(()),
    }
}

/// Moves `held` as the changes say together: a cabin that gives and takes the same keeps what it has, also when it is full.
///
/// Every cabin of the changes is locked, so that named seats may move after. Only those that take more must be on sale.
/// Errors as [`hold`].
pub(crate) async fn swap(
    conn: &mut PgConnection,
    changes: Vec<Change>,
    sales_open_until: DateTime<Utc>,
) -> Result<()> {
    for change in in_order(changes) {
        if change.held > 0 {
            hold(conn, vec![change], sales_open_until).await?;
        } else {
            apply(conn, vec![change]).await?;
        }
    }
    Ok(())
}

/// Leaves no seat to sell on a flight that is cancelled.
///
/// A hold that waits for a cabin's row reads the flight's status as it was when it began, but PostgreSQL checks the
/// counters of the row as it is then: nobody gets a seat on it.
pub(crate) async fn close(conn: &mut PgConnection, flight_id: FlightId) -> Result<()> {
    sqlx::query!(
        r#"
        with cabin as materialized (
            select flight_id, cabin from flight_cabin where flight_id = $1 order by cabin collate "C" for no key update
        )
        update flight_cabin c set capacity = c.held + c.sold
        from cabin where c.flight_id = cabin.flight_id and c.cabin = cabin.cabin
        "#,
        flight_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What staff set of a cabin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CabinTerms {
    pub cabin: Cabin,
    pub capacity: i32,
    pub base_fare_minor: i64,
}

/// Locks the cabins of a flight: no seat is held, sold or given back until the transaction ends.
pub(crate) async fn lock_flight(conn: &mut PgConnection, flight_id: FlightId) -> Result<()> {
    sqlx::query!(
        r#"select cabin from flight_cabin where flight_id = $1 order by cabin collate "C" for no key update"#,
        flight_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Sets capacities and fares of cabins that [`lock_flight`] has locked. [`Error::SoldOut`] for a capacity that is less than
/// what is held and sold.
pub(crate) async fn set_terms(
    conn: &mut PgConnection,
    flight_id: FlightId,
    terms: &[CabinTerms],
) -> Result<()> {
    let cabins: Vec<String> = terms
        .iter()
        .map(|one| one.cabin.as_str().to_owned())
        .collect();
    let capacities: Vec<i32> = terms.iter().map(|one| one.capacity).collect();
    let fares: Vec<i64> = terms.iter().map(|one| one.base_fare_minor).collect();
    sqlx::query!(
        r#"
        update flight_cabin c set capacity = wanted.capacity, base_fare_minor = wanted.fare
        from unnest($2::text[], $3::int[], $4::bigint[]) as wanted (cabin, capacity, fare)
        where c.flight_id = $1 and c.cabin = wanted.cabin
        "#,
        flight_id.0,
        &cabins,
        &capacities,
        &fares,
    )
    .execute(conn)
    .await
    .on_constraint("flight_cabin_not_oversold", Error::SoldOut { flight_id })?;
    Ok(())
}

/// Locks the cabins that a booking has seats in, without moving a counter: named seats of a sold booking move under it,
/// so that the aircraft stays what it is meanwhile.
pub(crate) async fn lock_of_booking(conn: &mut PgConnection, booking_id: BookingId) -> Result<()> {
    sqlx::query!(
        r#"
        select c.cabin from flight_cabin c
        join booked_flight bf on bf.flight_id = c.flight_id and bf.cabin = c.cabin
        where bf.booking_id = $1 order by c.flight_id, c.cabin for no key update of c
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// A seat that is claimed, and for whom where that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub flight_id: FlightId,
    pub seat: Seat,
    pub passenger_id: Option<PassengerId>,
    pub reason: &'static str,
}

/// Claims named seats for a hold. The seats must be of the flight's aircraft and the given cabin.
///
/// [`Error::SeatTaken`] names the first that somebody else has.
pub async fn claim_seats(
    conn: &mut PgConnection,
    hold_id: HoldId,
    seats: &[(FlightId, Seat)],
    reason: &'static str,
) -> Result<()> {
    let claim = |(flight_id, seat): &(FlightId, Seat)| Claim {
        flight_id: *flight_id,
        seat: *seat,
        passenger_id: None,
        reason,
    };
    claim_all(conn, hold_id, seats.iter().map(claim).collect()).await
}

/// The same with whom they are for; of several flights and for several reasons. Errors as [`claim_seats`].
pub(crate) async fn claim_all(
    conn: &mut PgConnection,
    hold_id: HoldId,
    mut claims: Vec<Claim>,
) -> Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    claims.sort_by_key(|claim| (claim.flight_id, claim.seat));
    let letter = |claim: &Claim| claim.seat.letter.to_string();
    let passenger = |claim: &Claim| claim.passenger_id.map(|passenger| passenger.0);
    let claimed = sqlx::query!(
        r#"
        insert into passenger_seat (flight_id, seat_row, letter, passenger_id, reason, hold_id)
        select flight_id, seat_row, letter, passenger_id, reason, $6
        from unnest($1::uuid[], $2::smallint[], $3::text[], $4::uuid[], $5::text[]) as t (flight_id, seat_row, letter, passenger_id, reason)
        on conflict on constraint passenger_seat_taken do nothing
        returning flight_id, seat_row, letter
        "#,
        &claims.iter().map(|claim| claim.flight_id.0).collect::<Vec<_>>(),
        &claims.iter().map(|claim| claim.seat.row).collect::<Vec<_>>(),
        &claims.iter().map(letter).collect::<Vec<_>>(),
        &claims.iter().map(passenger).collect::<Vec<_>>() as &[Option<Uuid>],
        &claims.iter().map(|claim| claim.reason.to_owned()).collect::<Vec<_>>(),
        hold_id.0,
    )
    .fetch_all(conn)
    .await?;
    let is_claimed = |claim: &&Claim| {
        claimed.iter().any(|row| {
            row.flight_id == claim.flight_id.0
                && row.seat_row == claim.seat.row
                && row.letter.starts_with(claim.seat.letter)
        })
    };
    match claims.iter().find(|claim| !is_claimed(claim)) {
        Some(claim) => Err(Error::SeatTaken {
            seat: claim.seat.to_string(),
        }),
        None => Ok(()),
    }
}

/// Gives every named seat of a hold back.
pub async fn release_seats(conn: &mut PgConnection, hold_id: HoldId) -> Result<()> {
    sqlx::query!("delete from passenger_seat where hold_id = $1", hold_id.0)
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_cabin_add_up_and_stand_in_the_order_of_locks() {
        let (one, two) = (FlightId::new(), FlightId::new());
        let change = |flight_id, cabin, held| Change {
            flight_id,
            cabin,
            held,
            sold: 0,
        };
        let changes = vec![
            change(two, Cabin::Economy, 4),
            change(one, Cabin::Economy, 1),
            change(one, Cabin::Business, 2),
            change(one, Cabin::Economy, 3),
        ];
        let ordered = vec![
            change(one, Cabin::Business, 2),
            change(one, Cabin::Economy, 4),
            change(two, Cabin::Economy, 4),
        ];
        assert_eq!(in_order(changes), ordered);
    }

    #[test]
    fn seat_numbers_read_as_printed() {
        let seat = |raw| Seat::parse(raw).map(|seat| seat.to_string());
        assert_eq!(seat("12A").as_deref(), Some("12A"));
        assert_eq!(seat("012a").as_deref(), Some("12A"));
        for wrong in ["", "A", "12", "0A", "-1A", "1AA", "99999A", "12é", "+1A"] {
            assert_eq!(seat(wrong), None, "{wrong}");
        }
    }
}
