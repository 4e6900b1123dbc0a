//! A flight to sell, and the calls that lead from a search to a paid booking.

use chrono::{NaiveDate, NaiveDateTime};
use flightdesk_core::fare::{FlightFare, price};
use flightdesk_core::fixtures::{AddFlight, add_flight, load_small};
use flightdesk_core::flight;
use flightdesk_core::ids::{AccountId, FlightId};
use flightdesk_core::offer::Quote;
use flightdesk_core::trade::{Cabin, Party};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Answer, Client};

/// DEL to BOM on 20 December at 08:00, one hour after which the sun is up: 180 seats of economy at 5,000.00.
pub async fn a_flight(pool: &PgPool) -> FlightId {
    let mut conn = pool.acquire().await.unwrap();
    load_small(&mut conn).await.unwrap();
    add(pool, "101", at(8)).await
}

/// Another one on the same route.
pub async fn add(pool: &PgPool, number: &str, departs_local: NaiveDateTime) -> FlightId {
    let flight = AddFlight {
        airline: "AI",
        number,
        origin: "DEL",
        destination: "BOM",
        departs_local,
        block_minutes: 130,
        aircraft: "32N",
        base_fare_minor: 500_000,
    };
    add_flight(&mut pool.acquire().await.unwrap(), flight)
        .await
        .unwrap()
}

/// An hour of 20 December 2026.
pub fn at(hour: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 12, 20)
        .unwrap()
        .and_hms_opt(hour, 0, 0)
        .unwrap()
}

/// Leaves `seats` in economy.
pub async fn leave_seats(pool: &PgPool, flight: FlightId, seats: i32) {
    sqlx::query("update flight_cabin set capacity = held + sold + $2 where flight_id = $1 and cabin = 'economy'")
        .bind(flight.0)
        .bind(seats)
        .execute(pool)
        .await
        .unwrap();
}

/// (held, sold) of economy.
pub async fn counters(pool: &PgPool, flight: FlightId) -> (i32, i32) {
    sqlx::query_as("select held, sold from flight_cabin where flight_id = $1 and cabin = 'economy'")
        .bind(flight.0)
        .fetch_one(pool)
        .await
        .unwrap()
}

/// How many rows a query counts.
pub async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// A passenger born on a day.
pub fn passenger(first_name: &str, born: &str) -> Value {
    json!({ "title": "ms", "first_name": first_name, "last_name": "Nguyễn", "gender": "female", "date_of_birth": born })
}

/// Whom to write to.
pub fn contact() -> Value {
    json!({ "email": "asha@example.com", "phone": "+919876543210" })
}

impl Client<'_> {
    /// Searches DEL to BOM on 20 December for some adults.
    pub async fn search(&self, adults: u32) -> Answer {
        self.get(&format!(
            "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&adults={adults}&sort=departure"
        ))
        .await
    }

    /// The first offer for some adults.
    pub async fn offer(&self, adults: u32) -> Value {
        let found = self.search(adults).await;
        assert_eq!(found.status, StatusCode::OK, "{found:?}");
        found.body["offers"][0].clone()
    }

    /// Holds the first offer for some adults.
    pub async fn hold(&self, adults: u32) -> Value {
        let offer = self.offer(adults).await;
        let held = self
            .post("/v1/holds", &json!({ "offers": [offer["offer_id"]] }))
            .await;
        assert_eq!(held.status, StatusCode::CREATED, "{held:?}");
        held.body
    }

    /// Books the first offer for one adult.
    pub async fn book(&self) -> Value {
        let hold = self.hold(1).await;
        let booked = self.post("/v1/bookings", &booking_of(&hold)).await;
        assert_eq!(booked.status, StatusCode::CREATED, "{booked:?}");
        booked.body
    }

    /// Opens the payment of a booking.
    pub async fn open_payment(&self, booking: &Value) -> Answer {
        self.post(
            &format!("/v1/bookings/{}/payment", reference(booking)),
            &json!({}),
        )
        .await
    }

    /// The booking as it is now.
    pub async fn booking(&self, booking: &Value) -> Value {
        self.get(&format!("/v1/bookings/{}", reference(booking)))
            .await
            .body
    }
}

/// The booking of a hold for one adult whom no other hold's booking has.
pub fn booking_of(hold: &Value) -> Value {
    let somebody = somebody(hold["id"].as_str().unwrap());
    json!({ "hold_id": hold["id"], "passengers": [passenger(&somebody, "1990-05-17")], "contact": contact() })
}

/// A first name of twelve letters, made from the end of an id.
pub fn somebody(id: &str) -> String {
    let letter = |digit: char| char::from_digit(digit.to_digit(16).unwrap() + 10, 36).unwrap();
    let digits = id.chars().rev().filter(char::is_ascii_hexdigit).take(12);
    digits.map(letter).collect()
}

/// Its six characters.
pub fn reference(booking: &Value) -> &str {
    booking["booking_ref"].as_str().unwrap()
}

/// A flight of an airline on a day of December 2026, two hours long: 180 seats of economy.
pub async fn fly(
    pool: &PgPool,
    airline: &str,
    number: &str,
    route: [&str; 2],
    departs: &str,
) -> FlightId {
    let flight = AddFlight {
        airline,
        number,
        origin: route[0],
        destination: route[1],
        departs_local: departs.parse().unwrap(),
        block_minutes: 120,
        aircraft: "32N",
        base_fare_minor: 500_000,
    };
    add_flight(&mut pool.acquire().await.unwrap(), flight)
        .await
        .unwrap()
}

impl Client<'_> {
    /// An offer of these flights, in this order, as search would sign it.
    pub async fn offer_of(&self, flights: &[FlightId], party: Party) -> String {
        self.offer_at(flights, party, "standard", 500_000).await
    }

    /// The same in a fare family of economy at a base fare for each flight.
    pub async fn offer_at(
        &self,
        flights: &[FlightId],
        party: Party,
        family: &str,
        base_fare_minor: i64,
    ) -> String {
        let app = &self.app.app;
        let (tariff, _) = app.catalogue().await.unwrap();
        let mut conn = app.db.acquire().await.unwrap();
        let flights = flight::list_by_id(&mut conn, flights).await.unwrap();
        let fare = |flight: &flight::Flight| FlightFare {
            flight_id: flight.id,
            origin_country: flight.origin.country.clone(),
            base_fare_minor,
            capacity: 180,
            sold: 0,
        };
        let fares: Vec<_> = flights.iter().map(fare).collect();
        let family = tariff.family(family, Cabin::Economy).unwrap();
        let sales = &app.settings.sales;
        let price = price(&tariff, sales.sale_currency, family, 0, &fares, party).unwrap();
        let fares = fares.iter().map(|fare| fare.loaded(&tariff).unwrap());
        let quote = Quote {
            party,
            cabin: family.cabin,
            family: family.code.clone(),
            conditions: family.conditions.clone(),
            tariff: tariff.id,
            fares: fares.collect(),
            flights,
            price,
            seats_left: 9,
        };
        let account = AccountId(self.account_id);
        app.offers
            .offer(&app.clock, sales, account, quote)
            .unwrap()
            .id
    }

    /// Offers of the departing and of the returning direction.
    pub async fn offers_of(
        &self,
        out: &[FlightId],
        back: &[FlightId],
        party: Party,
    ) -> [String; 2] {
        [
            self.offer_of(out, party).await,
            self.offer_of(back, party).await,
        ]
    }
}

/// So many adults.
pub fn adults(adults: u16) -> Party {
    Party {
        adults,
        ..Party::default()
    }
}

/// So many grown-ups of different names.
pub fn grown_ups(count: u8) -> Vec<Value> {
    let name = |index: u8| format!("Linh {}", char::from(b'A' + index));
    (0..count)
        .map(|index| passenger(&name(index), "1990-05-17"))
        .collect()
}
