//! Webhook events: stored under Stripe's id and settled in one SQL transaction, so that redelivery changes nothing.
//!
//! **A payment's webhook may be late, doubled, shuffled or lost.** Events are stored under Stripe's id, settling is
//! idempotent by our own rows, and silence is asked about.

use sqlx::{Connection, PgConnection};

use super::settle::settle;
use crate::actor::{self, Actor};
use crate::clock::Clock;
use crate::fault;
use crate::payment::stripe::{Event, Fact};
use crate::payment::{disputes, refunds};
use crate::{Error, Result};

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
    // What cannot be stored today cannot be tomorrow: it is filed without effect, or Stripe would deliver it for days
    // and then turn the endpoint off. The reconciler asks about every payment by itself.
    let mut part = conn.begin().await?;
    let applied = actor::within(Actor::Stripe, apply(&mut part, clock, &event.fact));
    let outcome = match applied.await {
        Ok(outcome) => {
            part.commit().await?;
            outcome
        }
        Err(error) if is_no_data(&error) => {
            part.rollback().await?;
            tracing::error!(event = event.id, kind = event.kind, %error, "an event cannot be settled");
            "not_settled"
        }
        Err(error) => return Err(error),
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

async fn apply(conn: &mut PgConnection, clock: &Clock, fact: &Fact) -> Result<&'static str> {
    Ok(match fact {
        Fact::Checkout(session) => settle(conn, clock, session).await?.as_str(),
        Fact::Refund(refund) if refunds::settle_refund(conn, clock, refund).await? => {
            "refund_settled"
        }
        Fact::Dispute(dispute) if disputes::record(conn, clock, dispute).await? => {
            "dispute_recorded"
        }
        Fact::Refund(_) | Fact::Dispute(_) => "unknown",
        Fact::Other => "not_needed",
    })
}

/// Whether PostgreSQL will never take what an event says: a NUL character, a number out of range (class 22), an amount
/// that a check forbids (23514).
fn is_no_data(error: &Error) -> bool {
    let Error::Database(sqlx::Error::Database(error)) = error else {
        return false;
    };
    error
        .code()
        .is_some_and(|code| code.starts_with("22") || code == "23514")
}
