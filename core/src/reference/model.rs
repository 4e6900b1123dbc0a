//! Airports and airlines as itineraries show them.

use chrono_tz::Tz;

/// An airport as an itinerary shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Airport {
    /// IATA code.
    pub iata: String,
    /// Name.
    pub name: String,
    /// City.
    pub city: String,
    /// ISO 3166 country.
    pub country: String,
    /// IANA zone.
    pub time_zone: Tz,
}

/// An airline as an itinerary shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Airline {
    /// IATA code.
    pub iata: String,
    /// Name.
    pub name: String,
}
