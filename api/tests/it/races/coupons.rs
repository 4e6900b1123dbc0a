//! The last use of a coupon: many accounts and one account with many requests, two api processes.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Client;
use serde_json::json;
use sqlx::PgPool;

use super::{Traveller, a_flight, hold_of, offers, travellers};
use crate::binary::{Api, UNLIMITED};
use crate::consistent::assert_consistent;
use crate::support::Answer;
use crate::trip;

const RACERS: usize = 40;

struct Race {
    http: Client,
    apis: [Api; 2],
}

impl Race {
    async fn start(pool: &PgPool) -> Self {
        sqlx::query(
            "insert into coupon (code, kind, amount, max_uses) values ('LAST', 'percent', 10, 1)",
        )
        .execute(pool)
        .await
        .unwrap();
        let apis = [
            Api::start(pool, UNLIMITED).await,
            Api::start(pool, UNLIMITED).await,
        ];
        Self {
            http: Client::new(),
            apis,
        }
    }

    /// Everybody books an offer of their own with the coupon, at once.
    async fn run(&self, racers: &[&Traveller]) -> Vec<Answer> {
        let addresses: Vec<_> = self.apis.iter().map(|api| api.address.as_str()).collect();
        let mut bodies = Vec::new();
        for (index, racer) in racers.iter().enumerate() {
            let offer = offers(
                &self.http,
                &addresses[index % 2..=index % 2],
                std::slice::from_ref(racer),
                1,
            )
            .await;
            let mut body = hold_of(&offer[0]);
            body["passengers"] = json!([trip::passenger(
                &trip::somebody(&format!("{index:x}")),
                "1990-05-17"
            )]);
            body["contact"] = trip::contact();
            body["coupon"] = json!("last");
            bodies.push(body);
        }
        let booked = racers
            .iter()
            .zip(&bodies)
            .enumerate()
            .map(|(index, (racer, body))| {
                racer.post(&self.http, addresses[index % 2], "/v1/bookings", body)
            });
        join_all(booked).await
    }
}

/// How many booked with the coupon. Everybody else must have been told the reason, cleanly.
fn winners(answers: &[Answer], reasons: &[&str]) -> usize {
    let booked = |answer: &&Answer| {
        let booked = answer.status.as_u16() == 201;
        if !booked {
            let wrong = answer.wrong_fields();
            let told = |reason| wrong == [format!("coupon: {reason}")];
            assert!(reasons.iter().any(told), "{answer:?}");
        }
        booked
    };
    answers.iter().filter(booked).count()
}

async fn used(pool: &PgPool) -> i32 {
    sqlx::query_scalar("select used from coupon where code = 'LAST'")
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_last_use_of_a_coupon_is_given_once(pool: PgPool) {
    let flight = a_flight(&pool).await;
    let (race, travellers) = (Race::start(&pool).await, travellers(&pool, RACERS).await);
    let answers = race.run(&travellers.iter().collect::<Vec<_>>()).await;
    assert_eq!(winners(&answers, &["used_up"]), 1);
    assert_eq!(used(&pool).await, 1);
    assert_eq!(
        trip::counters(&pool, flight).await,
        (1, 0),
        "who is refused holds no seat"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_account_uses_its_share_once_and_books_first_once(pool: PgPool) {
    a_flight(&pool).await;
    let (race, travellers) = (Race::start(&pool).await, travellers(&pool, 2).await);
    let limits = [
        "max_uses_per_account = 1",
        "max_uses_per_account = null, first_booking_only = true",
    ];
    for (limit, traveller) in limits.into_iter().zip(&travellers) {
        let update = format!("update coupon set max_uses = null, {limit}");
        sqlx::query(sqlx::AssertSqlSafe(update))
            .execute(&pool)
            .await
            .unwrap();
        let answers = race.run(&[traveller; 16]).await;
        assert_eq!(
            winners(&answers, &["used_up_for_account", "not_first_booking"]),
            1,
            "{limit}"
        );
    }
    assert_eq!(used(&pool).await, 2);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn without_the_constraint_the_same_race_overuses_the_coupon(pool: PgPool) {
    a_flight(&pool).await;
    let (race, travellers) = (Race::start(&pool).await, travellers(&pool, RACERS).await);
    sqlx::query("alter table coupon drop constraint coupon_not_overused")
        .execute(&pool)
        .await
        .unwrap();
    // Nobody counts the coupon before two have seen that it can be used.
    let mut held = pool.begin().await.unwrap();
    sqlx::query("select from coupon where code = 'LAST' for update")
        .execute(&mut *held)
        .await
        .unwrap();
    let racers: Vec<_> = travellers.iter().collect();
    let release = async {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let began = Instant::now();
        while trip::count(&pool, waiting).await < 2 {
            assert!(began.elapsed() < Duration::from_mins(1), "nobody waits");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        held.commit().await.unwrap();
    };
    let (answers, ()) = tokio::join!(race.run(&racers), release);
    let winners = winners(&answers, &["used_up"]);
    assert!(winners > 1, "{winners}: this test sees no race");
}
