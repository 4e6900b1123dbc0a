//! Writing a checked change. People are put aboard, then the cabins are locked, and rows that others wait for come after
//! them, the coupon last.
//!
//! **A change moves the difference, under the lock of every cabin that it touches.** Giving all seats back and
//! taking them again would lose them on a full flight. Named seats move only after the cabins are locked, also
//! where the counters stay: two parties that swap seats would otherwise wait for each other. What a change claims
//! of `live_traveller` it claims before it gives anything back, and the two coupons of a swap are locked by code.
//! Unlike a booking, a change writes its rows under the cabin's lock: deleting a passenger frees a named seat, and
//! changes are rare.

use sqlx::PgConnection;

use super::check::{Kept, Wanted};
use super::current::Current;
use crate::booking::model::Contact;
use crate::booking::traveller::{self, Traveller};
use crate::booking::{create, insert, seating};
use crate::booking_lock::LockedBooking;
use crate::ids::BookingId;
use crate::{Result, Shop, coupon, hold, inventory};

/// Moves seats and rewrites the rows of a booking. Errors as [`super::patch`].
pub(super) async fn all(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    booking: &LockedBooking,
    before: &Current,
    wanted: &Wanted,
) -> Result<()> {
    if wanted.moves {
        let people: Vec<_> = wanted.passengers.iter().map(Traveller::from).collect();
        let flights: Vec<_> = wanted.flights.iter().map(|flight| flight.id).collect();
        let changes = hold::change::difference(&before.hold, &wanted.hold);
        let account_id = booking.account_id;
        hold::refuse_more_seats(conn, shop, account_id, &changes).await?;
        traveller::replace(conn, booking, &people, &flights).await?;
        let open_until = shop.clock.now() + shop.sales.sales_close();
        inventory::swap(conn, changes.clone(), open_until).await?;
        hold::refuse_crowding(conn, shop, account_id, &changes).await?;
        clear(conn, booking).await?;
        rows(conn, booking.id, wanted).await?;
        // What a seat cost is remembered with the choice, and read from the lines.
        price(conn, booking.id, wanted).await?;
        seats(conn, booking, wanted).await?;
    } else {
        price(conn, booking.id, wanted).await?;
    }
    create::confirm_free(conn, shop.clock, booking.id, &wanted.priced).await?;
    let discount = wanted.priced.discount.as_ref();
    let account_id = booking.account_id;
    coupon::replace(conn, shop.clock, booking.id, account_id, discount).await?;
    create::invoice_free(conn, shop.clock, booking.id, account_id, &wanted.priced).await
}

/// Writes whom to write to. Whether mails go to another address from now on.
pub(super) async fn contact(
    conn: &mut PgConnection,
    id: BookingId,
    contact: &Contact,
) -> Result<bool> {
    let is_another = sqlx::query_scalar!(
        r#"
        update booking set contact_email = $2, contact_phone = $3
        from booking before where before.id = booking.id and booking.id = $1
        returning before.contact_email <> $2 as "is_another!"
        "#,
        id.0,
        contact.email,
        contact.phone,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_another)
}

/// Baggage, chosen seats and booked flights go with the people and directions that they are of.
async fn clear(conn: &mut PgConnection, booking: &LockedBooking) -> Result<()> {
    let id = booking.id.0;
    inventory::release_seats(conn, booking.hold_id).await?;
    sqlx::query!("delete from price_line where booking_id = $1", id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from passenger where booking_id = $1", id)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from direction where booking_id = $1", id)
        .execute(conn)
        .await?;
    Ok(())
}

async fn rows(conn: &mut PgConnection, id: BookingId, wanted: &Wanted) -> Result<()> {
    hold::change::replace(conn, &wanted.hold).await?;
    let content = insert::Content {
        hold: &wanted.hold,
        flights: &wanted.flights,
        passengers: &wanted.passengers,
        bags: &wanted.priced.bags,
        lines: &[],
    };
    insert::content(conn, id, &content).await
}

/// Lines and total, and when the first flight leaves.
async fn price(conn: &mut PgConnection, id: BookingId, wanted: &Wanted) -> Result<()> {
    let price = &wanted.priced.price;
    sqlx::query!(
        "update booking set total_minor = $2, first_departs_at = coalesce($3, first_departs_at) where id = $1",
        id.0,
        price.total().minor(),
        wanted.flights.first().map(|flight| flight.departs_at),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from price_line where booking_id = $1", id.0)
        .execute(&mut *conn)
        .await?;
    insert::lines(conn, id, &price.lines).await
}

async fn seats(conn: &mut PgConnection, booking: &LockedBooking, wanted: &Wanted) -> Result<()> {
    hold::refuse_missing(conn, &wanted.hold, &wanted.seats).await?;
    inventory::claim_seats(conn, booking.hold_id, &wanted.seats, "chosen").await?;
    if wanted.kept.is_empty() {
        let (flights, people) = (&wanted.flights, &wanted.passengers);
        create::give_seats(conn, booking.id, booking.hold_id, flights, people).await?;
    }
    for kept in &wanted.kept {
        keep(conn, booking.id, *kept).await?;
    }
    let party = wanted.hold.party;
    if party.children + party.infants > 0 || !wanted.seats.is_empty() {
        hold::refuse_exit_rows(conn, &wanted.hold).await
    } else {
        let (flights, people) = (&wanted.flights, &wanted.passengers);
        create::refuse_exit_rows(conn, &wanted.hold, flights, people).await
    }
}

async fn keep(conn: &mut PgConnection, id: BookingId, kept: Kept) -> Result<()> {
    seating::occupy(conn, kept.flight_id, kept.seat, kept.passenger_id).await?;
    sqlx::query!(
        r#"
        insert into seat_choice (booking_id, passenger_id, flight_id, seat_row, letter, paid_minor)
        values ($1, $2, $3, $4, $5, coalesce((
            select l.amount_minor from price_line l
            where l.booking_id = $1 and l.flight_id = $3 and l.kind = 'seat' and l.code like '% ' || $4::smallint || $5), 0))
        "#,
        id.0,
        kept.passenger_id.0,
        kept.flight_id.0,
        kept.seat.row,
        kept.seat.letter.to_string(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
