//! What a seat costs: the tariff (data), and the one pure function that makes price lines of it.

mod model;
mod price;
mod tariff;

pub use model::{Cabin, Factor, LineKind, Party, PassengerType, Price, PriceLine};
pub use price::{FlightFare, price};
pub use tariff::{AppliesTo, FareFamily, Tariff, TariffCache, TaxAmount, TaxRule};
