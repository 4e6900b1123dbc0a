//! Who may pay, and where payers are led.

use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::PgPool;

use super::{open, paid, session, settle};
use crate::support::{Send, TestApp};
use crate::trip;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_return_address_elsewhere_is_refused(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start_with(pool, |settings, _| {
        settings.stripe.return_url_origins = vec!["https://shop.example".into()];
    })
    .await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}/payment", trip::reference(&booking));
    let wrong = client.post(&path, &json!({ "success_url": "https://evil.example/x", "cancel_url": "javascript:alert(1)" })).await;
    assert_eq!(
        wrong.wrong_fields(),
        ["success_url: not_allowed", "cancel_url: not_allowed"]
    );
    // One reader's host is another's user name.
    for ambiguous in [
        "https://shop.example\\@evil.example/",
        "https://shop.example/a\r\nb",
        "https://shop.example/ b",
    ] {
        let wrong = client
            .post(&path, &json!({ "success_url": ambiguous }))
            .await;
        assert_eq!(wrong.wrong_fields(), ["success_url: not_allowed"]);
    }
    let right = client
        .post(
            &path,
            &json!({ "success_url": "https://shop.example/thanks" }),
        )
        .await;
    assert_eq!(right.status, StatusCode::CREATED, "{right:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_accounts_booking_cannot_be_read_paid_or_cancelled(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let booking = client.book().await;
    let path = format!("/v1/bookings/{}", trip::reference(&booking));
    assert_eq!(other.get(&path).await.problem(), (404, "not_found"));
    assert_eq!(
        other.open_payment(&booking).await.problem(),
        (404, "not_found")
    );
    assert_eq!(
        other
            .post(&format!("{path}/cancellations"), &json!({}))
            .await
            .problem(),
        (404, "not_found")
    );
    assert_eq!(other.get("/v1/bookings").await.body["data"], json!([]));
    assert_eq!(
        client.get("/v1/bookings").await.body["data"][0]["booking_ref"],
        booking["booking_ref"]
    );
}

/// The page that a traveller comes to who leaves the open payment.
async fn left(app: &TestApp, pool: &PgPool) -> String {
    let url: String = sqlx::query_scalar("select cancel_url from payment order by id desc limit 1")
        .fetch_one(pool)
        .await
        .unwrap();
    let path = url.strip_prefix(&app.app.settings.public_url).unwrap();
    let page = app.request(Method::GET, path).answer().await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    page.text
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_leaves_the_payment_reads_what_is_true_of_the_booking(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let unpaid = left(&app, &pool).await;
    let words = [
        "No payment has reached us",
        trip::reference(&booking),
        "until 20 Nov 2026 12:31 UTC",
    ];
    assert!(words.iter().all(|words| unpaid.contains(words)), "{unpaid}");
    // The reference alone opens nothing.
    let path = format!("/return/cancelled?booking={}", trip::reference(&booking));
    let stranger = app.request(Method::GET, &path).answer().await.text;
    assert!(
        stranger.contains("The booking says whether it is paid"),
        "{stranger}"
    );
    assert!(!stranger.contains(trip::reference(&booking)));

    settle(&app, &paid(&session(&app, &pool).await)).await;
    let confirmed = left(&app, &pool).await;
    assert!(
        confirmed.contains("Your booking is confirmed"),
        "{confirmed}"
    );
    let path = format!("/v1/bookings/{}/cancellations", trip::reference(&booking));
    let other = client.book().await;
    open(&client, &other).await;
    client
        .post(
            &path.replace(trip::reference(&booking), trip::reference(&other)),
            &json!({}),
        )
        .await;
    let cancelled = left(&app, &pool).await;
    assert!(
        cancelled.contains("This booking is cancelled"),
        "{cancelled}"
    );
}
