//! Finds out that connections have fallen silent: a dead host, a firewall that has forgotten its flows, a standby that
//! was a primary.
//!
//! Statements that take long and a database that is busy look the same from outside. So the watch has a connection of
//! its own that does nothing else, and when that is silent it makes another: if the new one is answered and the old one
//! still is not, the old connections are dead, all that were made before.
//!
//! **Silent connections are found by a connection that does nothing else, and the whole pool is replaced.** A dead
//! host or a firewall that forgets its flows closes nothing, and a slow statement looks the same. The watch
//! (`core/src/db/watch.rs`) asks every second; without an answer in two it makes a new connection, and if that is
//! answered while the old one still is not, everything made before is dead: `db::Pool` puts a new pool in the place
//! of the old one, requests and jobs that wait for an answer are given up (`Pool::within`), and the server's side
//! of the old sessions is ended, so that their locks are free. A ping with a timeout would not do: sqlx asks each
//! connection that comes back, and waits for ever. Nor can keepalive be set on its sockets; the server's end has it
//! by settings of the session.

use std::time::Duration;

use sqlx::{ConnectOptions, PgConnection, Row};
use tokio::time::{sleep, timeout};

use super::options;
use super::pool::{Pool, Session, WeakPool};
use crate::db_error::explain;

/// How often the watch asks.
const EVERY: Duration = Duration::from_secs(1);
/// The longest an answer takes before it is doubted.
const ANSWER: Duration = Duration::from_secs(2);
/// What an old connection gets once a new one has answered.
const GRACE: Duration = Duration::from_millis(500);
/// The longest a connection takes to make.
const CONNECT: Duration = Duration::from_secs(3);

/// Watches over pools of one database for as long as they live: when their connections fall silent, or lead to a server
/// that has become read-only while another is writable, all of them are renewed within about four seconds. Takes one
/// connection beside theirs.
///
/// Call it within a Tokio runtime. Pools that a test has made are not watched.
pub fn watch(pools: &[&Pool]) {
    let has_settings = |pool: &&&Pool| pool.settings().is_some();
    let pools: Vec<WeakPool> = pools
        .iter()
        .filter(has_settings)
        .map(|pool| pool.downgrade())
        .collect();
    if pools.is_empty() {
        return;
    }
    tokio::spawn(run(pools));
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Writable,
    ReadOnly,
}

async fn run(pools: Vec<WeakPool>) {
    let mut conn: Option<PgConnection> = None;
    // Whether connections were made that may be silent by now: a connection that is refused closes none.
    let mut is_in_doubt = false;
    loop {
        let Some(pools) = living(&pools) else { return };
        match conn.take() {
            None => match connect(&pools).await {
                Ok((made, _)) => {
                    if std::mem::take(&mut is_in_doubt) {
                        tracing::warn!(
                            "PostgreSQL answers new connections only; all others are thrown away"
                        );
                        conn = Some(renew(&pools, made).await);
                    } else {
                        conn = Some(made);
                    }
                }
                Err(why) => note(&pools, Some(&why)),
            },
            Some(mut old) => match timeout(ANSWER, ask(&mut old)).await {
                Ok(Ok(Answer::Writable)) => {
                    note(&pools, None);
                    conn = Some(old);
                }
                Ok(Ok(Answer::ReadOnly)) => {
                    conn = Some(match connect(&pools).await {
                        Ok((made, Answer::Writable)) => {
                            tracing::warn!(
                                "PostgreSQL has become read-only here and is writable for new connections"
                            );
                            renew(&pools, made).await
                        }
                        Ok((_, Answer::ReadOnly)) | Err(_) => old,
                    });
                }
                // It was closed, and so were the others: they say so to whoever uses them.
                Ok(Err(_)) => {}
                Err(_) => match judge(&pools, &mut old).await {
                    Verdict::Slow => conn = Some(old),
                    Verdict::Closed => {}
                    Verdict::Away(why) => {
                        note(&pools, Some(&why));
                        is_in_doubt = true;
                    }
                    Verdict::Silent(made) => {
                        tracing::warn!(
                            "the connections to PostgreSQL are silent; new ones take their place"
                        );
                        conn = Some(renew(&pools, made).await);
                    }
                },
            },
        }
        drop(pools);
        sleep(EVERY).await;
    }
}

/// What a connection is that has not answered in time.
enum Verdict {
    /// It has answered since.
    Slow,
    /// It has been closed.
    Closed,
    /// Nobody answers.
    Away(String),
    /// Another is answered.
    Silent(PgConnection),
}

/// Asks once more and makes a new connection meanwhile.
async fn judge(pools: &[Pool], old: &mut PgConnection) -> Verdict {
    let mut made = std::pin::pin!(connect(pools));
    let mut late = std::pin::pin!(ask(old));
    let answered = |late: Result<Answer, sqlx::Error>| match late {
        Ok(_) => Verdict::Slow,
        Err(_) => Verdict::Closed,
    };
    tokio::select! {
        late = &mut late => answered(late),
        made = &mut made => match made {
            Err(why) => Verdict::Away(why),
            // Both may have waited for the same: whoever was asked first has a moment more.
            Ok((made, _)) => match timeout(GRACE, late).await {
                Ok(late) => answered(late),
                Err(_) => Verdict::Silent(made),
            },
        },
    }
}

/// The pools, when all of them are still used.
fn living(pools: &[WeakPool]) -> Option<Vec<Pool>> {
    pools.iter().map(WeakPool::upgrade).collect()
}

fn note(pools: &[Pool], trouble: Option<&str>) {
    for pool in pools {
        pool.note_trouble(trouble.map(str::to_owned));
    }
}

async fn renew(pools: &[Pool], mut conn: PgConnection) -> PgConnection {
    for pool in pools {
        let old = pool.take_sessions();
        pool.renew();
        match timeout(ANSWER, end_sessions(&mut conn, old)).await {
            Ok(Ok(ended)) => tracing::info!(ended, "sessions of silent connections were ended"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "sessions of silent connections could not be ended");
            }
            Err(_) => tracing::warn!("sessions of silent connections could not be ended in time"),
        }
    }
    conn
}

async fn connect(pools: &[Pool]) -> Result<(PgConnection, Answer), String> {
    let Some((settings, application)) = pools.iter().find_map(Pool::settings) else {
        return Err("there is nothing to watch".to_owned());
    };
    let made = async {
        let options = options::connect_options(settings, &format!("{application} watch"))?;
        let mut conn = options.connect().await?;
        let answer = ask(&mut conn).await?;
        Ok::<_, sqlx::Error>((conn, answer))
    };
    match timeout(CONNECT, made).await {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err("it does not answer".to_owned()),
    }
}

async fn ask(conn: &mut PgConnection) -> Result<Answer, sqlx::Error> {
    // Not prepared: a pooler may give the next question to another server.
    let row = sqlx::raw_sql("select current_setting('transaction_read_only')::boolean")
        .fetch_one(conn)
        .await?;
    Ok(if row.try_get(0)? {
        Answer::ReadOnly
    } else {
        Answer::Writable
    })
}

/// Ends the server's side of connections that were thrown away: they may hold locks that others wait for. One that did
/// something meanwhile is not ours any more: a pooler has given it to others.
async fn end_sessions(conn: &mut PgConnection, sessions: Vec<Session>) -> Result<u64, sqlx::Error> {
    let (pids, starts): (Vec<i32>, Vec<String>) = sessions
        .into_iter()
        .map(|session| (session.pid, session.started))
        .unzip();
    let ended = sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         join unnest($1::integer[], $2::text[]) as ours (process, started) on process = pid
         where backend_start::text = started and usename = current_user and pid <> pg_backend_pid()
           and greatest(xact_start, state_change) < now() - interval '1.5 seconds'",
    )
    .persistent(false)
    .bind(pids)
    .bind(starts)
    .execute(conn)
    .await?;
    Ok(ended.rows_affected())
}
