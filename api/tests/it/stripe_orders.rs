//! R8: Stripe delivers its events up to five times each, in any order, one fact under two ids, with forged, old and
//! strange ones in between. What it comes to is what the events in order come to.

use chrono::Duration;
use flightdesk_core::ids::RefundId;
use flightdesk_core::payment::{self, Settlement};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::payments::{open, pay_with, session, settle, webhook};
use crate::seed;
use crate::support::{Answer, Client, Send, TestApp};
use crate::trip;

const CASES: u32 = 16;

/// One delivery to the webhook.
#[derive(Clone, Debug)]
enum Delivery {
    /// The n-th event as it is; with a number, the same fact under another id.
    Event(usize, Option<u8>),
    /// The n-th event, signed with a secret that is not ours.
    Forged(usize),
    /// The n-th event, signed well, so many seconds too long ago or too far ahead.
    Untimely(usize, i64),
    /// Signed well, of a type nobody knows.
    Strange(u8),
}

/// Every event one to five times, and more among them, shuffled.
fn deliveries(events: usize) -> impl Strategy<Value = Vec<Delivery>> {
    let genuine = proptest::collection::vec(1_usize..=5, events);
    let extra = prop_oneof![
        2 => (0..events, 0_u8..3).prop_map(|(event, id)| Delivery::Event(event, Some(id))),
        1 => (0..events).prop_map(Delivery::Forged),
        1 => (0..events, prop_oneof![-100_000_i64..-300, 301_i64..100_000]).prop_map(|(event, off)| Delivery::Untimely(event, off)),
        1 => (0_u8..9).prop_map(Delivery::Strange),
    ];
    (genuine, proptest::collection::vec(extra, 0..8))
        .prop_map(|(times, mut all)| {
            for (event, times) in times.into_iter().enumerate() {
                all.extend((0..times).map(|_| Delivery::Event(event, None)));
            }
            all
        })
        .prop_shuffle()
}

/// What the traveller does before the events come.
#[derive(Clone, Copy, Debug)]
enum Story {
    Pays,
    PaysAfterACardWasDeclined,
    LetsThePageExpire,
    CancelsWhilePayingAndIsRefunded,
}

struct Stage<'a> {
    app: &'a TestApp,
    pool: &'a PgPool,
    client: Client<'a>,
}

impl Stage<'_> {
    /// The events of the sandbox after the newest that was seen, in their order.
    async fn events(&self, seen: Option<&str>) -> Vec<Value> {
        let list = self
            .app
            .request(Method::GET, "/sandbox/stripe/v1/events?limit=100")
            .bearer_auth("sk_test_anything")
            .answer()
            .await;
        let newest_first = list.body["data"].as_array().unwrap();
        let mut new: Vec<_> = newest_first
            .iter()
            .take_while(|event| seen.is_none_or(|seen| event["id"] != seen))
            .cloned()
            .collect();
        new.reverse();
        new
    }

    /// Plays a story up to the events it makes.
    async fn play(&self, story: Story) -> (Value, Vec<Value>) {
        let last = self.events(None).await.pop();
        let booking = self.client.book().await;
        let page = open(&self.client, &booking).await;
        let page = page["checkout_url"].as_str().unwrap();
        match story {
            Story::Pays => {
                pay_with(self.app, page, "4242424242424242").await;
            }
            Story::PaysAfterACardWasDeclined => {
                pay_with(self.app, page, "4000000000000002").await;
                pay_with(self.app, page, "4242424242424242").await;
            }
            Story::LetsThePageExpire => {
                let id = session(self.app, self.pool).await.id;
                self.app.app.stripe.expire_checkout(&id).await.unwrap();
            }
            Story::CancelsWhilePayingAndIsRefunded => self.refunded(&booking, page).await,
        }
        let seen = last.as_ref().map(|event| event["id"].as_str().unwrap());
        (booking, self.events(seen).await)
    }

    /// The money came for a cancelled booking, the reconciler noticed, and a job asked for the refund: all of it
    /// before the first event arrives.
    async fn refunded(&self, booking: &Value, page: &str) {
        pay_with(self.app, page, "4242424242424242").await;
        let path = format!("/v1/bookings/{}/cancellations", trip::reference(booking));
        let cancelled = self.client.post(&path, &json!({})).await;
        assert_eq!(cancelled.status, StatusCode::OK, "{cancelled:?}");
        let paid = session(self.app, self.pool).await;
        assert_eq!(settle(self.app, &paid).await, Settlement::Refunding);
        let id: RefundId = sqlx::query_scalar("select id from refund order by id desc limit 1")
            .fetch_one(self.pool)
            .await
            .unwrap();
        let mut conn = self.pool.acquire().await.unwrap();
        let refund = payment::find_refund(&mut conn, id).await.unwrap().unwrap();
        drop(conn);
        let stripe = &self.app.app.stripe;
        stripe
            .create_refund(refund.id, &refund.payment_intent, refund.amount)
            .await
            .unwrap();
    }

    async fn deliver(&self, events: &[Value], delivery: &Delivery) {
        let now = self.app.clock.now().timestamp();
        match delivery {
            Delivery::Event(event, other_id) => {
                let mut event = events[*event].clone();
                if let Some(number) = other_id {
                    event["id"] = json!(format!("{}again{number}", event["id"].as_str().unwrap()));
                }
                let answer = webhook(self.app, &event.to_string(), now).await;
                assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            }
            Delivery::Forged(event) => {
                let answer = self.forge(&events[*event], now).await;
                assert_eq!(answer.problem(), (400, "bad_signature"));
            }
            Delivery::Untimely(event, off) => {
                let answer = webhook(self.app, &events[*event].to_string(), now + off).await;
                assert_eq!(answer.problem(), (400, "bad_signature"));
            }
            Delivery::Strange(number) => {
                let event = json!({
                    "id": format!("evt_strange{number}"), "object": "event", "type": format!("future.type{number}"),
                    "created": now, "livemode": false, "pending_webhooks": 1, "data": { "object": { "number": number } },
                });
                let answer = webhook(self.app, &event.to_string(), now).await;
                assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            }
        }
    }

    async fn forge(&self, event: &Value, now: i64) -> Answer {
        self.app
            .request(Method::POST, "/v1/webhooks/stripe")
            .header("Stripe-Signature", format!("t={now},v1={}", "5".repeat(64)))
            .header("Content-Type", "application/json")
            .body(event.to_string())
            .answer()
            .await
    }

    /// Everything that events may change about a booking.
    async fn state(&self, booking: &Value) -> String {
        sqlx::query_scalar(
            "select format('%s %s payment=%s refunds=%s tickets=%s documents=%s seats=%s jobs=%s', b.status, b.late_payment_resolution,
                 (select string_agg(p.status || (p.stripe_payment_intent_id is not null), ',') from payment p where p.booking_id = b.id),
                 (select string_agg(r.reason || r.status || r.amount_minor || (r.stripe_refund_id is not null), ',') from refund r where r.booking_id = b.id),
                 (select count(*) from ticket t where t.booking_id = b.id),
                 (select count(*) from document d where d.booking_id = b.id),
                 (select count(*) from passenger_seat s where s.hold_id = b.hold_id),
                 (select string_agg(o.kind, ',' order by o.kind) from outbox o where o.payload ->> 'booking_id' = b.id::text
                    or o.payload ->> 'document_id' in (select d.id::text from document d where d.booking_id = b.id)
                    or o.payload ->> 'payment_id' in (select p.id::text from payment p where p.booking_id = b.id)
                    or o.payload ->> 'refund_id' in (select r.id::text from refund r where r.booking_id = b.id)))
             from booking b where b.booking_ref = $1",
        )
        .bind(trip::reference(booking))
        .fetch_one(self.pool)
        .await
        .unwrap()
    }
}

async fn any_order_comes_to_the_same(pool: PgPool, story: Story, expected: &str) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let stage = Stage {
        app: &app,
        pool: &pool,
        client: app.sign_up().await,
    };
    let (booking, events) = stage.play(story).await;
    for event in 0..events.len() {
        stage.deliver(&events, &Delivery::Event(event, None)).await;
    }
    let in_order = stage.state(&booking).await;
    assert!(in_order.starts_with(expected), "{in_order}");

    let mut runner = seed::runner();
    for case in 0..CASES {
        // The next booking must not meet the caps of the ones before it.
        app.clock.advance(Duration::seconds(1));
        let (booking, events) = stage.play(story).await;
        let order = deliveries(events.len())
            .new_tree(&mut runner)
            .unwrap()
            .current();
        for delivery in &order {
            stage.deliver(&events, delivery).await;
        }
        let shuffled = stage.state(&booking).await;
        assert_eq!(shuffled, in_order, "case {case}: {story:?}, {order:?}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_payment_in_any_order_is_one_confirmed_booking(pool: PgPool) {
    any_order_comes_to_the_same(pool, Story::Pays, "confirmed  payment=succeeded").await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_payment_after_a_declined_card_in_any_order_is_one_confirmed_booking(pool: PgPool) {
    let story = Story::PaysAfterACardWasDeclined;
    any_order_comes_to_the_same(pool, story, "confirmed  payment=succeeded").await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_expired_page_in_any_order_is_one_expired_payment(pool: PgPool) {
    let story = Story::LetsThePageExpire;
    any_order_comes_to_the_same(pool, story, "pending_payment  payment=expired").await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_in_any_order_is_one_refund(pool: PgPool) {
    let story = Story::CancelsWhilePayingAndIsRefunded;
    any_order_comes_to_the_same(pool, story, "cancelled refunded payment=succeeded").await;
}
