//! Webhook events: stored under Stripe's id and settled in one SQL transaction, so that redelivery changes nothing.

use sqlx::PgConnection;

use super::refunds;
use super::settle::settle;
use super::stripe::{Event, Fact};
use crate::Result;
use crate::clock::Clock;
use crate::fault;

/// What receiving an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was new; its outcome is stored with it.
    New(&'static str),
    /// It was stored before; nothing changed.
    Redelivered,
}

/// Stores a verified event with its signed bytes and settles what it says, in the caller's transaction.
///
/// When this fails nothing is stored, and Stripe delivers again.
pub async fn receive(
    conn: &mut PgConnection,
    clock: &Clock,
    event: &Event,
    signed: &[u8],
) -> Result<Received> {
    let inserted = sqlx::query!(
        r#"
        insert into stripe_event (id, kind, received_at, payload, outcome) values ($1, $2, $3, $4, 'received')
        on conflict on constraint stripe_event_pkey do nothing
        "#,
        event.id,
        event.kind,
        clock.now(),
        signed,
    )
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(Received::Redelivered);
    }
    fault::point("event_stored");
    let outcome = match &event.fact {
        Fact::Checkout(session) => settle(conn, clock, session).await?.as_str(),
        Fact::Refund(refund) if refunds::settle_refund(conn, clock, refund).await? => {
            "refund_settled"
        }
        Fact::Refund(_) => "unknown",
        Fact::Other => "not_needed",
    };
    sqlx::query!(
        "update stripe_event set outcome = $2 where id = $1",
        event.id,
        outcome
    )
    .execute(conn)
    .await?;
    Ok(Received::New(outcome))
}
