//! A booking that is changed while it is changed, paid, cancelled and expired: one comes first, the others see it.

use std::collections::BTreeMap;

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::payment::Settlement;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{after, wide};
use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::support::{Answer, Client, Send, TestApp};
use crate::trip::{self, reference};

const ROUNDS: u64 = 24;

async fn patch(client: &Client<'_>, booking: &Value, body: &Value) -> Answer {
    let path = format!("/v1/bookings/{}", reference(booking));
    client
        .request(Method::PATCH, &path)
        .json(body)
        .answer()
        .await
}

/// One more person, at the price that this makes.
async fn one_more(client: &Client<'_>, booking: &Value) -> Value {
    let first = booking["passengers"][0]["first_name"].as_str().unwrap();
    let people = json!([
        trip::passenger(first, "1990-05-17"),
        trip::passenger("Mai", "1990-05-17")
    ]);
    let mut body = json!({ "passengers": people });
    let told = patch(client, booking, &body).await;
    assert_eq!(told.problem(), (409, "price_changed"));
    body["expected_total"] = told.body["price"]["total"].clone();
    body
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_old_price_is_paid_and_nothing_changes_or_all_changes_and_it_goes_back(pool: PgPool) {
    trip::a_flight(&pool).await;
    let wide = wide(&pool).await;
    let app = TestApp::start(wide.clone()).await;
    let client = app.sign_up().await;
    let mut endings = BTreeMap::<&str, u32>::new();
    for round in 0..ROUNDS {
        let booking = client.book().await;
        open(&client, &booking).await;
        let session = paid(&session(&app, &pool).await);
        let body = one_more(&client, &booking).await;
        let pay = async {
            after(round, 0).await;
            settle(&app, &session).await
        };
        let change = async {
            after(round, 1).await;
            patch(&client, &booking, &body).await
        };
        let (settled, changed) = tokio::join!(pay, change);
        let now = client.booking(&booking).await;
        let ending = if changed.status.as_u16() == 200 {
            assert_eq!(settled, Settlement::Refunding);
            assert_eq!(now["status"], "pending_payment");
            assert_eq!(now["price"]["total"], body["expected_total"]);
            assert_eq!(now["payment"]["amount_refunded"], booking["price"]["total"]);
            "changed"
        } else {
            assert_eq!(changed.problem(), (409, "already_paid"));
            assert_eq!(settled, Settlement::Confirmed);
            assert_eq!(now["price"], booking["price"]);
            "paid"
        };
        *endings.entry(ending).or_default() += 1;
        // The same second person flies in the next round.
        let path = format!("/v1/bookings/{}/cancellations", reference(&booking));
        client.post(&path, &json!({})).await;
        assert_consistent(&pool).await;
    }
    assert_eq!(endings.len(), 2, "this is no race: {endings:?}");
    wide.close().await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_change_meets_another_a_cancellation_and_the_deadline(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let other = trip::add(&pool, "103", trip::at(12)).await;
    let wide = wide(&pool).await;
    let app = TestApp::start(wide.clone()).await;
    let client = app.sign_up().await;
    for round in 0..ROUNDS {
        let booking = client.book().await;
        let body = one_more(&client, &booking).await;
        let offer = client.offer_of(&[other], trip::adults(1)).await;
        let elsewhere = json!({ "offers": [offer] });
        // Due, but only just: who is first decides.
        let due = round % 2 == 0;
        app.clock
            .advance(Duration::minutes(15) - Duration::seconds(1));
        let end = async {
            after(round, 2).await;
            if due {
                app.clock.advance(Duration::seconds(2));
                booking::sweep_due(&wide, &app.clock).await.unwrap();
                return;
            }
            let path = format!("/v1/bookings/{}/cancellations", reference(&booking));
            let cancelled = client.post(&path, &json!({})).await;
            assert_eq!(cancelled.status.as_u16(), 200, "{cancelled:?}");
        };
        let more = async {
            after(round, 0).await;
            patch(&client, &booking, &body).await
        };
        let away = async {
            after(round, 1).await;
            patch(&client, &booking, &elsewhere).await
        };
        let (more, away, ()) = tokio::join!(more, away, end);
        for changed in [more, away] {
            let status = changed.status.as_u16();
            assert!(
                status == 200
                    || [
                        "wrong_state",
                        "price_changed",
                        "offer_expired",
                        "invalid_request"
                    ]
                    .contains(&changed.problem().1),
                "{changed:?}"
            );
        }
        let now = client.booking(&booking).await;
        let ended = if due { "expired" } else { "cancelled" };
        assert_eq!(now["status"], ended, "{now}");
        for cabin in [flight, other] {
            assert_eq!(trip::counters(&pool, cabin).await, (0, 0));
        }
        assert_consistent(&pool).await;
    }
    wide.close().await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn parties_that_swap_flights_seats_and_coupons_do_not_wait_in_a_ring(pool: PgPool) {
    let flights = [
        trip::a_flight(&pool).await,
        trip::add(&pool, "103", trip::at(12)).await,
    ];
    for code in ["ONE", "TWO"] {
        sqlx::query(
            "insert into coupon (code, kind, amount, currency) values ($1, 'percent', 10, 'INR')",
        )
        .bind(code)
        .execute(&pool)
        .await
        .unwrap();
    }
    let wide = wide(&pool).await;
    let app = TestApp::start(wide.clone()).await;
    let (ada, eve) = (app.sign_up().await, app.sign_up().await);
    let (hers, his) = (ada.book().await, eve.book().await);
    let mut swapped = 0;
    for round in 0..ROUNDS {
        let side = usize::try_from(round % 2).unwrap();
        let change = async |client: &Client<'_>, booking: &Value, side: usize| {
            let (flight, code) = (flights[side], ["ONE", "TWO"][side]);
            let mut body = json!({
                "offers": [client.offer_of(&[flight], trip::adults(1)).await],
                "seats": [{ "flight_id": flight.0, "seat": "20A" }],
                "coupon": code,
            });
            let told = patch(client, booking, &body).await;
            if told.status.as_u16() == 409 && told.problem().1 == "price_changed" {
                body["expected_total"] = told.body["price"]["total"].clone();
                return patch(client, booking, &body).await;
            }
            told
        };
        let (one, two) = tokio::join!(change(&ada, &hers, side), change(&eve, &his, 1 - side));
        for changed in [one, two] {
            // The seat may still be the other's; nobody is a victim of a deadlock.
            assert!(
                changed.status.as_u16() == 200 || changed.problem() == (409, "seat_taken"),
                "{changed:?}"
            );
            swapped += u32::from(changed.status.as_u16() == 200);
        }
        assert_consistent(&pool).await;
    }
    assert!(swapped > 2, "nobody ever changed");
    wide.close().await;
}
