//! What staff change is seen by who searches.

use serde_json::json;
use sqlx::PgPool;

use super::staff;
use crate::support::TestApp;
use crate::trip;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_staff_change_is_seen_by_the_next_search_although_the_same_was_asked_before(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    let search = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20";
    let seen = async || {
        // As old as what a process has in memory may be.
        app.clock.advance(chrono::Duration::seconds(31));
        let found = desk.get(search).await;
        assert_eq!(found.status.as_u16(), 200, "{found:?}");
        found
    };
    let before = seen().await;
    assert_eq!(
        before.body["offers"][0]["flights"][0]["airline"]["name"], "Air India",
        "{before:?}"
    );
    desk.change("/v1/admin/airlines/AI", &json!({ "name": "Air of India" }))
        .await;
    let renamed = seen().await;
    assert_eq!(
        renamed.body["offers"][0]["flights"][0]["airline"]["name"],
        "Air of India"
    );
    assert_eq!(renamed.header("x-cache"), "miss");
    assert_eq!(seen().await.header("x-cache"), "hit");

    let total = |found: &crate::support::Answer| found.body["offers"][0]["price"]["total"].clone();
    desk.change(
        "/v1/admin/fare-families/standard.economy",
        &json!({ "multiplier": "2" }),
    )
    .await;
    let dearer = seen().await;
    assert_ne!(total(&dearer), total(&renamed));
    assert_eq!(
        dearer.body["offers"][0]["price"]["base"]["amount"],
        "10000.00"
    );

    desk.change("/v1/admin/airlines/AI", &json!({ "accounting_code": null }))
        .await;
    assert_eq!(
        seen().await.body["offers"],
        json!([]),
        "without tickets nothing is sold"
    );
}
