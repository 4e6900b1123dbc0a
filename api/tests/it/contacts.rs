//! The contact of a paid booking: it changes at any time, both addresses are told, and nothing else changes with it.

use chrono::Duration;
use flightdesk_core::booking::BookingLinks;
use flightdesk_core::ids::AccountId;
use flightdesk_core::ticket;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::cancellations::{buy, cancel, departure, flights, turn_to};
use crate::consistent::assert_consistent;
use crate::seat_swaps::mails;
use crate::support::{Answer, Client, Send, TestApp};
use crate::trip::{adults, grown_ups, reference};

async fn patch(client: &Client<'_>, booking: &Value, body: &Value) -> Answer {
    let path = format!("/v1/bookings/{}", reference(booking));
    client.patch(&path, body).await
}

/// The details of each change of the contact.
async fn changes(client: &Client<'_>, booking: &Value) -> Vec<Value> {
    let path = format!("/v1/bookings/{}/events?limit=100", reference(booking));
    let events = client.get(&path).await.body;
    let events = events["data"].as_array().unwrap().iter();
    let changes = events.filter(|event| event["kind"] == "contact_changed");
    changes.map(|event| event["details"].clone()).collect()
}

/// Whether the page of the booking opens with the address that an e-mail address was given.
async fn opens(app: &TestApp, client: &Client<'_>, booking: &Value, email: &str) -> bool {
    let links = BookingLinks::new(&app.app.settings);
    let page = links.page(AccountId(client.account_id), reference(booking), email);
    let path = page.split_once("/booking").unwrap().1;
    let answer = app.request(Method::GET, &format!("/booking{path}"));
    answer.answer().await.status == 200
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_contact_of_a_paid_booking_changes_before_and_after_departure(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    assert!(opens(&app, &client, &booking, "asha@example.com").await);

    let contact = json!({ "email": "asha@example.org", "phone": "+919876543210" });
    let changed = patch(&client, &booking, &json!({ "contact": contact })).await;
    assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
    assert_eq!(changed.body["contact"], contact);
    // No ticket prints it, and no invoice is issued again.
    for member in ["price", "passengers", "documents", "status", "payment"] {
        assert_eq!(changed.body[member], booking[member], "{member}");
    }
    let told = changes(&client, &booking).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["parts"], json!(["email"]));
    assert!(!told[0].to_string().contains('@'), "{}", told[0]);
    for mail in ["contact_changed", "contact_replaced"] {
        assert_eq!(mails(&pool, mail).await, 1, "{mail}");
    }
    assert!(opens(&app, &client, &booking, "asha@example.org").await);
    assert!(!opens(&app, &client, &booking, "asha@example.com").await);

    // The same again tells nobody anything.
    let same = patch(&client, &booking, &json!({ "contact": contact })).await;
    assert_eq!(same.status.as_u16(), 200, "{same:?}");
    assert_eq!(changes(&client, &booking).await.len(), 1);

    turn_to(&app, departure(), Duration::days(-2));
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(ticket::mark_flown(&mut conn, &app.clock).await.unwrap(), 1);
    let later = json!({ "email": "asha@example.org", "phone": "+919876543299" });
    let changed = patch(&client, &booking, &json!({ "contact": later })).await;
    assert_eq!(changed.body["contact"], later, "{changed:?}");
    let told = changes(&client, &booking).await;
    assert_eq!(told[1]["parts"], json!(["phone"]));
    for (mail, times) in [("contact_changed", 2), ("contact_replaced", 1)] {
        assert_eq!(mails(&pool, mail).await, times, "{mail}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nothing_but_the_contact_of_a_paid_booking_changes_and_only_by_its_account(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    let contact = json!({ "email": "asha@example.org", "phone": "+919876543210" });
    for body in [
        json!({}),
        json!({ "contact": contact, "coupon": null }),
        json!({ "contact": contact, "passengers": grown_ups(1) }),
        json!({ "contact": contact, "seats": [] }),
        json!({ "expected_total": booking["price"]["total"] }),
    ] {
        let refused = patch(&client, &booking, &body).await;
        assert_eq!(refused.problem(), (409, "already_paid"), "{body}");
    }
    let wrong = json!({ "contact": { "email": "nowhere", "phone": "1" } });
    let refused = patch(&client, &booking, &wrong).await;
    assert_eq!(
        refused.wrong_fields(),
        ["contact.email: email", "contact.phone: phone"]
    );
    let cheap =
        json!({ "contact": contact, "expected_total": { "amount": "1.00", "currency": "INR" } });
    let refused = patch(&client, &booking, &cheap).await;
    assert_eq!(refused.problem(), (409, "price_changed"));
    let body = json!({ "contact": contact });
    let refused = patch(&other, &booking, &body).await;
    assert_eq!(refused.problem(), (404, "not_found"));
    assert_eq!(client.booking(&booking).await, booking);
    assert!(changes(&client, &booking).await.is_empty());

    let left = cancel(&client, &booking, &json!({ "scope": "returning" })).await;
    assert_eq!(left["status"], "partially_cancelled");
    let changed = patch(&client, &booking, &body).await;
    assert_eq!(changed.body["contact"], contact, "{changed:?}");
    cancel(&client, &booking, &json!({})).await;
    let back = json!({ "contact": booking["contact"] });
    let refused = patch(&client, &booking, &back).await;
    assert_eq!(refused.problem(), (409, "wrong_state"));
    assert_consistent(&pool).await;
}
