//! A value that every request reads and that hardly ever changes: read from PostgreSQL once, kept in memory, and
//! refreshed behind the requests.

use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Duration, Utc};
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::{Error, Result};

/// A shared value with an age. Cheap to clone; the clones share it.
///
/// [`Fresh::get`] may wait for somebody's reading, so nobody calls it who has a connection. What must not wait takes
/// [`Fresh::known`].
#[derive(Debug)]
pub struct Fresh<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    fresh_for: Duration,
    usable_for: Duration,
    known: RwLock<Option<Known<T>>>,
    reading: Arc<Mutex<()>>,
}

#[derive(Debug)]
struct Known<T> {
    value: Arc<T>,
    read_at: DateTime<Utc>,
    /// Counts the readings: a clock that stands still does not tell them apart.
    reading: u64,
}

impl<T> Clone for Fresh<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Clone for Known<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            ..*self
        }
    }
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// A value that is read again when it is older than `fresh_for`, in the background for as long as it is not older
    /// than `usable_for`. With zero for both it is read each time.
    pub fn new(fresh_for: Duration, usable_for: Duration) -> Self {
        Self(Arc::new(Inner {
            fresh_for,
            usable_for,
            known: RwLock::default(),
            reading: Arc::default(),
        }))
    }

    /// The last value, however old. Never waits.
    pub fn known(&self) -> Option<Arc<T>> {
        self.last().map(|known| known.value)
    }

    /// Keeps a value that was read at `read_at`.
    pub fn put(&self, value: T, read_at: DateTime<Utc>) -> Arc<T> {
        let value = Arc::new(value);
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        let reading = known.as_ref().map_or(0, |known| known.reading + 1);
        *known = Some(Known {
            value: value.clone(),
            read_at,
            reading,
        });
        value
    }

    /// Forgets the value: the next who asks reads it.
    pub fn forget(&self) {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = None;
    }

    /// The value. Who finds it a little old has one reading started and goes on with what there is; who finds none, or
    /// one that is too old, waits for the reading, which goes on when he gives up.
    ///
    /// Errors: those of `read`.
    pub async fn get<F>(&self, clock: &Clock, read: impl FnOnce() -> F) -> Result<Arc<T>>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let seen = self.last();
        if let Some(known) = &seen {
            let age = clock.now() - known.read_at;
            if age >= Duration::zero() && age < self.0.fresh_for {
                return Ok(known.value.clone());
            }
            if age >= Duration::zero() && age < self.0.usable_for {
                self.refresh(clock, read);
                return Ok(known.value.clone());
            }
        }
        let turn = self.0.reading.clone().lock_owned().await;
        let seen = seen.map(|known| known.reading);
        match self.last() {
            // Somebody has read it meanwhile.
            Some(known) if seen != Some(known.reading) && !self.0.fresh_for.is_zero() => {
                return Ok(known.value);
            }
            Some(_) | None => {}
        }
        let (fresh, read_at, reading) = (self.clone(), clock.now(), read());
        let reading = tokio::spawn(async move {
            let _turn = turn;
            Ok(fresh.put(reading.await?, read_at))
        });
        reading
            .await
            .map_err(|_| Error::Internal("a reading stopped".to_owned()))?
    }

    /// Reads the value behind the requests, unless somebody does already.
    fn refresh<F>(&self, clock: &Clock, read: impl FnOnce() -> F)
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let Ok(turn) = self.0.reading.clone().try_lock_owned() else {
            return;
        };
        let (fresh, read_at, reading) = (self.clone(), clock.now(), read());
        tokio::spawn(async move {
            let _turn = turn;
            match reading.await {
                Ok(value) => {
                    fresh.put(value, read_at);
                }
                Err(error) => {
                    tracing::warn!(%error, "a value that is kept in memory could not be refreshed");
                }
            }
        });
    }

    fn last(&self) -> Option<Known<T>> {
        let known = self.0.known.read();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use chrono::TimeZone;

    use super::*;

    fn clock() -> Clock {
        Clock::manual(Utc.with_ymd_and_hms(2026, 12, 1, 8, 0, 0).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_who_find_nothing_one_reads() {
        let (fresh, clock) = (
            Fresh::<u32>::new(Duration::seconds(5), Duration::seconds(30)),
            clock(),
        );
        let (readings, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(())));
        let closed = gate.clone().lock_owned().await;
        let mut asking = Vec::new();
        for _ in 0..50 {
            let (fresh, clock, readings, gate) =
                (fresh.clone(), clock.clone(), readings.clone(), gate.clone());
            asking.push(tokio::spawn(async move {
                let read = || async move {
                    drop(gate.lock().await);
                    Ok(readings.fetch_add(1, Ordering::SeqCst))
                };
                *fresh.get(&clock, read).await.unwrap()
            }));
        }
        drop(closed);
        for asked in asking {
            assert_eq!(asked.await.unwrap(), 0);
        }
        assert_eq!(readings.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_finds_an_old_value_takes_it_and_has_it_refreshed() {
        let (fresh, clock) = (
            Fresh::new(Duration::seconds(5), Duration::seconds(30)),
            clock(),
        );
        assert_eq!(*fresh.get(&clock, || async { Ok(1) }).await.unwrap(), 1);
        clock.advance(Duration::seconds(4));
        assert_eq!(*fresh.get(&clock, || async { Ok(2) }).await.unwrap(), 1);
        clock.advance(Duration::seconds(2));
        let (read, has_read) = tokio::sync::oneshot::channel();
        let reading = || async move {
            let _ = read.send(());
            Ok(3)
        };
        assert_eq!(*fresh.get(&clock, reading).await.unwrap(), 1);
        has_read.await.unwrap();
        drop(fresh.0.reading.lock().await);
        assert_eq!(fresh.known().as_deref(), Some(&3));
        clock.advance(Duration::seconds(30));
        assert_eq!(*fresh.get(&clock, || async { Ok(4) }).await.unwrap(), 4);
    }

    #[tokio::test]
    async fn a_reading_that_failed_is_tried_by_the_next_and_one_given_up_goes_on() {
        let (fresh, clock) = (
            Fresh::<u32>::new(Duration::seconds(5), Duration::seconds(30)),
            clock(),
        );
        let failed = fresh
            .get(&clock, || async { Err(Error::NotFound("value")) })
            .await;
        assert!(failed.is_err());
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        {
            let read = || async move {
                let _ = gone.await;
                Ok(7)
            };
            let asking = fresh.get(&clock, read);
            tokio::pin!(asking);
            assert!(futures::poll!(&mut asking).is_pending());
            // A second poll: the first took the turn and began to read.
            assert!(futures::poll!(&mut asking).is_pending());
        }
        go.send(()).unwrap();
        let other = fresh.get(&clock, || async { Ok(8) }).await.unwrap();
        assert_eq!(*other, 7);
    }
}
