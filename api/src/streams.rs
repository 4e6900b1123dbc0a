//! Streams of events: who waits for something to happen to a booking.
//!
//! **One question a second answers all streams of a process.** A stream has no connection to PostgreSQL while it waits: a
//! watcher asks for the newest event of every booking that somebody watches, on a connection of the background pool, and
//! wakes the streams of those that have a newer one than before. `LISTEN` would be sooner by half a second, but its
//! `NOTIFY` within the transactions of bookings lets commits pass one at a time over the whole server. The watcher ends
//! with the last stream.
//!
//! The order of a booking's events is that of their transactions (its row is locked), so that "after the last one that was
//! sent" has neither gap nor double.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flightdesk_core::ids::{AccountId, BookingId};
use flightdesk_core::{booking_event, db};
use tokio::sync::watch;

/// How often PostgreSQL is asked.
const PERIOD: Duration = Duration::from_secs(1);
/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Streams that one account may have open at one process, and that all may have together.
const MOST_OF_ACCOUNT: usize = 20;
const MOST: usize = 1_000;

/// The streams of a process. Clones are the same.
#[derive(Clone, Debug)]
pub struct EventStreams(Arc<Mutex<Streams>>);

#[derive(Debug)]
struct Streams {
    db: db::Pool,
    of_accounts: HashMap<AccountId, usize>,
    bookings: HashMap<BookingId, Watched>,
    open: usize,
    is_watching: bool,
}

#[derive(Debug)]
struct Watched {
    newest: watch::Sender<i64>,
    streams: usize,
}

/// A place among the streams, until it is dropped.
#[derive(Debug)]
pub struct Place {
    streams: EventStreams,
    account_id: AccountId,
    booking_id: BookingId,
    newest: watch::Receiver<i64>,
}

impl EventStreams {
    /// No stream yet; `db` is asked for events once there is one.
    pub fn new(db: db::Pool) -> Self {
        Self(Arc::new(Mutex::new(Streams {
            db,
            of_accounts: HashMap::new(),
            bookings: HashMap::new(),
            open: 0,
            is_watching: false,
        })))
    }

    /// A place for a stream of a booking; `None` when the account, or the process, has as many as it may. Call it before
    /// the first events are read: what happens from then on wakes it.
    pub fn enter(&self, account_id: AccountId, booking_id: BookingId) -> Option<Place> {
        let mut streams = self.lock();
        let of_account = streams
            .of_accounts
            .get(&account_id)
            .copied()
            .unwrap_or_default();
        if of_account >= MOST_OF_ACCOUNT || streams.open >= MOST {
            return None;
        }
        streams.of_accounts.insert(account_id, of_account + 1);
        streams.open += 1;
        let watched = streams
            .bookings
            .entry(booking_id)
            .or_insert_with(|| Watched {
                newest: watch::Sender::new(0),
                streams: 0,
            });
        watched.streams += 1;
        let newest = watched.newest.subscribe();
        if !std::mem::replace(&mut streams.is_watching, true) {
            tokio::spawn(self.clone().watch());
        }
        Some(Place {
            streams: self.clone(),
            account_id,
            booking_id,
            newest,
        })
    }

    /// Asks until nobody waits any more.
    async fn watch(self) {
        loop {
            tokio::time::sleep(PERIOD).await;
            let (db, bookings) = {
                let mut streams = self.lock();
                if streams.open == 0 {
                    streams.is_watching = false;
                    return;
                }
                let bookings: Vec<_> = streams.bookings.keys().copied().collect();
                (streams.db.clone(), bookings)
            };
            let ask = async {
                let mut conn = db.acquire().await?;
                booking_event::newest(&mut conn, &bookings).await
            };
            // While PostgreSQL is away nothing happens to bookings either.
            let Some(Ok(newest)) = db.within(PATIENCE, ask).await else {
                continue;
            };
            let streams = self.lock();
            for (booking_id, position) in newest {
                if let Some(watched) = streams.bookings.get(&booking_id) {
                    watched
                        .newest
                        .send_if_modified(|known| std::mem::replace(known, position) != position);
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until something has happened since this was last asked; at first it may be something that was read already.
    pub async fn changed(&mut self) {
        if self.newest.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.streams.lock();
        streams.open -= 1;
        if let Some(open) = streams.of_accounts.get_mut(&self.account_id) {
            *open -= 1;
            if *open == 0 {
                streams.of_accounts.remove(&self.account_id);
            }
        }
        if let Some(watched) = streams.bookings.get_mut(&self.booking_id) {
            watched.streams -= 1;
            if watched.streams == 0 {
                streams.bookings.remove(&self.booking_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_account_has_so_many_streams_at_once_and_a_closed_one_makes_room() {
        let options = sqlx::postgres::PgConnectOptions::new_without_pgpass();
        let pool = sqlx::PgPool::connect_lazy_with(options);
        let streams = EventStreams::new(pool.into());
        let (account, booking) = (AccountId::new(), BookingId::new());
        let mut places: Vec<_> = (0..MOST_OF_ACCOUNT)
            .map(|_| streams.enter(account, booking).unwrap())
            .collect();
        assert!(streams.enter(account, BookingId::new()).is_none());
        assert!(streams.enter(AccountId::new(), booking).is_some());
        places.pop();
        assert!(streams.enter(account, booking).is_some());
        places.clear();
        let left = streams.lock();
        assert!(left.open == 0 && left.bookings.is_empty() && left.of_accounts.is_empty());
    }
}
