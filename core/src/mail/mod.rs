//! The promise to send a mail about a booking, and how many a stranger may get. What a mail says is read by
//! [`crate::mail_content`] when it is sent; how it looks and how it leaves is the worker's business.
//!
//! **Mails are keyed by what they say, text messages by the booking.** `tickets_changed.2` is another mail than
//! `tickets_changed.3`, and the older one is not sent once it is wrong. There is no provider of text messages: the
//! log says what would be sent, never to whom, and production refuses it.

mod stranger;

pub use stranger::admit_to_stranger;

use sqlx::PgConnection;

use crate::Result;
use crate::clock::Clock;
use crate::ids::{AccountId, BookingId};
use crate::outbox::{self, MailKind, SendMail};

/// The promise of a mail about a booking, once: a second promise of the same mail is the first.
///
/// In columns, for [`crate::booking_event`], which alone promises mails: each is derived of an event and written with it.
pub(crate) fn promised(
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
    mail: MailKind,
) -> Result<outbox::Row> {
    let job = SendMail { mail, booking_id };
    let once = unique_key(booking_id, mail);
    outbox::Row::new(clock, Some(account_id), &job, Some(once))
}

/// Says that what a mail was waiting for is there: if it was put off, it is due now.
pub async fn hasten(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    mail: MailKind,
) -> Result<()> {
    outbox::hasten(conn, clock, &unique_key(booking_id, mail)).await
}

/// Whether a mail was ever promised, sent or not.
pub(crate) async fn is_promised(
    conn: &mut PgConnection,
    booking_id: BookingId,
    mail: MailKind,
) -> Result<bool> {
    let promised = sqlx::query_scalar!(
        r#"select exists (select from outbox where unique_key = $1) as "promised!""#,
        unique_key(booking_id, mail),
    )
    .fetch_one(conn)
    .await?;
    Ok(promised)
}

fn unique_key(booking_id: BookingId, mail: MailKind) -> String {
    format!("{}:{booking_id}", mail.name())
}
