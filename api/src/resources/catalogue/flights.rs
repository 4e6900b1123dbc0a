//! Dated flights, for staff.

use chrono::NaiveDate;
use flightdesk_core::catalogue::{self, DatedFlight, FlightCabin, FlightFilter, Version};
use flightdesk_core::ids::FlightId;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::Deleted;
use super::flight_forms::{ChangeFlight, CreateFlight};
use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::body::Checked;
use crate::http::etag::{IfMatch, Tagged};
use crate::http::page::{Page, PageRequest};
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// Dated flights.
pub struct CatalogueFlights;

/// A flight as staff see it
#[derive(Debug, Object)]
#[oai(rename = "CatalogueFlight", skip_serializing_if_is_none)]
pub struct CatalogueFlightView {
    id: Uuid,
    /// The schedule that made it
    schedule_id: Uuid,
    /// IATA code
    airline: String,
    /// Without the airline: `101`
    flight_number: String,
    /// IATA code
    origin: String,
    /// IATA code
    destination: String,
    /// The local date at the origin that it is known by
    departure_date: NaiveDate,
    departs_at: Instant,
    arrives_at: Instant,
    /// `scheduled`, `cancelled` or `departed`
    status: String,
    /// IATA code of the aircraft type
    aircraft: String,
    /// Where it leaves
    departure_terminal: Option<String>,
    /// Where it lands
    arrival_terminal: Option<String>,
    cabins: Vec<CatalogueCabinView>,
}

/// A cabin of a flight as staff see it
#[derive(Debug, Object)]
#[oai(rename = "CatalogueFlightCabin")]
pub struct CatalogueCabinView {
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    /// Seats that are on sale in all
    capacity: i32,
    /// Of these in holds and unpaid bookings; no part of the `ETag`
    held: i32,
    /// Of these sold; no part of the `ETag`
    sold: i32,
    /// Base fare for one adult before any factor, in minor units of the sale currency
    base_fare_minor: i64,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Catalogue")]
impl CatalogueFlights {
    /// List dated flights
    ///
    /// In the order of departure, past ones too, with capacities, fares and what is held and sold. Needs the scope
    /// `catalogue`.
    #[oai(
        path = "/flights",
        method = "get",
        operation_id = "list_catalogue_flights"
    )]
    #[expect(clippy::too_many_arguments, reason = "filters")]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        /// Only of this airline
        #[oai(validator(max_length = 2))]
        airline: Query<Option<String>>,
        /// Only of this number, without the airline
        #[oai(validator(max_length = 5))]
        flight_number: Query<Option<String>>,
        /// Only from this airport
        #[oai(validator(max_length = 3))]
        origin: Query<Option<String>>,
        /// Only to this airport
        #[oai(validator(max_length = 3))]
        destination: Query<Option<String>>,
        /// Only of this local date at the origin
        departure_date: Query<Option<NaiveDate>>,
        /// Entries of a page, 1 to 100
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<CatalogueFlightView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let filter = FlightFilter {
            airline: airline.0,
            flight_number: flight_number.0,
            origin: origin.0,
            destination: destination.0,
            departure_date: departure_date.0,
            after: page.after(),
            limit: i64::from(page.rows()),
        };
        let flights = catalogue::list_flights(&mut conn, &filter).await?;
        Ok(Json(page.page(flights, |flight| flight.id)))
    }

    /// Read a dated flight
    ///
    /// The `ETag` names this version of it, for a change; seats that are held and sold are no part of it. Needs the scope
    /// `catalogue`.
    #[oai(
        path = "/flights/:flight_id",
        method = "get",
        operation_id = "get_catalogue_flight"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        Path(flight_id): Path<Uuid>,
    ) -> Result<Tagged<CatalogueFlightView, 200>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let flight = catalogue::get_flight(&mut conn, FlightId(flight_id)).await?;
        let version = Version::of(&flight)?;
        Ok(Tagged::<_, 200>::new(flight.into(), version))
    }

    /// Add a flight that is flown once
    ///
    /// With a schedule of that one day and the seats of its aircraft. A local time that the clocks skip or show twice is
    /// refused. Doing it again is answered by 422: the number is taken that day. Needs the scope `catalogue`.
    #[oai(path = "/flights", method = "post", operation_id = "create_flight")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        body: Checked<CreateFlight>,
    ) -> Result<Tagged<CatalogueFlightView, 201>, ApiError> {
        let mut tx = app.db.begin().await?;
        access.principal(&mut tx, app).await?;
        let new = body.into_inner().single()?;
        let flight = catalogue::create_flight(&mut tx, &app.clock, &new).await?;
        tx.commit().await?;
        let (version, path) = (
            Version::of(&flight)?,
            format!("/v1/admin/flights/{}", flight.id),
        );
        Ok(Tagged::<_, 201>::created(flight.into(), version, path))
    }

    /// Change a dated flight
    ///
    /// Fares, aircraft, terminals and capacities of a flight that is to come. A capacity below what is held and sold is
    /// refused with the numbers: 409 `capacity_below_sold`. A flight is cancelled or moved by
    /// `POST /v1/admin/flights/{flight_id}/disruptions`. Needs `If-Match`: of two who have read the same version one is
    /// answered 412, and nothing is lost. Needs the scope `catalogue`.
    #[oai(
        path = "/flights/:flight_id",
        method = "patch",
        operation_id = "change_flight"
    )]
    async fn change(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        Path(flight_id): Path<Uuid>,
        #[oai(name = "If-Match")] if_match: IfMatch,
        body: Checked<ChangeFlight>,
    ) -> Result<Tagged<CatalogueFlightView, 200>, ApiError> {
        let mut tx = app.db.begin().await?;
        access.principal(&mut tx, app).await?;
        let expected = if_match.expected()?;
        let nulls = body.nulls().to_vec();
        let patch = body.into_inner().patch(&nulls);
        let id = FlightId(flight_id);
        let flight = catalogue::change_flight(&mut tx, &app.clock, id, &expected, &patch).await?;
        tx.commit().await?;
        let version = Version::of(&flight)?;
        Ok(Tagged::<_, 200>::new(flight.into(), version))
    }

    /// Delete a dated flight
    ///
    /// Only one that nobody ever had a seat on, and that its schedule does not make again: 409 `in_use` otherwise. A
    /// flight that was sold is cancelled by `POST /v1/admin/flights/{flight_id}/disruptions`, which tells the travellers.
    /// Needs `If-Match` and the scope `catalogue`.
    #[oai(
        path = "/flights/:flight_id",
        method = "delete",
        operation_id = "delete_flight"
    )]
    async fn delete(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        Path(flight_id): Path<Uuid>,
        #[oai(name = "If-Match")] if_match: IfMatch,
    ) -> Result<Deleted, ApiError> {
        let mut tx = app.db.begin().await?;
        access.principal(&mut tx, app).await?;
        let expected = if_match.expected()?;
        catalogue::delete_flight(&mut tx, &app.clock, FlightId(flight_id), &expected).await?;
        tx.commit().await?;
        Ok(Deleted::NoContent)
    }
}

impl From<DatedFlight> for CatalogueFlightView {
    fn from(flight: DatedFlight) -> Self {
        Self {
            id: flight.id,
            schedule_id: flight.schedule_id,
            airline: flight.airline,
            flight_number: flight.flight_number,
            origin: flight.origin,
            destination: flight.destination,
            departure_date: flight.departure_date,
            departs_at: flight.departs_at.into(),
            arrives_at: flight.arrives_at.into(),
            status: flight.status,
            aircraft: flight.aircraft,
            departure_terminal: flight.departure_terminal,
            arrival_terminal: flight.arrival_terminal,
            cabins: flight
                .cabins
                .into_iter()
                .map(CatalogueCabinView::from)
                .collect(),
        }
    }
}

impl From<FlightCabin> for CatalogueCabinView {
    fn from(cabin: FlightCabin) -> Self {
        Self {
            cabin: cabin.cabin.as_str().to_owned(),
            capacity: cabin.capacity,
            held: cabin.held,
            sold: cabin.sold,
            base_fare_minor: cabin.base_fare_minor,
        }
    }
}
