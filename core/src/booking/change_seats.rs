//! Other seats for a paid booking (rules.md "Change"): a cheaper seat gives nothing back, a dearer one is held until
//! the difference is paid.

use chrono::{DateTime, Duration, Utc};
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::lock::{self, LockedBooking};
use super::model::BookingStatus;
use super::reference::BookingRef;
use super::seating;
use crate::clock::Clock;
use crate::error::Violations;
use crate::fare::{Cabin, LineKind, PriceLine};
use crate::ids::{AccountId, BookingId, FlightId, PassengerId};
use crate::inventory::{self, Seat};
use crate::money::Money;
use crate::seat::{self, SeatOnFlight, SeatStatus, Sitter};
use crate::{Error, Result, Shop, document, ledger, payment};

/// Check-in closes this long before a flight; its seats do not change after that.
const CHECK_IN_CLOSES: Duration = Duration::minutes(60);

/// A seat that a passenger would rather have.
#[derive(Clone, Debug)]
pub struct NewSeat {
    /// Who.
    pub passenger_id: PassengerId,
    /// On which flight.
    pub flight_id: FlightId,
    /// `12A`.
    pub seat: String,
}

/// Seats that wait for their difference to be paid.
#[derive(Clone, Debug)]
pub struct SeatChange {
    /// The change.
    pub id: Uuid,
    /// When the seats go back.
    pub expires_at: DateTime<Utc>,
    /// What is to be paid.
    pub amount: Money,
}

/// A wish that was checked.
struct Wish {
    passenger_id: PassengerId,
    seat: SeatOnFlight,
    fee: i64,
    direction: u8,
}

/// Gives passengers of a paid booking other seats, all of them or none.
///
/// Without a difference to pay it happens at once and the ticket documents are made anew; else the seats are held
/// and [`payment::start`] opens a checkout of the difference. A change that waited for its money is dropped first.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`] unless paid, [`Error::TooLate`] once check-in has closed,
/// [`Error::SeatTaken`], [`Error::Invalid`] with every wrong field.
pub async fn change_seats(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    reference: &BookingRef,
    wishes: &[NewSeat],
) -> Result<()> {
    let booking = lock::lock_of_account(conn, account_id, reference).await?;
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {}
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => {
            return Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "given other seats",
            });
        }
    }
    if let Some(open) = find_open(conn, booking.id).await? {
        payment::abandon(conn, shop.clock, &booking).await?;
        drop_claims(conn, shop.clock, open.id, "expired").await?;
    }
    let wishes = check(conn, shop, &booking, wishes).await?;
    let dearer: i64 = wishes.iter().map(|wish| wish.fee).sum();
    if dearer == 0 {
        let moves: Vec<_> = wishes.iter().map(Wish::target).collect();
        reseat(conn, &booking, &moves).await?;
        return document::reissue_tickets(conn, shop.clock, account_id, booking.id).await;
    }
    hold_seats(conn, shop, &booking, &wishes, dearer).await
}

/// Who moves where, for how much more.
#[derive(Clone, Copy)]
struct Move {
    passenger_id: PassengerId,
    flight_id: FlightId,
    seat: Seat,
    fee: i64,
}

impl Wish {
    fn target(&self) -> Move {
        Move {
            passenger_id: self.passenger_id,
            flight_id: self.seat.flight_id,
            seat: self.seat.place.seat,
            fee: self.fee,
        }
    }
}

/// Takes the seats from whoever of the booking had them and gives them to those who want them.
async fn reseat(conn: &mut PgConnection, booking: &LockedBooking, moves: &[Move]) -> Result<()> {
    // All of them stand up before anybody sits down, so that two may change places.
    for who in moves {
        sqlx::query!(
            "delete from passenger_seat where passenger_id = $1 and flight_id = $2",
            who.passenger_id.0,
            who.flight_id.0,
        )
        .execute(&mut *conn)
        .await?;
    }
    let seats: Vec<_> = moves.iter().map(|to| (to.flight_id, to.seat)).collect();
    inventory::claim_seats(conn, booking.hold_id, &seats, "chosen").await?;
    sit(conn, booking, moves).await
}

async fn sit(conn: &mut PgConnection, booking: &LockedBooking, moves: &[Move]) -> Result<()> {
    for Move {
        passenger_id,
        flight_id,
        seat,
        fee,
    } in moves
    {
        seating::occupy(conn, *flight_id, *seat, *passenger_id).await?;
        sqlx::query!(
            r#"
            insert into seat_choice as had (booking_id, passenger_id, flight_id, seat_row, letter, paid_minor) values ($1, $2, $3, $4, $5, $6)
            on conflict on constraint seat_choice_pkey do update set
                seat_row = excluded.seat_row, letter = excluded.letter, paid_minor = had.paid_minor + excluded.paid_minor
            "#,
            booking.id.0,
            passenger_id.0,
            flight_id.0,
            seat.row,
            seat.letter.to_string(),
            fee,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// A direction as the fee of a seat depends on it.
struct Flown {
    flight_id: FlightId,
    departs_at: DateTime<Utc>,
    cabin: Cabin,
    direction: i16,
    seat_choice: Option<String>,
}

async fn check(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    wishes: &[NewSeat],
) -> Result<Vec<Wish>> {
    let flown = sqlx::query_as!(
        Flown,
        r#"
        select bf.flight_id as "flight_id: FlightId", f.departs_at, bf.cabin as "cabin: Cabin", d.ordinal as direction,
               d.conditions ->> 'seat_choice' as seat_choice
        from booked_flight bf
        join direction d on d.id = bf.direction_id and d.status = 'booked'
        join flight f on f.id = bf.flight_id
        where bf.booking_id = $1 order by bf.ordinal
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut wrong = Violations::new();
    let read = rules(&mut wrong, wishes);
    let mut checked = Vec::<Wish>::new();
    for (index, (wish, seat)) in wishes.iter().zip(read).enumerate() {
        let path = |field: &str| format!("seats[{index}].{field}");
        let Some(on) = flown.iter().find(|on| on.flight_id == wish.flight_id) else {
            wrong.add(
                path("flight_id"),
                "not_booked",
                "the flight is not of this booking",
            );
            continue;
        };
        if shop.clock.now() > on.departs_at - CHECK_IN_CLOSES {
            return Err(Error::TooLate { action: "seats" });
        }
        let party = seating::party(conn, booking.id, wish.flight_id).await?;
        let Some(sitter) = party.iter().find(|s| s.passenger_id == wish.passenger_id) else {
            let message = "no seated passenger of this booking";
            wrong.add(path("passenger_id"), "unknown", message);
            continue;
        };
        let Some(seat) = seat else {
            continue;
        };
        let Some(seat) = find_seat(conn, &mut wrong, path("seat"), on, seat).await? else {
            continue;
        };
        check_free(&mut wrong, path("seat"), &party, sitter, seat);
        let fees = &shop.tariff.seat_fees;
        let kind = fees.kind(on.cabin, seat.place.exit_row, seat.row_of_cabin);
        let choice = on.seat_choice.as_deref().unwrap_or("paid");
        let fee = fees.fee(booking.total.currency(), on.cabin, kind, choice)?;
        let paid = paid_for(conn, wish.flight_id, wish.passenger_id).await?;
        checked.push(Wish {
            passenger_id: wish.passenger_id,
            fee: (fee.minor() - paid).max(0),
            direction: u8::try_from(on.direction).unwrap_or_default(),
            seat,
        });
    }
    wrong.into_result()?;
    Ok(checked)
}

/// What can be said of the wishes by themselves; the seats of those that can be read.
pub(super) fn rules(wrong: &mut Violations, wishes: &[NewSeat]) -> Vec<Option<Seat>> {
    let seats: Vec<_> = wishes.iter().map(|wish| Seat::parse(&wish.seat)).collect();
    for (index, (wish, seat)) in wishes.iter().zip(&seats).enumerate() {
        let field = format!("seats[{index}].seat");
        if seat.is_none() {
            let message = "a seat is a row and a letter, such as 12A";
            wrong.add(field, "format", message);
            continue;
        }
        let mut before = wishes.iter().zip(&seats).take(index);
        let is_twice = before.any(|(other, taken)| {
            other.flight_id == wish.flight_id
                && (other.passenger_id == wish.passenger_id || taken == seat)
        });
        if is_twice {
            let message = "a passenger or seat is named twice on one flight";
            wrong.add(field, "duplicate", message);
        }
    }
    seats
}

async fn find_seat(
    conn: &mut PgConnection,
    wrong: &mut Violations,
    field: String,
    on: &Flown,
    seat: Seat,
) -> Result<Option<SeatOnFlight>> {
    let found = seat::find(conn, &[(on.flight_id, seat)]).await?.pop();
    let found = found.filter(|found| found.cabin == on.cabin);
    if found.is_none() {
        let message = format!("there is no seat {seat} in this cabin");
        wrong.add(field, "no_such_seat", message);
    }
    Ok(found)
}

fn check_free(
    wrong: &mut Violations,
    field: String,
    party: &[Sitter],
    sitter: &Sitter,
    seat: SeatOnFlight,
) {
    let is_of_party = party.iter().any(|other| other.has == Some(seat.place.seat));
    if seat.place.exit_row && !sitter.may_sit_at_exit {
        wrong.add(
            field,
            "exit_row",
            "exit rows are for those of 15 and more without an infant",
        );
    } else if seat.status == SeatStatus::Blocked {
        wrong.add(field, "blocked", "the seat is not for sale");
    } else if seat.status != SeatStatus::Free && !is_of_party {
        wrong.add(field, "seat_taken", "the seat is taken");
    }
}

/// What this passenger has paid for choosing seats on a flight.
async fn paid_for(
    conn: &mut PgConnection,
    flight_id: FlightId,
    passenger_id: PassengerId,
) -> Result<i64> {
    let paid = sqlx::query_scalar!(
        "select paid_minor from seat_choice where passenger_id = $1 and flight_id = $2",
        passenger_id.0,
        flight_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(paid.unwrap_or_default())
}

async fn hold_seats(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    wishes: &[Wish],
    dearer: i64,
) -> Result<()> {
    let id = Uuid::now_v7();
    let fees = &shop.tariff.seat_fees;
    let lines: Vec<PriceLine> = wishes
        .iter()
        .filter(|wish| wish.fee > 0)
        .map(|wish| {
            let seat = &wish.seat;
            let kind = fees.kind(seat.cabin, seat.place.exit_row, seat.row_of_cabin);
            PriceLine {
                direction: Some(wish.direction),
                flight_id: Some(seat.flight_id),
                kind: LineKind::Seat,
                code: format!("{} {}", kind.as_str(), seat.place.seat),
                passenger_type: None,
                passenger_id: Some(wish.passenger_id),
                quantity: 1,
                unit_minor: wish.fee,
                refundable: false,
            }
        })
        .collect();
    let lines = serde_json::to_value(lines)
        .map_err(|error| Error::Internal(format!("price lines do not serialise: {error}")))?;
    sqlx::query!(
        r#"
        insert into seat_change (id, booking_id, created_at, expires_at, currency, amount_minor, lines)
        values ($1, $2, $3, $4, $5, $6, $7)
        "#,
        id,
        booking.id.0,
        shop.clock.now(),
        shop.clock.now() + shop.sales.hold_time(),
        booking.total.currency().code(),
        dearer,
        lines,
    )
    .execute(&mut *conn)
    .await?;
    for wish in wishes {
        let Move {
            passenger_id,
            flight_id,
            seat,
            fee,
        } = wish.target();
        sqlx::query!(
            "insert into seat_change_item (seat_change_id, passenger_id, flight_id, seat_row, letter, fee_minor) values ($1, $2, $3, $4, $5, $6)",
            id,
            passenger_id.0,
            flight_id.0,
            seat.row,
            seat.letter.to_string(),
            fee,
        )
        .execute(&mut *conn)
        .await?;
    }
    claim_items(conn, booking, id).await
}

/// Claims the seats of a change that nobody of the booking sits on already.
async fn claim_items(conn: &mut PgConnection, booking: &LockedBooking, id: Uuid) -> Result<()> {
    let own = sqlx::query!(
        r#"
        select s.flight_id as "flight_id: FlightId", s.seat_row, s.letter from passenger_seat s
        join passenger p on p.id = s.passenger_id where p.booking_id = $1
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seats: Vec<_> = items(conn, id)
        .await?
        .into_iter()
        .map(|to| (to.flight_id, to.seat))
        .filter(|(flight, seat)| {
            !own.iter().any(|row| {
                row.flight_id == *flight
                    && row.seat_row == seat.row
                    && row.letter.starts_with(seat.letter)
            })
        })
        .collect();
    inventory::claim_seats(conn, booking.hold_id, &seats, "chosen").await
}

async fn items(conn: &mut PgConnection, id: Uuid) -> Result<Vec<Move>> {
    let rows = sqlx::query!(
        r#"
        select passenger_id as "passenger_id: PassengerId", flight_id as "flight_id: FlightId", seat_row, letter, fee_minor
        from seat_change_item where seat_change_id = $1 order by flight_id, seat_row, letter
        "#,
        id,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let letter = row.letter.chars().next()?;
            let seat = Seat {
                row: row.seat_row,
                letter,
            };
            Some(Move {
                passenger_id: row.passenger_id,
                flight_id: row.flight_id,
                seat,
                fee: row.fee_minor,
            })
        })
        .collect())
}

/// The change of a booking that waits for its money, or `None`.
pub async fn find_open(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<SeatChange>> {
    let row = sqlx::query!(
        "select id, expires_at, currency, amount_minor from seat_change where booking_id = $1 and status = 'open'",
        booking_id.0,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let currency = crate::money::currency(&row.currency)
        .ok_or_else(|| Error::Catalogue(format!("nobody knows the currency {}", row.currency)))?;
    Ok(Some(SeatChange {
        id: row.id,
        expires_at: row.expires_at,
        amount: Money::new(row.amount_minor, currency),
    }))
}

/// The money for a change has come: everybody moves, the lines join the price, the documents are made anew.
///
/// False when the change had lapsed and a seat is somebody else's now: the money goes back, the old seats stay. The
/// caller has locked the booking.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<bool> {
    let mut attempt = conn.begin().await?;
    let status = sqlx::query_scalar!("select status from seat_change where id = $1", id)
        .fetch_one(&mut *attempt)
        .await?;
    if status != "open"
        && let Err(error) = claim_items(&mut attempt, booking, id).await
    {
        attempt.rollback().await?;
        return match error {
            Error::SeatTaken { .. } => {
                end(conn, clock, id, "refunded").await?;
                Ok(false)
            }
            error => Err(error),
        };
    }
    release(&mut attempt, id).await?;
    let moves = items(&mut attempt, id).await?;
    reseat(&mut attempt, booking, &moves).await?;
    add_lines(&mut attempt, clock, booking, id).await?;
    end(&mut attempt, clock, id, "done").await?;
    document::reissue_tickets(&mut attempt, clock, booking.account_id, booking.id).await?;
    attempt.commit().await?;
    Ok(true)
}

async fn add_lines(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    id: Uuid,
) -> Result<()> {
    let lines = sqlx::query_scalar!("select lines from seat_change where id = $1", id)
        .fetch_one(&mut *conn)
        .await?;
    let lines: Vec<PriceLine> = serde_json::from_value(lines)
        .map_err(|error| Error::Catalogue(format!("seat change {id} does not read: {error}")))?;
    let added: i64 = lines.iter().map(PriceLine::amount_minor).sum();
    super::insert::lines(conn, booking.id, &lines).await?;
    ledger::sale_of_seats(conn, clock, booking, id, &lines).await?;
    sqlx::query!(
        "update booking set total_minor = total_minor + $2 where id = $1",
        booking.id.0,
        added,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn end(conn: &mut PgConnection, clock: &Clock, id: Uuid, status: &str) -> Result<()> {
    sqlx::query!(
        "update seat_change set status = $2, ended_at = $3 where id = $1",
        id,
        status,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives back the claims of a change that nobody sits on yet.
async fn release(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!(
        r#"
        delete from passenger_seat s using seat_change_item i
        where i.seat_change_id = $1 and s.passenger_id is null and s.reason = 'chosen'
          and (s.flight_id, s.seat_row, s.letter) = (i.flight_id, i.seat_row, i.letter)
          and s.hold_id = (select b.hold_id from seat_change c join booking b on b.id = c.booking_id where c.id = $1)
        "#,
        id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn drop_claims(conn: &mut PgConnection, clock: &Clock, id: Uuid, status: &str) -> Result<()> {
    release(conn, id).await?;
    end(conn, clock, id, status).await
}

/// Ends the changes whose time has run out unpaid and returns how many; a checkout that is open is expired first, as
/// that of a booking is. One that cannot be ended hinders no other; the first such error is returned at the end.
pub async fn sweep_seat_changes(pool: &PgPool, clock: &Clock) -> Result<u64> {
    let mut conn = pool.acquire().await?;
    let due = sqlx::query!(
        r#"
        select id, booking_id as "booking_id: BookingId" from seat_change
        where status = 'open' and expires_at <= $1 order by expires_at limit 500
        "#,
        clock.now(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let (mut swept, mut failed) = (0, None);
    for row in due {
        match sweep(&mut conn, clock, row.id, row.booking_id).await {
            Ok(ended) => swept += u64::from(ended),
            Err(error) => {
                tracing::error!(seat_change_id = %row.id, %error, "a change of seats cannot be ended");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(swept), Err)
}

/// Whether it was this call that ended the change.
async fn sweep(
    conn: &mut PgConnection,
    clock: &Clock,
    id: Uuid,
    booking_id: BookingId,
) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let booking = lock::lock(&mut tx, booking_id).await?;
    let now = clock.now();
    let open = find_open(&mut tx, booking_id).await?;
    // It may have been paid, dropped or prolonged since it was found.
    let Some(open) = open.filter(|open| open.id == id && open.expires_at <= now) else {
        return Ok(false);
    };
    let state = payment::ask_to_expire(&mut tx, clock, &booking).await?;
    let waits =
        state == payment::CheckoutState::Asked && now < open.expires_at + super::end::PATIENCE;
    if !waits {
        payment::lapse(&mut tx, clock, &booking).await?;
        drop_claims(&mut tx, clock, id, "expired").await?;
    }
    tx.commit().await?;
    Ok(!waits)
}

/// Moves the end of a change to the end of the checkout that pays it.
pub(crate) async fn prolong(conn: &mut PgConnection, id: Uuid, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update seat_change set expires_at = greatest(expires_at, $2) where id = $1 and status = 'open'",
        id,
        until,
    )
    .execute(conn)
    .await?;
    Ok(())
}
