//! Views of extra checked baggage, the same in search, flight and booking.

use flightdesk_core::baggage::{BookedBag, NewBag};
use flightdesk_core::trade::{BaggageRate, ExtraBaggage};
use poem_openapi::Object;
use serde::Serialize;

use crate::views::MoneyView;

/// What extra checked baggage costs for each passenger and direction; one weight each
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ExtraBaggage", skip_serializing_if_is_none)]
pub struct ExtraBaggageView {
    /// The weights that can be booked, lightest first
    prepaid: Vec<BaggagePriceView>,
    /// Each kilogram at the airport, where it is not sold here
    #[serde(skip_serializing_if = "Option::is_none")]
    airport_per_kg: Option<MoneyView>,
}

/// A weight and its price
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "BaggagePrice")]
pub struct BaggagePriceView {
    /// Kilograms
    kg: u16,
    price: MoneyView,
}

impl From<&ExtraBaggage> for ExtraBaggageView {
    fn from(tariff: &ExtraBaggage) -> Self {
        Self {
            airport_per_kg: tariff.airport.first().map(|rate| rate.price().into()),
            prepaid: tariff.prepaid.iter().map(BaggagePriceView::from).collect(),
        }
    }
}

impl From<&BaggageRate> for BaggagePriceView {
    fn from(rate: &BaggageRate) -> Self {
        Self {
            kg: rate.kg,
            price: rate.price().into(),
        }
    }
}

/// Extra checked baggage of a passenger in one direction
#[derive(Debug, Object)]
#[oai(rename = "Bag", deny_unknown_fields)]
pub struct BagView {
    /// `departing` or `returning`
    pub direction: String,
    /// One of the weights of `extra_baggage`
    pub kg: u16,
}

impl From<BagView> for NewBag {
    fn from(bag: BagView) -> Self {
        Self {
            direction: bag.direction,
            kg: bag.kg,
        }
    }
}

impl From<BookedBag> for BagView {
    fn from(bag: BookedBag) -> Self {
        Self {
            direction: bag.direction.as_str().to_owned(),
            kg: u16::try_from(bag.kg).unwrap_or_default(),
        }
    }
}
