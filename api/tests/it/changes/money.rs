//! What a change costs: nothing, something to pay, something back.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::payment::Settlement;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{a_day_later, change, confirm, flights_of, pay, quoted, tickets_of};
use crate::cancellations::{buy, departure, flights, rupees, turn_to};
use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::seat_swaps::mails;
use crate::support::TestApp;
use crate::trip::{self, adults, counters, grown_ups, reference};

fn ids(flight: flightdesk_core::ids::FlightId) -> Vec<String> {
    vec![flight.to_string()]
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn where_nothing_is_to_pay_the_flights_change_at_once(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(2)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(2)).await;

    let offer = client.offer_of(&[later], adults(2)).await;
    let quote = quoted(&client, &booking, &json!({ "offer": offer })).await;
    for (field, amount) in [
        ("fare_difference", "0.00"),
        ("tax_difference", "0.00"),
        ("fee", "0.00"),
        ("to_pay", "0.00"),
        ("refund", "0.00"),
    ] {
        assert_eq!(quote[field], rupees(amount), "{field}");
    }
    assert_eq!(
        quote["items"][0]["rule"],
        "Standard fare, changed more than 168 hours before departure: only a fare difference is paid; a lower fare gives the difference back."
    );
    assert_eq!(
        counters(&pool, later).await,
        (0, 0),
        "a quote holds nothing"
    );
    assert_eq!(client.booking(&booking).await, booking);

    let changed = confirm(&client, &booking, &quote).await;
    assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
    let changed = changed.body;
    assert_eq!(changed["status"], "confirmed");
    assert_eq!(flights_of(&changed, 0), ids(later));
    assert_eq!(changed["price"]["total"], booking["price"]["total"]);
    assert_eq!(changed["flight_change"], Value::Null);
    assert_eq!(counters(&pool, out).await, (0, 0));
    assert_eq!(counters(&pool, later).await, (0, 2));
    for passenger in 0..2 {
        let (old, new) = (
            tickets_of(&booking, passenger),
            tickets_of(&changed, passenger),
        );
        assert_eq!((old.len(), new.len()), (1, 1));
        assert_ne!(old, new, "other flights, another number");
        assert_eq!(
            changed["passengers"][passenger]["seats"]
                .as_array()
                .unwrap()
                .len(),
            1
        );
    }
    let exchanged = "select count(*) from ticket t join ticket_coupon c on c.ticket_id = t.id
        where t.status = 'exchanged' and c.status = 'exchanged' and c.flight_id is not null and c.booked_flight_id is null";
    assert_eq!(trip::count(&pool, exchanged).await, 2);
    assert_consistent(&pool).await;

    let again = confirm(&client, &booking, &quote).await;
    assert_eq!(again.status.as_u16(), 200, "{again:?}");
    assert_eq!(tickets_of(&again.body, 0), tickets_of(&changed, 0));
    let mails = "select count(*) from outbox where payload -> 'mail' ? 'flights_changed'";
    assert_eq!(trip::count(&pool, mails).await, 1);
    let path = format!(
        "/v1/bookings/{}/change-quotes/{}",
        reference(&booking),
        quote["quote_id"].as_str().unwrap()
    );
    let explained = client.get(&path).await;
    assert!(explained.body["confirmed_at"].is_string(), "{explained:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_is_to_pay_holds_the_new_seats_until_it_is_paid(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    turn_to(&app, departure(), Duration::hours(100));

    // A base fare of 7,000 instead of 5,000, times 1.2 of the standard fare: 2,400 more, and GST of 5 % on it; the fee is 3,000.
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    let quote = quoted(&client, &booking, &json!({ "offer": offer })).await;
    assert_eq!(quote["fare_difference"], rupees("2400.00"));
    assert_eq!(quote["tax_difference"], rupees("120.00"));
    assert_eq!(quote["fee"], rupees("3000.00"));
    assert_eq!(quote["to_pay"], rupees("5520.00"));

    let waiting = confirm(&client, &booking, &quote).await.body;
    assert_eq!(flights_of(&waiting, 0), ids(out), "the old flights stay");
    assert_eq!(waiting["flight_change"]["amount"], rupees("5520.00"));
    assert!(
        waiting["available_actions"]
            .as_array()
            .unwrap()
            .contains(&json!("pay"))
    );
    assert_eq!(counters(&pool, out).await, (0, 1));
    assert_eq!(counters(&pool, later).await, (1, 0));
    assert_consistent(&pool).await;

    let (settled, changed) = pay(&app, &pool, &client, &booking).await;
    assert_eq!(settled, Settlement::Confirmed);
    assert_eq!(flights_of(&changed, 0), ids(later));
    assert_eq!(changed["payment"]["amount_paid"], changed["price"]["total"]);
    assert_eq!(counters(&pool, out).await, (0, 0));
    assert_eq!(counters(&pool, later).await, (0, 1));
    let invoices = changed["documents"].as_array().unwrap().iter();
    let invoices = invoices.filter(|document| document["kind"] == "invoice");
    assert_eq!(invoices.count(), 2, "one for the sale, one for the change");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_lower_fare_gives_the_difference_back(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;

    let offer = client
        .offer_at(&[later], adults(1), "standard", 400_000)
        .await;
    let changed = change(&client, &booking, &json!({ "offer": offer })).await;
    assert_eq!(flights_of(&changed, 0), ids(later));
    assert_eq!(changed["payment"]["amount_refunded"], rupees("1260.00"));
    let refunds = format!("/v1/bookings/{}/refunds", reference(&booking));
    let refunds = client.get(&refunds).await.body;
    assert_eq!(refunds["data"][0]["reason"], "change");
    assert_consistent(&pool).await;

    // What is paid now is what cancelling gives back.
    let back = crate::cancellations::cancel(&client, &booking, &json!({})).await;
    assert_eq!(back["status"], "cancelled");
    assert_eq!(
        back["price"]["total"],
        rupees("300.00"),
        "the fee per booking is kept"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_change_that_nobody_pays_ends_and_late_money_for_it_goes_back(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    change(&client, &booking, &json!({ "offer": offer })).await;
    open(&client, &booking).await;
    let checkout = session(&app, &pool).await;

    app.clock.advance(Duration::minutes(33));
    for _ in 0..2 {
        booking::sweep_changes(&pool, &app.clock).await.unwrap();
        app.clock.advance(Duration::minutes(2));
    }
    let after = client.booking(&booking).await;
    assert_eq!(after["flight_change"], Value::Null);
    assert_eq!(counters(&pool, later).await, (0, 0));
    let lost = "select count(*) from booking_event where kind = 'flight_change_lost' and details ->> 'reason' = 'unpaid'";
    assert_eq!(trip::count(&pool, lost).await, 1);
    assert_eq!(mails(&pool, "flights_not_changed").await, 1);
    assert_consistent(&pool).await;

    assert_eq!(settle(&app, &paid(&checkout)).await, Settlement::Refunding);
    let after = client.booking(&booking).await;
    assert_eq!(flights_of(&after, 0), ids(out));
    assert_eq!(after["price"]["total"], booking["price"]["total"]);
    let promised = "select count(*) from booking_event where kind = 'refund_promised' and details ->> 'cause' = 'flights_gone'";
    assert_eq!(trip::count(&pool, promised).await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_a_flight_that_was_cancelled_meanwhile_goes_back_and_the_old_flights_stand(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    change(&client, &booking, &json!({ "offer": offer })).await;
    sqlx::query("update flight set status = 'cancelled' where id = $1")
        .bind(later.0)
        .execute(&pool)
        .await
        .unwrap();
    let (settled, after) = pay(&app, &pool, &client, &booking).await;
    assert_eq!(settled, Settlement::Refunding);
    assert_eq!(flights_of(&after, 0), ids(out));
    assert_eq!(tickets_of(&after, 0), tickets_of(&booking, 0));
    assert_eq!(counters(&pool, later).await, (0, 0));
    assert_eq!(counters(&pool, out).await, (0, 1));
    assert_consistent(&pool).await;
}
