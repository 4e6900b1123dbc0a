//! Hints that a job may have been promised. An idle relay looks every two seconds; a hint makes it look at once.
//!
//! A hint is lost, doubled or early without harm: looking is the truth. Behind a pooler in transaction mode they are heard
//! past it (`DIRECT_DATABASE_URL`); without that address no process listens, and jobs start up to two seconds later.

use std::time::Duration;

use flightdesk_core::db;
use flightdesk_core::outbox::HINTS;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;
use tracing::{debug, info};

use crate::shutdown::Shutdown;

/// The longest wait before listening is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Gives hints to the relays of this process. Clones give to the same.
#[derive(Clone, Debug)]
pub struct Hints(watch::Sender<()>);

/// What one relay has of them.
#[derive(Clone, Debug)]
pub struct Hinted(watch::Receiver<()>);

impl Default for Hints {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Hints {
    /// Says that a job may have been promised.
    pub fn give(&self) {
        self.0.send_replace(());
    }

    /// For a relay that shall hear of it.
    pub fn receive(&self) -> Hinted {
        Hinted(self.0.subscribe())
    }

    /// Passes on what other processes say, until this one shall stop. The connection is one of its own: it listens for as
    /// long as it lives.
    pub async fn listen(self, db: db::Pool, shutdown: Shutdown) {
        let Some(session) = db.session_options() else {
            info!(
                "hints about new jobs cannot be heard behind this pooler: set DIRECT_DATABASE_URL"
            );
            return;
        };
        let mut pause = Duration::from_secs(1);
        while !shutdown.is_wished() {
            let heard = tokio::select! {
                heard = self.pass_on(session.clone()) => heard,
                // Its own connection has fallen silent as well.
                () = db.renewed() => Ok(()),
                () = shutdown.wished() => return,
            };
            // Polling goes on meanwhile: nobody needs to know.
            if let Err(error) = heard {
                debug!(%error, "hints about new jobs cannot be heard");
            }
            if !shutdown.sleep(pause).await {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn pass_on(&self, session: PgConnectOptions) -> Result<(), sqlx::Error> {
        let own = PgPoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(session);
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(HINTS).await?;
        loop {
            // None: the connection was lost and is made again; something may have been said meanwhile.
            listener.try_recv().await?;
            self.give();
        }
    }
}

impl Hinted {
    /// Waits for the next hint; forever once all senders are gone.
    pub async fn next(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
