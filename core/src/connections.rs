//! Where a reader that computes between its statements gets its connections.
//!
//! **A request that has a connection waits for nothing but its own statement.** A request takes a connection for a
//! statement or a transaction of its own, gives it back before it computes or waits, and never needs two at once:
//! the whole journey passes with a pool of one (`api/tests/it/connections.rs`). What all requests read from memory
//! (timetable, tariff, names, places) and what readiness asks has a pool of three that requests cannot take
//! (`db::background`); `fresh.rs` keeps such a value, has one reader refresh it behind the requests, and lets only
//! those wait who find none. Searches once kept the connection that had looked their key up, to save a round trip:
//! sixteen of them, each waiting with one of ten connections for a reading that needed an eleventh, stopped the
//! process.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};

/// A pool, or the one connection of a caller who has it anyway.
///
/// A search walks a timetable for milliseconds between two statements. With a pool it has a connection only while a
/// statement of its own runs, so that a few connections serve many searches.
#[derive(Debug)]
pub enum Connections<'a> {
    /// A connection of the pool for each statement.
    Pool(&'a PgPool),
    /// The same connection for all.
    One(&'a mut PgConnection),
}

impl Connections<'_> {
    /// A connection for the next statement. Drop it before computing.
    pub async fn acquire(&mut self) -> Result<Acquired<'_>, sqlx::Error> {
        Ok(match self {
            Self::Pool(pool) => Acquired::Pooled(pool.acquire().await?),
            Self::One(conn) => Acquired::Borrowed(conn),
        })
    }
}

impl<'a> From<&'a PgPool> for Connections<'a> {
    fn from(pool: &'a PgPool) -> Self {
        Self::Pool(pool)
    }
}

impl<'a> From<&'a mut PgConnection> for Connections<'a> {
    fn from(conn: &'a mut PgConnection) -> Self {
        Self::One(conn)
    }
}

impl<'a> From<&'a mut PoolConnection<Postgres>> for Connections<'a> {
    fn from(conn: &'a mut PoolConnection<Postgres>) -> Self {
        Self::One(conn)
    }
}

/// A connection of [`Connections`].
#[derive(Debug)]
pub enum Acquired<'a> {
    /// Goes back to its pool.
    Pooled(PoolConnection<Postgres>),
    /// Is the caller's.
    Borrowed(&'a mut PgConnection),
}

impl Deref for Acquired<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match self {
            Self::Pooled(conn) => conn,
            Self::Borrowed(conn) => conn,
        }
    }
}

impl DerefMut for Acquired<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Self::Pooled(conn) => conn,
            Self::Borrowed(conn) => conn,
        }
    }
}

impl<'a> From<&'a crate::db::Pool> for Connections<'a> {
    fn from(pool: &'a crate::db::Pool) -> Self {
        let pool: &PgPool = pool;
        pool.into()
    }
}
