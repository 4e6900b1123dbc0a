//! A dispute and a refund never both give the money back.

use chrono::Duration;
use flightdesk_core::ids::RefundId;
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::payment;
use flightdesk_core::payment::stripe::StripeError;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{
    FRAUDULENT, INQUIRY, answer, ask, dispute, id_of, intent, paid, paid_with, refunds, tell, told,
};
use crate::cancellations::{cancel, rupees};
use crate::consistent::assert_consistent;
use crate::ledger::{balance, entries, ledger};
use crate::payments::deliver;
use crate::support::TestApp;
use crate::trip;

const LIVE_JOBS: &str =
    "select count(*) from outbox where kind = 'create_refund' and status = 'waiting'";

/// The jobs of refunds are done, as a worker would have done them.
async fn jobs_are_done(pool: &PgPool) {
    sqlx::query(
        "update outbox set status = 'done', finished_at = created_at where kind = 'create_refund'",
    )
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_of_a_disputed_payment_waits_and_is_paid_when_the_dispute_is_won(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid_with(&client, FRAUDULENT).await;
    let cancelled = cancel(&client, &booking, &json!({})).await;
    assert_eq!(cancelled["status"], "cancelled");
    let waiting = refunds(&client, &booking).await;
    assert_eq!(
        (&waiting[0]["status"], &waiting[0]["amount"]),
        (&json!("pending"), &rupees("6788.00"))
    );
    let why = waiting[0]["pending_reason"].as_str().unwrap();
    assert!(why.starts_with("The payment is disputed"), "{why}");

    // The job asks nothing, and Stripe would refuse.
    let id = id_of(&waiting[0]);
    assert!(ask(&app, &pool, id).await.is_none());
    let intent = intent(&pool).await;
    let stripe = &app.app.stripe;
    let amount = Money::new(678_800, Currency::INR);
    let refused = stripe.create_refund(RefundId::new(), &intent, amount).await;
    let Err(StripeError::Refused { code, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(code.as_deref(), Some("charge_disputed"));
    jobs_are_done(&pool).await;
    app.clock.advance(Duration::days(1));
    let mut conn = pool.acquire().await.unwrap();
    let asked = payment::promise_refund_questions(&mut conn, &app.clock).await;
    assert_eq!(asked.unwrap(), 0, "it waits for the bank");
    assert_consistent(&pool).await;

    answer(&app, &pool, "winning_evidence").await;
    assert_eq!(trip::count(&pool, LIVE_JOBS).await, 1);
    assert_consistent(&pool).await;
    assert_eq!(
        refunds(&client, &booking).await[0]["pending_reason"],
        Value::Null
    );
    ask(&app, &pool, id).await.unwrap().unwrap();
    deliver(&app, |events| events).await;
    let paid = &refunds(&client, &booking).await[0];
    assert_eq!(
        (&paid["status"], &paid["receipt"]["number"]),
        (&json!("succeeded"), &json!("FD/26-27/C00001"))
    );
    let ledger = ledger(&client, &booking).await;
    assert_eq!(balance(&ledger, "stripe_clearing"), "300.00");
    assert_eq!(balance(&ledger, "disputes"), "0.00");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_ends_when_the_dispute_is_lost_because_the_traveller_has_the_money(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid_with(&client, FRAUDULENT).await;
    cancel(&client, &booking, &json!({})).await;
    answer(&app, &pool, "losing_evidence").await;
    let ended = &refunds(&client, &booking).await[0];
    assert_eq!(
        (&ended["status"], &ended["failure"]),
        (
            &json!("failed"),
            &json!("The bank gave the money back itself, because the payment was disputed.")
        )
    );
    assert!(ask(&app, &pool, id_of(ended)).await.is_none());
    let books = ledger(&client, &booking).await;
    assert_eq!(
        entries(&books).split_off(entries(&books).len() - 3),
        [
            "refund customer refunds_payable 6788.00 0.00",
            "refund_failed refunds_payable customer 6788.00 -6788.00",
            "refund_by_dispute customer disputes 6788.00 0.00",
        ]
    );
    // The fee that was to be kept is what is lost.
    assert_eq!(balance(&books, "disputes"), "300.00");
    assert_eq!(balance(&books, "refunds_payable"), "0.00");
    assert_eq!(
        told(&client, &booking).await,
        [
            "dispute_opened chargeback",
            "refund_promised cancellation",
            "dispute_closed lost",
            "refund_failed",
        ]
    );
    let view = client.booking(&booking).await;
    assert_eq!(view["payment"]["amount_refunded"], rupees("0.00"));
    assert_eq!(view["payment"]["amount_kept"], rupees("0.00"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_a_lost_dispute_gave_is_taken_off_what_a_refund_gives(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid(&client).await;
    let intent = intent(&pool).await;
    cancel(&client, &booking, &json!({})).await;
    let part = |status| dispute(&app, "du_part", &intent, 300_000, status);
    tell(&app, "created", &part("needs_response")).await;
    let id = id_of(&refunds(&client, &booking).await[0]);
    assert!(ask(&app, &pool, id).await.is_none());
    tell(&app, "closed", &part("lost")).await;
    tell(&app, "closed", &part("lost")).await;
    let listed = refunds(&client, &booking).await;
    let shown: Vec<_> = listed
        .iter()
        .map(|refund| {
            let text = |name: &str| refund[name].as_str().unwrap();
            let amount = refund["amount"]["amount"].as_str().unwrap();
            format!("{} {} {amount}", text("reason"), text("status"))
        })
        .collect();
    assert_eq!(
        shown,
        ["cancellation failed 6788.00", "remainder pending 3788.00"]
    );
    assert_consistent(&pool).await;
    // The sandbox has heard of no dispute.
    ask(&app, &pool, id_of(&listed[1])).await.unwrap().unwrap();
    deliver(&app, |events| events).await;
    let books = ledger(&client, &booking).await;
    for (account, stands) in [
        ("customer", "0.00"),
        ("disputes", "0.00"),
        ("refunds_payable", "0.00"),
        ("stripe_clearing", "300.00"),
    ] {
        assert_eq!(balance(&books, account), stands, "{account}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn cancelling_after_a_lost_dispute_gives_nothing_a_second_time(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid_with(&client, FRAUDULENT).await;
    answer(&app, &pool, "losing_evidence").await;
    let cancelled = cancel(&client, &booking, &json!({})).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["payment"]["amount_refunded"], rupees("0.00"));
    let ended = &refunds(&client, &booking).await[0];
    assert_eq!(ended["status"], "failed");
    assert!(
        ended["failure"]
            .as_str()
            .unwrap()
            .starts_with("The bank gave")
    );
    assert_eq!(
        balance(&ledger(&client, &booking).await, "disputes"),
        "300.00"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_inquiry_stops_no_refund(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid_with(&client, INQUIRY).await;
    cancel(&client, &booking, &json!({})).await;
    let pending = &refunds(&client, &booking).await[0];
    assert_eq!(pending["pending_reason"], Value::Null);
    ask(&app, &pool, id_of(pending)).await.unwrap().unwrap();
    deliver(&app, |events| events).await;
    assert_eq!(refunds(&client, &booking).await[0]["status"], "succeeded");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_that_stripe_refuses_for_a_dispute_that_nobody_told_waits_and_is_asked_hourly(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = paid(&client).await;
    cancel(&client, &booking, &json!({})).await;
    let id = id_of(&refunds(&client, &booking).await[0]);
    let mut conn = pool.acquire().await.unwrap();
    payment::refund_waits(&mut conn, &app.clock, id)
        .await
        .unwrap();
    jobs_are_done(&pool).await;
    let waiting = &refunds(&client, &booking).await[0];
    assert!(waiting["pending_reason"].is_string(), "{waiting}");
    assert_consistent(&pool).await;
    for (minutes, questions) in [(59, 0), (2, 1)] {
        app.clock.advance(Duration::minutes(minutes));
        let asked = payment::promise_refund_questions(&mut conn, &app.clock).await;
        assert_eq!(asked.unwrap(), questions, "{minutes}");
    }
    ask(&app, &pool, id).await.unwrap().unwrap();
    deliver(&app, |events| events).await;
    let paid = &refunds(&client, &booking).await[0];
    assert_eq!(paid["status"], "succeeded");
    assert_eq!(paid["pending_reason"], Value::Null);
    assert_consistent(&pool).await;
}
