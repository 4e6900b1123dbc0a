//! Many confirmations at once are one, and a seat change that waits for its money ends.

use futures::future::join_all;
use serde_json::json;
use sqlx::PgPool;

use super::{buy, confirm, flights, quote, rupees};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_confirmations_at_once_make_one_refund(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let quoted = quote(&client, &booking, &json!({})).await.body;
    let all = join_all((0..20).map(|_| confirm(&client, &booking, &quoted))).await;
    for answer in all {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.body["payment"]["amount_refunded"], rupees("6788.00"));
    }
    for (what, query) in [
        ("refund", "select count(*) from refund"),
        ("cancellation", "select count(*) from cancellation"),
        ("mail", "select count(*) from outbox where payload -> 'mail' ? 'cancellation_confirmed'"),
        ("job", "select count(*) from outbox where kind = 'create_refund'"),
    ] {
        assert_eq!(trip::count(&pool, query).await, 1, "{what}");
    }
    assert_eq!(trip::counters(&pool, out).await, (0, 0));
    assert_consistent(&pool).await;
}
