//! Views of prices, the same in search, hold and booking.

use flightdesk_core::money::{Currency, Money};
use flightdesk_core::trade::{Direction, Price, PriceLine};
use poem_openapi::Object;
use serde::Serialize;
use uuid::Uuid;

use crate::views::MoneyView;

/// One line of a price
#[derive(Debug, Object, Serialize)]
#[oai(rename = "PriceLine", skip_serializing_if_is_none)]
pub struct PriceLineView {
    /// `base_fare`, `tax`, `fee`, `seat`, `baggage` or `discount`
    kind: String,
    /// Fare family of a base fare, code of a tax, fee or coupon, weight of baggage
    code: String,
    /// What a tax or fee is called, as on the invoice; absent for other lines
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `departing` or `returning`; absent for what is charged once a booking
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flight_id: Option<Uuid>,
    /// `adult`, `child` or `infant`; absent for what is charged once a booking
    #[serde(skip_serializing_if = "Option::is_none")]
    passenger_type: Option<String>,
    /// The person it is charged for, where it is for one: baggage, a seat
    #[serde(skip_serializing_if = "Option::is_none")]
    passenger_id: Option<Uuid>,
    quantity: u16,
    /// How many passengers it is for; absent for what is charged once a booking. A coupon's share is taken off the fares
    /// of so many at once
    #[serde(skip_serializing_if = "Option::is_none")]
    passengers: Option<u16>,
    /// For one; negative for a discount
    unit_amount: MoneyView,
    /// Unit times quantity
    amount: MoneyView,
    /// Whether it comes back when the flight is not flown
    refundable: bool,
}

impl PriceLineView {
    fn new(line: PriceLine, passengers: Option<u16>, currency: Currency) -> Self {
        let direction = line.direction.map(Direction::from_ordinal);
        Self {
            kind: line.kind.as_str().to_owned(),
            direction: direction.map(|direction| direction.as_str().to_owned()),
            flight_id: line.flight_id.map(|id| id.0),
            passenger_type: line.passenger_type.map(|kind| kind.as_str().to_owned()),
            passenger_id: line.passenger_id.map(|id| id.0),
            quantity: line.quantity,
            passengers,
            unit_amount: Money::new(line.unit_minor, currency).into(),
            amount: Money::new(line.amount_minor(), currency).into(),
            refundable: line.refundable,
            code: line.code,
            name: line.name,
        }
    }
}

/// A price; the total is the sum of the lines
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Price", skip_serializing_if_is_none)]
pub struct PriceView {
    /// Sum of the base fares
    base: MoneyView,
    /// Sum of taxes and fees
    taxes: MoneyView,
    /// Sum of baggage and seats; absent when there are none
    #[serde(skip_serializing_if = "Option::is_none")]
    extras: Option<MoneyView>,
    /// What a coupon takes off, negative; absent without one
    #[serde(skip_serializing_if = "Option::is_none")]
    discount: Option<MoneyView>,
    total: MoneyView,
    lines: Vec<PriceLineView>,
}

impl From<Price> for PriceView {
    fn from(price: Price) -> Self {
        let passengers: Vec<_> = (price.lines.iter())
            .map(|line| price.passengers_of(line))
            .collect();
        Self {
            base: price.base().into(),
            taxes: price.taxes().into(),
            extras: unless_zero(price.extras()),
            discount: unless_zero(price.discount()),
            total: price.total().into(),
            lines: price
                .lines
                .into_iter()
                .zip(passengers)
                .map(|(line, passengers)| PriceLineView::new(line, passengers, price.currency))
                .collect(),
        }
    }
}

fn unless_zero(amount: Money) -> Option<MoneyView> {
    (amount.minor() != 0).then(|| amount.into())
}
