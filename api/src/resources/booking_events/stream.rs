//! The timeline as server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use flightdesk_core::booking_event::{self, Recorded};
use flightdesk_core::error::FieldError;
use flightdesk_core::ids::{AccountId, BookingRef};
use futures::Stream;
use poem::http::{HeaderValue, StatusCode, header};
use poem::{Body, IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{ToJSON, Type};
use uuid::Uuid;

use super::BookingEventView;
use crate::app::App;
use crate::error::ApiError;
use crate::http::page::Page;
use crate::streams::Place;

/// The media type of a stream.
const EVENT_STREAM: &str = "text/event-stream";
/// How often a stream says that it is still there: oftener than proxies close what is silent.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether the process stops.
const TICK: Duration = Duration::from_millis(500);
/// A stream ends then; the client comes back by itself, and its key is looked at again.
const LONGEST: Duration = Duration::from_mins(15);
/// Events that are read at once.
const BATCH: i64 = 100;

/// Whether a client asks for a stream: by name, and not by `*/*`.
pub fn is_wanted(accept: Option<&str>) -> bool {
    let kinds = accept.unwrap_or_default().split(',');
    kinds
        .filter_map(|kind| kind.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case(EVENT_STREAM))
}

/// A page of the timeline, or a stream of it.
pub enum Timeline {
    /// JSON.
    Page(Json<Page<BookingEventView>>),
    /// Server-sent events.
    Stream(Body),
}

impl IntoResponse for Timeline {
    fn into_response(self) -> Response {
        match self {
            Self::Page(page) => page.into_response(),
            Self::Stream(body) => {
                let mut response = Response::builder().content_type(EVENT_STREAM).body(body);
                // nginx would keep events back until it has a buffer full of them.
                response.headers_mut().insert(
                    header::HeaderName::from_static("x-accel-buffering"),
                    HeaderValue::from_static("no"),
                );
                response
            }
        }
    }
}

impl ApiResponse for Timeline {
    fn meta() -> MetaResponses {
        let text = MetaSchema {
            description: Some(
                "Server-sent events: `id` is the event's, `event` its kind, `data` the event as JSON",
            ),
            ..MetaSchema::new("string")
        };
        MetaResponses {
            responses: vec![MetaResponse {
                description: "A page of the timeline, or with `Accept: text/event-stream` all of it and what happens from then on",
                status: Some(200),
                status_range: None,
                content: vec![
                    MetaMediaType {
                        content_type: Json::<Page<BookingEventView>>::CONTENT_TYPE,
                        schema: Page::<BookingEventView>::schema_ref(),
                    },
                    MetaMediaType {
                        content_type: EVENT_STREAM,
                        schema: MetaSchemaRef::Inline(Box::new(text)),
                    },
                ],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        Page::<BookingEventView>::register(registry);
    }
}

/// What a stream knows.
struct State {
    app: App,
    place: Place,
    account_id: AccountId,
    reference: BookingRef,
    last: Option<Uuid>,
    unsent: VecDeque<String>,
    began: Instant,
    spoke: Instant,
}

/// The events of a booking after `last`, and each that happens from now on, until the process stops or 15 minutes are over.
///
/// It takes a connection to read events when there are new ones, and has none while it waits.
///
/// Errors: 404 for anybody else's booking, 422 for a `last` that is none of its events, 429 when the account has too many streams.
pub async fn open(
    app: &App,
    account_id: AccountId,
    reference: BookingRef,
    last: Option<Uuid>,
) -> Result<Body, ApiError> {
    let mut conn = app.db.acquire().await?;
    let booking_id = booking_event::booking_of(&mut conn, account_id, &reference).await?;
    if let Some(last) = last
        && !booking_event::is_of(&mut conn, booking_id, last).await?
    {
        return Err(ApiError::invalid(vec![FieldError {
            field: "Last-Event-ID".to_owned(),
            code: "unknown_event",
            message: "must be the id of an event of this booking".to_owned(),
        }]));
    }
    drop(conn);
    let place = app.streams.enter(account_id, booking_id).ok_or_else(|| {
        let why = "the account has as many streams open as it may, or this process has: close one, or read the list";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", why).retry_after(15)
    })?;
    let mut state = State {
        app: app.clone(),
        place,
        account_id,
        reference,
        last,
        unsent: VecDeque::new(),
        began: Instant::now(),
        spoke: Instant::now(),
    };
    // The first events, or an error while there can be one.
    state.read().await?;
    // Clients of a stream that says nothing wait for its head.
    state.unsent.push_front("retry: 1000\n\n".to_owned());
    Ok(Body::from_bytes_stream(state.into_stream()))
}

impl State {
    /// Reads what has happened since the last event. Whether there may be more.
    async fn read(&mut self) -> Result<bool, ApiError> {
        let mut conn = self.app.db.acquire().await?;
        let (account, reference) = (self.account_id, &self.reference);
        let events = booking_event::list(&mut conn, account, reference, self.last, BATCH).await?;
        drop(conn);
        let is_full = events.len() == usize::try_from(BATCH).unwrap_or_default();
        if let Some(newest) = events.last() {
            self.last = Some(newest.id);
        }
        self.unsent.extend(events.into_iter().map(message));
        Ok(is_full)
    }

    fn into_stream(self) -> impl Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static {
        futures::stream::unfold(self, |mut state| async move {
            let message = state.next().await?;
            state.spoke = Instant::now();
            Some((Ok(message.into_bytes()), state))
        })
    }

    /// What is sent next; `None` when the stream ends.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(message) = self.unsent.pop_front() {
                return Some(message);
            }
            if self.app.stopping.is_set() || self.began.elapsed() > LONGEST {
                return None;
            }
            match tokio::time::timeout(TICK, self.place.changed()).await {
                Ok(()) => {
                    // One that fails ends the stream: the client comes back with the last id that it has seen.
                    while self.read().await.ok()? {}
                }
                Err(_) if self.spoke.elapsed() > HEARTBEAT => {
                    return Some(": still here\n\n".to_owned());
                }
                Err(_) => {}
            }
        }
    }
}

fn message(event: Recorded) -> String {
    let (id, kind) = (event.id, event.kind.clone());
    // In one line: JSON writes a new line within a text as `\n`.
    let data = BookingEventView::from(event).to_json().unwrap_or_default();
    format!("id: {id}\nevent: {kind}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::is_wanted;

    #[test]
    fn a_stream_is_for_clients_that_name_it() {
        for accept in [
            "text/event-stream",
            "application/json;q=0.5, Text/Event-Stream;q=1",
        ] {
            assert!(is_wanted(Some(accept)), "{accept}");
        }
        for accept in [None, Some("*/*"), Some("text/*"), Some("application/json")] {
            assert!(!is_wanted(accept), "{accept:?}");
        }
    }
}
