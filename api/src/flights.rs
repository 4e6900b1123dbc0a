//! Flights: searching those that can be bought, and reading one.

use flightdesk_core::account::Scope;
use flightdesk_core::fare::Party;
use flightdesk_core::flight::{self, CabinFares, Search};
use flightdesk_core::ids::FlightId;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::Caller;
use crate::baggage::ExtraBaggageView;
use crate::error::ApiError;
use crate::itinerary::{BaggageView, FlightView, MOST_SEATS_SHOWN, OfferView, PriceView};
use crate::page::PageRequest;
use crate::tags::Tag;

/// Flights.
pub struct Flights;

/// What a one-way search found
#[derive(Debug, Object)]
pub struct SearchResult {
    /// `one_way`
    trip_type: String,
    offers: Vec<OfferView>,
    /// How many offers there are on all pages
    total: u64,
    /// Whether everything that matches is among them
    complete: bool,
    /// Where the next page begins; absent on the last one
    #[oai(skip_serializing_if_is_none)]
    next_cursor: Option<String>,
}

/// A flight with what its cabins have left
#[derive(Debug, Object)]
pub struct FlightDetails {
    #[oai(flatten)]
    flight: FlightView,
    cabins: Vec<CabinView>,
}

/// One cabin of a flight
#[derive(Debug, Object)]
#[oai(rename = "Cabin")]
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
    /// What changing and cancelling costs, in fields and words
    conditions: Any<Value>,
}

impl From<CabinFares> for CabinView {
    fn from(cabin: CabinFares) -> Self {
        let fares = cabin.fares.into_iter().map(|(family, price)| {
            let frozen = family.frozen();
            FareView {
                baggage: BaggageView::of(&frozen),
                extra_baggage: ExtraBaggageView::of(&frozen),
                conditions: Any(family.conditions),
                fare_family: family.code,
                name: family.name,
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
    /// Search flights
    ///
    /// Direct flights of one day that the whole party can buy now, each as an offer whose price holds for 15 minutes.
    /// A route or day without flights is an empty list.
    #[oai(
        path = "/flights/search",
        method = "get",
        operation_id = "search_flights"
    )]
    #[expect(clippy::too_many_arguments, reason = "a parameter each")]
    async fn search(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        /// IATA airport or metro code: `DEL`, `LON`
        Query(origin): Query<String>,
        /// IATA airport or metro code
        Query(destination): Query<String>,
        /// Local date at the origin: `2026-12-20`
        Query(departure_date): Query<String>,
        /// Passengers from 12 years
        #[oai(
            default = "one",
            validator(minimum(value = "1"), maximum(value = "99"))
        )]
        Query(adults): Query<u16>,
        /// Passengers from 2 to 11 years
        #[oai(default, validator(maximum(value = "99")))]
        Query(children): Query<u16>,
        /// Infants under 2, on laps
        #[oai(default, validator(maximum(value = "99")))]
        Query(infants): Query<u16>,
        /// `economy` (default), `premium_economy`, `business` or `first`
        Query(cabin): Query<Option<String>>,
        /// `light`, `standard` (default) or `flex`
        Query(fare_family): Query<Option<String>>,
        /// `price` (default) or `departure`
        Query(sort): Query<Option<String>>,
        /// Offers of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before
        Query(cursor): Query<Option<String>>,
    ) -> Result<Json<SearchResult>, ApiError> {
        caller.require(Scope::Search)?;
        let request = PageRequest::parse(limit, cursor.as_deref())?;
        let party = Party {
            adults,
            children,
            infants,
        };
        let search = Search {
            origin,
            destination,
            departure_date,
            party,
            cabin,
            fare_family,
            sort,
        };
        let mut conn = app.db.acquire().await?;
        let tariff = app.tariff.get(&mut conn, &app.clock).await?;
        let sales = &app.settings.sales;
        let found = flight::search(&mut conn, &app.clock, sales, &tariff, &search).await?;
        drop(conn);
        let total = found.len() as u64;
        let (found, next_cursor) = request.slice(found, |quote| quote.flights[0].id.0)?;
        let offer = |quote| {
            app.offers
                .offer(&app.clock, sales, caller.account_id, quote)
        };
        let offers = found
            .into_iter()
            .map(offer)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Json(SearchResult {
            trip_type: "one_way".to_owned(),
            offers: offers.into_iter().map(OfferView::from).collect(),
            total,
            complete: true,
            next_cursor,
        }))
    }

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
        caller: Caller,
        Path(flight_id): Path<Uuid>,
    ) -> Result<Json<FlightDetails>, ApiError> {
        caller.require(Scope::Search)?;
        let mut conn = app.db.acquire().await?;
        let details = flight::details(&mut conn, FlightId(flight_id)).await?;
        let tariff = app.tariff.get(&mut conn, &app.clock).await?;
        let fares = flight::fares(&tariff, app.settings.sales.sale_currency, &details)?;
        Ok(Json(FlightDetails {
            flight: details.flight.into(),
            cabins: fares.into_iter().map(CabinView::from).collect(),
        }))
    }
}

fn one() -> u16 {
    1
}
