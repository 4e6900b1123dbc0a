//! Heartbeats of the worker processes, so that the API can tell whether a worker is running.

use chrono::Duration;
use sqlx::PgConnection;

use crate::{Clock, Result};

/// How long a silent worker is remembered.
const REMEMBERED: Duration = Duration::hours(1);

/// Records that the worker `name` is running, and deletes workers that have been silent for an hour.
pub async fn record_heartbeat(conn: &mut PgConnection, clock: &Clock, name: &str) -> Result<()> {
    let now = clock.now();
    sqlx::query!(
        r#"
        insert into worker_heartbeat (name, beat_at) values ($1, $2)
        on conflict on constraint worker_heartbeat_pkey do update set beat_at = excluded.beat_at
        "#,
        name,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        delete from worker_heartbeat
        where name in (select name from worker_heartbeat where beat_at < $1 for update skip locked)
        "#,
        now - REMEMBERED,
    )
    .execute(&mut *conn)
    .await?;
    Ok(())
}

/// Deletes the heartbeat of the worker `name`, which has shut down.
pub async fn deregister(conn: &mut PgConnection, name: &str) -> Result<()> {
    sqlx::query!("delete from worker_heartbeat where name = $1", name)
        .execute(conn)
        .await?;
    Ok(())
}

/// The number of workers with a heartbeat within the last `within`.
pub async fn count_live(conn: &mut PgConnection, clock: &Clock, within: Duration) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from worker_heartbeat where beat_at > $1"#,
        clock.now() - within,
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Whether `name` is the worker that measures what is the same for all of them: the first by name of those that beat
/// within the last `within`. Around the end of a worker it may be two for a moment, or none.
pub async fn speaks_for_all(
    conn: &mut PgConnection,
    clock: &Clock,
    name: &str,
    within: Duration,
) -> Result<bool> {
    let speaks = sqlx::query_scalar!(
        r#"select coalesce(min(name) = $1, false) as "speaks!" from worker_heartbeat where beat_at > $2"#,
        name,
        clock.now() - within,
    )
    .fetch_one(conn)
    .await?;
    Ok(speaks)
}
