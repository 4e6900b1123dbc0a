//! What a seat on one flight costs now.

use super::model::{CabinSeats, Flight, FlightDetails};
use crate::Result;
use crate::fare::{FareFamily, FlightFare, Tariff, price};
use crate::money::Currency;
use crate::trade::{Party, Price};

/// A cabin with the price of each of its fare families for one adult.
#[derive(Clone, Debug)]
pub struct CabinFares {
    /// The cabin.
    pub seats: CabinSeats,
    /// Family and price, cheapest first.
    pub fares: Vec<(FareFamily, Price)>,
}

/// Prices every family of every cabin of a flight for one adult, by the function that search uses.
pub fn fares(
    tariff: &Tariff,
    currency: Currency,
    details: &FlightDetails,
) -> Result<Vec<CabinFares>> {
    let one_adult = Party {
        adults: 1,
        ..Party::default()
    };
    let mut cabins = Vec::with_capacity(details.cabins.len());
    for seats in &details.cabins {
        let fare = fare_of(&details.flight, seats);
        let mut fares = Vec::new();
        for family in tariff
            .families
            .iter()
            .filter(|family| family.cabin == seats.cabin)
        {
            let price = price(
                tariff,
                currency,
                family,
                0,
                std::slice::from_ref(&fare),
                one_adult,
            )?;
            fares.push((family.clone(), price));
        }
        fares.sort_by_key(|(_, price)| price.total().minor());
        cabins.push(CabinFares {
            seats: *seats,
            fares,
        });
    }
    Ok(cabins)
}

/// What the price of a seat on a flight depends on.
pub(crate) fn fare_of(flight: &Flight, seats: &CabinSeats) -> FlightFare {
    FlightFare {
        flight_id: flight.id,
        origin_country: flight.origin.country.clone(),
        base_fare_minor: seats.base_fare_minor,
        capacity: seats.capacity,
        sold: seats.sold,
    }
}
