//! What a search answers.

use flightdesk_core::money::{Currency, Money};
use flightdesk_core::search::{Facets, Relaxation};
use flightdesk_core::trade::Direction;
use poem_openapi::{Object, Union};
use serde::Serialize;

use super::compact::{Dictionaries, SearchOffer};
use super::pages::{Answer, Page};
use crate::views::MoneyView;
use crate::views::itinerary::PartyView;

/// What a search found, in the shape of the journey
#[derive(Debug, Union, Serialize)]
#[serde(untagged)]
pub enum SearchResult {
    /// Without `return_date`
    OneWay(Box<OneWay>),
    /// With `return_date`
    RoundTrip(Box<RoundTrip>),
}

/// What a one-way search found
#[derive(Debug, Object, Serialize)]
#[oai(rename = "OneWayResult")]
pub struct OneWay {
    /// `one_way`
    trip_type: String,
    #[oai(flatten)]
    #[serde(flatten)]
    page: PageView,
}

/// What a round-trip search found: each direction is complete in itself, and one offer of each makes the journey
#[derive(Debug, Object, Serialize)]
#[oai(rename = "RoundTripResult")]
pub struct RoundTrip {
    /// `round_trip`
    trip_type: String,
    /// The departing direction; absent on a further page of the returning one
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    departing: Option<PageView>,
    /// The returning direction; absent on a further page of the departing one
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    returning: Option<PageView>,
    /// What the cheapest two offers cost that can be held together: the return leaves a legal connection after the
    /// departing direction lands, and a fee per booking is charged once; `null` when there are none, and on further pages
    cheapest_total: Option<MoneyView>,
}

/// A page of one direction
#[derive(Debug, Object, Serialize)]
#[oai(rename = "SearchPage", skip_serializing_if_is_none)]
pub struct PageView {
    /// What the whole party can buy now. Fewer than `limit` when something was sold meanwhile: follow `next_cursor`
    offers: Vec<SearchOffer>,
    /// What the offers refer to
    dictionaries: Dictionaries,
    /// For whom: the prices of offers are for all of them
    passengers: PartyView,
    /// How many there were on all pages when the search was made
    total: u32,
    /// Whether that is all there is: false when the search was too broad to show everything
    complete: bool,
    /// How many more there are that cost more than can be paid at once; nobody can book them for the whole party
    unpayable: u32,
    facets: FacetsView,
    /// The last local date of departure on which flights are sold yet; a search for a later date finds nothing.
    /// Absent while there are no flights at all
    #[serde(skip_serializing_if = "Option::is_none")]
    sales_horizon: Option<String>,
    /// When nothing was found: which filter to leave out, and how many that gives
    relaxations: Vec<RelaxationView>,
    /// Where the next page begins; absent on the last one, and while pages cannot be kept
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What each option of a filter would give with all other filters as they are: as many offers as `count` says, 2,000 at
/// most. Options that give nothing are left out
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Facets")]
pub struct FacetsView {
    /// What `airlines` with this airline alone gives, most first
    airlines: Vec<AirlineCount>,
    /// What `max_stops` gives, up to the one that was asked for
    stops: Vec<StopsCount>,
    /// What `cabin` gives
    cabins: Vec<CabinCount>,
    /// What `departure_window` (`return_departure_window` for the way back) gives
    time_bands: Vec<TimeBandCount>,
    /// What `min_price` and `max_price` together give, ascending
    prices: Vec<PriceCount>,
}

/// Offers all of whose flights are of one airline
#[derive(Debug, Object, Serialize)]
pub struct AirlineCount {
    /// IATA code
    airline: String,
    name: String,
    count: u64,
    /// The party's lowest total among them
    lowest_price: MoneyView,
}

/// Offers with so many connections at most
#[derive(Debug, Object, Serialize)]
pub struct StopsCount {
    max_stops: u8,
    count: u64,
    /// The party's lowest total among them
    lowest_price: MoneyView,
}

/// Offers in a cabin
#[derive(Debug, Object, Serialize)]
pub struct CabinCount {
    cabin: String,
    count: u64,
    /// The party's lowest total among them
    lowest_price: MoneyView,
}

/// Offers that leave in a part of the day
#[derive(Debug, Object, Serialize)]
pub struct TimeBandCount {
    /// `early` (00-05), `morning` (05-11), `afternoon` (11-16), `evening` (16-19) or `night` (19-24)
    time_band: String,
    count: u64,
    /// The party's lowest total among them
    lowest_price: MoneyView,
}

/// Offers in a range of prices, both ends included
#[derive(Debug, Object, Serialize)]
pub struct PriceCount {
    min_price: MoneyView,
    max_price: MoneyView,
    count: u64,
    /// The party's lowest total among them
    lowest_price: MoneyView,
}

/// A filter whose absence would help
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Relaxation")]
pub struct RelaxationView {
    /// The parameter to leave out
    filter: String,
    /// How many offers there are without it
    total: u64,
}

impl SearchResult {
    /// The answer to a search for one direction or two.
    pub fn new(answer: Answer, is_round_trip: bool, currency: Currency) -> Self {
        let (mut departing, mut returning) = (None, None);
        for page in answer.pages {
            let slot = match page.direction {
                Direction::Departing => &mut departing,
                Direction::Returning => &mut returning,
            };
            *slot = Some(PageView::new(page, currency));
        }
        match departing {
            Some(page) if !is_round_trip => Self::OneWay(Box::new(OneWay {
                trip_type: "one_way".to_owned(),
                page,
            })),
            departing => Self::RoundTrip(Box::new(RoundTrip {
                trip_type: "round_trip".to_owned(),
                departing,
                returning,
                cheapest_total: answer.cheapest_total.map(MoneyView::from),
            })),
        }
    }
}

impl PageView {
    fn new(page: Page, currency: Currency) -> Self {
        let relaxations = page.head.relaxations.into_iter();
        let named = |relaxation| RelaxationView::new(relaxation, page.direction);
        let mut dictionaries = Dictionaries::default();
        let offers = page
            .offers
            .into_iter()
            .map(|offer| dictionaries.file(offer));
        Self {
            offers: offers.collect(),
            dictionaries,
            passengers: page.party.into(),
            total: page.head.total,
            complete: page.head.complete,
            unpayable: page.head.unpayable,
            facets: FacetsView::new(page.head.facets, currency),
            sales_horizon: page.head.sales_horizon.map(|date| date.to_string()),
            relaxations: relaxations.map(named).collect(),
            next_cursor: page.next_cursor,
        }
    }
}

impl FacetsView {
    fn new(facets: Facets, currency: Currency) -> Self {
        let money = |minor| MoneyView::from(Money::new(minor, currency));
        let airlines = facets.airlines.into_iter().map(|facet| AirlineCount {
            airline: facet.value.iata,
            name: facet.value.name,
            count: facet.count,
            lowest_price: money(facet.lowest_minor),
        });
        let stops = facets.stops.into_iter().map(|facet| StopsCount {
            max_stops: facet.value,
            count: facet.count,
            lowest_price: money(facet.lowest_minor),
        });
        let cabins = facets.cabins.into_iter().map(|facet| CabinCount {
            cabin: facet.value.as_str().to_owned(),
            count: facet.count,
            lowest_price: money(facet.lowest_minor),
        });
        let time_bands = facets.time_bands.into_iter().map(|facet| TimeBandCount {
            time_band: facet.value,
            count: facet.count,
            lowest_price: money(facet.lowest_minor),
        });
        let prices = facets.prices.into_iter().map(|facet| PriceCount {
            min_price: money(facet.value.0),
            max_price: money(facet.value.1),
            count: facet.count,
            lowest_price: money(facet.lowest_minor),
        });
        Self {
            airlines: airlines.collect(),
            stops: stops.collect(),
            cabins: cabins.collect(),
            time_bands: time_bands.collect(),
            prices: prices.collect(),
        }
    }
}

impl RelaxationView {
    /// A filter by the name of its parameter: the returning direction has windows of its own.
    fn new(relaxation: Relaxation, direction: Direction) -> Self {
        let is_window = relaxation.filter.ends_with("_window");
        let filter = match direction {
            Direction::Returning if is_window => format!("return_{}", relaxation.filter),
            Direction::Returning | Direction::Departing => relaxation.filter,
        };
        Self {
            filter,
            total: relaxation.total,
        }
    }
}
