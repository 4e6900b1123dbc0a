//! Who may pay, and where payers are led.

use flightdesk_core::booking::BookingLinks;
use flightdesk_core::ids::AccountId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

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
        "until Fri 20 Nov 2026, 18:01 (UTC+5:30)",
    ];
    assert!(words.iter().all(|words| unpaid.contains(words)), "{unpaid}");
    let total = booking["price"]["total"]["amount"].as_str().unwrap();
    let button = format!(
        "<button class=\"button\">Pay INR {}</button>",
        grouped(total)
    );
    assert!(unpaid.contains(&button), "{button} is not in {unpaid}");
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
    let amount_paid = format!("Paid: INR {}", grouped(total));
    for words in [
        "Your booking is confirmed",
        "Passengers",
        " seat ",
        &amount_paid,
    ] {
        assert!(confirmed.contains(words), "{words} is not in {confirmed}");
    }
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

/// As people in India write an amount of at least a thousand and below a lakh.
fn grouped(amount: &str) -> String {
    let (whole, fraction) = amount.split_once('.').unwrap();
    let (thousands, rest) = whole.split_at(whole.len() - 3);
    format!("{thousands},{rest}.{fraction}")
}

/// The path of the page of a booking, as its newest mail has it.
async fn page_of(app: &TestApp, pool: &PgPool, booking: &Value) -> String {
    let reference = trip::reference(booking);
    let (account_id, contact): (Uuid, String) =
        sqlx::query_as("select account_id, contact_email from booking where booking_ref = $1")
            .bind(reference)
            .fetch_one(pool)
            .await
            .unwrap();
    let settings = &app.app.settings;
    let url = BookingLinks::new(settings).page(AccountId(account_id), reference, &contact);
    url.strip_prefix(&settings.public_url).unwrap().to_owned()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whoever_has_the_mail_pays_by_its_link_without_a_key(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let path = page_of(&app, &pool, &booking).await;
    let page = app.request(Method::GET, &path).answer().await;
    assert_eq!(page.status, StatusCode::OK, "{page:?}");
    let action = page
        .text
        .split_once("action=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(action, _)| action.to_owned())
        .unwrap();
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https:"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");

    // No redirect is followed here: the page to pay on is somebody else's.
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let pressed = browser.post(format!("http://{}{action}", app.address));
    let pressed = pressed.send().await.unwrap();
    assert_eq!(pressed.status(), StatusCode::SEE_OTHER);
    let there = pressed.headers()["location"].to_str().unwrap().to_owned();
    let same = client.open_payment(&booking).await;
    assert_eq!(
        same.body["checkout_url"], there,
        "it is the one page that is open"
    );

    settle(&app, &paid(&session(&app, &pool).await)).await;
    let page = app.request(Method::GET, &path).answer().await.text;
    for words in [
        "Your booking is confirmed",
        "We are still making your",
        "ticket.",
    ] {
        assert!(page.contains(words), "{words:?} is not in {page}");
    }
    assert!(!page.contains("<form"), "{page}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_contact_gets_a_mail_and_a_link_and_the_one_before_loses_its_link(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let before = page_of(&app, &pool, &booking).await;
    let path = format!("/v1/bookings/{}", trip::reference(&booking));
    let contact = json!({ "email": "other@example.com", "phone": "+919876543211" });
    let changed = client.patch(&path, &json!({ "contact": contact })).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let promised: Vec<String> = sqlx::query_scalar(
        "select jsonb_object_keys(payload -> 'mail') from outbox
         where kind = 'send_mail' and jsonb_typeof(payload -> 'mail') = 'object'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(promised, ["booking_changed"]);
    let after = page_of(&app, &pool, &booking).await;
    for (link, status) in [
        (before.as_str(), StatusCode::NOT_FOUND),
        (&after, StatusCode::OK),
        ("/booking?link=x.y", StatusCode::NOT_FOUND),
        ("/booking", StatusCode::NOT_FOUND),
    ] {
        let page = app.request(Method::GET, link).answer().await;
        assert_eq!(page.status, status, "{link}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn cancelling_an_unpaid_booking_mails_and_its_directions_say_when(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    assert_eq!(booking["directions"][0]["status"], "booked");
    assert!(booking["directions"][0].get("cancelled_at").is_none());
    let path = format!("/v1/bookings/{}", trip::reference(&booking));
    client
        .post(&format!("{path}/cancellations"), &json!({}))
        .await;
    let cancelled = client.get(&path).await.body;
    let direction = &cancelled["directions"][0];
    assert_eq!(direction["status"], "cancelled", "{cancelled}");
    assert_eq!(
        direction["cancelled_at"], "2026-11-20T12:00:00Z",
        "{cancelled}"
    );
    let mails: i64 = sqlx::query_scalar(
        "select count(*) from outbox where payload ->> 'mail' = 'booking_cancelled'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(mails, 1);
}
