//! The reference data of a process.

use std::sync::Arc;

use chrono::Duration;
use sqlx::{PgConnection, PgPool};

use super::Reference;
use crate::Result;
use crate::clock::Clock;
use crate::db;
use crate::fresh::Fresh;

/// The reference data of this process, about two seconds old; cheap to clone, the clones share it.
#[derive(Clone, Debug)]
pub struct ReferenceCache(Fresh<Arc<Reference>>);

impl Default for ReferenceCache {
    fn default() -> Self {
        Self(Fresh::new(Duration::seconds(2), Duration::seconds(30)))
    }
}

impl ReferenceCache {
    /// The reference data, refreshed over `background` behind the requests: read again when the catalogue has changed. For
    /// who has no connection: the first calls of a process wait for the first reading.
    pub async fn fresh(&self, background: &PgPool, clock: &Clock) -> Result<Arc<Reference>> {
        let read = || {
            let (pool, known) = (background.clone(), self.0.known());
            async move {
                let read = async {
                    let mut conn = pool.acquire().await?;
                    let version = Reference::version_of(&mut conn).await?;
                    match known {
                        Some(known) if known.version() == version => Ok((*known).clone()),
                        _ => Reference::load(&mut conn).await.map(Arc::new),
                    }
                };
                Box::pin(db::while_open(&pool, read)).await
            }
        };
        Ok((*self.0.get(clock, read).await?).clone())
    }

    /// The reference data at hand, read with `conn` where there is none. Waits for nobody else.
    pub(crate) async fn get(
        &self,
        conn: &mut PgConnection,
        clock: &Clock,
    ) -> Result<Arc<Reference>> {
        match self.0.known() {
            Some(known) => Ok((*known).clone()),
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
            Some(known) if !Arc::ptr_eq(seen, &known) => Ok((*known).clone()),
            Some(_) | None => self.read(conn, clock).await,
        }
    }

    async fn read(&self, conn: &mut PgConnection, clock: &Clock) -> Result<Arc<Reference>> {
        let read_at = clock.now();
        let read = Arc::new(Reference::load(conn).await?);
        Ok((*self.0.put(read, read_at)).clone())
    }
}
