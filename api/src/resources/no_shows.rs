//! No-shows, as staff mark them.

use flightdesk_core::booking;
use flightdesk_core::ids::{FlightId, PassengerId};
use flightdesk_core::ticket;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::Done;
use crate::http::body::{Checked, Rules};
use crate::http::idempotency::Once;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::{BookingView, reference};

/// No-shows.
pub struct NoShows;

/// Who was not aboard
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct MarkNoShow {
    /// The flight that has left
    flight_id: Uuid,
    /// The `id` of each passenger who was not aboard
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Vec<Uuid>,
}

impl FromRaw for MarkNoShow {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            flight_id: raw.id("flight_id").unwrap_or_default(),
            passengers: Vec::new(),
        }
    }
}

impl Rules for MarkNoShow {}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl NoShows {
    /// Mark a no-show
    ///
    /// Passengers of a booking who were not aboard a flight, until three days after it left. Their refundable taxes come back when
    /// their direction is cancelled. Needs the scope `admin`.
    #[oai(
        path = "/bookings/:booking_ref/no-shows",
        method = "post",
        operation_id = "mark_no_show"
    )]
    async fn mark(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<MarkNoShow>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let body = body.into_inner();
        let (flight, people) = (FlightId(body.flight_id), body.passengers);
        let people: Vec<_> = people.into_iter().map(PassengerId).collect();
        once.run(app, &principal, digest, async |tx| {
            let id = ticket::mark_no_show(tx, &app.clock, &reference, flight, &people).await?;
            let booking = booking::get_by_id(tx, id).await?;
            Ok((booking, app).into())
        })
        .await
    }
}
