//! Back-ends that are away. An outage is no attempt of a job: the queue that needs the back-end is paused, whichever
//! worker found out, and one job at a time is let through as a probe, at first after a second, later every half minute.
//! The first answer of the back-end ends the outage.
//!
//! The row of an outage is locked before the rows of jobs, never after those of bookings or documents.
//!
//! **An outage is no attempt of a job.** With attempts alone, a store that is away for an hour kills every ticket
//! of that hour. `JobError` tells four causes apart: a back-end is away (`Away`), what is needed is on its way
//! (`NotYet`), trying again may help (`Passing`), the job is wrong (`Wrong`); only the last two count. `Away`
//! writes a row of `backend_outage`, which all workers see: the queue that cannot do without the back-end is
//! paused, jobs that were pushed already are not started, and one job at a time is let through as a probe, after a
//! second at first, every half minute later. A job is the probe and not a ping: a store that answers `HEAD` and
//! refuses `PUT` is away. The first answer ends the outage, also a refusal. A mail that needs the store too waits
//! alone (`waits_for`), and mails without attachments leave. A job that is the first to find its back-end away five
//! times, while others got through in between, is what is wrong: from then on its failures count.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use sqlx::PgConnection;

use super::model::Queue;
use super::redact::redact;
use crate::backend::Backend;
use crate::ids::JobId;
use crate::{Clock, Result};

/// The first probe after an outage began.
const FIRST_PROBE: Duration = Duration::seconds(1);
/// The longest wait between two probes, and so the longest a queue stays paused after its back-end is back.
const LONGEST_PROBE: Duration = Duration::seconds(30);
/// How long a probe may take before another one is made: longer than any client here waits for an answer.
pub(super) const PROBE_LEASE: Duration = Duration::seconds(60);
/// A job that was the first to find its back-end away so often, while others got through in between, is what is wrong:
/// from then on its failures count as attempts.
pub(super) const MOST_BEGUN: i32 = 5;

impl Backend {
    /// The queue that can do nothing without it.
    pub const fn queue(self) -> Queue {
        match self {
            Self::Storage => Queue::Documents,
            Self::Mail => Queue::Mail,
            Self::Payments => Queue::Payments,
        }
    }
}

/// A back-end that is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Its name.
    pub backend: String,
    /// The queue that is paused.
    pub queue: String,
    /// When the first job found it away.
    pub began_at: DateTime<Utc>,
    /// When the next job finds out whether it is back.
    pub probe_at: DateTime<Utc>,
    /// What the last one was told, without addresses and secrets.
    pub last_error: String,
}

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = Backend::ALL
            .iter()
            .find(|known| known.as_str() == self.backend);
        let noun = known.map_or(self.backend.as_str(), |known| known.noun());
        let since = self.began_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(
            f,
            "the queue {} is paused: {noun} has been away since {since}",
            self.queue
        )
    }
}

/// The back-ends that are away, those away longest first.
pub async fn outages(conn: &mut PgConnection) -> Result<Vec<Outage>> {
    Ok(sqlx::query_as!(
        Outage,
        "select backend, queue, began_at, probe_at, last_error from backend_outage order by began_at, backend",
    )
    .fetch_all(conn)
    .await?)
}

/// Says that a back-end has answered: if it was away, it is back and its queue goes on.
///
/// Belongs before everything else of the transaction it stands in.
pub async fn answered(conn: &mut PgConnection, clock: &Clock, backend: Backend) -> Result<()> {
    let ended = sqlx::query_scalar!(
        "delete from backend_outage where backend = $1 returning began_at",
        backend.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    if let Some(began_at) = ended {
        tracing::warn!(
            backend = backend.as_str(),
            queue = backend.queue().as_str(),
            seconds = (clock.now() - began_at).num_seconds(),
            "a back-end is back; its queue goes on"
        );
    }
    Ok(())
}

/// Whether a back-end is known to be away.
pub(super) async fn is_away(conn: &mut PgConnection, backend: Backend) -> Result<bool> {
    let away = sqlx::query_scalar!(
        r#"select exists (select from backend_outage where backend = $1) as "away!""#,
        backend.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(away)
}

/// Notes that a job found a back-end away; true when it is the first to. A probe that failed delays the next one.
pub(super) async fn note(
    conn: &mut PgConnection,
    clock: &Clock,
    backend: Backend,
    is_probe: bool,
    error: &str,
) -> Result<bool> {
    let now = clock.now();
    let error = redact(error);
    let begun = sqlx::query!(
        r#"
        insert into backend_outage (backend, queue, began_at, probe_at, last_error) values ($1, $2, $3, $4, $5)
        on conflict on constraint backend_outage_pkey do nothing
        "#,
        backend.as_str(),
        backend.queue().as_str(),
        now,
        now + FIRST_PROBE,
        error,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected()
        == 1;
    if begun {
        tracing::error!(
            backend = backend.as_str(),
            queue = backend.queue().as_str(),
            error,
            "a back-end is away; its queue is paused until it answers"
        );
    } else if is_probe {
        sqlx::query!(
            r#"
            update backend_outage set failed_probes = failed_probes + 1, last_error = $3,
                probe_at = $2::timestamptz + least($4 * power(2, least(failed_probes + 1, 16)), $5) * $6 * interval '1 second'
            where backend = $1
            "#,
            backend.as_str(),
            now,
            error,
            FIRST_PROBE.as_seconds_f64(),
            LONGEST_PROBE.as_seconds_f64(),
            // Not in step with other deployments that use the same back-end.
            rand::random_range(0.5..=1.0),
        )
        .execute(conn)
        .await?;
    }
    Ok(begun)
}

/// Says that a probe has ended without finding out: it was not wanted any more, or wrong. The next one is due.
pub(super) async fn found_nothing_out(
    conn: &mut PgConnection,
    clock: &Clock,
    job_id: JobId,
) -> Result<()> {
    sqlx::query!(
        r#"
        update backend_outage set probe_at = $2
        from outbox
        where outbox.id = $1 and (backend = outbox.waits_for or backend_outage.queue = outbox.queue)
        "#,
        job_id.0,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
