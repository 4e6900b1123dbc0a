//! Tells idle workers that a request may have promised a job, once everything of it is committed.

use std::sync::Arc;
use std::time::Duration;

use flightdesk_core::{db, outbox};
use poem::http::Method;
use poem::{Endpoint, Request, Response};
use tokio::sync::Notify;

use super::Shared;

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

    fn give(&self) {
        self.0.notify_one();
    }
}

/// Gives a hint after a request that succeeded and may have promised a job.
pub async fn hint(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let may_change = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let response = next.call(request).await?;
    if may_change && response.status().is_success() {
        shared.hints.give();
    }
    Ok(response)
}
