//! The contact of a paid booking: what a patch may still change, at any time, also when all flights have left.
//!
//! Nothing that is printed on tickets changes by it, and what was invoiced stays as it was issued. The address of the booking's
//! page that the old contact has opens nothing any more ([`crate::booking::BookingLinks`]).

use sqlx::PgConnection;
use uuid::Uuid;

use super::{BookingPatch, accept, check};
use crate::booking::model::{Booking, Contact};
use crate::booking::{passengers, queries};
use crate::booking_event::{self, Event};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::{Error, Result};

/// Changes the contact of a paid booking that is locked. A contact that is the same changes nothing, and tells nobody.
///
/// Errors: [`Error::AlreadyPaid`] when the patch names anything else or nothing; [`Error::Invalid`] with every wrong field.
pub(super) async fn patch(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    patch: &BookingPatch,
) -> Result<Booking> {
    let contact = match &patch.contact {
        Some(contact) if !patch.changes_more_than_contact() => contact,
        Some(_) | None => return Err(Error::AlreadyPaid),
    };
    let expected = check::plain(patch, booking.total.currency())?;
    accept(
        booking,
        &queries::get_by_id(conn, booking.id).await?.price,
        expected,
    )?;
    write(conn, clock, booking, &passengers::contact(contact)?).await?;
    queries::get_by_id(conn, booking.id).await
}

async fn write(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    contact: &Contact,
) -> Result<()> {
    let is_another = sqlx::query!(
        r#"
        update booking set contact_email = $2, contact_phone = $3,
            contact_changed_at = case when before.contact_email <> $2 then $4 else before.contact_changed_at end
        from booking before where before.id = booking.id and booking.id = $1
        returning before.contact_email <> $2 as "email!", before.contact_phone <> $3 as "phone!"
        "#,
        booking.id.0,
        contact.email,
        contact.phone,
        clock.now(),
    )
    .fetch_one(&mut *conn)
    .await?;
    if !(is_another.email || is_another.phone) {
        return Ok(());
    }
    let change_id = Uuid::now_v7();
    sqlx::query!(
        "insert into contact_change (id, booking_id, changed_at, from_email) values ($1, $2, $3, $4)",
        change_id,
        booking.id.0,
        clock.now(),
        is_another.email.then_some(booking.contact_email.as_str()),
    )
    .execute(&mut *conn)
    .await?;
    let changed = Event::ContactChanged {
        change_id,
        email: is_another.email,
        phone: is_another.phone,
    };
    booking_event::record(conn, clock, booking.account_id, booking.id, &changed).await?;
    Ok(())
}
