//! A schedule is amended while somebody takes a seat on its flight: the flight stays as it was with its passenger, or
//! it follows and nobody has a seat on what is gone.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use flightdesk_core::ids::FlightId;
use flightdesk_core::schedule::{self, Amendment, Followed};
use flightdesk_core::trade::Party;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::swaps::nowhere;
use super::{after, wide};
use crate::consistent::assert_consistent;
use crate::seat_swaps::SMALL;
use crate::support::{Client, Send, TestApp};
use crate::trip;

const ROUNDS: u64 = 50;

async fn amend(pool: &PgPool, app: &TestApp, id: Uuid, amendment: &Amendment) -> Followed {
    let mut tx = pool.begin().await.unwrap();
    let followed = schedule::amend(&mut tx, &app.clock, 60, id, amendment)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    followed
}

/// The weekday of the flight, as a schedule has it.
fn weekday() -> u8 {
    let date = NaiveDate::from_ymd_opt(2026, 12, 20).unwrap();
    1 << date.weekday().num_days_from_monday()
}

/// As it was before the first round.
fn back() -> Amendment {
    Amendment {
        weekdays: Some(weekday()),
        aircraft: Some("32N".to_owned()),
        ..Amendment::default()
    }
}

/// Takes seat 2B, which the smaller aircraft lacks; in half of the rounds it is booked at once.
async fn take(client: &Client<'_>, offer: &str, flight: FlightId, round: u64) -> (u16, Value) {
    after(round, 0).await;
    let held = json!({ "offers": [offer], "seats": [{ "flight_id": flight.0, "seat": "2B" }] });
    let mut answer = client.post("/v1/holds", &held).await;
    if (round / 8).is_multiple_of(2) && answer.status.as_u16() == 201 {
        answer = client
            .post("/v1/bookings", &trip::booking_of(&answer.body))
            .await;
    }
    (answer.status.as_u16(), answer.body)
}

async fn give_back(client: &Client<'_>, taken: &Value) {
    let answer = if let Some(reference) = taken["booking_ref"].as_str() {
        let path = format!("/v1/bookings/{reference}/cancellations");
        client.post(&path, &json!({})).await
    } else {
        let path = format!("/v1/holds/{}", taken["id"].as_str().unwrap());
        client.request(Method::DELETE, &path).answer().await
    };
    assert!(answer.status.is_success(), "{answer:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_is_taken_and_its_flight_stays_or_the_flight_goes_and_no_seat_is_taken(
    pool: PgPool,
) {
    let flight = trip::a_flight(&pool).await;
    let wide = wide(&pool).await;
    let app = TestApp::start(wide.clone()).await;
    let client = app.sign_up().await;
    let id: Uuid = sqlx::query_scalar("select schedule_id from flight where id = $1")
        .bind(flight.0)
        .fetch_one(&pool)
        .await
        .unwrap();
    let one = Party {
        adults: 1,
        children: 0,
        infants: 0,
    };
    let mut endings = BTreeMap::<String, u32>::new();
    for round in 0..ROUNDS {
        let is_cancelled = (round / 4).is_multiple_of(2);
        let amendment = if is_cancelled {
            Amendment {
                weekdays: Some(!weekday() & 0b111_1111),
                ..back()
            }
        } else {
            Amendment {
                aircraft: Some(SMALL.to_owned()),
                ..back()
            }
        };
        let offer = client.offer_of(&[flight], one).await;
        let ((status, taken), followed) =
            tokio::join!(take(&client, &offer, flight, round), async {
                after(round, 1).await;
                amend(&wide, &app, id, &amendment).await
            },);
        let (flies, aircraft): (bool, String) =
            sqlx::query_as("select status = 'scheduled', aircraft from flight where id = $1")
                .bind(flight.0)
                .fetch_one(&wide)
                .await
                .unwrap();
        let ending = if status == 201 {
            assert_eq!(followed.kept.len(), 1, "{round}: {followed:?}");
            assert_eq!((flies, aircraft.as_str()), (true, "32N"), "{round}");
            assert_eq!(trip::counters(&wide, flight).await, (1, 0), "{round}");
            "stays".to_owned()
        } else {
            assert_eq!(followed.kept, [], "{round}");
            assert_eq!(
                (flies, aircraft.as_str()),
                if is_cancelled {
                    (false, "32N")
                } else {
                    (true, SMALL)
                },
                "{round}"
            );
            assert_eq!(trip::counters(&wide, flight).await, (0, 0), "{round}");
            taken["code"].as_str().unwrap().to_owned()
        };
        assert_eq!(nowhere(&wide, flight).await, 0, "{round}");
        assert_consistent(&wide).await;
        *endings.entry(ending).or_default() += 1;
        if status == 201 {
            give_back(&client, &taken).await;
        }
        amend(&wide, &app, id, &back()).await;
    }
    eprintln!("{endings:?}");
    assert!(
        endings.len() > 1,
        "the race had one ending only: {endings:?}"
    );
}
