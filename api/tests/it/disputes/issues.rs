//! What staff see of money that somebody has to look after.

use chrono::Duration;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::retries::with_a_failed_refund;
use super::{FRAUDULENT, INQUIRY, answer, desk, id_of, paid, paid_with, refunds};
use crate::cancellations::cancel;
use crate::support::{Client, TestApp};
use crate::trip::{self, reference};

/// The issues of a query, all of one page.
async fn issues(desk: &Client<'_>, query: &str) -> Vec<Value> {
    let answer = desk.get(&format!("/v1/admin/money-issues?{query}")).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.body["data"].as_array().unwrap().clone()
}

/// `kind said` of issues.
fn in_short(issues: &[Value]) -> Vec<String> {
    let line = |issue: &Value| {
        let said = issue["said"].as_str().unwrap_or_default();
        format!("{} {said}", issue["kind"].as_str().unwrap())
            .trim()
            .to_owned()
    };
    issues.iter().map(line).collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn staff_see_failed_refunds_waiting_ones_and_open_disputes_with_what_to_do(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    let path = "/v1/admin/money-issues";
    assert_eq!(client.get(path).await.problem(), (403, "missing_scope"));
    assert_eq!(issues(&desk, "").await, [json!(null); 0]);

    let failed = with_a_failed_refund(&app, &client).await;
    let disputed = paid_with(&client, FRAUDULENT).await;
    cancel(&client, &disputed, &json!({})).await;
    paid_with(&client, INQUIRY).await;
    // A refund that nobody disputes is no issue for a day.
    let slow = paid(&client).await;
    cancel(&client, &slow, &json!({})).await;
    let all = issues(&desk, "").await;
    assert_eq!(
        in_short(&all),
        [
            "failed_refund expired_or_canceled_card",
            "open_dispute needs_response",
            "waiting_refund charge_disputed",
            "open_dispute warning_needs_response",
        ]
    );
    for issue in &all {
        let help = issue["what_to_do"].as_str().unwrap();
        assert!(help.ends_with('.'), "{help}");
    }
    let of_failed = &all[0];
    let refund = &refunds(&client, &failed).await[0];
    assert_eq!(of_failed["id"], refund["id"]);
    assert_eq!(of_failed["amount"], refund["amount"]);
    assert_eq!(of_failed["since"], refund["ended_at"]);
    assert_eq!(of_failed["booking_ref"], failed["booking_ref"]);
    assert!(of_failed["stripe_id"].as_str().unwrap().starts_with("re_"));
    let help = of_failed["what_to_do"].as_str().unwrap();
    assert!(help.contains("bank transfer"), "{help}");
    assert_eq!(all[1]["reason"], "fraudulent");
    assert_eq!(all[1]["answer_by"], "2026-11-29T12:00:00Z");
    assert_eq!(
        all[2]["id"],
        json!(id_of(&refunds(&client, &disputed).await[0]))
    );

    for (query, count) in [
        ("kind=failed_refund".to_owned(), 1),
        ("kind=waiting_refund".to_owned(), 1),
        ("kind=open_dispute".to_owned(), 2),
        (format!("booking_ref={}", reference(&disputed)), 2),
        (
            format!("booking_ref={}&kind=failed_refund", reference(&disputed)),
            0,
        ),
    ] {
        assert_eq!(issues(&desk, &query).await.len(), count, "{query}");
    }
    app.clock
        .advance(Duration::hours(24) + Duration::seconds(1));
    let later = issues(&desk, &format!("booking_ref={}", reference(&slow))).await;
    assert_eq!(in_short(&later), ["waiting_refund"]);
    let help = later[0]["what_to_do"].as_str().unwrap();
    assert!(help.starts_with("Stripe was not asked"), "{help}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_list_is_paged_and_what_has_ended_is_not_on_it(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, desk(&app, &pool).await);
    for card in [INQUIRY, FRAUDULENT, INQUIRY] {
        let booking = paid_with(&client, card).await;
        cancel(&client, &booking, &json!({})).await;
    }
    let whole = issues(&desk, "").await;
    assert_eq!(whole.len(), 4);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = desk
            .get(&format!("/v1/admin/money-issues?limit=1{cursor}"))
            .await;
        paged.extend(answer.body["data"].as_array().unwrap().clone());
        match answer.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(paged, whole);
    let wrong = desk.get("/v1/admin/money-issues?limit=0&cursor=x").await;
    assert_eq!(wrong.problem(), (422, "invalid_request"));

    // The newest dispute is an inquiry, which the bank lets be.
    answer(&app, &pool, "losing_evidence").await;
    assert_eq!(
        in_short(&issues(&desk, "").await),
        [
            "open_dispute warning_needs_response",
            "open_dispute needs_response",
            "waiting_refund charge_disputed",
        ]
    );
}
