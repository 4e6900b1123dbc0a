//! What a search answers.

use flightdesk_core::money::{Currency, Money};
use flightdesk_core::search::{Facets, Relaxation, Way};
use poem_openapi::{Object, Union};
use serde::Serialize;

use super::pages::{Answer, Page};
use crate::itinerary::OfferView;
use crate::views::MoneyView;

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
    /// The way there; absent on a further page of the way back
    #[oai(skip_serializing_if_is_none)]
    #[serde(skip_serializing_if = "Option::is_none")]
    outbound: Option<PageView>,
    /// The way back; absent on a further page of the way there
    #[oai(rename = "return", skip_serializing_if_is_none)]
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    inbound: Option<PageView>,
    /// What the cheapest of both directions cost in one booking; `null` when there is none, and on further pages
    cheapest_total: Option<MoneyView>,
}

/// A page of one direction
#[derive(Debug, Object, Serialize)]
#[oai(rename = "SearchPage", skip_serializing_if_is_none)]
pub struct PageView {
    /// What the whole party can buy now. Fewer than `limit` when something was sold meanwhile: follow `next_cursor`
    offers: Vec<OfferView>,
    /// How many there were on all pages when the search was made
    total: u32,
    /// Whether that is all there is: false when the search was too broad to show everything
    complete: bool,
    facets: FacetsView,
    /// When nothing was found: which filter to leave out, and how many that gives
    relaxations: Vec<RelaxationView>,
    /// Where the next page begins; absent on the last one, and while pages cannot be kept
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// How the offers of all pages divide; each list adds up to `total`
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Facets")]
pub struct FacetsView {
    /// By validating airline, most first
    airlines: Vec<AirlineCount>,
    /// By number of connections
    stops: Vec<StopsCount>,
    /// By cabin
    cabins: Vec<CabinCount>,
    /// By local time of departure
    time_bands: Vec<TimeBandCount>,
    /// By the party's total, ascending
    prices: Vec<PriceCount>,
}

/// Offers of an airline
#[derive(Debug, Object, Serialize)]
pub struct AirlineCount {
    /// IATA code
    airline: String,
    count: u64,
}

/// Offers with so many connections
#[derive(Debug, Object, Serialize)]
pub struct StopsCount {
    stops: u8,
    count: u64,
}

/// Offers in a cabin
#[derive(Debug, Object, Serialize)]
pub struct CabinCount {
    cabin: String,
    count: u64,
}

/// Offers that leave in a part of the day
#[derive(Debug, Object, Serialize)]
pub struct TimeBandCount {
    /// `early` (00-05), `morning` (05-11), `afternoon` (11-16), `evening` (16-19) or `night` (19-24)
    time_band: String,
    count: u64,
}

/// Offers in a range of prices
#[derive(Debug, Object, Serialize)]
pub struct PriceCount {
    /// From this total on
    from: MoneyView,
    /// And below this one
    below: MoneyView,
    count: u64,
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
        let (mut outbound, mut inbound) = (None, None);
        for page in answer.pages {
            let slot = match page.way {
                Way::Outbound => &mut outbound,
                Way::Return => &mut inbound,
            };
            *slot = Some(PageView::new(page, currency));
        }
        match outbound {
            Some(page) if !is_round_trip => Self::OneWay(Box::new(OneWay {
                trip_type: "one_way".to_owned(),
                page,
            })),
            outbound => Self::RoundTrip(Box::new(RoundTrip {
                trip_type: "round_trip".to_owned(),
                outbound,
                inbound,
                cheapest_total: answer.cheapest_total.map(MoneyView::from),
            })),
        }
    }
}

impl PageView {
    fn new(page: Page, currency: Currency) -> Self {
        let relaxations = page.head.relaxations.into_iter();
        let named = |relaxation| RelaxationView::new(relaxation, page.way);
        Self {
            offers: page.offers.into_iter().map(OfferView::from).collect(),
            total: page.head.total,
            complete: page.head.complete,
            facets: FacetsView::new(page.head.facets, currency),
            relaxations: relaxations.map(named).collect(),
            next_cursor: page.next_cursor,
        }
    }
}

impl FacetsView {
    fn new(facets: Facets, currency: Currency) -> Self {
        let airlines = facets.airlines.into_iter();
        let stops = facets.stops.into_iter();
        let cabins = facets.cabins.into_iter();
        let bands = facets.time_bands.into_iter();
        let prices = facets.prices.into_iter();
        Self {
            airlines: airlines
                .map(|(airline, count)| AirlineCount { airline, count })
                .collect(),
            stops: stops
                .map(|(stops, count)| StopsCount { stops, count })
                .collect(),
            cabins: cabins
                .map(|(cabin, count)| CabinCount {
                    cabin: cabin.as_str().to_owned(),
                    count,
                })
                .collect(),
            time_bands: bands
                .map(|(time_band, count)| TimeBandCount { time_band, count })
                .collect(),
            prices: prices
                .map(|(from, below, count)| PriceCount {
                    from: Money::new(from, currency).into(),
                    below: Money::new(below, currency).into(),
                    count,
                })
                .collect(),
        }
    }
}

impl RelaxationView {
    /// A filter by the name of its parameter: the way back has windows of its own.
    fn new(relaxation: Relaxation, way: Way) -> Self {
        let is_window = relaxation.filter.ends_with("_window");
        let filter = match way {
            Way::Return if is_window => format!("return_{}", relaxation.filter),
            Way::Return | Way::Outbound => relaxation.filter,
        };
        Self {
            filter,
            total: relaxation.total,
        }
    }
}
