//! Whether `DATABASE_URL` leads to a pooler that gives transactions each other's sessions, and what it does with prepared
//! statements then.
//!
//! Every statement here is prepared under a short name. A pooler in transaction mode that does not keep track of names
//! finds two statements under one name sooner or later: it answers with an error, or it runs the other statement.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row};
use uuid::Uuid;

use super::options;
use crate::config;

/// What sqlx calls its prepared statements; a pooler that keeps track of them gives them names of its own.
const NAMED_BY_US: &str = "sqlx_s_";

/// What a connection to `DATABASE_URL` leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    /// A session of its own, as PostgreSQL itself and a pooler in session mode give it.
    Own,
    /// Another session for each transaction, as a pooler in transaction mode gives them, and prepared statements work.
    Shared,
    /// The same, and prepared statements are mixed up.
    MixedUp,
}

/// Finds out what the address leads to. Two connections are made and closed again.
pub(super) async fn find_out(
    settings: &config::Database,
    application: &str,
) -> Result<Session, sqlx::Error> {
    let options = options::connect_options(settings, application)?;
    let mut first = options.connect().await?;
    let mut second = options.connect().await?;
    let found = if !shares_sessions(&mut first, &mut second).await? {
        Session::Own
    } else if keeps_track(&mut first).await? {
        Session::Shared
    } else {
        Session::MixedUp
    };
    first.close().await?;
    second.close().await?;
    Ok(found)
}

/// Whether connections are given each other's sessions: a connection to PostgreSQL itself has one for its life.
async fn shares_sessions(
    first: &mut PgConnection,
    second: &mut PgConnection,
) -> Result<bool, sqlx::Error> {
    // In this order, so that a pooler which hands out two sessions in turn shows it as well.
    let begun = (session(first).await?, session(second).await?);
    let (second, first) = (session(second).await?, session(first).await?);
    Ok(begun.0 == begun.1 || begun != (first, second))
}

async fn session(conn: &mut PgConnection) -> Result<i32, sqlx::Error> {
    // Not prepared: what happens to prepared statements is not known yet.
    sqlx::raw_sql("select pg_backend_pid()")
        .fetch_one(conn)
        .await?
        .try_get(0)
}

/// Whether a statement that is prepared here has a name of the pooler's on the server.
async fn keeps_track(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let mark = format!("/* {} */", Uuid::now_v7().simple());
    let statement =
        format!("{mark} select name from pg_prepared_statements where starts_with(statement, $1)");
    let name: Result<Option<String>, _> = sqlx::query_scalar(AssertSqlSafe(statement))
        .bind(&mark)
        .fetch_optional(conn)
        .await;
    match name {
        Ok(name) => Ok(name.is_some_and(|name| !name.starts_with(NAMED_BY_US))),
        // The name is taken already, or the statement is on another server connection.
        Err(sqlx::Error::Database(error))
            if crate::db_error::is_of_a_mixed_up_statement(&*error) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
