//! The timeline of a booking: a list, or a stream of what happens.

mod stream;

use std::collections::BTreeMap;

use flightdesk_core::booking_event::{self, Recorded};
use poem::Request;
use poem::http::header::ACCEPT;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::page::PageRequest;
use crate::openapi::tags::Tag;
use crate::resources::bookings::reference;
use crate::views::Instant;
use stream::Timeline;

/// Events of bookings.
pub struct BookingEvents;

/// A change of a booking
#[derive(Debug, Object)]
#[oai(rename = "BookingEvent")]
pub struct BookingEventView {
    id: Uuid,
    /// What happened. New kinds may come: ignore those that you do not know
    kind: String,
    occurred_at: Instant,
    /// Who did it
    actor: String,
    /// The API key that it was done with, if it was
    api_key_id: Option<Uuid>,
    /// The session that it was done in, if a person had logged in
    session_id: Option<Uuid>,
    /// The `X-Request-Id` of the request that caused it, also where it was done later
    request_id: Option<String>,
    /// What was before and is after, as ids and amounts; fields that do not apply are absent, and new ones may come.
    /// `version` is 1. `held`: `status`, `total`, `payment_due_at`. `confirmed`: `status`, `total`, and `late_payment`
    /// when the money came after the deadline. `cancelled`, `expired`: `status`, `total`. `partially_cancelled`, and
    /// `cancelled` of what was paid: `cancellation_id`, `status`, `total`, `refund`, `places`, `waiver`. `no_show`:
    /// `flight_id`, `passenger_ids`. `changed`: `change_id`,
    /// the `parts` that were named (`offers`, `passengers`, `contact`, `seats`, `coupon`), `total`. `contact_changed` of what was
    /// paid: `change_id`, `parts` (`email`, `phone`). `name_corrected`: `passenger_ids`. `seats_changed`:
    /// `seats`, each `from` one `to` another, and, when the change was paid, `seat_change_id` and `amount`.
    /// `seat_change_lost`: `seat_change_id`, and the `reason` (`unpaid`, `seats_gone`). `flights_changed`: `change_id`, `total`,
    /// `directions`. `flight_change_held`: `change_id`, `amount`, `expires_at`. `flight_change_lost`: `change_id`, and the
    /// `reason`. `aircraft_changed`: `flight_id`, `aircraft`, `seats`.
    /// `documents_ready`: `revision`, `document_ids`. `refund_promised`: `refund_id`, `payment_id`, `amount`, `cause`.
    /// `refund_paid`, `refund_failed`: `refund_id`, `amount`. `receipt_ready`: `refund_id`, `document_id`. `departure_near`: `direction`
    details: BTreeMap<String, Any<Value>>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl BookingEvents {
    /// The timeline of a booking
    ///
    /// Every change of it, oldest first: who made it, in which request, and what was before and is after. Bookings that
    /// are older than this list lack what happened before it was kept.
    ///
    /// With `Accept: text/event-stream` it is a stream of server-sent events that begins with the first, or after the one
    /// that `Last-Event-ID` names, and goes on with what happens, about a second later: each once, in order. It ends after
    /// 15 minutes and when the server stops; an `EventSource` comes back by itself and continues. `limit` and `cursor` mean
    /// nothing there. An account has at most 20 streams open.
    #[oai(
        path = "/bookings/:booking_ref/events",
        method = "get",
        operation_id = "list_booking_events"
    )]
    #[expect(clippy::too_many_arguments, reason = "a parameter of the query each")]
    async fn list(
        &self,
        request: &Request,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        /// Entries of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before
        Query(cursor): Query<Option<String>>,
        /// Of a stream: the `id` of the last event that was received
        #[oai(name = "Last-Event-ID")]
        last: Header<Option<Uuid>>,
    ) -> Result<Timeline, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let reference = reference(&booking_ref)?;
        if stream::is_wanted(request.header(ACCEPT)) {
            // A stream has a connection only while it reads.
            drop(conn);
            let body = stream::open(app, principal.account_id, reference, last.0).await?;
            return Ok(Timeline::Stream(body));
        }
        let page = PageRequest::parse(limit, cursor.as_deref())?;
        let events = booking_event::list(
            &mut conn,
            principal.account_id,
            &reference,
            page.after(),
            page.rows().into(),
        )
        .await?;
        let page = page.page(events, |event| event.id);
        Ok(Timeline::Page(Json(page)))
    }
}

impl From<Recorded> for BookingEventView {
    fn from(event: Recorded) -> Self {
        let details = match event.details {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        Self {
            id: event.id,
            kind: event.kind,
            occurred_at: event.occurred_at.into(),
            actor: event.actor,
            api_key_id: event.api_key_id.map(|id| id.0),
            session_id: event.session_id.map(|id| id.0),
            request_id: event.request_id,
            details: details
                .into_iter()
                .map(|(name, value)| (name, Any(value)))
                .collect(),
        }
    }
}
