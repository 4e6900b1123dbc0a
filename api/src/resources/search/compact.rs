//! Offers of a page in a compact form: what several of them share is said once, in the page's dictionaries.
//!
//! A page of 20 offers in full ([`OfferView`](crate::views::itinerary::OfferView)) is 103 kB, most of it the same
//! airports, conditions and names of taxes again and again. A hold and a booking answer in full.

use std::collections::BTreeMap;

use flightdesk_core::flight::Flight;
use flightdesk_core::money::Money;
use flightdesk_core::offer::Offer;
use flightdesk_core::reference::Airport;
use flightdesk_core::trade::{FareConditions, PassengerType, Price, PriceLine};
use poem_openapi::Object;
use serde::Serialize;

use crate::views::Instant;
use crate::views::baggage::ExtraBaggageView;
use crate::views::conditions::FareConditionsView;
use crate::views::itinerary::{BaggageView, MOST_SEATS_SHOWN, local};

/// What the offers of a page refer to, each thing once
#[derive(Debug, Default, Object, Serialize)]
#[oai(rename = "SearchDictionaries")]
pub struct Dictionaries {
    /// Airlines of flights and tickets, by IATA code
    airlines: BTreeMap<String, String>,
    /// Airports of flights, by IATA code
    airports: BTreeMap<String, AirportEntry>,
    /// Flights, by `flight_id`
    flights: BTreeMap<String, FlightEntry>,
    /// What is bought: cabin, fare family and what they include
    fares: BTreeMap<String, FareEntry>,
    /// Conditions of fares: what cancelling and changing costs
    conditions: BTreeMap<String, FareConditionsView>,
    /// What extra checked baggage costs
    extra_baggage: BTreeMap<String, ExtraBaggageView>,
    /// What prices are made of
    charges: BTreeMap<String, ChargeEntry>,
}

/// An airport
#[derive(Debug, Object, Serialize)]
#[oai(rename = "AirportEntry")]
pub struct AirportEntry {
    name: String,
    city: String,
    /// ISO 3166 code
    country: String,
    /// IANA zone of its local times
    time_zone: String,
}

/// A dated flight. `GET /v1/flights/{flight_id}` has the rest
#[derive(Debug, Object, Serialize)]
#[oai(rename = "FlightEntry")]
pub struct FlightEntry {
    /// Key of `airlines`
    airline: String,
    /// Airline and number: `AI 101`
    flight_number: String,
    /// Name of the aircraft type
    aircraft: String,
    /// Key of `airports`
    origin: String,
    /// Key of `airports`
    destination: String,
    /// Local time at the origin, with its offset
    departs_local: String,
    /// Local time at the destination, with its offset
    arrives_local: String,
    /// Calendar days from local departure to local arrival: 1 overnight, −1 over the date line
    arrival_day_offset: i64,
    duration_minutes: i64,
}

/// A cabin, a fare family and what it includes
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "FareEntry")]
pub struct FareEntry {
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    fare_family: String,
    baggage: BaggageView,
    /// Key of `conditions`
    conditions: String,
    /// Key of `extra_baggage`
    extra_baggage: String,
}

/// A base fare, a tax or a fee
#[derive(Debug, PartialEq, Eq, Object, Serialize)]
#[oai(rename = "ChargeEntry", skip_serializing_if_is_none)]
pub struct ChargeEntry {
    /// `base_fare`, `tax` or `fee`
    kind: String,
    /// Fare family of a base fare, code of a tax or fee
    code: String,
    /// What a tax or fee is called, as on the invoice; absent for a base fare
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether it comes back when the flight is not flown
    refundable: bool,
}

/// An itinerary of one direction at a price that holds until `expires_at`
#[derive(Debug, Object, Serialize)]
#[oai(rename = "SearchOffer", skip_serializing_if_is_none)]
pub struct SearchOffer {
    /// A signed token: hold or book with it
    offer_id: String,
    expires_at: Instant,
    /// Key of `fares`
    fare: String,
    /// Keys of `flights`, in the order they are flown. The ticket is of the first one's airline
    flights: Vec<String>,
    /// Minutes between one flight and the next
    layover_minutes: Vec<i64>,
    /// From the first departure to the last arrival
    duration_minutes: i64,
    /// Seats left for sale, up to 9; absent where they were not counted
    #[serde(skip_serializing_if = "Option::is_none")]
    seats_left: Option<i32>,
    price: SearchPrice,
}

/// The party's price. Amounts are decimals in `currency`
#[derive(Debug, Object, Serialize)]
#[oai(rename = "SearchPrice")]
pub struct SearchPrice {
    /// ISO 4217
    currency: String,
    total: String,
    /// Sum of the base fares
    base: String,
    /// Sum of taxes and fees
    taxes: String,
    /// What the total is made of
    charges: Vec<SearchCharge>,
}

/// What is charged for each passenger of a type on a flight, or once a booking
#[derive(Debug, Object, Serialize)]
#[oai(rename = "SearchCharge", skip_serializing_if_is_none)]
pub struct SearchCharge {
    /// Key of `charges`
    charge: String,
    /// Which of the offer's flights, counted from 0; absent for what is charged once a booking
    #[serde(skip_serializing_if = "Option::is_none")]
    flight: Option<u8>,
    /// For each adult
    #[serde(skip_serializing_if = "Option::is_none")]
    adult: Option<String>,
    /// For each child
    #[serde(skip_serializing_if = "Option::is_none")]
    child: Option<String>,
    /// For each infant
    #[serde(skip_serializing_if = "Option::is_none")]
    infant: Option<String>,
    /// Once a booking
    #[serde(skip_serializing_if = "Option::is_none")]
    booking: Option<String>,
}

impl Dictionaries {
    /// The compact form of an offer; what it shares with others is filed here.
    pub fn file(&mut self, offer: Offer) -> SearchOffer {
        let flights: Vec<_> = (offer.flights.iter())
            .map(|flight| self.file_flight(flight))
            .collect();
        let layovers = offer.flights.windows(2).filter_map(|pair| match pair {
            [before, after] => Some((after.departs_at - before.arrives_at).num_minutes()),
            _ => None,
        });
        SearchOffer {
            expires_at: offer.expires_at.into(),
            fare: self.file_fare(offer.cabin.as_str(), &offer.conditions),
            layover_minutes: layovers.collect(),
            duration_minutes: offer.duration_minutes(),
            seats_left: offer.seats_left.map(|seats| seats.min(MOST_SEATS_SHOWN)),
            price: self.file_price(&offer.price, &offer.flights),
            offer_id: offer.id,
            flights,
        }
    }

    fn file_flight(&mut self, flight: &Flight) -> String {
        let key = flight.id.0.to_string();
        if !self.flights.contains_key(&key) {
            let airline = &flight.airline;
            (self.airlines).insert(airline.iata.clone(), airline.name.clone());
            for airport in [&flight.origin, &flight.destination] {
                (self.airports).insert(airport.iata.clone(), AirportEntry::from(&**airport));
            }
            (self.flights).insert(key.clone(), FlightEntry::from(flight));
        }
        key
    }

    fn file_fare(&mut self, cabin: &str, conditions: &FareConditions) -> String {
        let family = &conditions.fare_family;
        let fare = FareEntry {
            cabin: cabin.to_owned(),
            fare_family: family.clone(),
            baggage: conditions.into(),
            conditions: key_of(&mut self.conditions, family, conditions.into()),
            extra_baggage: key_of(
                &mut self.extra_baggage,
                "extra",
                (&conditions.extra_baggage).into(),
            ),
        };
        key_of(&mut self.fares, &format!("{cabin}-{family}"), fare)
    }

    fn file_price(&mut self, price: &Price, flights: &[Flight]) -> SearchPrice {
        let mut charges: Vec<SearchCharge> = Vec::new();
        for line in &price.lines {
            let charge = key_of(&mut self.charges, &line.code, ChargeEntry::from(line));
            let position = flights
                .iter()
                .position(|flight| Some(flight.id) == line.flight_id);
            let flight = position.and_then(|position| u8::try_from(position).ok());
            let same = |one: &SearchCharge| one.charge == charge && one.flight == flight;
            let index = charges.iter().position(same).unwrap_or_else(|| {
                charges.push(SearchCharge::new(charge.clone(), flight));
                charges.len() - 1
            });
            if let Some(charge) = charges.get_mut(index) {
                charge.set(
                    line.passenger_type,
                    Money::new(line.unit_minor, price.currency),
                );
            }
        }
        SearchPrice {
            currency: price.currency.code().to_owned(),
            total: price.total().decimal(),
            base: price.base().decimal(),
            taxes: price.taxes().decimal(),
            charges,
        }
    }
}

/// The key under which a dictionary has a value; a new value gets `name`, or `name-2`, `name-3` where others have it.
fn key_of<T: PartialEq>(entries: &mut BTreeMap<String, T>, name: &str, value: T) -> String {
    if let Some((key, _)) = entries.iter().find(|(_, known)| **known == value) {
        return key.clone();
    }
    let numbered = |number: usize| match number {
        1 => name.to_owned(),
        _ => format!("{name}-{number}"),
    };
    let mut key = numbered(1);
    let mut number = 1;
    while entries.contains_key(&key) {
        number += 1;
        key = numbered(number);
    }
    entries.insert(key.clone(), value);
    key
}

impl SearchCharge {
    fn new(charge: String, flight: Option<u8>) -> Self {
        Self {
            charge,
            flight,
            adult: None,
            child: None,
            infant: None,
            booking: None,
        }
    }

    fn set(&mut self, passenger_type: Option<PassengerType>, unit: Money) {
        let slot = match passenger_type {
            Some(PassengerType::Adult) => &mut self.adult,
            Some(PassengerType::Child) => &mut self.child,
            Some(PassengerType::Infant) => &mut self.infant,
            None => &mut self.booking,
        };
        *slot = Some(unit.decimal());
    }
}

impl From<&PriceLine> for ChargeEntry {
    fn from(line: &PriceLine) -> Self {
        Self {
            kind: line.kind.as_str().to_owned(),
            code: line.code.clone(),
            name: line.name.clone(),
            refundable: line.refundable,
        }
    }
}

impl From<&Airport> for AirportEntry {
    fn from(airport: &Airport) -> Self {
        Self {
            name: airport.name.clone(),
            city: airport.city.clone(),
            country: airport.country.clone(),
            time_zone: airport.time_zone.name().to_owned(),
        }
    }
}

impl From<&Flight> for FlightEntry {
    fn from(flight: &Flight) -> Self {
        Self {
            airline: flight.airline.iata.clone(),
            flight_number: format!("{} {}", flight.airline.iata, flight.flight_number),
            aircraft: flight.aircraft.as_ref().to_owned(),
            origin: flight.origin.iata.clone(),
            destination: flight.destination.iata.clone(),
            departs_local: local(flight.departs_local()),
            arrives_local: local(flight.arrives_local()),
            arrival_day_offset: flight.arrival_day_offset(),
            duration_minutes: flight.duration_minutes(),
        }
    }
}
