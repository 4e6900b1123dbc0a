//! However a dispute is told, it is filed once, and the booking and the ledger say what is true.

use std::fmt::Debug;

use flightdesk_core::payment;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{FRAUDULENT, INQUIRY, answer, dispute, intent, paid, paid_with, tell, told};
use crate::consistent::assert_consistent;
use crate::ledger::{balance, entries, ledger};
use crate::payments::{deliver, open};
use crate::support::TestApp;
use crate::trip;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_disputed_booking_is_marked_and_its_money_is_in_the_ledger(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid_with(&client, FRAUDULENT).await;
    let marked = &booking["payment"]["disputes"][0];
    assert_eq!(
        (&marked["status"], &marked["reason"], &marked["closed_at"]),
        (&json!("open"), &json!("fraudulent"), &Value::Null),
        "{booking}"
    );
    assert_eq!(marked["amount"], booking["price"]["total"]);
    assert_eq!(marked["payment_id"], booking["payment"]["payment_id"]);
    assert_eq!(booking["status"], "confirmed");
    let mails = "select count(*) from outbox where kind = 'send_mail'";
    let before = trip::count(&pool, mails).await;
    let open = ledger(&client, &booking).await;
    assert_eq!(
        entries(&open).last().unwrap(),
        "dispute_withdrawn disputes stripe_clearing 7088.00 0.00"
    );
    assert_eq!(balance(&open, "stripe_clearing"), "0.00");
    assert_consistent(&pool).await;

    answer(&app, &pool, "winning_evidence").await;
    let won = ledger(&client, &booking).await;
    assert_eq!(
        entries(&won).last().unwrap(),
        "dispute_reinstated stripe_clearing disputes 7088.00 0.00"
    );
    assert_eq!(balance(&won, "disputes"), "0.00");
    let view = client.booking(&booking).await;
    assert_eq!(view["payment"]["disputes"][0]["status"], "won");
    assert_eq!(view["payment"]["amount_kept"]["amount"], "7088.00");
    assert_eq!(
        told(&client, &booking).await,
        ["dispute_opened chargeback", "dispute_closed won"]
    );
    assert_eq!(trip::count(&pool, mails).await, before, "nobody is told");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_inquiry_takes_no_money_until_it_becomes_a_chargeback(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid_with(&client, INQUIRY).await;
    assert_eq!(booking["payment"]["disputes"][0]["status"], "inquiry");
    let asked = ledger(&client, &booking).await;
    assert_eq!(balance(&asked, "stripe_clearing"), "7088.00");
    assert_consistent(&pool).await;
    answer(&app, &pool, "escalate_inquiry_evidence").await;
    answer(&app, &pool, "losing_evidence").await;
    let lost = client.booking(&booking).await;
    assert_eq!(lost["payment"]["disputes"][0]["status"], "lost");
    assert_eq!(lost["payment"]["amount_kept"]["amount"], "0.00");
    let lost = ledger(&client, &booking).await;
    assert_eq!(balance(&lost, "disputes"), "7088.00");
    assert_eq!(balance(&lost, "customer"), "0.00");
    assert_eq!(
        told(&client, &booking).await,
        [
            "dispute_opened inquiry",
            "dispute_opened chargeback",
            "dispute_closed lost"
        ]
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_inquiry_that_the_bank_lets_be_leaves_no_trace_in_the_ledger(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid_with(&client, INQUIRY).await;
    answer(&app, &pool, "winning_evidence").await;
    let view = client.booking(&booking).await;
    assert_eq!(view["payment"]["disputes"][0]["status"], "closed");
    let kinds = "select count(*) from ledger_entry where kind like 'dispute%'";
    assert_eq!(trip::count(&pool, kinds).await, 0);
    assert_eq!(
        told(&client, &booking).await,
        ["dispute_opened inquiry", "dispute_closed warning_closed"]
    );
    assert_consistent(&pool).await;
}

/// Every order of some things.
fn orders<T: Clone + Debug>(things: &[T]) -> Vec<Vec<T>> {
    if things.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in things.iter().enumerate() {
        let mut rest = things.to_vec();
        rest.remove(index);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dispute_ends_the_same_in_whichever_order_and_however_often_it_is_told(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid(&client).await;
    let intent = intent(&pool).await;
    let stories: [(&[(&str, &str)], &str); 3] = [
        (
            &[
                ("created", "needs_response"),
                ("funds_withdrawn", "needs_response"),
                ("closed", "won"),
                ("funds_reinstated", "won"),
            ],
            "won",
        ),
        (
            &[
                ("created", "warning_needs_response"),
                ("updated", "under_review"),
                ("funds_withdrawn", "needs_response"),
                ("closed", "lost"),
            ],
            "lost",
        ),
        (
            &[
                ("created", "warning_needs_response"),
                ("updated", "warning_under_review"),
                ("closed", "warning_closed"),
            ],
            "warning_closed",
        ),
    ];
    let mut told = 0;
    for (story, end) in stories {
        for order in orders(story) {
            told += 1;
            let id = format!("du_{told}");
            for (kind, status) in order.iter().chain(&order) {
                let said = dispute(&app, &id, &intent, 100, status);
                tell(&app, kind, &said).await;
            }
            let stands: String =
                sqlx::query_scalar("select status from dispute where stripe_dispute_id = $1")
                    .bind(&id)
                    .fetch_one(&pool)
                    .await
                    .unwrap();
            assert_eq!(stands, end, "{order:?}");
        }
    }
    // Of each dispute one end; one that was an inquiry first may be told twice that it began.
    for (what, query, expected) in [
        ("disputes", "select count(*) from dispute", 54),
        (
            "ends",
            "select count(distinct details ->> 'dispute_id') from booking_event where kind = 'dispute_closed'",
            54,
        ),
        (
            "ends in all",
            "select count(*) from booking_event where kind = 'dispute_closed'",
            54,
        ),
        (
            "taken",
            "select count(*) from ledger_entry where kind = 'dispute_withdrawn'",
            48,
        ),
        (
            "returned",
            "select count(*) from ledger_entry where kind = 'dispute_reinstated'",
            24,
        ),
        (
            "beginnings",
            "select count(distinct details ->> 'dispute_id') from booking_event where kind = 'dispute_opened'",
            54,
        ),
    ] {
        assert_eq!(trip::count(&pool, query).await, expected, "{what}");
    }
    let ledger = ledger(&client, &booking).await;
    // 24 of 1.00 were lost.
    assert_eq!(balance(&ledger, "disputes"), "24.00");
    assert_eq!(balance(&ledger, "stripe_clearing"), "7064.00");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dispute_that_is_told_before_its_payment_is_matched_later(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let page = open(&client, &booking).await;
    // Whoever does not follow to the return page leaves the settling to the webhook.
    let http = reqwest::Client::builder()
        .redirect(Policy::none())
        .build()
        .unwrap();
    let paid = http
        .post(page["checkout_url"].as_str().unwrap())
        .form(&[("number", FRAUDULENT)])
        .send()
        .await
        .unwrap();
    assert_eq!(paid.status().as_u16(), 303);
    let is_dispute = |event: &Value| event["type"].as_str().unwrap().contains("dispute");
    deliver(&app, |mut events| {
        events.retain(is_dispute);
        events
    })
    .await;
    let view = client.booking(&booking).await;
    assert_eq!(view["status"], "pending_payment");
    let mut conn = pool.acquire().await.unwrap();
    let nothing = payment::match_dispute(&mut conn, &app.clock).await;
    assert!(!nothing.unwrap());

    deliver(&app, |events| events).await;
    let view = client.booking(&booking).await;
    assert_eq!(
        (&view["status"], &view["payment"]["disputes"]),
        (&json!("confirmed"), &Value::Null)
    );
    // The sandbox's bank decides before anybody has matched it.
    answer(&app, &pool, "losing_evidence").await;
    let matched = [
        payment::match_dispute(&mut conn, &app.clock).await.unwrap(),
        payment::match_dispute(&mut conn, &app.clock).await.unwrap(),
    ];
    // The event of its end knew the payment already.
    assert_eq!(matched, [false, false]);
    let view = client.booking(&booking).await;
    assert_eq!(view["payment"]["disputes"][0]["status"], "lost");
    assert_eq!(
        told(&client, &booking).await,
        ["dispute_opened chargeback", "dispute_closed lost"]
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dispute_that_nothing_more_is_told_of_is_matched_by_the_clock(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid(&client).await;
    let intent = intent(&pool).await;
    // As if it had been told before.
    sqlx::query("update payment set stripe_payment_intent_id = null")
        .execute(&pool)
        .await
        .unwrap();
    let said = dispute(&app, "du_early", &intent, 708_800, "needs_response");
    tell(&app, "created", &said).await;
    sqlx::query("update payment set stripe_payment_intent_id = $1")
        .bind(&intent)
        .execute(&pool)
        .await
        .unwrap();
    let mut matched = Vec::new();
    for _ in 0..2 {
        let mut tx = pool.begin().await.unwrap();
        matched.push(payment::match_dispute(&mut tx, &app.clock).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(matched, [true, false]);
    let view = client.booking(&booking).await;
    assert_eq!(view["payment"]["disputes"][0]["status"], "open");
    assert_eq!(
        balance(&ledger(&client, &booking).await, "disputes"),
        "7088.00"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dispute_of_nobodys_payment_or_of_another_currency_changes_nothing(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid(&client).await;
    let before = client.booking(&booking).await;
    let strange = dispute(&app, "du_strange", "pi_of_somebody", 100, "lost");
    tell(&app, "closed", &strange).await;
    let mut foreign = dispute(&app, "du_foreign", &intent(&pool).await, 100, "lost");
    foreign["currency"] = json!("usd");
    tell(&app, "closed", &foreign).await;
    assert_eq!(client.booking(&booking).await, before);
    assert_consistent(&pool).await;
}
