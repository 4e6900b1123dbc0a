//! Paid, cancelled and expired at the same moment: one of them decides.

use std::collections::BTreeMap;
use std::time::Duration as Pause;

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::ids::{AccountId, BookingRef};
use flightdesk_core::payment::Settlement;
use flightdesk_core::{Error, hold};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::wide;
use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::support::{Client, TestApp};
use crate::trip;

const ROUNDS: u64 = 50;

/// Waits while another one has its head start.
async fn after(starter: u64, mine: u64) {
    let wait = if starter == mine { 0 } else { 15 };
    // In the last kind of round nobody has one.
    let wait = if starter == 3 { 0 } else { wait };
    tokio::time::sleep(Pause::from_millis(wait)).await;
}

/// The facts of a booking whose three endings have met; fails when they do not fit each other.
async fn ending(pool: &PgPool, client: &Client<'_>, booking: &Value) -> String {
    let now = client.booking(booking).await;
    let (tickets, refunds, documents): (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from ticket where booking_id = b.id), (select count(*) from refund where booking_id = b.id),
                (select count(*) from document where booking_id = b.id and kind in ('ticket', 'invoice'))
         from booking b where booking_ref = $1",
    )
    .bind(trip::reference(booking))
    .fetch_one(pool)
    .await
    .unwrap();
    let total = &booking["price"]["total"];
    let status = now["status"].as_str().unwrap();
    assert_eq!(now["payment"]["amount_paid"], *total, "{now}");
    let facts = (status, tickets, documents, refunds);
    let late = now["late_payment"]["resolution"]
        .as_str()
        .unwrap_or("in time");
    match status {
        "confirmed" => assert_eq!(facts, ("confirmed", 1, 2, 0)),
        "cancelled" | "expired" => {
            assert_eq!(facts, (status, 0, 0, 1));
            assert_eq!(
                (late, &now["payment"]["amount_refunded"]),
                ("refunded", total)
            );
        }
        _ => panic!("{now}"),
    }
    format!("{status}, {late}")
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_paying_cancelling_and_expiring_one_decides_and_the_money_follows(pool: PgPool) {
    let (flight, wide) = (trip::a_flight(&pool).await, wide(&pool).await);
    let app = TestApp::start(wide.clone()).await;
    let (client, rival) = (app.sign_up().await, app.sign_up().await);
    let mut endings = BTreeMap::<String, u32>::new();
    for round in 0..ROUNDS {
        // Confirmed bookings keep their seats: there is one left for this round's, none for its rival.
        trip::leave_seats(&pool, flight, 1).await;
        let booking = client.book().await;
        open(&client, &booking).await;
        let session = paid(&session(&app, &pool).await);
        // Past the page's end and Stripe's sixty seconds: the sweep needs no answer.
        app.clock.advance(Duration::minutes(33));
        let reference = BookingRef::parse(trip::reference(&booking)).unwrap();
        let account = AccountId(client.account_id);
        trip::leave_seats(&pool, flight, 1).await;
        let offer = rival.offer(1).await["offer_id"].clone();
        trip::leave_seats(&pool, flight, 0).await;

        let starter = round % 4;
        let pay = async {
            after(starter, 0).await;
            settle(&app, &session).await
        };
        let cancel = async {
            after(starter, 1).await;
            let mut tx = wide.begin().await.unwrap();
            let cancelled = booking::cancel_unpaid(&mut tx, &app.clock, account, &reference).await;
            tx.commit().await.unwrap();
            cancelled
        };
        let expire = async {
            after(starter, 2).await;
            booking::sweep_due(&wide, &app.clock).await.unwrap()
        };
        // In every other round somebody else is after the seat that a cancelled or expired booking frees.
        let snatch = async {
            if round % 8 < 4 {
                return None;
            }
            let held = rival.post("/v1/holds", &json!({ "offers": [offer] })).await;
            assert!(
                held.status.as_u16() == 201 || held.problem() == (409, "sold_out"),
                "{held:?}"
            );
            Some(held)
        };
        let (settled, cancelled, swept, held) = tokio::join!(pay, cancel, expire, snatch);
        let facts = format!("round {round}: {settled:?}, {cancelled:?}, swept {swept}");
        let ended = ending(&pool, &client, &booking).await;
        match &cancelled {
            Ok(()) => assert!(ended.starts_with("cancelled"), "{facts}: {ended}"),
            Err(Error::WrongState { .. }) => {
                assert!(!ended.starts_with("cancelled"), "{facts}: {ended}");
            }
            Err(error) => panic!("{facts}: {error}"),
        }
        let expected = match ended.as_str() {
            "confirmed, in time" => Settlement::Confirmed,
            confirmed if confirmed.starts_with("confirmed") => Settlement::ConfirmedLate,
            _ => Settlement::Refunding,
        };
        assert_eq!(settled, expected, "{facts}: {ended}");
        *endings.entry(ended).or_default() += 1;
        assert_consistent(&pool).await;
        // The rival's hold goes back before the next round.
        if let Some(id) = held.and_then(|held| held.body["id"].as_str().map(str::to_owned)) {
            let released = rival.delete(&format!("/v1/holds/{id}")).await;
            assert_eq!(released.status.as_u16(), 204, "{released:?}");
        }
    }
    assert_eq!(hold::sweep_due(&pool, &app.clock).await.unwrap(), 0);
    // Whoever had the head start did decide: otherwise this would be no race.
    for ending in ["confirmed, in time", "cancelled, refunded"] {
        assert!(
            endings.contains_key(ending),
            "no round ended {ending}: {endings:?}"
        );
    }
    let late = endings
        .keys()
        .filter(|ending| ending.ends_with("_seats") || ending.starts_with("expired"));
    assert!(late.count() > 0, "no round expired first: {endings:?}");
    wide.close().await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_page_that_opens_while_its_booking_is_cancelled_is_closed_again(pool: PgPool) {
    let (flight, wide) = (trip::a_flight(&pool).await, wide(&pool).await);
    let app = TestApp::start(wide.clone()).await;
    let client = app.sign_up().await;
    for round in 0..30 {
        let booking = client.book().await;
        let path = format!("/v1/bookings/{}/cancellations", trip::reference(&booking));
        let nothing = json!({});
        let cancel = async {
            tokio::time::sleep(Pause::from_millis(round % 10 * 3)).await;
            client.post(&path, &nothing).await
        };
        let (opened, cancelled) = tokio::join!(client.open_payment(&booking), cancel);
        assert_eq!(cancelled.status.as_u16(), 200, "{cancelled:?}");
        assert!(
            opened.status.as_u16() == 201 || opened.problem() == (409, "wrong_state"),
            "{opened:?}"
        );
    }
    // Whatever page Stripe has open, a job is promised that closes it.
    let forgotten = "select count(*) from sandbox.checkout_session s
         where s.status = 'open' and not exists (
             select from outbox o where o.kind = 'expire_checkout' and o.payload ->> 'payment_id' = s.metadata ->> 'payment_id')";
    assert_eq!(trip::count(&pool, forgotten).await, 0);
    let pages = "select count(*) from sandbox.checkout_session";
    assert!(trip::count(&pool, pages).await > 0, "no page was ever open");
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    assert_consistent(&pool).await;
    wide.close().await;
}
