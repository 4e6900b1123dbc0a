//! What a relay does with rows: it takes those that are due, and gives back what it could not push. Whoever lost a race
//! finds no row in the state it wants, and does nothing.
//!
//! **A push has a key of its own: `{id}:{attempt}:{push}`.** With `{id}:{attempt}` alone, a push that is repeated
//! after a lapsed lease would be swallowed for as long as apalis-redis remembers the key, because the attempt has
//! not changed. Doubles are harmless: `outbox::start` accepts one push of an attempt, the fencing token one finish.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;

use super::model::{Kind, Queue};
use super::outage::PROBE_LEASE;
use crate::ids::JobId;
use crate::telemetry::Context;
use crate::{Clock, Result};

/// How long a pushed job may lie in Redis before the relay takes it for lost and pushes it again. A job that merely
/// waits behind others may be pushed twice: the second push finds it started.
pub const QUEUED_LEASE: Duration = Duration::seconds(15);

/// A row the relay has taken: what it pushes.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job.
    pub job_id: JobId,
    /// The attempt this push stands for; the first is 1.
    pub attempt: i32,
    /// Which push of the row this is: it differs each time, where a lapsed lease leaves the attempt the same.
    pub push: i64,
    /// Which job it is.
    pub kind: Kind,
    /// The request that promised it.
    pub context: Context,
}

/// What a relay finds when it looks for due rows.
#[derive(Clone, Debug, Default)]
pub struct Due {
    /// What it has taken and must push.
    pub claimed: Vec<Claimed>,
    /// When the next row becomes due, as far as it is known.
    pub next_at: Option<DateTime<Utc>>,
}

/// Takes up to `room` due rows of a queue, those due longest first, and marks them queued.
///
/// Two relays never take the same row, and do not wait for each other. Kinds that this program does not know are
/// left to one that does, so that a rolling deployment loses nothing. Of a queue that is paused it takes one row when a
/// probe is due.
pub async fn claim(
    conn: &mut PgConnection,
    clock: &Clock,
    queue: Queue,
    room: i64,
) -> Result<Vec<Claimed>> {
    Ok(take_due(conn, clock, queue, room).await?.claimed)
}

/// The same as [`claim`], and says when to look again. One statement as long as no back-end is away.
pub async fn take_due(
    conn: &mut PgConnection,
    clock: &Clock,
    queue: Queue,
    room: i64,
) -> Result<Due> {
    let now = clock.now();
    let rows = sqlx::query!(
        r#"
        with due as (
            select id from outbox
            where queue = $1 and status = 'waiting' and run_after <= $2 and kind = any($3)
              and not exists (select from backend_outage where backend_outage.queue = $1)
              and (waits_for is null or not exists (select from backend_outage where backend = waits_for))
            order by run_after, id
            limit greatest($4::bigint, 0)
            for update skip locked
        ), claimed as (
            update outbox set status = 'queued', fence = fence + 1, lease_until = $5, is_probe = false
            from due
            where outbox.id = due.id
            returning outbox.id, attempts + 1 as attempt, fence, kind, request_id, trace_parent, run_after
        )
        select claimed.id as "id?: JobId", attempt as "attempt?", fence as "fence?", kind as "kind?", request_id as "request_id?",
               trace_parent as "trace_parent?", run_after as "run_after?",
               exists (select from backend_outage) as "is_any_away!",
               (select min(run_after) from outbox where queue = $1 and status = 'waiting' and run_after > $2) as next_at
        from (values (true)) as one left join claimed on true
        "#,
        queue.as_str(),
        now,
        &known_kinds(),
        room,
        now + QUEUED_LEASE,
    )
    .fetch_all(&mut *conn)
    .await?;
    let is_any_away = rows.first().is_some_and(|row| row.is_any_away);
    let next_at = rows.first().and_then(|row| row.next_at);
    let mut claimed: Vec<_> = rows
        .into_iter()
        .filter_map(|row| {
            let claimed = Claimed {
                job_id: row.id?,
                attempt: row.attempt?,
                push: row.fence?,
                kind: Kind::parse(&row.kind?)?,
                context: Context {
                    request_id: row.request_id,
                    trace_parent: row.trace_parent,
                },
            };
            Some((row.run_after, claimed))
        })
        .collect();
    // `returning` keeps no order.
    claimed.sort_by_key(|(run_after, claimed)| (*run_after, claimed.job_id));
    let mut claimed: Vec<_> = claimed.into_iter().map(|(_, claimed)| claimed).collect();
    if is_any_away && room > 0 {
        claimed.extend(claim_probe(conn, clock, queue).await?);
    }
    Ok(Due { claimed, next_at })
}

/// Takes the row of a queue that waits longest for a back-end whose probe is due, and puts off the next probe.
async fn claim_probe(
    conn: &mut PgConnection,
    clock: &Clock,
    queue: Queue,
) -> Result<Option<Claimed>> {
    let now = clock.now();
    let row = sqlx::query!(
        r#"
        with outage as (
            select backend, backend_outage.queue from backend_outage
            where probe_at <= $2 and exists (
                select from outbox
                where outbox.queue = $1 and status = 'waiting' and run_after <= $2 and kind = any($3)
                  and (waits_for = backend or (backend_outage.queue = $1
                      and (waits_for is null or not exists (select from backend_outage other where other.backend = waits_for)))))
            order by probe_at
            limit 1
            for update skip locked
        ), due as (
            select outbox.id, outage.backend from outbox, outage
            where outbox.queue = $1 and status = 'waiting' and run_after <= $2 and kind = any($3)
              and (waits_for = outage.backend or (outage.queue = $1
                  and (waits_for is null or not exists (select from backend_outage other where other.backend = waits_for))))
            order by run_after, outbox.id
            limit 1
            for update of outbox skip locked
        ), put_off as (
            update backend_outage set probe_at = $5 where backend in (select backend from due)
        )
        update outbox set status = 'queued', fence = fence + 1, lease_until = $4, is_probe = true
        from due
        where outbox.id = due.id
        returning outbox.id as "id: JobId", attempts + 1 as "attempt!", fence, kind, request_id, trace_parent
        "#,
        queue.as_str(),
        now,
        &known_kinds(),
        now + QUEUED_LEASE,
        now + PROBE_LEASE,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.and_then(|row| {
        Some(Claimed {
            job_id: row.id,
            attempt: row.attempt,
            push: row.fence,
            kind: Kind::parse(&row.kind)?,
            context: Context {
                request_id: row.request_id,
                trace_parent: row.trace_parent,
            },
        })
    }))
}

/// Gives back rows that could not be pushed; no attempt is used up. A row that was started nevertheless stays so.
pub async fn unclaim(conn: &mut PgConnection, claimed: &[Claimed]) -> Result<()> {
    let ids: Vec<_> = claimed.iter().map(|claimed| claimed.job_id.0).collect();
    let pushes: Vec<_> = claimed.iter().map(|claimed| claimed.push).collect();
    sqlx::query!(
        r#"
        update outbox set status = 'waiting', lease_until = null, is_probe = false
        from unnest($1::uuid[], $2::bigint[]) as claimed (id, fence)
        where outbox.id = claimed.id and outbox.fence = claimed.fence and outbox.status = 'queued'
        "#,
        &ids,
        &pushes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) fn known_kinds() -> Vec<String> {
    Kind::ALL
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect()
}
