//! Exact seats of a hold: whether they exist, what choosing them costs, and whether those who may not sit in exit rows
//! still fit.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::model::{HeldOffer, Hold, SeatWish};
use crate::error::Violations;
use crate::ids::{FlightId, HoldId};
use crate::inventory::Seat;
use crate::seat::{self, SeatStatus};
use crate::trade::{LineKind, Party, PriceLine};
use crate::{Error, Result, Shop, flight};

/// The named seats with the price lines of choosing them.
///
/// [`Error::Invalid`] names every wrong seat: one of no flight of the offers, unreadable, not in the cabin, blocked,
/// named twice, or more of them than seated passengers. Whether one is taken shows when it is claimed.
pub(super) async fn check(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    party: Party,
    offers: &[HeldOffer],
    wishes: &[SeatWish],
) -> Result<(Vec<(FlightId, Seat)>, Vec<PriceLine>)> {
    let mut wrong = Violations::new();
    let read = rules(&mut wrong, wishes);
    let mut named = Vec::new();
    let mut per_flight = BTreeMap::<FlightId, u16>::new();
    for (index, (wish, seat)) in wishes.iter().zip(read).enumerate() {
        let field = format!("seats[{index}]");
        let offer = (0_u8..)
            .zip(offers)
            .find(|(_, offer)| offer.pinned.flights.contains(&wish.flight_id));
        let Some((direction, offer)) = offer else {
            wrong.add(
                format!("{field}.flight_id"),
                "not_in_offers",
                "write the `flight_id` of a flight in the offers",
            );
            continue;
        };
        let count = per_flight.entry(wish.flight_id).or_default();
        *count += 1;
        if *count > party.seated() {
            wrong.add(
                field,
                "too_many",
                "name at most one seat a flight for each passenger with a seat of their own",
            );
        }
        if let Some(seat) = seat {
            named.push(((index, direction), offer, wish.flight_id, seat));
        }
    }
    let seats: Vec<_> = named
        .iter()
        .map(|(_, _, flight, seat)| (*flight, *seat))
        .collect();
    let known = seat::find(conn, &seats).await?;
    let mut lines = Vec::new();
    for ((index, direction), offer, flight_id, seat) in &named {
        let field = format!("seats[{index}].seat");
        let found = known.iter().find(|known| {
            (known.flight_id, known.place.seat, known.cabin)
                == (*flight_id, *seat, offer.pinned.cabin)
        });
        match found {
            None => wrong.add(
                field,
                "no_such_seat",
                format!("the cabin has no seat {seat}: choose one from the seat map"),
            ),
            Some(found) if found.status == SeatStatus::Blocked => {
                wrong.add(
                    field,
                    "blocked",
                    format!("seat {seat} is not for sale: choose one that is free on the seat map"),
                );
            }
            Some(found) => lines.extend(fee_line(shop, *direction, offer, *found)?),
        }
    }
    wrong.into_result()?;
    Ok((seats, lines))
}

/// The exact seats of a hold, in the order of flights, rows and letters.
pub async fn list(conn: &mut PgConnection, id: HoldId) -> Result<Vec<(FlightId, Seat)>> {
    let rows = sqlx::query!(
        r#"
        select flight_id as "flight_id: FlightId", seat_row, letter from passenger_seat
        where hold_id = $1 and reason = 'chosen' order by flight_id, seat_row, letter
        "#,
        id.0,
    )
    .fetch_all(conn)
    .await?;
    let seats = rows.into_iter().filter_map(|row| {
        let letter = row.letter.chars().next()?;
        let row_number = row.seat_row;
        Some((
            row.flight_id,
            Seat {
                row: row_number,
                letter,
            },
        ))
    });
    Ok(seats.collect())
}

/// What can be said of named seats before their flights are known: each is readable and named once. The seats that are.
pub(crate) fn rules(wrong: &mut Violations, wishes: &[SeatWish]) -> Vec<Option<Seat>> {
    let seats: Vec<_> = wishes.iter().map(|wish| Seat::parse(&wish.seat)).collect();
    for (index, (wish, seat)) in wishes.iter().zip(&seats).enumerate() {
        let field = format!("seats[{index}].seat");
        let Some(seat) = seat else {
            let message = "write a row and a letter, such as 12A";
            wrong.add(field, "format", message);
            continue;
        };
        let mut before = wishes.iter().zip(&seats).take(index);
        if before.any(|(other, taken)| other.flight_id == wish.flight_id && *taken == Some(*seat)) {
            let message = format!("name seat {seat} once");
            wrong.add(field, "duplicate", message);
        }
    }
    seats
}

/// Refuses named seats that the aircraft does not have in the cabin of the hold.
///
/// They were there when they were checked, but only after the cabins are locked the aircraft stays what it is.
pub(crate) async fn refuse_missing(
    conn: &mut PgConnection,
    hold: &Hold,
    seats: &[(FlightId, Seat)],
) -> Result<()> {
    let known = seat::find(conn, seats).await?;
    let mut wrong = Violations::new();
    for (index, (flight_id, seat)) in seats.iter().enumerate() {
        let is_there = known.iter().any(|known| {
            (known.flight_id, known.place.seat) == (*flight_id, *seat)
                && hold.flights().any(|on| on == (*flight_id, known.cabin))
        });
        if !is_there {
            let message = format!(
                "the cabin no longer has seat {seat}: the aircraft has changed, choose one from the seat map"
            );
            wrong.add(format!("seats[{index}].seat"), "no_such_seat", message);
        }
    }
    wrong.into_result()
}

/// The line of choosing a seat; none where the fare family gives it for nothing.
fn fee_line(
    shop: Shop<'_>,
    direction: u8,
    offer: &HeldOffer,
    seat: seat::SeatOnFlight,
) -> Result<Option<PriceLine>> {
    let (fees, cabin) = (&shop.tariff.seat_fees, offer.pinned.cabin);
    let kind = fees.kind(cabin, seat.place.exit_row, seat.row_of_cabin);
    let choice = offer.conditions.seat_choice;
    let fee = fees.fee(shop.sales.sale_currency, cabin, kind, choice)?;
    Ok((fee.minor() > 0).then(|| PriceLine {
        direction: Some(direction),
        flight_id: Some(seat.flight_id),
        kind: LineKind::Seat,
        code: format!("{} {}", kind.as_str(), seat.place.seat),
        name: None,
        passenger_type: None,
        passenger_id: None,
        quantity: 1,
        unit_minor: fee.minor(),
        refundable: false,
        is_percentage: false,
    }))
}

/// Refuses a hold when those who may not sit in exit rows would no longer find a seat elsewhere (rules.md "Seats").
///
/// Comes after the cabins are locked, so that two parties cannot both take the last room. Counted as barred: children,
/// adults with an infant, and in bookings everybody under 15; who named a seat counts by that seat. A hold of adults
/// alone who named nothing takes no room from anybody: they can be moved to an exit row.
pub(crate) async fn refuse_exit_rows(conn: &mut PgConnection, hold: &Hold) -> Result<()> {
    for change in hold.changes(1) {
        let overfull = sqlx::query_scalar!(
            r#"
            with rest as (
                select count(*) as seats from flight f
                join seat_layout l on l.aircraft = f.aircraft and l.cabin = $2 and not l.exit_row
                where f.id = $1
                  and not exists (select from passenger_seat s where s.flight_id = f.id and s.seat_row = l.seat_row
                                  and s.letter = l.letter and s.reason in ('chosen', 'blocked'))
            ), held as (
                select coalesce(sum(h.children + h.infants), 0) as people from hold_line hl
                join hold h on h.id = hl.hold_id and h.status = 'open'
                where hl.flight_id = $1 and hl.cabin = $2
            ), named as (
                select coalesce(sum(least(own.seats, own.barred)), 0) as people from (
                    select count(*) as seats, max(h.children + h.infants) as barred from passenger_seat s
                    join hold h on h.id = s.hold_id and h.status = 'open'
                    join flight f on f.id = s.flight_id
                    join seat_layout l on l.aircraft = f.aircraft and l.seat_row = s.seat_row and l.letter = s.letter
                    where s.flight_id = $1 and not l.exit_row and l.cabin = $2
                    group by h.id
                ) own
            ), booked as (
                select count(*) as people from booked_flight bf
                join booking b on b.id = bf.booking_id and b.status in ('pending_payment', 'confirmed', 'partially_cancelled')
                join passenger p on p.booking_id = b.id and p.passenger_type <> 'infant'
                     and not exists (select from cancelled_place c where c.passenger_id = p.id and c.direction_id = bf.direction_id)
                join direction d on d.id = bf.direction_id and d.status = 'booked'
                join flight f on f.id = bf.flight_id
                where bf.flight_id = $1 and bf.cabin = $2
                  and (p.date_of_birth > f.departure_date - interval '15 years'
                       or exists (select from passenger i where i.adult_id = p.id))
                  and not exists (select from passenger_seat s where s.flight_id = $1 and s.passenger_id = p.id and s.reason = 'chosen')
            )
            select (held.people + booked.people > rest.seats + named.people) as "overfull!" from rest, held, named, booked
            "#,
            change.flight_id.0,
            change.cabin.as_str(),
        )
        .fetch_one(&mut *conn)
        .await?;
        if overfull {
            return Err(Error::OnlyExitRowsLeft {
                flight: flight::label_of(conn, change.flight_id).await?,
            });
        }
    }
    Ok(())
}
