//! Promised jobs. [`put`] stands in the transaction of the change that causes the job (invariant 2): a crash
//! leaves both or neither. The worker's relay moves rows to Redis; PostgreSQL keeps what happened to them.
//!
//! A row goes `waiting → queued → running → done | dead`. The operations here are its only transitions; each is one
//! statement or one short transaction, and each can be called by any number of processes at once:
//! the relay [`claim`]s, a worker [`start`]s and [`extend`]s its [`Lease`], the job itself [`finish`]es in the
//! transaction of its effect, or the worker [`fail`]s it; [`requeue_lapsed`] brings back what a crash left. What cannot
//! be done now through no fault of the job uses up no attempt: the worker [`put_off`]s it, or lets it [`wait_for`] a
//! back-end that is away.

mod attempt;
mod backoff;
mod claim;
mod heartbeat;
mod hint;
mod model;
mod outage;
mod queries;
mod redact;
mod setback;
mod staff;
mod sweep;
#[cfg(test)]
mod tests;

pub use attempt::{Lease, RUNNING_LEASE, Started, extend, finish, start};
pub use claim::{Claimed, Due, QUEUED_LEASE, claim, take_due, unclaim};
pub use heartbeat::{count_live, deregister, record_heartbeat, speaks_for_all};
pub use hint::{HINTS, hint};
pub use model::{
    CreateRefund, DeliverWebhook, ExpireCheckout, Job, JobState, JobStatus, Kind, MailKind,
    MaterialiseFlights, NotifyDisrupted, Queue, ReconcilePayment, RenderDocument,
    SendEndpointDisabled, SendMail, SendPasswordReset, SendSms, SendVerification,
};
pub use outage::{Outage, answered, outages};
pub use queries::{Depth, depths, find, lag};
pub use redact::redact;
pub use setback::{Verdict, fail, put_off, wait_for};
pub use staff::{
    JobFilter, JobOwed, QueueState, StaffJob, drop_dead, list_for_staff, list_of_booking,
    queue_states, retry_dead,
};
pub use sweep::{DeadJob, Lapsed, requeue_lapsed, trim};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;

use crate::clock::Clock;
use crate::ids::{AccountId, JobId};
use crate::telemetry;
use crate::{Error, Result};

/// Promises a job within the caller's transaction and returns its id.
///
/// The row carries the request id and trace of the request that is being served, if any.
pub async fn put<J: Job>(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: Option<AccountId>,
    job: &J,
) -> Result<JobId> {
    insert(conn, clock, account_id, job, None)
        .await
        .map(Inserted::expect_new)
}

/// Promises a job unless one with the same `unique_key` was ever promised; `None` when it was.
pub async fn put_once<J: Job>(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: Option<AccountId>,
    unique_key: &str,
    job: &J,
) -> Result<Option<JobId>> {
    insert(conn, clock, account_id, job, Some(unique_key))
        .await
        .map(|inserted| inserted.0)
}

/// Makes a job due later than at once. Changes nothing once it runs.
pub async fn delay(conn: &mut PgConnection, id: JobId, until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "update outbox set run_after = $2 where id = $1 and status = 'waiting'",
        id.0,
        until,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes a job that was put off due now: what it waited for is there. Changes nothing when no such job waits.
pub async fn hasten(conn: &mut PgConnection, clock: &Clock, unique_key: &str) -> Result<()> {
    sqlx::query!(
        "update outbox set run_after = $2 where unique_key = $1 and status = 'waiting' and run_after > $2",
        unique_key,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

struct Inserted(Option<JobId>);

impl Inserted {
    #[expect(
        clippy::expect_used,
        reason = "an insert without a unique key has nothing to conflict with"
    )]
    fn expect_new(self) -> JobId {
        self.0
            .expect("an outbox row without a unique key is always inserted")
    }
}

/// A job in columns, for a statement that promises it together with what causes it.
#[derive(Debug)]
pub(crate) struct Row {
    pub id: JobId,
    pub kind: &'static str,
    pub queue: &'static str,
    pub payload: serde_json::Value,
    pub unique_key: Option<String>,
    pub account_id: Option<AccountId>,
    pub request_id: Option<String>,
    pub trace_parent: Option<String>,
    pub max_attempts: i32,
    pub now: DateTime<Utc>,
}

impl Row {
    pub(crate) fn new<J: Job>(
        clock: &Clock,
        account_id: Option<AccountId>,
        job: &J,
        unique_key: Option<String>,
    ) -> Result<Self> {
        let context = telemetry::context();
        Ok(Self {
            id: JobId::new(),
            kind: J::KIND.as_str(),
            queue: J::KIND.queue().as_str(),
            payload: serialize(job)?,
            unique_key,
            account_id,
            request_id: context.request_id,
            trace_parent: context.trace_parent,
            max_attempts: J::KIND.max_attempts(),
            now: clock.now(),
        })
    }
}

async fn insert<J: Job>(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: Option<AccountId>,
    job: &J,
    unique_key: Option<&str>,
) -> Result<Inserted> {
    let row = Row::new(clock, account_id, job, unique_key.map(str::to_owned))?;
    let id = sqlx::query_scalar!(
        r#"
        insert into outbox (id, kind, queue, payload, unique_key, account_id, request_id, trace_parent, max_attempts, created_at, run_after)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
        on conflict on constraint outbox_unique_key do nothing
        returning id as "id: JobId"
        "#,
        row.id.0,
        row.kind,
        row.queue,
        row.payload,
        row.unique_key,
        row.account_id.map(|account| account.0),
        row.request_id,
        row.trace_parent,
        row.max_attempts,
        row.now,
    )
    .fetch_optional(conn)
    .await?;
    Ok(Inserted(id))
}

fn serialize<J: Serialize>(job: &J) -> Result<serde_json::Value> {
    serde_json::to_value(job)
        .map_err(|error| Error::Catalogue(format!("a job payload does not serialise: {error}")))
}
