//! Changing a booking that is not paid: every field, refusals that change nothing, and what becomes of money.

mod flights;
mod money;
mod people;
mod refusals;

use flightdesk_core::fixtures::load_small;
use flightdesk_core::ids::FlightId;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Answer, Client};
use crate::trip::{self, adults, fly, grown_ups, reference};

/// Two days on which one can fly, and a flight that returns.
struct Days {
    first: FlightId,
    second: FlightId,
    back: FlightId,
}

async fn days(pool: &PgPool) -> Days {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let there = ["DEL", "BOM"];
    Days {
        first: fly(pool, "AI", "101", there, "2026-12-20T08:00:00").await,
        second: fly(pool, "AI", "103", there, "2026-12-21T08:00:00").await,
        back: fly(pool, "AI", "102", ["BOM", "DEL"], "2026-12-23T08:00:00").await,
    }
}

impl Client<'_> {
    /// Books offers of flights for grown-ups.
    async fn book_flights(&self, out: FlightId, back: Option<FlightId>, people: u8) -> Value {
        let party = adults(people.into());
        let mut offers = vec![self.offer_of(&[out], party).await];
        if let Some(back) = back {
            offers.push(self.offer_of(&[back], party).await);
        }
        let body = json!({ "offers": offers, "passengers": grown_ups(people), "contact": trip::contact() });
        let booked = self.post("/v1/bookings", &body).await;
        assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
        booked.body
    }

    async fn patch_booking(&self, booking: &Value, body: &Value) -> Answer {
        let path = format!("/v1/bookings/{}", reference(booking));
        self.patch(&path, body).await
    }

    /// Patches at the price that a first try was told.
    async fn patch_at_new_price(&self, booking: &Value, mut body: Value) -> Value {
        let refused = self.patch_booking(booking, &body).await;
        assert_eq!(refused.problem(), (409, "price_changed"));
        body["expected_total"] = refused.body["price"]["total"].clone();
        let changed = self.patch_booking(booking, &body).await;
        assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
        assert_eq!(changed.body["price"], refused.body["price"]);
        changed.body
    }
}

fn ids(booking: &Value) -> Vec<Value> {
    let people = booking["passengers"].as_array().unwrap();
    people.iter().map(|person| person["id"].clone()).collect()
}

async fn used(pool: &PgPool, code: &str) -> i32 {
    sqlx::query_scalar("select used from coupon where code = $1")
        .bind(code)
        .fetch_one(pool)
        .await
        .unwrap()
}
