//! The reference data of a process.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sqlx::PgConnection;

use super::Reference;
use crate::Result;

/// A changed name is seen so much later, or a little more under load.
const FRESH: Duration = Duration::from_secs(5);

/// The reference data of this process, about five seconds old at most; cheap to clone, the clones share it.
#[derive(Clone, Debug, Default)]
pub struct ReferenceCache {
    known: Arc<RwLock<Option<Known>>>,
    reading: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone, Debug)]
struct Known {
    reference: Arc<Reference>,
    read_at: Instant,
}

impl ReferenceCache {
    /// The reference data. Of all who find it old one reads it again, the others go on with what there is; of those
    /// who find none all wait for the first.
    pub async fn get(&self, conn: &mut PgConnection) -> Result<Arc<Reference>> {
        match self.known() {
            Some(known) if known.read_at.elapsed() < FRESH => Ok(known.reference),
            Some(known) => match self.reading.try_lock() {
                Ok(_turn) => self.read(conn).await,
                Err(_) => Ok(known.reference),
            },
            None => self.newer_than(conn, None).await,
        }
    }

    /// The reference data as it is now, for who has found a code that `seen` does not have.
    pub async fn get_after(
        &self,
        conn: &mut PgConnection,
        seen: &Arc<Reference>,
    ) -> Result<Arc<Reference>> {
        self.newer_than(conn, Some(seen)).await
    }

    async fn newer_than(
        &self,
        conn: &mut PgConnection,
        seen: Option<&Arc<Reference>>,
    ) -> Result<Arc<Reference>> {
        let _turn = self.reading.lock().await;
        match self.known() {
            Some(known) if seen.is_none_or(|seen| !Arc::ptr_eq(seen, &known.reference)) => {
                Ok(known.reference)
            }
            Some(_) | None => self.read(conn).await,
        }
    }

    fn known(&self) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    async fn read(&self, conn: &mut PgConnection) -> Result<Arc<Reference>> {
        let read_at = Instant::now();
        let reference = Arc::new(Reference::load(conn).await?);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Known {
            reference: reference.clone(),
            read_at,
        });
        Ok(reference)
    }
}
