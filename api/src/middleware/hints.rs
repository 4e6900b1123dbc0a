//! Tells idle workers that a request may have promised a job, once everything of it is committed.

use std::sync::Arc;
use std::time::Duration;

use flightdesk_core::{db, outbox};
use poem::http::Method;
use poem::{Request, Response};
use tokio::sync::Notify;

/// Between two hints of a process: one is enough for all requests that end meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest one may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives hints in the background. Clones give the same.
#[derive(Clone, Debug)]
pub struct Hints(Arc<Notify>);

impl Hints {
    /// Begins to give hints over a pool; call it within a Tokio runtime. A hint that cannot be given is forgotten:
    /// workers look by themselves.
    pub fn new(db: db::Pool) -> Self {
        let wanted = Arc::new(Notify::new());
        let hints = Self(wanted.clone());
        tokio::spawn(async move {
            loop {
                wanted.notified().await;
                let hint = async {
                    if let Ok(mut conn) = db.acquire().await {
                        let _ = outbox::hint(&mut conn).await;
                    }
                };
                db.within(PATIENCE, hint).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
        hints
    }

    /// Notes that a request was answered: one that changed something may have promised a job.
    pub fn note(&self, may_change: bool, response: &Response) {
        if may_change && response.status().is_success() {
            self.0.notify_one();
        }
    }

    /// Whether a request may change anything.
    pub fn may_change(request: &Request) -> bool {
        !matches!(
            *request.method(),
            Method::GET | Method::HEAD | Method::OPTIONS
        )
    }
}
