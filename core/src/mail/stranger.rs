//! How much mail an address gets that has never paid: it may be anybody's, and who typed it unknown.
//!
//! **Mails to strangers say little.** An address that has never paid may be anybody's, and who typed it is unknown.
//! Until it pays, mails to it hold the amount, the deadline and a link, no name and no flight, and
//! `MAILS_TO_STRANGER_PER_HOUR` caps them. The link opens the page of the booking without a key, as long as the
//! contact is the one that it went to; there a button pays.

use chrono::Duration;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::Result;
use crate::clock::Clock;

/// Counts a mail about an unpaid booking to an address that has never paid. False when it has had `most` within the
/// hour before: then it shall not leave. The same mail counts once, however often it is tried.
pub async fn admit_to_stranger(
    conn: &mut PgConnection,
    clock: &Clock,
    to: &str,
    mail: &str,
    most: u16,
) -> Result<bool> {
    let recipient = Sha256::digest(to.to_lowercase().as_bytes());
    let now = clock.now();
    let hour_ago = now - Duration::hours(1);
    // Whoever counts for one address at once waits for each other, until the commit.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))",
        recipient.as_slice(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        delete from mail_to_stranger where (recipient, mail) in (
            select recipient, mail from mail_to_stranger where asked_at <= $1 limit 100 for update skip locked)
        "#,
        hour_ago,
    )
    .execute(&mut *conn)
    .await?;
    let admitted = sqlx::query_scalar!(
        r#"
        with counted as (
            insert into mail_to_stranger (recipient, mail, asked_at)
            select $1, $2, $3 where (select count(*) from mail_to_stranger where recipient = $1 and asked_at > $5) < $4
            on conflict do nothing
            returning mail
        )
        select exists (select from counted)
            or exists (select from mail_to_stranger where recipient = $1 and mail = $2) as "admitted!"
        "#,
        recipient.as_slice(),
        mail,
        now,
        i64::from(most),
        hour_ago,
    )
    .fetch_one(conn)
    .await?;
    Ok(admitted)
}
