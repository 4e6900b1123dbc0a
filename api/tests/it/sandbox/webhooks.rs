use chrono::Duration;
use flightdesk_core::payment::stripe::CheckoutStatus;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::Shop;

async fn pending(shop: &Shop, id: &str) -> Value {
    let (_, event) = shop.get(&format!("/v1/events/{id}")).await;
    event["pending_webhooks"].clone()
}

/// Expires a session: the cheapest way to one single event.
async fn one_event(shop: &Shop) {
    let session = shop.session().await;
    let expired = shop.stripe.expire_checkout(&session.id).await.unwrap();
    assert_eq!(expired.status, CheckoutStatus::Expired);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_is_not_taken_is_sent_again_later(db: PgPool) {
    let shop = Shop::open(db);
    one_event(&shop).await;
    shop.answer_next(&[500, 302]);
    let first = shop.delivered().await;
    assert_eq!(first.len(), 1);
    assert_eq!(pending(&shop, &first[0].id).await, 1);
    assert!(shop.delivered().await.is_empty(), "not before its time");
    shop.clock.advance(Duration::seconds(1));
    assert_eq!(
        shop.delivered().await,
        first,
        "the same event, and a redirect is no 2xx"
    );
    shop.clock.advance(Duration::seconds(5));
    assert_eq!(shop.delivered().await, first);
    assert_eq!(pending(&shop, &first[0].id).await, 0);
    shop.clock.advance(Duration::hours(1));
    assert!(shop.delivered().await.is_empty());
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_endpoint_that_never_answers_well_is_given_up(db: PgPool) {
    let shop = Shop::open(db);
    one_event(&shop).await;
    shop.answer_next(&[500; 7]);
    let mut attempts = shop.delivered().await.len();
    for _ in 0..10 {
        shop.clock.advance(Duration::hours(1));
        attempts += shop.delivered().await.len();
    }
    assert_eq!(attempts, 7);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn events_come_late_or_twice_on_request(db: PgPool) {
    let shop = Shop::open(db);
    shop.configure("webhooks", json!({"delay_ms": 3000, "duplicate": true}))
        .await;
    one_event(&shop).await;
    assert!(shop.delivered().await.is_empty());
    shop.clock.advance(Duration::seconds(3));
    let events = shop.delivered().await;
    assert_eq!(events.len(), 2);
    assert_eq!(events[0], events[1]);
    shop.configure("webhooks", json!({})).await;
    one_event(&shop).await;
    assert_eq!(shop.delivered().await.len(), 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn shuffled_events_arrive_all_and_in_another_order(db: PgPool) {
    let shop = Shop::open(db);
    shop.configure("webhooks", json!({"shuffle": true})).await;
    for _ in 0..12 {
        one_event(&shop).await;
    }
    // one by one, as the moments at which they are due pass
    let mut arrived = Vec::new();
    for _ in 0..100 {
        shop.clock.advance(Duration::milliseconds(10));
        arrived.extend(shop.delivered().await.into_iter().map(|event| event.id));
    }
    assert_eq!(arrived.len(), 12);
    let mut in_order = arrived.clone();
    in_order.sort();
    // identifiers are ordered by time; twelve in order by chance: one in 479,001,600
    assert_ne!(arrived, in_order);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn dropped_events_are_listed_all_the_same(db: PgPool) {
    let shop = Shop::open(db);
    shop.configure("webhooks", json!({"drop": true})).await;
    shop.paid().await;
    shop.clock.advance(Duration::hours(1));
    assert!(shop.delivered().await.is_empty());
    let (_, list) = shop.get("/v1/events?type=checkout.session.completed").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["data"]["object"]["payment_status"], "paid");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn several_processes_deliver_an_event_once(db: PgPool) {
    let shop = Shop::open(db);
    for _ in 0..5 {
        one_event(&shop).await;
    }
    let ticks = (0..4).map(|_| shop.sandbox.tick());
    for tick in futures::future::join_all(ticks).await {
        tick.unwrap();
    }
    assert_eq!(shop.delivered().await.len(), 5);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn events_are_listed_in_pages_by_type_and_time(db: PgPool) {
    let shop = Shop::open(db);
    for _ in 0..3 {
        one_event(&shop).await;
        shop.clock.advance(Duration::seconds(10));
    }
    let ids = |list: &Value| -> Vec<String> {
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, all) = shop.get("/v1/events").await;
    let all_ids = ids(&all);
    assert_eq!((all_ids.len(), &all["has_more"]), (3, &json!(false)));
    let (_, page) = shop.get("/v1/events?limit=2").await;
    assert_eq!(
        (ids(&page), &page["has_more"]),
        (all_ids[..2].to_vec(), &json!(true))
    );
    let (_, rest) = shop
        .get(&format!("/v1/events?limit=2&starting_after={}", all_ids[1]))
        .await;
    assert_eq!(
        (ids(&rest), &rest["has_more"]),
        (all_ids[2..].to_vec(), &json!(false))
    );
    let newest = shop.clock.now().timestamp() - 10;
    let (_, recent) = shop
        .get(&format!(
            "/v1/events?created[gte]={newest}&types[]=checkout.session.expired"
        ))
        .await;
    assert_eq!(ids(&recent), all_ids[..1]);
    let (_, none) = shop.get("/v1/events?type=refund.created").await;
    assert!(ids(&none).is_empty());
    let (status, _) = shop.get("/v1/events?limit=0").await;
    assert_eq!(status, 400);
}
