//! What staff do about a refund that failed.

use flightdesk_core::ids::RefundId;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{ask, desk, dispute, id_of, intent, paid, refunds, tell, told};
use crate::cancellations::{cancel, rupees};
use crate::changes;
use crate::consistent::assert_consistent;
use crate::ledger::{balance, entries, ledger};
use crate::payments::deliver;
use crate::support::{Answer, Client, Send, TestApp};
use crate::trip;

/// What becomes of the refunds that the sandbox is asked for from now on.
async fn refunds_end(app: &TestApp, how: &str) {
    let answer = app
        .request(Method::POST, "/sandbox/stripe/_config/outcomes")
        .json(&json!({ "refund": how, "after_ms": 0 }))
        .answer()
        .await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
}

/// Asks for a refund as its job does, and delivers what the sandbox says of it.
async fn pay_out(app: &TestApp, id: RefundId) {
    ask(app, &app.app.db, id).await.unwrap().unwrap();
    // Whoever asks next lets time pass.
    deliver(app, |events| events).await;
    deliver(app, |events| events).await;
}

/// A cancelled booking whose card has expired when 6788.00 were to go back to it.
pub async fn with_a_failed_refund(app: &TestApp, client: &Client<'_>) -> Value {
    let booking = paid(client).await;
    cancel(client, &booking, &json!({})).await;
    refunds_end(app, "pending_then_fail").await;
    pay_out(app, id_of(&refunds(client, &booking).await[0])).await;
    refunds_end(app, "succeed").await;
    let failed = &refunds(client, &booking).await[0];
    assert_eq!(failed["status"], "failed", "{failed}");
    booking
}

fn path(refund: &Value, what: &str) -> String {
    format!(
        "/v1/admin/refunds/{}/{what}",
        refund["id"].as_str().unwrap()
    )
}

async fn retry(desk: &Client<'_>, refund: &Value) -> Answer {
    desk.request(Method::POST, &path(refund, "retries"))
        .answer()
        .await
}

async fn settle(desk: &Client<'_>, refund: &Value) -> Answer {
    let body = json!({ "how": "bank_transfer", "note": "Transfer N326110048213" });
    desk.post(&path(refund, "settlements"), &body).await
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn however_many_press_the_button_one_more_refund_is_made_and_paid(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let booking = with_a_failed_refund(&app, &client).await;
    let failed = refunds(&client, &booking).await[0].clone();
    assert_eq!(
        retry(&client, &failed).await.problem(),
        (403, "missing_scope")
    );

    let pressed = join_all((0..20).map(|_| retry(&desk, &failed))).await;
    for answer in &pressed {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.body, pressed[0].body);
    }
    let made = &pressed[0].body["refund"];
    assert_eq!(pressed[0].body["booking_ref"], booking["booking_ref"]);
    assert_eq!(
        (
            &made["status"],
            &made["replaces"],
            &made["amount"],
            &made["reason"]
        ),
        (
            &json!("pending"),
            &failed["id"],
            &rupees("6788.00"),
            &json!("cancellation")
        )
    );
    assert_eq!(refunds(&client, &booking).await.len(), 2);
    assert_consistent(&pool).await;
    pay_out(&app, id_of(made)).await;
    let listed = refunds(&client, &booking).await;
    assert_eq!(listed[0], failed, "what failed stays as it was");
    assert_eq!(
        (&listed[1]["status"], &listed[1]["receipt"]["number"]),
        (&json!("succeeded"), &json!("FD/26-27/C00001"))
    );
    assert_eq!(
        told(&client, &booking).await,
        [
            "refund_promised cancellation",
            "refund_failed",
            "refund_promised retry",
            "refund_paid",
        ]
    );
    // Said again it answers the same; settled it cannot be any more.
    assert_eq!(retry(&desk, &failed).await.body["refund"]["id"], made["id"]);
    assert_eq!(
        settle(&desk, &failed).await.problem(),
        (409, "refund_not_owed")
    );
    let done = retry(&desk, made).await;
    assert_eq!(done.problem(), (409, "refund_not_owed"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_retry_that_fails_is_retried_itself(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let booking = with_a_failed_refund(&app, &client).await;
    let first = refunds(&client, &booking).await[0].clone();
    let second = retry(&desk, &first).await.body["refund"].clone();
    let early = retry(&desk, &second).await;
    assert_eq!(early.problem(), (409, "refund_not_owed"), "it is pending");
    refunds_end(&app, "pending_then_fail").await;
    pay_out(&app, id_of(&second)).await;
    refunds_end(&app, "succeed").await;
    let issues = desk.get("/v1/admin/money-issues").await;
    let listed = issues.body["data"].as_array().unwrap();
    assert_eq!(listed.len(), 1, "{issues:?}");
    assert_eq!(listed[0]["id"], second["id"]);
    let third = retry(&desk, &second).await.body["refund"].clone();
    assert_eq!(third["replaces"], second["id"]);
    pay_out(&app, id_of(&third)).await;
    let issues = desk.get("/v1/admin/money-issues").await;
    assert_eq!(issues.body["data"], json!([]));
    let books = ledger(&client, &booking).await;
    assert_eq!(balance(&books, "stripe_clearing"), "300.00");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_that_staff_paid_by_bank_transfer_has_entries_and_a_receipt(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let booking = with_a_failed_refund(&app, &client).await;
    let failed = refunds(&client, &booking).await[0].clone();
    let wrong = json!({ "how": "pigeon", "note": "" });
    let wrong = desk.post(&path(&failed, "settlements"), &wrong).await;
    assert_eq!(wrong.problem(), (422, "invalid_request"));

    let pressed = join_all((0..8).map(|_| settle(&desk, &failed))).await;
    let settled: Vec<_> = pressed
        .iter()
        .filter(|answer| answer.status.as_u16() == 200)
        .collect();
    assert_eq!(settled.len(), 1);
    for refused in pressed
        .iter()
        .filter(|answer| answer.status.as_u16() != 200)
    {
        assert_eq!(refused.problem(), (409, "refund_not_owed"));
    }
    let paid = &settled[0].body["refund"];
    assert_eq!(
        (&paid["status"], &paid["settled_by"], &paid["replaces"]),
        (&json!("succeeded"), &json!("bank_transfer"), &failed["id"])
    );
    assert_eq!(paid["receipt"]["number"], "FD/26-27/C00001");
    assert_eq!(
        retry(&desk, &failed).await.problem(),
        (409, "refund_not_owed")
    );
    let books = ledger(&client, &booking).await;
    assert_eq!(
        entries(&books).split_off(entries(&books).len() - 2),
        [
            "refund customer refunds_payable 6788.00 0.00",
            "refund_settled refunds_payable bank 6788.00 0.00",
        ]
    );
    assert_eq!(balance(&books, "bank"), "-6788.00");
    assert_eq!(balance(&books, "stripe_clearing"), "7088.00");
    let view = client.booking(&booking).await;
    assert_eq!(view["payment"]["amount_refunded"], rupees("6788.00"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn retrying_and_settling_at_once_gives_the_money_back_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let booking = with_a_failed_refund(&app, &client).await;
    let failed = refunds(&client, &booking).await[0].clone();
    let (retried, settled) = tokio::join!(
        join_all((0..4).map(|_| retry(&desk, &failed))),
        join_all((0..4).map(|_| settle(&desk, &failed))),
    );
    let done = |answers: &[Answer]| {
        answers
            .iter()
            .filter(|answer| answer.status.as_u16() == 200)
            .count()
    };
    assert!(
        matches!((done(&retried), done(&settled)), (4, 0) | (0, 1)),
        "{retried:?} {settled:?}"
    );
    assert_eq!(refunds(&client, &booking).await.len(), 2);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nobody_owes_a_failed_refund_after_a_lost_dispute(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let booking = with_a_failed_refund(&app, &client).await;
    let failed = refunds(&client, &booking).await[0].clone();
    let lost = dispute(&app, "du_lost", &intent(&pool).await, 708_800, "lost");
    tell(&app, "closed", &lost).await;
    for refused in [retry(&desk, &failed).await, settle(&desk, &failed).await] {
        assert_eq!(refused.problem(), (409, "refund_not_owed"));
        assert_eq!(
            refused.body["detail"],
            "The bank gave the money back after a dispute."
        );
    }
    let issues = desk.get("/v1/admin/money-issues").await;
    assert_eq!(issues.body["data"], json!([]));
    assert_eq!(
        balance(&ledger(&client, &booking).await, "customer"),
        "0.00"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_idempotency_key_replays_a_retry_and_a_strange_refund_does_not_exist(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let booking = with_a_failed_refund(&app, &client).await;
    let failed = refunds(&client, &booking).await[0].clone();
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = desk.request(Method::POST, &path(&failed, "retries"));
        answers.push(request.header("Idempotency-Key", "once").answer().await);
    }
    assert_eq!(answers[1].header("idempotent-replayed"), "true");
    assert_eq!(answers[0].body, answers[1].body);
    let nobody = json!({ "id": uuid::Uuid::now_v7() });
    for missing in [retry(&desk, &nobody).await, settle(&desk, &nobody).await] {
        assert_eq!(missing.problem(), (404, "not_found"));
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_other_flights_give_back_is_tried_again_as_of_the_same_change(pool: PgPool) {
    trip::a_flight(&pool).await;
    let later = trip::add(&pool, "201", trip::at(12)).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let booking = paid(&client).await;
    let party = trip::adults(1);
    let offer = client.offer_at(&[later], party, "standard", 400_000).await;
    changes::change(&client, &booking, &json!({ "offer": offer })).await;
    refunds_end(&app, "pending_then_fail").await;
    pay_out(&app, id_of(&refunds(&client, &booking).await[0])).await;
    refunds_end(&app, "succeed").await;
    let failed = refunds(&client, &booking).await[0].clone();
    assert_eq!(
        (&failed["status"], &failed["reason"]),
        (&json!("failed"), &json!("change"))
    );
    let again = retry(&desk, &failed).await;
    assert_eq!(again.status.as_u16(), 200, "{again:?}");
    pay_out(&app, id_of(&again.body["refund"])).await;
    let of_one = "select count(*) from refund r join refund o on o.booking_change_id = r.booking_change_id where r.replaces_id = o.id";
    assert_eq!(trip::count(&pool, of_one).await, 1);
    assert_consistent(&pool).await;
}
