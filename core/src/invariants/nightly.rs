//! The check that nobody has to think of: once a night, by whichever worker comes first.

use chrono::{DateTime, Timelike, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool};

use super::{Finding, check_snapshot};
use crate::Result;
use crate::clock::Clock;

/// From this hour on, UTC.
const HOUR: u32 = 2;
/// Of the advisory lock that one worker holds while it checks.
const LOCK: i64 = 0x696e_7661_7269;

/// What one check found.
#[derive(Clone, Debug)]
pub struct Run {
    /// When it was made.
    pub checked_at: DateTime<Utc>,
    /// All rules.
    pub findings: Vec<Finding>,
}

/// Checks everything once a night, after 02:00 UTC: `None` when it is not time, done, or being done by another worker.
/// Each broken rule is an error in the log.
///
/// The lock is of a transaction that does nothing else, so that it ends with it, whatever happens, and holds behind a
/// pooler that gives each transaction another session.
pub async fn run_nightly(pool: &PgPool, clock: &Clock) -> Result<Option<Run>> {
    let now = clock.now();
    if now.hour() < HOUR {
        return Ok(None);
    }
    let mut turn = pool.begin().await?;
    let wanted = sqlx::query_scalar!(
        r#"select not exists (select from invariant_run where night = $1) and pg_try_advisory_xact_lock($2) as "wanted!""#,
        now.date_naive(),
        LOCK,
    )
    .fetch_one(&mut *turn)
    .await?;
    if !wanted {
        return Ok(None);
    }
    // It waits for all of the checks.
    sqlx::query("set local idle_in_transaction_session_timeout = 0")
        .execute(&mut *turn)
        .await?;
    let mut conn = pool.acquire().await?;
    let findings = check_snapshot(&mut conn, clock).await?;
    let kept = sqlx::query!(
        "insert into invariant_run (night, checked_at, findings) values ($1, $2, $3) on conflict on constraint invariant_run_pkey do nothing",
        now.date_naive(),
        now,
        Json(&findings) as _,
    )
    .execute(&mut *conn)
    .await?;
    turn.commit().await?;
    if kept.rows_affected() == 0 {
        return Ok(None);
    }
    for broken in findings.iter().filter(|finding| finding.violations > 0) {
        tracing::error!(
            rule = broken.name,
            violations = broken.violations,
            examples = ?broken.examples,
            "a rule over the whole database is broken: {}",
            broken.sentence,
        );
    }
    Ok(Some(Run {
        checked_at: now,
        findings,
    }))
}

/// The newest check, or `None` before the first.
pub async fn last_run(conn: &mut PgConnection) -> Result<Option<Run>> {
    let row = sqlx::query!(
        r#"select checked_at, findings as "findings: Json<Vec<Finding>>" from invariant_run order by night desc limit 1"#
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Run {
        checked_at: row.checked_at,
        findings: row.findings.0,
    }))
}
