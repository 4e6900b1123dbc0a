//! A flight to sell, and the calls that lead from a search to a paid booking.

use chrono::{NaiveDate, NaiveDateTime};
use flightdesk_core::fixtures::{AddFlight, add_flight, load_small};
use flightdesk_core::ids::FlightId;
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

/// The booking of a hold for one adult.
pub fn booking_of(hold: &Value) -> Value {
    json!({ "hold_id": hold["id"], "passengers": [passenger("Linh", "1990-05-17")], "contact": contact() })
}

/// Its six characters.
pub fn reference(booking: &Value) -> &str {
    booking["booking_ref"].as_str().unwrap()
}
