//! The last requests of each API key, for its owner.
//!
//! **They are kept in passing.** A request is put into a queue of bounded length and answered; a task of the process writes what
//! has gathered once a second, on a connection that requests cannot take. What does not fit, and what a process had not written
//! when it ended, is forgotten: nothing else depends on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flightdesk_core::account::{self, KeyRequest};
use flightdesk_core::{Clock, actor, db, telemetry};
use poem::{Endpoint, Request, Response};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Shared;

/// Requests that wait to be written at most, and that are written at once.
const MOST_WAITING: usize = 10_000;
/// Between two writings.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest one may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often old ones are forgotten.
const FORGETTING: Duration = Duration::from_hours(1);

/// Writes requests in the background. Clones write to the same.
#[derive(Clone, Debug)]
pub struct History(mpsc::Sender<KeyRequest>);

impl History {
    /// Begins to write over a pool; call it within a Tokio runtime.
    pub fn new(db: db::Pool, clock: Clock) -> Self {
        let (sender, mut receiver) = mpsc::channel(MOST_WAITING);
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            let mut forgot_at: Option<Instant> = None;
            while receiver.recv_many(&mut waiting, MOST_WAITING).await > 0 {
                let is_time = forgot_at.is_none_or(|last| last.elapsed() >= FORGETTING);
                let work = write(&db, &clock, &waiting, is_time);
                let written = db.within(PATIENCE, work).await;
                if let Some(Err(error)) = written {
                    tracing::debug!(%error, "the last requests of keys could not be written");
                } else if is_time {
                    forgot_at = Some(Instant::now());
                }
                waiting.clear();
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self(sender)
    }

    fn note(&self, request: KeyRequest) {
        // A queue that is full loses it.
        let _ = self.0.try_send(request);
    }
}

async fn write(
    db: &db::Pool,
    clock: &Clock,
    requests: &[KeyRequest],
    forget: bool,
) -> flightdesk_core::Result<()> {
    let mut conn = db.acquire().await?;
    account::insert_requests(&mut conn, requests).await?;
    if forget {
        account::forget_requests(&mut conn, clock).await?;
    }
    Ok(())
}

/// Notes a request of a key by the path of its operation: what was asked for may be somebody's.
pub async fn history(
    shared: Arc<Shared>,
    next: Arc<impl Endpoint<Output = Response>>,
    request: Request,
) -> poem::Result<Response> {
    let operation = shared.operations.template(&request);
    let method = request.method().clone();
    let response = next.call(request).await?;
    let acting = actor::current().credentials();
    let key = acting.and_then(|(_, with)| with.api_key_id());
    if let (Some(path), Some(api_key_id)) = (operation, key) {
        shared.history.note(KeyRequest {
            id: Uuid::now_v7(),
            api_key_id,
            at: shared.app.clock.now(),
            method: method.to_string(),
            path,
            status: i16::try_from(response.status().as_u16()).unwrap_or_default(),
            request_id: telemetry::context().request_id,
        });
    }
    Ok(response)
}
