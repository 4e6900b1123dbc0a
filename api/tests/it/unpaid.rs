//! Seats that nobody has paid are bounded, so that nobody empties a flight without money.

use chrono::Duration;
use futures::future::join_all;
use serde_json::json;
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::support::{Client, TestApp};
use crate::trip::{self, grown_ups};

/// The bounds as they are without settings.
async fn bounded(pool: &PgPool) -> TestApp {
    TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.max_unpaid_seats_of_network = 60;
        settings.sales.max_unpaid_percent_for_new_accounts = 50;
    })
    .await
}

/// Holds and books parties of `people` until it is refused; the code of the refusal, if there was one.
async fn grab(client: &Client<'_>, people: u8, times: usize) -> Option<String> {
    for turn in 0..times {
        let offer = client.offer(people.into()).await;
        let Some(offer) = offer["offer_id"].as_str() else {
            return Some("sold_out".to_owned());
        };
        let taken = if turn % 2 == 0 {
            client
                .post("/v1/holds", &json!({ "offers": [offer] }))
                .await
        } else {
            let people = grown_ups(people);
            client
                .post(
                    "/v1/bookings",
                    &json!({ "offers": [offer], "passengers": people, "contact": trip::contact() }),
                )
                .await
        };
        if taken.status.as_u16() != 201 {
            return Some(taken.problem().1.to_owned());
        }
    }
    None
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn ten_new_accounts_of_one_address_leave_most_of_a_flight(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = bounded(&pool).await;
    let clients = join_all((0..10).map(|_| app.sign_up())).await;
    let refused = join_all(clients.iter().map(|client| grab(client, 10, 4))).await;
    assert!(refused.iter().all(Option::is_some), "{refused:?}");
    assert!(
        refused.contains(&Some("too_many_unpaid_seats".to_owned())),
        "{refused:?}"
    );
    assert_eq!(trip::counters(&pool, flight).await, (60, 0));
    assert_consistent(&pool).await;
    // A day later they are accounts like others: twenty seats of a flight each.
    app.clock.advance(Duration::hours(25));
    flightdesk_core::account::forget_networks(&mut pool.acquire().await.unwrap(), &app.clock)
        .await
        .unwrap();
    assert_eq!(
        trip::count(
            &pool,
            "select count(*) from account where signed_up_from is not null"
        )
        .await,
        0
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn ten_new_accounts_of_ten_addresses_leave_half_of_a_cabin_to_older_ones(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = bounded(&pool).await;
    let clients = join_all((0..10).map(|_| app.sign_up())).await;
    let older = app.sign_up().await;
    sqlx::raw_sql("update account set signed_up_from = id::text")
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("update account set created_at = created_at - interval '25 hours' where id = $1")
        .bind(older.account_id)
        .execute(&pool)
        .await
        .unwrap();
    let refused = join_all(clients.iter().map(|client| grab(client, 9, 4))).await;
    assert!(refused.iter().all(Option::is_some), "{refused:?}");
    // 180 seats; at the same time from everywhere, never more than half.
    assert_eq!(trip::counters(&pool, flight).await, (90, 0));
    assert_eq!(grab(&older, 10, 2).await, None);
    assert_eq!(trip::counters(&pool, flight).await, (110, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_account_has_so_many_unpaid_seats_on_all_flights_together(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.max_held_seats = 0;
        settings.sales.max_unpaid_seats = 25;
    })
    .await;
    let client = app.sign_up().await;
    assert_eq!(
        grab(&client, 10, 3).await.as_deref(),
        Some("too_many_unpaid_seats")
    );
    assert_eq!(grab(&client, 5, 1).await, None);
    let refused = client
        .post(
            "/v1/holds",
            &json!({ "offers": [client.offer(1).await["offer_id"]] }),
        )
        .await;
    assert!(
        refused.body["detail"]
            .as_str()
            .unwrap()
            .contains("more than 25 unpaid seats"),
        "{refused:?}"
    );
}
