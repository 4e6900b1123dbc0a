//! Flights as staff see them: who is on one, how full they are, what they earn.

use chrono::NaiveDate;
use flightdesk_core::error::{Error, Violations};
use flightdesk_core::ids::FlightId;
use flightdesk_core::report::{
    self, CabinLoad, FlightLoad, LoadFilter, Manifest, ManifestPassenger,
};
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::page::{Page, PageRequest};
use crate::openapi::tags::Tag;
use crate::views::itinerary::FlightView;
use crate::views::{Instant, MoneyView};

/// The most days of flights that are asked for at once.
const MOST_DAYS: i64 = 366;

/// Flights for staff.
pub struct AdminFlights;

/// Everybody who has paid for a flight and is still on it
#[derive(Debug, Object)]
#[oai(rename = "Manifest")]
pub struct ManifestView {
    flight: FlightView,
    /// By name; an infant after its adult
    passengers: Vec<ManifestPassengerView>,
}

/// Somebody on a flight
#[derive(Debug, Object)]
#[oai(rename = "ManifestPassenger", skip_serializing_if_is_none)]
pub struct ManifestPassengerView {
    id: Uuid,
    booking_ref: String,
    /// What they are to the tariff
    #[oai(rename = "type")]
    passenger_type: String,
    title: String,
    /// Absent of people who have one name
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: String,
    gender: String,
    date_of_birth: String,
    cabin: String,
    /// Absent of infants, and of those who are given one at check-in
    seat: Option<String>,
    /// `125-2106312810 (3)`
    ticket_number: Option<String>,
    /// How the coupon of this flight stands: `open`, `flown`, `no_show`
    coupon: Option<String>,
    /// The `id` of the adult on whose lap an infant flies
    adult_id: Option<Uuid>,
    /// Extra checked baggage of this direction in kilograms
    extra_kg: Option<u16>,
    /// IATA codes of meals and assistance
    special_requests: Vec<String>,
    /// What they travel with, if they said
    travel_document: Option<ManifestDocumentView>,
}

/// What somebody travels with
#[derive(Debug, Object)]
#[oai(rename = "ManifestDocument", skip_serializing_if_is_none)]
pub struct ManifestDocumentView {
    /// `passport` or `national_id`
    #[oai(rename = "type")]
    kind: String,
    number: String,
    /// The country that issued it
    country: Option<String>,
    /// Until when it is good
    expires_on: Option<String>,
}

/// The seats of one cabin of a flight
#[derive(Debug, Object)]
#[oai(rename = "CabinLoad")]
pub struct CabinLoadView {
    cabin: String,
    /// All of its seats that are for sale
    capacity: i32,
    /// In holds and unpaid bookings
    held: i32,
    sold: i32,
}

/// How full a flight is, and what it earns
#[derive(Debug, Object)]
#[oai(rename = "FlightLoad")]
pub struct FlightLoadView {
    flight_id: Uuid,
    flight_number: String,
    origin: String,
    destination: String,
    /// Local date at the origin
    departure_date: String,
    departs_at: Instant,
    arrives_at: Instant,
    /// IATA code of the aircraft type
    aircraft: String,
    status: String,
    capacity: i32,
    held: i32,
    sold: i32,
    /// From the front
    cabins: Vec<CabinLoadView>,
    /// Fares less coupons and fees for seats, less what was given back; no taxes, bags or fees of a booking. An amount for each
    /// currency that was sold in
    revenue: Vec<MoneyView>,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl AdminFlights {
    /// Who is on a flight
    ///
    /// Everybody who has paid and is still on it, with seat, ticket, extra baggage, requests and travel document; infants follow
    /// their adults. `GET /v1/admin/exports/flights/{flight_id}/manifest.csv` is the same as a file. Needs the scope `admin`.
    #[oai(
        path = "/flights/:flight_id/manifest",
        method = "get",
        operation_id = "get_manifest"
    )]
    async fn manifest(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        Path(flight_id): Path<Uuid>,
    ) -> Result<Json<ManifestView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let manifest = report::manifest(&mut conn, FlightId(flight_id)).await?;
        Ok(Json(manifest.into()))
    }

    /// How full flights are
    ///
    /// Those that leave on some local dates, in the order of these dates: seats that are for sale, held and sold, and what the flight
    /// earns. At most 366 days. Needs the scope `admin`.
    #[oai(
        path = "/flights/load",
        method = "get",
        operation_id = "list_flight_loads"
    )]
    #[expect(clippy::too_many_arguments, reason = "a parameter of the query each")]
    async fn load(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Leaving on this local date or later
        Query(from): Query<NaiveDate>,
        /// Leaving on this local date or earlier
        Query(until): Query<NaiveDate>,
        /// Only of this airline
        #[oai(validator(max_length = 2))]
        Query(airline): Query<Option<String>>,
        /// Entries of a page, 1 to 100
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before, with all other parameters as they were
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<Page<FlightLoadView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit, cursor.as_deref())?;
        check_days(from, until)?;
        let filter = LoadFilter {
            from,
            until,
            airline: airline.map(|iata| iata.to_uppercase()),
            after: page.after(),
            limit: page.rows().into(),
        };
        let loads = report::list_loads(&mut conn, &filter).await?;
        Ok(Json(page.page(loads, |load| load.id.0)))
    }
}

/// Refuses days in the wrong order, and more of them than are read at once.
pub fn check_days(from: NaiveDate, until: NaiveDate) -> Result<(), Error> {
    let mut wrong = Violations::new();
    let days = (until - from).num_days();
    if days < 0 {
        wrong.add("until", "before_from", "must not be before `from`");
    } else if days >= MOST_DAYS {
        let message = format!("must be within {MOST_DAYS} days of `from`");
        wrong.add("until", "out_of_range", message);
    }
    wrong.into_result()
}

impl From<Manifest> for ManifestView {
    fn from(manifest: Manifest) -> Self {
        Self {
            flight: manifest.flight.into(),
            passengers: manifest.passengers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<ManifestPassenger> for ManifestPassengerView {
    fn from(one: ManifestPassenger) -> Self {
        let document = one.document_type.zip(one.document_number);
        Self {
            id: one.id.0,
            booking_ref: one.booking_ref,
            passenger_type: one.passenger_type.as_str().to_owned(),
            title: one.title,
            first_name: one.first_name,
            middle_name: one.middle_name,
            last_name: one.last_name,
            gender: one.gender,
            date_of_birth: one.date_of_birth.to_string(),
            cabin: one.cabin.as_str().to_owned(),
            seat: one.seat,
            ticket_number: one.ticket_number,
            coupon: one.coupon,
            adult_id: one.adult_id.map(|id| id.0),
            extra_kg: one.extra_kg.and_then(|kg| u16::try_from(kg).ok()),
            special_requests: one.special_requests,
            travel_document: document.map(|(kind, number)| ManifestDocumentView {
                kind,
                number,
                country: one.document_country,
                expires_on: one.document_expires_on.map(|day| day.to_string()),
            }),
        }
    }
}

impl From<CabinLoad> for CabinLoadView {
    fn from(load: CabinLoad) -> Self {
        Self {
            cabin: load.cabin.as_str().to_owned(),
            capacity: load.capacity,
            held: load.held,
            sold: load.sold,
        }
    }
}

impl From<FlightLoad> for FlightLoadView {
    fn from(load: FlightLoad) -> Self {
        let (capacity, held, sold) = load.total();
        Self {
            flight_id: load.id.0,
            flight_number: format!("{} {}", load.airline, load.flight_number),
            origin: load.origin,
            destination: load.destination,
            departure_date: load.departure_date.to_string(),
            departs_at: load.departs_at.into(),
            arrives_at: load.arrives_at.into(),
            aircraft: load.aircraft,
            status: load.status.as_str().to_owned(),
            capacity,
            held,
            sold,
            cabins: load.cabins.into_iter().map(Into::into).collect(),
            revenue: load.revenue.into_iter().map(Into::into).collect(),
        }
    }
}
