//! What extra checked baggage costs, as it is frozen with the conditions of a fare.

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};

/// The price of a weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaggageRate {
    /// Kilograms.
    pub kg: u16,
    /// The currency of the amount.
    pub currency: Currency,
    /// In minor units.
    pub amount_minor: i64,
}

impl BaggageRate {
    /// The price.
    pub fn price(&self) -> Money {
        Money::new(self.amount_minor, self.currency)
    }
}

/// What extra checked baggage costs. It is frozen with a fare's conditions, so that a hold and a booking keep it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtraBaggage {
    /// The weights that can be bought, lightest first; one a passenger and direction, so the last is the most.
    pub prepaid: Vec<BaggageRate>,
    /// One kilogram at the airport: shown, not sold.
    pub airport: Vec<BaggageRate>,
}

impl ExtraBaggage {
    /// The weights that are sold in a currency, with their prices.
    pub fn sold_in(&self, currency: Currency) -> impl Iterator<Item = &BaggageRate> {
        self.prepaid
            .iter()
            .filter(move |rate| rate.currency == currency)
    }
}
