//! Searching itineraries that can be bought.

mod compact;
mod pages;
mod views;

use flightdesk_core::search::Search;
use flightdesk_core::trade::Party;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use pages::PageWish;
pub use pages::check;
pub use views::SearchResult;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::cached::Cached;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;

/// Searches.
pub struct Searches;

#[OpenApi(prefix_path = "/v1", tag = "Tag::Flights")]
impl Searches {
    /// Search flights
    ///
    /// Every itinerary that the whole party can buy now, direct or with one or two legal connections, each as an offer
    /// whose price holds until its `expires_at`. With `return_date` both directions are searched, each with its own list and
    /// its own cursor; hold one offer of each. A route or day without flights is an empty list that says which filter
    /// to leave out. The order and the totals of a search are frozen for 15 minutes, so that its pages neither lose
    /// nor repeat anything; what has been sold since is left out. A list is written with commas.
    #[oai(
        path = "/flights/search",
        method = "get",
        operation_id = "search_flights"
    )]
    #[expect(clippy::too_many_arguments, reason = "a parameter each")]
    async fn search(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
        /// IATA airport or metro code: `DEL`, `LON`
        Query(origin): Query<String>,
        /// IATA airport or metro code
        Query(destination): Query<String>,
        /// `airport` where the code of `origin` is one of a metro area too and the airport is meant
        Query(origin_type): Query<Option<String>>,
        /// The same for `destination`
        Query(destination_type): Query<Option<String>>,
        /// Local date at the origin: `2026-12-20`
        Query(departure_date): Query<String>,
        /// Local date of the returning direction, at its origin; without it the trip is one way
        Query(return_date): Query<Option<String>>,
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
        /// `light`, `standard` or `flex`; `standard` unless `refundable` or `checked_bag` need another
        Query(fare_family): Query<Option<String>>,
        /// Every flight is of one of these airlines: `AI,BA`
        Query(airlines): Query<Option<String>>,
        /// No flight is of one of these airlines
        Query(exclude_airlines): Query<Option<String>>,
        /// One of the flights: `AI101` or `101`
        Query(flight_number): Query<Option<String>>,
        /// Connections at most: 0, 1 or 2 (default)
        Query(max_stops): Query<Option<i64>>,
        /// Minutes from the first departure to the last arrival at most
        Query(max_duration): Query<Option<i64>>,
        /// Local time of the first departure: `05:00-11:00` (the end is outside), or `early` (00-05), `morning` (05-11),
        /// `afternoon` (11-16), `evening` (16-19), `night` (19-24)
        Query(departure_window): Query<Option<String>>,
        /// Local time of the last arrival
        Query(arrival_window): Query<Option<String>>,
        /// `departure_window` of the returning direction
        Query(return_departure_window): Query<Option<String>>,
        /// `arrival_window` of the returning direction
        Query(return_arrival_window): Query<Option<String>>,
        /// The party's total of a direction at least: `5000` or `5000.00`
        Query(min_price): Query<Option<String>>,
        /// The party's total of a direction at most
        Query(max_price): Query<Option<String>>,
        /// Minutes of every layover at least
        Query(min_layover): Query<Option<i64>>,
        /// Minutes of every layover at most
        Query(max_layover): Query<Option<i64>>,
        /// A connection is made at one of these airports or metro areas
        Query(via): Query<Option<String>>,
        /// No connection is made at one of these airports or metro areas
        Query(avoid): Query<Option<String>>,
        /// Whether cancelling must give something of the base fare back
        Query(refundable): Query<Option<bool>>,
        /// Whether the fare must include checked baggage
        Query(checked_bag): Query<Option<bool>>,
        /// `price` (default), `duration`, `departure`, `arrival` or `best`
        Query(sort): Query<Option<String>>,
        /// Offers of a page
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))]
        Query(limit): Query<Option<u32>>,
        /// `next_cursor` of the page before, with all other parameters as they were; it pages the direction that it is
        /// of, and the answer has that direction alone
        Query(cursor): Query<Option<String>>,
    ) -> Result<Cached<SearchResult>, ApiError> {
        let principal = access.look_up(app).await?;
        let search = Search {
            origin,
            destination,
            origin_type,
            destination_type,
            departure_date,
            return_date,
            party: Party {
                adults,
                children,
                infants,
            },
            cabin,
            fare_family,
            airlines: list(airlines.as_deref()),
            exclude_airlines: list(exclude_airlines.as_deref()),
            flight_number,
            max_stops,
            max_duration,
            departure_window,
            arrival_window,
            return_departure_window,
            return_arrival_window,
            min_price,
            max_price,
            min_layover,
            max_layover,
            via: list(via.as_deref()),
            avoid: list(avoid.as_deref()),
            refundable,
            checked_bag,
            sort,
        };
        let checked = check(app, &search).await?;
        let wish = PageWish::new(limit, cursor.as_deref());
        let answer = pages::answer(app, principal.account_id, &checked, wish).await?;
        let (is_round_trip, hit) = (checked.returning.is_some(), answer.hit);
        let currency = app.settings.sales.sale_currency;
        Cached::new(&SearchResult::new(answer, is_round_trip, currency), hit)
    }
}

/// Checks the readable parameters of a search or calendar whose query does not fit its schema. Errors: 422.
pub async fn check_query(app: &App, query: Raw<'_>) -> Result<(), ApiError> {
    check(app, &Search::from_raw(query)).await.map(drop)
}

impl FromRaw for Search {
    fn from_raw(raw: Raw<'_>) -> Self {
        let texts = |name| list(raw.optional_text(name).as_deref());
        Self {
            origin: raw.text("origin"),
            destination: raw.text("destination"),
            origin_type: raw.optional_text("origin_type"),
            destination_type: raw.optional_text("destination_type"),
            departure_date: raw.text("departure_date"),
            return_date: raw.optional_text("return_date"),
            party: Party {
                adults: raw.integer("adults").unwrap_or_else(one),
                children: raw.integer("children").unwrap_or_default(),
                infants: raw.integer("infants").unwrap_or_default(),
            },
            cabin: raw.optional_text("cabin"),
            fare_family: raw.optional_text("fare_family"),
            airlines: texts("airlines"),
            exclude_airlines: texts("exclude_airlines"),
            flight_number: raw.optional_text("flight_number"),
            max_stops: raw.integer("max_stops"),
            max_duration: raw.integer("max_duration"),
            departure_window: raw.optional_text("departure_window"),
            arrival_window: raw.optional_text("arrival_window"),
            return_departure_window: raw.optional_text("return_departure_window"),
            return_arrival_window: raw.optional_text("return_arrival_window"),
            min_price: raw.optional_text("min_price"),
            max_price: raw.optional_text("max_price"),
            min_layover: raw.integer("min_layover"),
            max_layover: raw.integer("max_layover"),
            via: texts("via"),
            avoid: texts("avoid"),
            refundable: raw.flag("refundable"),
            checked_bag: raw.flag("checked_bag"),
            sort: raw.optional_text("sort"),
        }
    }
}

/// Passengers unless said: one adult.
pub fn one() -> u16 {
    1
}

/// What stands between the commas.
pub fn list(raw: Option<&str>) -> Vec<String> {
    let parts = raw.into_iter().flat_map(|raw| raw.split(','));
    parts.map(|part| part.trim().to_owned()).collect()
}
