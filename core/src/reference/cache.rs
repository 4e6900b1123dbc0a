//! The reference data of a process.

use std::sync::Arc;

use chrono::Duration;
use sqlx::{PgConnection, PgPool};

use super::Reference;
use crate::Result;
use crate::clock::Clock;
use crate::db;
use crate::fresh::Fresh;

/// The reference data of this process, about five seconds old; cheap to clone, the clones share it.
#[derive(Clone, Debug)]
pub struct ReferenceCache(Fresh<Reference>);

impl Default for ReferenceCache {
    fn default() -> Self {
        Self(Fresh::new(Duration::seconds(5), Duration::seconds(30)))
    }
}

impl ReferenceCache {
    /// The reference data, refreshed over `background` behind the requests. For who has no connection: the first
    /// calls of a process wait for the first reading.
    pub async fn fresh(&self, background: &PgPool, clock: &Clock) -> Result<Arc<Reference>> {
        let pool = background.clone();
        let read = || async move {
            let read = async { Reference::load(&mut *pool.acquire().await?).await };
            Box::pin(db::while_open(&pool, read)).await
        };
        self.0.get(clock, read).await
    }

    /// The reference data at hand, read with `conn` where there is none. Waits for nobody else.
    pub(crate) async fn get(
        &self,
        conn: &mut PgConnection,
        clock: &Clock,
    ) -> Result<Arc<Reference>> {
        match self.0.known() {
            Some(known) => Ok(known),
            None => self.read(conn, clock).await,
        }
    }

    /// The reference data as it is now, for who has found a code that `seen` does not have. Waits for nobody else.
    pub(crate) async fn get_after(
        &self,
        conn: &mut PgConnection,
        clock: &Clock,
        seen: &Arc<Reference>,
    ) -> Result<Arc<Reference>> {
        match self.0.known() {
            Some(known) if !Arc::ptr_eq(seen, &known) => Ok(known),
            Some(_) | None => self.read(conn, clock).await,
        }
    }

    async fn read(&self, conn: &mut PgConnection, clock: &Clock) -> Result<Arc<Reference>> {
        let read_at = clock.now();
        Ok(self.0.put(Reference::load(conn).await?, read_at))
    }
}
