//! R1: the last seats of a cabin, two hundred clients, two api processes.

use futures::future::join_all;
use reqwest::Client;
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Traveller, a_flight, hold_of, offers, travellers};
use crate::binary::{Api, UNLIMITED};
use crate::consistent::assert_consistent;
use crate::support::Answer;
use crate::trip;

const CLIENTS: usize = 200;
const SEATS: i32 = 7;
const REPEATS: i32 = 20;

struct Crowd {
    http: Client,
    apis: [Api; 2],
    travellers: Vec<Traveller>,
    offers: Vec<String>,
}

impl Crowd {
    async fn gather(pool: &PgPool) -> Self {
        let apis = [
            Api::start(pool, UNLIMITED).await,
            Api::start(pool, UNLIMITED).await,
        ];
        let (http, travellers) = (Client::new(), travellers(pool, CLIENTS).await);
        let addresses: Vec<_> = apis.iter().map(|api| api.address.as_str()).collect();
        let offers = offers(&http, &addresses, &travellers, 1).await;
        Self {
            http,
            apis,
            travellers,
            offers,
        }
    }

    /// Everybody at once, half of them on each process; on each, half hold and half book without a hold.
    async fn rush(&self) -> Vec<Answer> {
        let everybody = self.travellers.iter().zip(&self.offers).enumerate();
        join_all(everybody.map(|(index, (traveller, offer))| async move {
            let address = &self.apis[index % 2].address;
            let mut body = hold_of(offer);
            let path = if index % 4 < 2 {
                "/v1/holds"
            } else {
                let somebody = trip::somebody(&Uuid::now_v7().to_string());
                body["passengers"] = json!([trip::passenger(&somebody, "1990-05-17")]);
                body["contact"] = trip::contact();
                "/v1/bookings"
            };
            traveller.post(&self.http, address, path, &body).await
        }))
        .await
    }
}

/// How many got a seat. Everybody else must have been told `sold_out`, cleanly.
fn served(answers: &[Answer]) -> i32 {
    let mut served = 0;
    for answer in answers {
        match answer.status.as_u16() {
            201 => served += 1,
            _ => assert_eq!(answer.problem(), (409, "sold_out"), "{answer:?}"),
        }
    }
    served
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_last_seats_are_given_once_to_two_hundred_clients_of_two_processes(pool: PgPool) {
    let flight = a_flight(&pool).await;
    let crowd = Crowd::gather(&pool).await;
    for repeat in 1..=REPEATS {
        trip::leave_seats(&pool, flight, SEATS).await;
        assert_eq!(served(&crowd.rush().await), SEATS, "in repeat {repeat}");
        assert_eq!(trip::counters(&pool, flight).await, (SEATS * repeat, 0));
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn without_the_constraint_the_same_rush_oversells(pool: PgPool) {
    let flight = a_flight(&pool).await;
    let crowd = Crowd::gather(&pool).await;
    trip::leave_seats(&pool, flight, SEATS).await;
    sqlx::query("alter table flight_cabin drop constraint flight_cabin_not_oversold")
        .execute(&pool)
        .await
        .unwrap();
    let served = served(&crowd.rush().await);
    assert!(
        served > SEATS,
        "{served} of {SEATS}: this test sees no overselling"
    );
    assert_eq!(trip::counters(&pool, flight).await, (served, 0));
}
