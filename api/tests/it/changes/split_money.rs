//! Money of a party that has two bookings: what staff, banks and the airline do to one of them counts for both.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::splits::{given_back, named, split};
use super::{a_day_later, confirm, flights_of, quoted};
use crate::cancellations::{self, flights, rupees};
use crate::consistent::assert_consistent;
use crate::disputes::{self, FRAUDULENT};
use crate::disruptions::{cancellation, disrupted, disruption, staff};
use crate::payments::{deliver, open, pay_with};
use crate::support::{Client, Send, TestApp};
use crate::trip::{self, adults, counters, grown_ups};

/// Books for two and pays by a card.
async fn two(client: &Client<'_>, flight: flightdesk_core::ids::FlightId, card: &str) -> Value {
    let offer = client.offer_of(&[flight], adults(2)).await;
    let body = json!({ "offers": [offer], "passengers": grown_ups(2), "contact": trip::contact() });
    let booked = client.post("/v1/bookings", &body).await.body;
    let page = open(client, &booked).await;
    pay_with(client.app, page["checkout_url"].as_str().unwrap(), card).await;
    deliver(client.app, |events| events).await;
    client.booking(&booked).await
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_staff_give_back_at_stripe_leaves_less_for_both(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = two(&client, out, "4242424242424242").await;
    let offer = client.offer_of(&[later], adults(1)).await;
    let (old, new) = split(&client, &booking, &[1], &offer).await;
    // The new booking's refund is promised, and Stripe is not asked for it yet: it makes room for what staff give back.
    cancellations::cancel(&client, &new, &json!({})).await;
    let intent = disputes::intent(&pool).await;
    let form = [("payment_intent", intent.as_str()), ("amount", "1000000")];
    let made = app
        .request(reqwest::Method::POST, "/sandbox/stripe/v1/refunds")
        .bearer_auth("sk_test_anything")
        .form(&form)
        .answer()
        .await;
    assert_eq!(made.status.as_u16(), 200, "{made:?}");
    deliver(&app, |events| events).await;
    let [(came, back)] = given_back(&pool).await[..] else {
        panic!("one payment");
    };
    assert_eq!(came, back, "all that came is promised to go back");
    let of_new = client.booking(&new).await;
    assert_eq!(of_new["payment"]["amount_refunded"]["amount"], "3876.00");
    assert_eq!(
        client.booking(&old).await["payment"]["amount_refunded"],
        rupees("10000.00")
    );
    // What the other one gives back beyond that is more than came: nothing of it is promised.
    let failed = "select count(*) from refund where failure = 'refunded_at_stripe'
        and booking_id = (select new_booking_id from booking_split)";
    assert_eq!(trip::count(&pool, failed).await, 1);
    cancellations::cancel(&client, &old, &json!({})).await;
    assert_eq!(given_back(&pool).await, [(came, came)]);
    for one in [&old, &new] {
        let path = format!("/v1/bookings/{}/ledger", trip::reference(one));
        assert_eq!(client.get(&path).await.body["balanced"], true);
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dispute_that_is_lost_ends_the_refund_of_the_new_booking(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = two(&client, out, FRAUDULENT).await;
    let offer = client.offer_of(&[later], adults(1)).await;
    let (_, new) = split(&client, &booking, &[1], &offer).await;
    assert_consistent(&pool).await;
    cancellations::cancel(&client, &new, &json!({})).await;
    assert_consistent(&pool).await;
    disputes::answer(&app, &pool, "losing_evidence").await;
    let ended = &disputes::refunds(&client, &new).await[0];
    assert_eq!(ended["status"], "failed");
    let covered = "select count(*) from ledger_entry where kind = 'refund_by_dispute'
        and booking_id = (select new_booking_id from booking_split)";
    assert_eq!(trip::count(&pool, covered).await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_a_cancelled_flight_one_takes_another_for_free_and_the_other_may_still_choose(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let booking = two(&client, out, "4242424242424242").await;
    disrupted(&desk, out, &cancellation()).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 900_000)
        .await;
    let body = json!({ "offer": offer, "passengers": named(&booking, &[0]) });
    let asked = quoted(&client, &booking, &body).await;
    assert_eq!(
        (&asked["splits"], &asked["to_pay"]),
        (&json!(true), &rupees("0.00"))
    );
    let new = confirm(&client, &booking, &asked).await.body;
    assert_eq!(flights_of(&new, 0), [later.to_string()]);
    assert_eq!(new["disruption"], Value::Null);
    assert_eq!(disruption(&client, &new).await["status"], "rebooked");
    assert_eq!(disruption(&client, &booking).await["status"], "open");
    assert_consistent(&pool).await;
    let back = cancellations::cancel(&client, &booking, &json!({})).await;
    assert_eq!(back["status"], "cancelled");
    assert_eq!(
        back["price"]["total"],
        rupees("0.00"),
        "everything comes back"
    );
    assert_eq!(counters(&pool, later).await, (0, 1));
    assert_consistent(&pool).await;
}
