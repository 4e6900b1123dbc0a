//! Views of flights and offers, the same in search, hold and booking.

use chrono::{DateTime, FixedOffset, SecondsFormat};
use flightdesk_core::flight::Flight;
use flightdesk_core::offer::Offer;
use flightdesk_core::reference::{Airline, Airport};
use flightdesk_core::trade::{FareConditions, Party};
use poem_openapi::Object;
use serde::Serialize;
use uuid::Uuid;

use crate::views::Instant;
use crate::views::baggage::ExtraBaggageView;
use crate::views::conditions::FareConditionsView;
use crate::views::prices::PriceView;

/// An airline
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Airline")]
pub struct AirlineView {
    /// IATA code
    iata: String,
    name: String,
}

impl From<&Airline> for AirlineView {
    fn from(airline: &Airline) -> Self {
        Self {
            iata: airline.iata.clone(),
            name: airline.name.clone(),
        }
    }
}

/// An airport of an itinerary
#[derive(Debug, Object, Serialize)]
#[oai(rename = "ItineraryAirport")]
pub struct AirportView {
    /// IATA code
    iata: String,
    name: String,
    city: String,
    /// ISO 3166 code
    country: String,
    /// IANA zone of its local times
    time_zone: String,
}

impl From<&Airport> for AirportView {
    fn from(airport: &Airport) -> Self {
        Self {
            iata: airport.iata.clone(),
            name: airport.name.clone(),
            city: airport.city.clone(),
            country: airport.country.clone(),
            time_zone: airport.time_zone.name().to_owned(),
        }
    }
}

/// A dated flight
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Flight")]
pub struct FlightView {
    flight_id: Uuid,
    airline: AirlineView,
    /// Airline and number: `AI 101`
    flight_number: String,
    /// Name of the aircraft type
    aircraft: String,
    /// `scheduled`, `cancelled` or `departed`
    status: String,
    origin: AirportView,
    destination: AirportView,
    departs_at: Instant,
    /// Local time at the origin, with its offset
    departs_local: String,
    arrives_at: Instant,
    /// Local time at the destination, with its offset
    arrives_local: String,
    /// Calendar days from local departure to local arrival: 1 overnight, −1 over the date line
    arrival_day_offset: i64,
    duration_minutes: i64,
}

impl From<Flight> for FlightView {
    fn from(flight: Flight) -> Self {
        Self {
            flight_id: flight.id.0,
            flight_number: format!("{} {}", flight.airline.iata, flight.flight_number),
            departs_at: flight.departs_at.into(),
            departs_local: local(flight.departs_local()),
            arrives_at: flight.arrives_at.into(),
            arrives_local: local(flight.arrives_local()),
            arrival_day_offset: flight.arrival_day_offset(),
            duration_minutes: flight.duration_minutes(),
            airline: flight.airline.as_ref().into(),
            aircraft: flight.aircraft.as_ref().to_owned(),
            status: flight.status.as_str().to_owned(),
            origin: flight.origin.as_ref().into(),
            destination: flight.destination.as_ref().into(),
        }
    }
}

/// A local time with its offset: `2026-12-20T08:40:00+05:30`.
pub fn local(time: DateTime<FixedOffset>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The time between two flights
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Layover")]
pub struct LayoverView {
    /// Where it begins (IATA code)
    airport: String,
    duration_minutes: i64,
    /// Where the next flight leaves from another airport of the metro area; `null` for the same
    airport_change: Option<AirportChange>,
}

/// Another airport of the metro area, reached by the traveller
#[derive(Debug, Object, Serialize)]
pub struct AirportChange {
    /// IATA code
    from: String,
    /// IATA code
    to: String,
}

impl LayoverView {
    /// What lies between two flights that follow each other; nothing for anything else.
    fn between(flights: &[Flight]) -> Option<Self> {
        let [before, after] = flights else {
            return None;
        };
        let (from, to) = (&before.destination.iata, &after.origin.iata);
        Some(Self {
            airport: from.clone(),
            duration_minutes: (after.departs_at - before.arrives_at).num_minutes(),
            airport_change: (from != to).then(|| AirportChange {
                from: from.clone(),
                to: to.clone(),
            }),
        })
    }
}

/// How many travel together
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Party")]
pub struct PartyView {
    adults: u16,
    children: u16,
    /// On laps, without seats
    infants: u16,
}

impl From<Party> for PartyView {
    fn from(party: Party) -> Self {
        Self {
            adults: party.adults,
            children: party.children,
            infants: party.infants,
        }
    }
}

/// What may be carried without paying more
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "Baggage")]
pub struct BaggageView {
    /// In words: `7 kg, 115 cm`
    cabin_bag: String,
    /// Pieces of checked baggage
    checked_pieces: i16,
    /// Kilograms of checked baggage in all
    checked_kg: i16,
}

impl From<&FareConditions> for BaggageView {
    fn from(conditions: &FareConditions) -> Self {
        Self {
            cabin_bag: conditions.cabin_bag.clone(),
            checked_pieces: conditions.checked_pieces,
            checked_kg: conditions.checked_kg,
        }
    }
}

/// An itinerary of one direction at a price that holds until `expires_at`
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Offer", skip_serializing_if_is_none)]
pub struct OfferView {
    /// A signed token: hold or book with it
    offer_id: String,
    expires_at: Instant,
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    fare_family: String,
    /// The airline whose ticket it is
    #[serde(skip_serializing_if = "Option::is_none")]
    validating_airline: Option<AirlineView>,
    stops: u64,
    duration_minutes: i64,
    /// Seats left for sale, up to 9; absent once held
    #[serde(skip_serializing_if = "Option::is_none")]
    seats_left: Option<i32>,
    passengers: PartyView,
    flights: Vec<FlightView>,
    /// Between one flight and the next
    layovers: Vec<LayoverView>,
    price: PriceView,
    baggage: BaggageView,
    extra_baggage: ExtraBaggageView,
    conditions: FareConditionsView,
}

/// More seats than this are not told: it would show a flight's load to everybody.
pub const MOST_SEATS_SHOWN: i32 = 9;

impl From<Offer> for OfferView {
    fn from(offer: Offer) -> Self {
        Self {
            expires_at: offer.expires_at.into(),
            cabin: offer.cabin.as_str().to_owned(),
            fare_family: offer.conditions.fare_family.clone(),
            validating_airline: offer.validating_airline().map(AirlineView::from),
            stops: offer.flights.len().saturating_sub(1) as u64,
            duration_minutes: offer.duration_minutes(),
            seats_left: offer.seats_left.map(|seats| seats.min(MOST_SEATS_SHOWN)),
            passengers: offer.party.into(),
            baggage: (&*offer.conditions).into(),
            layovers: offer
                .flights
                .windows(2)
                .filter_map(LayoverView::between)
                .collect(),
            extra_baggage: (&offer.conditions.extra_baggage).into(),
            conditions: (&*offer.conditions).into(),
            flights: offer.flights.into_iter().map(FlightView::from).collect(),
            price: offer.price.into(),
            offer_id: offer.id,
        }
    }
}
