//! The connection that a request goes on with. To give one back costs a round trip (sqlx asks it whether it lives), so a
//! request that has looked its key up reads with the same connection.

use std::sync::{Mutex, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

/// A place for one connection of a request that nobody uses right now.
#[derive(Debug, Default)]
pub struct Spare(Mutex<Option<PoolConnection<Postgres>>>);

impl Spare {
    /// The connection that lies here, or another.
    pub async fn take(&self, db: &PgPool) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        match self.lift() {
            Some(conn) => Ok(conn),
            None => db.acquire().await,
        }
    }

    /// Puts a connection here for whoever goes on; what lay here goes back to the pool.
    pub fn put(&self, conn: PoolConnection<Postgres>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(conn);
    }

    /// Gives the connection back to the pool. Whoever waits for anything but the database does so first.
    pub fn release(&self) {
        drop(self.lift());
    }

    fn lift(&self) -> Option<PoolConnection<Postgres>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
