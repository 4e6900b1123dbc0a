//! Flights: reading one.

use flightdesk_core::flight::{self, CabinFares};
use flightdesk_core::ids::FlightId;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::openapi::tags::Tag;
use crate::views::baggage::ExtraBaggageView;
use crate::views::conditions::FareConditionsView;
use crate::views::itinerary::{BaggageView, FlightView, MOST_SEATS_SHOWN};
use crate::views::prices::PriceView;

/// Flights.
pub struct Flights;

/// A flight with what its cabins have left
#[derive(Debug, Object)]
pub struct FlightDetails {
    #[oai(flatten)]
    flight: FlightView,
    cabins: Vec<CabinView>,
}

/// One cabin of a flight
#[derive(Debug, Object)]
#[oai(rename = "FlightCabin")]
pub struct CabinView {
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    /// Seats left for sale, up to 9
    seats_left: i32,
    /// What each fare family costs one adult now, cheapest first
    fares: Vec<FareView>,
}

/// A fare family of a cabin, at today's price for one adult
#[derive(Debug, Object)]
#[oai(rename = "Fare")]
pub struct FareView {
    /// `light`, `standard` or `flex`
    fare_family: String,
    /// As shown to people
    name: String,
    /// Base fare, taxes and charges
    price: PriceView,
    baggage: BaggageView,
    extra_baggage: ExtraBaggageView,
    conditions: FareConditionsView,
}

impl From<CabinFares> for CabinView {
    fn from(cabin: CabinFares) -> Self {
        let fares = cabin.fares.into_iter().map(|(family, price)| {
            let conditions = &*family.conditions;
            FareView {
                baggage: conditions.into(),
                extra_baggage: (&conditions.extra_baggage).into(),
                conditions: conditions.into(),
                name: conditions.name.clone(),
                fare_family: family.code,
                price: price.into(),
            }
        });
        Self {
            cabin: cabin.seats.cabin.as_str().to_owned(),
            seats_left: cabin.seats.left().min(MOST_SEATS_SHOWN),
            fares: fares.collect(),
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Flights")]
impl Flights {
    /// A flight
    ///
    /// Times, status, and for each cabin what is left, what it costs, and what the price includes.
    #[oai(
        path = "/flights/:flight_id",
        method = "get",
        operation_id = "get_flight"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
        Path(flight_id): Path<Uuid>,
    ) -> Result<Json<FlightDetails>, ApiError> {
        let (tariff, _) = app.catalogue().await?;
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let details = flight::details(&mut conn, FlightId(flight_id)).await?;
        let fares = flight::fares(&tariff, app.settings.sales.sale_currency, &details)?;
        Ok(Json(FlightDetails {
            flight: details.flight.into(),
            cabins: fares.into_iter().map(CabinView::from).collect(),
        }))
    }
}
