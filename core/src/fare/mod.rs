//! What a seat costs: the tariff (data), and the one pure function that makes price lines of it.

mod currency;
mod price;
mod tariff;

pub use currency::{currency_problems, currency_problems_at_start};
pub use price::{FlightFare, LoadedFare, booking_fees, price, price_loaded};
pub use tariff::{AppliesTo, FareFamily, Tariff, TariffCache, TaxAmount, TaxRule};
