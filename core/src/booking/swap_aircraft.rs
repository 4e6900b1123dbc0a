//! Another aircraft flies: who sat on a seat that it does not have is seated anew, and is told.
//!
//! **An aircraft swap refunds beside the invoice.** Once a booking is sold its invoice stays: when a swap takes a
//! paid seat, or makes it a cheaper class, a negative line and a negative sale are posted and the difference goes
//! back (`seat_swap`). The mail with the new tickets tells it from `seat_move`. A more expensive class asks for
//! nothing: nobody chose it.
//!
//! **Moving seats of a sold booking locks its cabins; swapping an aircraft first locks the bookings that wait for
//! seats.** Seats are rows of layout and flight, and neither is locked by sitting down. A swap reads which bookings
//! wait for a seat, locks them, then the cabins, and looks again: one that came between is locked in a second
//! attempt, never out of order. A hold or a patch that names seats looks at the layout before it waits for the
//! cabin and once more after.

use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::seat_money::{self, GivenBack, PaidSeat};
use super::{pending, seating};
use crate::audit::{self, Act};
use crate::booking_event::{self, Event, SeatMoved};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::error::OnConstraint;
use crate::ids::{AccountId, BookingId, FlightId, HoldId, PassengerId};
use crate::inventory::{self, Seat};
use crate::seat::{self, CabinMap, Sitter};
use crate::seat_fee::SeatFees;
use crate::trade::Cabin;
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
/// have another one near their party, with the reason `aircraft_change`; their ticket documents are made anew. What
/// was paid for choosing such a seat goes back, and of a seat that is of a cheaper class now the difference. Blocked
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
    let locked = lock_concerned(conn, flight_id).await?;
    let before = sqlx::query_scalar!("select aircraft from flight where id = $1", flight_id.0)
        .fetch_optional(&mut *conn)
        .await?
        .ok_or(Error::NotFound("flight"))?;
    let fees = SeatFees::load(conn).await?;
    let paid = seat_money::of_flight(conn, &fees, flight_id).await?;
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
    for booking in &locked {
        if let Some((_, change)) = lost.iter().find(|(of, _)| *of == booking.id) {
            pending::lose(conn, clock, booking, *change).await?;
        }
    }
    let mut swapped = Swapped::default();
    let mut losers: Vec<(BookingId, AccountId, HoldId)> = Vec::new();
    let mut unpaid: Vec<(BookingId, AccountId, SeatMoved)> = Vec::new();
    let mut moved: Vec<(BookingId, PassengerId, Seat)> = Vec::new();
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
        {
            if !losers.contains(&(booking, account, hold)) {
                losers.push((booking, account, hold));
            }
            let who = claim.passenger_id.zip(claim.seat());
            moved.extend(who.map(|(who, seat)| (booking, who, seat)));
        } else if let (Some(booking), Some(account), Some(who)) =
            (claim.booking_id, claim.account_id, claim.passenger_id)
        {
            let lost = SeatMoved {
                passenger_id: who,
                flight_id,
                from: claim.seat(),
                to: None,
            };
            unpaid.push((booking, account, lost));
        }
    }
    let mut told: Vec<(BookingId, AccountId)> = Vec::new();
    for (booking_id, account_id, hold_id) in losers {
        swapped.moved += seat_again(conn, flight_id, booking_id, hold_id).await?;
        told.push((booking_id, account_id));
    }
    let owed = give_back(conn, &locked, &fees, paid, &moved).await?;
    let back: Vec<GivenBack> = owed.iter().flat_map(|(_, own)| own.clone()).collect();
    for booking in &locked {
        let has_money_back = back.iter().any(|one| one.seat.booking_id == booking.id);
        if has_money_back && !told.contains(&(booking.id, booking.account_id)) {
            told.push((booking.id, booking.account_id));
        }
    }
    let swap = Swap {
        flight_id,
        from: &before,
        to: aircraft,
    };
    swap.record(conn, clock, &told, &moved, &unpaid).await?;
    for (booking, own) in owed {
        seat_money::settle(conn, clock, booking, &own).await?;
    }
    forget_choices(conn, flight_id, &moved).await?;
    note_moves(conn, clock, flight_id, [&before, aircraft], &moved, &back).await?;
    for (booking_id, account_id) in told {
        document::reissue_tickets(conn, clock, account_id, booking_id).await?;
    }
    let act = Act {
        action: "aircraft_swapped",
        object_kind: "flight",
        object_id: flight_id.to_string(),
        before: Some(json!({ "aircraft": before })),
        after: Some(json!({ "aircraft": aircraft, "kept": swapped.kept, "moved": swapped.moved })),
    };
    audit::record(conn, clock, &act).await?;
    Ok(swapped)
}

impl Claim {
    fn seat(&self) -> Option<Seat> {
        Seat::of_columns(self.seat_row, &self.letter)
    }
}

/// What becomes an event of each booking.
struct Swap<'a> {
    flight_id: FlightId,
    from: &'a str,
    to: &'a str,
}

impl Swap<'_> {
    /// Records it for those that are `told`, paid, with where who `moved` sits now, and for those not paid that lost a
    /// named seat.
    async fn record(
        &self,
        conn: &mut PgConnection,
        clock: &Clock,
        told: &[(BookingId, AccountId)],
        moved: &[(BookingId, PassengerId, Seat)],
        unpaid: &[(BookingId, AccountId, SeatMoved)],
    ) -> Result<()> {
        let people: Vec<Uuid> = moved.iter().map(|(_, who, _)| who.0).collect();
        let now = sqlx::query!(
            r#"
            select passenger_id as "passenger_id!: PassengerId", seat_row, letter from passenger_seat
            where flight_id = $1 and passenger_id = any($2)
            "#,
            self.flight_id.0,
            &people,
        )
        .fetch_all(&mut *conn)
        .await?;
        for (booking_id, account_id) in told {
            let own = moved.iter().filter(|(of, _, _)| of == booking_id);
            let seats = own.map(|(_, who, seat)| {
                let now = now.iter().find(|now| now.passenger_id == *who);
                SeatMoved {
                    passenger_id: *who,
                    flight_id: self.flight_id,
                    from: Some(*seat),
                    to: now.and_then(|now| Seat::of_columns(now.seat_row, &now.letter)),
                }
            });
            let event = self.event(seats.collect());
            booking_event::record(conn, clock, *account_id, *booking_id, &event).await?;
        }
        let mut ids: Vec<_> = unpaid
            .iter()
            .map(|(id, account, _)| (*id, *account))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        for (booking_id, account_id) in ids {
            let own = unpaid.iter().filter(|(of, _, _)| *of == booking_id);
            let event = self.event(own.map(|(_, _, lost)| *lost).collect());
            booking_event::record(conn, clock, account_id, booking_id, &event).await?;
        }
        Ok(())
    }

    fn event(&self, seats: Vec<SeatMoved>) -> Event {
        Event::AircraftChanged {
            flight_id: self.flight_id,
            from: self.from.to_owned(),
            to: self.to.to_owned(),
            seats,
        }
    }
}

/// For each locked booking the fees of chosen seats that its passengers do not have any more as they were.
async fn give_back<'a>(
    conn: &mut PgConnection,
    locked: &'a [LockedBooking],
    fees: &SeatFees,
    paid: Vec<PaidSeat>,
    moved: &[(BookingId, PassengerId, Seat)],
) -> Result<Vec<(&'a LockedBooking, Vec<GivenBack>)>> {
    let has_lost = |seat: &PaidSeat| moved.iter().any(|(_, who, _)| *who == seat.passenger_id);
    let mut back = Vec::new();
    for booking in locked {
        let own = paid.iter().filter(|seat| seat.booking_id == booking.id);
        let (own, currency) = (own.cloned().collect(), booking.total.currency());
        let own = seat_money::given_back(conn, fees, currency, own, has_lost).await?;
        back.push((booking, own));
    }
    Ok(back)
}

/// Who sits elsewhere has chosen nothing any more.
async fn forget_choices(
    conn: &mut PgConnection,
    flight_id: FlightId,
    moved: &[(BookingId, PassengerId, Seat)],
) -> Result<()> {
    let people: Vec<Uuid> = moved.iter().map(|(_, who, _)| who.0).collect();
    sqlx::query!(
        "delete from seat_choice where flight_id = $1 and passenger_id = any($2)",
        flight_id.0,
        &people,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Files what became of everybody who moved or has money back, for the mail with the new tickets.
async fn note_moves(
    conn: &mut PgConnection,
    clock: &Clock,
    flight_id: FlightId,
    aircraft: [&str; 2],
    moved: &[(BookingId, PassengerId, Seat)],
    back: &[GivenBack],
) -> Result<()> {
    let is_moved = |who: PassengerId| moved.iter().any(|(_, other, _)| *other == who);
    let stayed = back.iter().map(|one| &one.seat);
    let stayed = stayed.filter(|seat| !is_moved(seat.passenger_id));
    let stayed = stayed.map(|seat| (seat.booking_id, seat.passenger_id, seat.seat));
    for (booking_id, passenger_id, seat) in moved.iter().copied().chain(stayed) {
        let refund = back
            .iter()
            .find(|one| one.seat.passenger_id == passenger_id);
        sqlx::query!(
            r#"
            insert into seat_move (id, booking_id, passenger_id, flight_id, moved_at, from_aircraft, to_aircraft, from_seat,
                                   to_seat, currency, refund_minor)
            select $1, b.id, $3, $4, $5, $6, $7, $8,
                   (select s.seat_row || s.letter from passenger_seat s where s.passenger_id = $3 and s.flight_id = $4), b.currency, $9
            from booking b where b.id = $2
            "#,
            Uuid::now_v7(),
            booking_id.0,
            passenger_id.0,
            flight_id.0,
            clock.now(),
            aircraft[0],
            aircraft[1],
            seat.to_string(),
            refund.map_or(0, |one| one.minor),
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Locks the bookings whose change of seats on this flight waits for its money and those that paid for choosing seats,
/// whose price may change, then the cabins (invariant 4).
///
/// One that came between the two is not locked: everything is let go and locked anew.
async fn lock_concerned(
    conn: &mut PgConnection,
    flight_id: FlightId,
) -> Result<Vec<LockedBooking>> {
    loop {
        let mut attempt = conn.begin().await?;
        let mut locked = Vec::new();
        for id in concerned(&mut attempt, flight_id).await? {
            locked.push(booking_lock::lock(&mut attempt, id).await?);
        }
        sqlx::query!(
            "select cabin from flight_cabin where flight_id = $1 order by cabin for update",
            flight_id.0,
        )
        .fetch_all(&mut *attempt)
        .await?;
        let now = concerned(&mut attempt, flight_id).await?;
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

/// The bookings with an open change of seats on a flight or chosen seats that are paid, in the order of locks.
async fn concerned(conn: &mut PgConnection, flight_id: FlightId) -> Result<Vec<BookingId>> {
    let waiting = sqlx::query_scalar!(
        r#"
        select c.booking_id as "id!: BookingId" from booking_change c
        where c.status = 'open' and exists (select from booking_change_seat i where i.booking_change_id = c.id and i.flight_id = $1)
        union
        select b.id from booked_flight bf
        join booking b on b.id = bf.booking_id and b.status in ('confirmed', 'partially_cancelled')
        join seat_choice c on c.booking_id = b.id and c.flight_id = bf.flight_id and c.paid_minor > 0
        where bf.flight_id = $1
        order by 1
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
        from booking_change c
        join booking_change_seat i on i.booking_change_id = c.id and i.flight_id = $1
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
    let map = CabinMap::new(seating::seats_of_cabin(conn, flight_id, cabin).await?);
    let seated: Vec<(PassengerId, Seat, _)> = seat::allocate(&map, &party);
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
