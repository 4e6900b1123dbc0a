//! Dated flights, for staff.

use chrono::{NaiveDate, NaiveDateTime};
use flightdesk_core::Error;
use flightdesk_core::catalogue::{
    self, CabinPatch, DatedFlight, FlightCabin, FlightFilter, FlightPatch, Version,
};
use flightdesk_core::error::Violations;
use flightdesk_core::ids::FlightId;
use flightdesk_core::schedule::{CabinFares, SingleFlight};
use flightdesk_core::trade::Cabin;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::Deleted;
use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::body::{Checked, Rules};
use crate::http::etag::{IfMatch, Tagged};
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::{FromRaw, Raw};
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

/// A flight that is flown once
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateFlight {
    /// IATA code
    #[oai(validator(max_length = 2))]
    airline: String,
    /// One to four digits and at most one letter: `101`
    #[oai(validator(max_length = 5))]
    flight_number: String,
    /// IATA code
    #[oai(validator(max_length = 3))]
    origin: String,
    /// IATA code
    #[oai(validator(max_length = 3))]
    destination: String,
    /// By the clocks at the origin: `2026-12-20T08:30`
    #[oai(validator(max_length = 16))]
    departs_local: String,
    /// Minutes from gate to gate
    #[oai(validator(minimum(value = "1"), maximum(value = "1440")))]
    block_minutes: i32,
    /// IATA code of the aircraft type
    #[oai(validator(max_length = 3))]
    aircraft: String,
    /// Economy's base fare for one adult, in minor units of the sale currency
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    base_fare_minor: i64,
}

/// What shall be different; what is left out stays, and a terminal that is `null` is nobody's to say any more
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeFlight {
    /// IATA code of another aircraft type: its seats are the capacities from then on, and who sat on a seat that it does
    /// not have is seated anew and told
    #[oai(validator(max_length = 3))]
    aircraft: Option<String>,
    /// Where it leaves
    #[oai(validator(max_length = 10))]
    departure_terminal: Option<String>,
    /// Where it lands
    #[oai(validator(max_length = 10))]
    arrival_terminal: Option<String>,
    /// Cabins that change; others stay
    #[oai(validator(max_items = 4))]
    cabins: Option<Vec<ChangeCabin>>,
}

/// What shall be different in a cabin
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeCabin {
    /// `economy`, `premium_economy`, `business` or `first`
    #[oai(validator(max_length = 20))]
    cabin: String,
    /// Seats that are on sale in all: at least those that are held and sold, at most those that the aircraft has
    #[oai(validator(minimum(value = "0"), maximum(value = "1000")))]
    capacity: Option<i32>,
    /// Base fare for one adult, in minor units of the sale currency. Offers that were made before keep their price
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    base_fare_minor: Option<i64>,
}

impl FromRaw for CreateFlight {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            airline: raw.text("airline"),
            flight_number: raw.text("flight_number"),
            origin: raw.text("origin"),
            destination: raw.text("destination"),
            departs_local: raw.text("departs_local"),
            block_minutes: raw.integer("block_minutes").unwrap_or_default(),
            aircraft: raw.text("aircraft"),
            base_fare_minor: raw.integer("base_fare_minor").unwrap_or_default(),
        }
    }
}

impl CreateFlight {
    fn departs_local(&self) -> Result<NaiveDateTime, Error> {
        NaiveDateTime::parse_from_str(&self.departs_local, "%Y-%m-%dT%H:%M").map_err(|_| {
            let mut wrong = Violations::new();
            let message = "must be a local time such as 2026-12-20T08:30";
            wrong.add("departs_local", "format", message);
            wrong.into_error()
        })
    }
}

impl Rules for CreateFlight {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.departs_local().map(drop)
    }
}

impl FromRaw for ChangeCabin {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            cabin: raw.text("cabin"),
            capacity: raw.integer("capacity"),
            base_fare_minor: raw.integer("base_fare_minor"),
        }
    }
}

impl FromRaw for ChangeFlight {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            aircraft: raw.optional_text("aircraft"),
            departure_terminal: raw.optional_text("departure_terminal"),
            arrival_terminal: raw.optional_text("arrival_terminal"),
            cabins: raw.list("cabins"),
        }
    }
}

impl ChangeFlight {
    /// Errors: 422 with every wrong field.
    fn parse(self, nulls: &[String]) -> Result<FlightPatch, Error> {
        let mut wrong = Violations::new();
        let terminal = |name: &str, value: Option<String>| {
            let is_null = nulls.iter().any(|null| null == name);
            (is_null || value.is_some()).then_some(value)
        };
        let mut cabins = Vec::new();
        for (index, cabin) in self.cabins.unwrap_or_default().into_iter().enumerate() {
            match Cabin::parse(&cabin.cabin) {
                Some(known) => cabins.push(CabinPatch {
                    cabin: known,
                    capacity: cabin.capacity,
                    base_fare_minor: cabin.base_fare_minor,
                }),
                None => {
                    let message = "must be economy, premium_economy, business or first";
                    wrong.add(format!("cabins[{index}].cabin"), "unknown", message);
                }
            }
        }
        let patch = FlightPatch {
            aircraft: self.aircraft,
            departure_terminal: terminal("departure_terminal", self.departure_terminal),
            arrival_terminal: terminal("arrival_terminal", self.arrival_terminal),
            cabins,
        };
        // Places in the list are those of the request while all of its cabins are known.
        if wrong.is_empty() {
            patch.check(&mut wrong);
        }
        wrong.into_result()?;
        Ok(patch)
    }
}

impl Rules for ChangeFlight {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.parse(&[]).map(drop)
    }
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
        let body = body.into_inner();
        let new = SingleFlight {
            departs_local: body.departs_local()?,
            airline: body.airline,
            flight_number: body.flight_number,
            origin: body.origin,
            destination: body.destination,
            block_minutes: body.block_minutes,
            aircraft: body.aircraft,
            base_fare_minor: body.base_fare_minor,
            cabin_fares: CabinFares::default(),
        };
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
        let patch = body.into_inner().parse(&nulls)?;
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
