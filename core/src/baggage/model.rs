//! The words of extra baggage.

use serde::Deserialize;

use crate::Result;
use crate::charge::chargeable;
use crate::ids::PassengerId;
use crate::money::{self, Money};
use crate::trade::{BaggageRate, Direction, ExtraBaggage, LineKind, PassengerType, PriceLine};

/// A row of the tariff.
#[derive(Clone, Debug, Deserialize)]
pub struct RateRow {
    channel: String,
    kg: u16,
    currency: String,
    amount_minor: i64,
}

impl ExtraBaggage {
    /// The tariff of its rows, in every currency that it is in.
    pub(crate) fn of_rates(rows: Vec<RateRow>) -> Result<Self> {
        let mut tariff = Self::default();
        for row in rows {
            let currency = money::known_currency(&row.currency)?;
            let rate = BaggageRate {
                kg: row.kg,
                currency,
                // What a bag costs is a line by itself, and can be charged by itself.
                amount_minor: chargeable(Money::new(row.amount_minor, currency)).minor(),
            };
            match row.channel.as_str() {
                "airport" => tariff.airport.push(rate),
                _ => tariff.prepaid.push(rate),
            }
        }
        Ok(tariff)
    }
}

/// Baggage as the caller asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBag {
    /// `departing` or `returning`.
    pub direction: String,
    /// One of the tariff's weights.
    pub kg: u16,
}

/// A weight that is sold for one direction, at its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoldBag {
    /// Which direction of the booking, from 0.
    pub direction: u8,
    /// Kilograms.
    pub kg: u16,
    /// In minor units of the booking's currency.
    pub amount_minor: i64,
}

/// Extra baggage of one passenger in one direction, at its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bag {
    /// Whose.
    pub passenger_id: PassengerId,
    /// What they are to the tariff.
    pub passenger_type: PassengerType,
    /// Which direction of the booking, from 0.
    pub direction: u8,
    /// Kilograms.
    pub kg: u16,
    /// In minor units of the booking's currency.
    pub amount_minor: i64,
}

impl Bag {
    /// What a passenger of a type bought.
    pub fn of(passenger_id: PassengerId, passenger_type: PassengerType, sold: SoldBag) -> Self {
        Self {
            passenger_id,
            passenger_type,
            direction: sold.direction,
            kg: sold.kg,
            amount_minor: sold.amount_minor,
        }
    }

    /// Its line of the price. It comes back with a direction that is not flown: nothing was carried.
    pub fn line(&self) -> PriceLine {
        PriceLine {
            direction: Some(self.direction),
            flight_id: None,
            kind: LineKind::Baggage,
            code: format!("{}kg", self.kg),
            name: None,
            passenger_type: Some(self.passenger_type),
            passenger_id: Some(self.passenger_id),
            quantity: 1,
            unit_minor: self.amount_minor,
            refundable: true,
            is_percentage: false,
        }
    }
}

/// Extra baggage of a booked passenger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookedBag {
    /// In which direction.
    pub direction: Direction,
    /// Kilograms.
    pub kg: i16,
}
