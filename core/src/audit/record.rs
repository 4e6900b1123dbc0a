//! Writing an act, and knowing whether one was written.

use std::cell::Cell;
use std::net::IpAddr;

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Act;
use crate::actor::Means;
use crate::clock::Clock;
use crate::{Result, actor, telemetry};

struct Origin {
    address: Option<IpAddr>,
    is_accounted_for: Cell<bool>,
}

tokio::task_local! {
    static ORIGIN: Origin;
}

/// Runs a future whose acts are done from an address.
pub async fn within<F: Future>(address: Option<IpAddr>, future: F) -> F::Output {
    let origin = Origin {
        address,
        is_accounted_for: Cell::new(false),
    };
    ORIGIN.scope(origin, future).await
}

/// Writes an act in the transaction that does it. Who does it, from where and in which request is the task's.
pub async fn record(conn: &mut PgConnection, clock: &Clock, act: &Act<'_>) -> Result<()> {
    let actor = actor::current();
    let (account_id, with) = actor.credentials().unzip();
    let api_key_id = with.and_then(Means::api_key_id);
    let session_id = with.and_then(Means::session_id);
    let address = ORIGIN.try_with(|origin| origin.address).ok().flatten();
    sqlx::query!(
        r#"
        insert into audit_entry (id, at, actor, account_id, api_key_id, session_id, address, action, object_kind, object_id, before, after, request_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        "#,
        Uuid::now_v7(),
        clock.now(),
        actor.as_str(),
        account_id.map(|id| id.0),
        api_key_id.map(|id| id.0),
        session_id.map(|id| id.0),
        address.map(|address| address.to_canonical().to_string()),
        act.action,
        act.object_kind,
        act.object_id,
        act.before,
        act.after,
        telemetry::context().request_id,
    )
    .execute(conn)
    .await?;
    account_for();
    Ok(())
}

/// Says that the request that is served changes nothing, so that it leaves no entry: a preview, or what was done before.
pub fn nothing_done() {
    account_for();
}

/// Whether the innermost [`within`] has recorded an act, or done nothing.
pub fn is_accounted_for() -> bool {
    ORIGIN
        .try_with(|origin| origin.is_accounted_for.get())
        .unwrap_or(false)
}

fn account_for() {
    // Outside of any `within` nobody asks.
    let _ = ORIGIN.try_with(|origin| origin.is_accounted_for.set(true));
}
