//! Coupons: what they take off, why they do not apply, and what becomes of a use when the booking ends.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::payment::Settlement;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::support::{Answer, Client, TestApp};
use crate::trip;

/// Adds a coupon of 10 % and changes it by an assignment.
pub async fn coupon(pool: &PgPool, code: &str, change: &'static str) {
    sqlx::query(
        "insert into coupon (code, kind, amount, currency) values ($1, 'percent', 10, 'INR')",
    )
    .bind(code)
    .execute(pool)
    .await
    .unwrap();
    if !change.is_empty() {
        let update = format!("update coupon set {change} where code = $1");
        sqlx::query(sqlx::AssertSqlSafe(update))
            .bind(code)
            .execute(pool)
            .await
            .unwrap();
    }
}

/// (uses that count, redemptions that were not given back)
async fn used(pool: &PgPool, code: &str) -> (i32, i64) {
    sqlx::query_as(
        "select used, (select count(*) from coupon_redemption r where r.code = c.code and r.returned_at is null)
         from coupon c where code = $1",
    )
    .bind(code)
    .fetch_one(pool)
    .await
    .unwrap()
}

impl Client<'_> {
    /// Holds for one adult and books with a coupon.
    async fn book_with(&self, code: &str) -> Answer {
        let mut body = trip::booking_of(&self.hold(1).await);
        body["coupon"] = json!(code);
        self.post("/v1/bookings", &body).await
    }

    async fn validate(&self, code: &str, hold: &Value) -> Value {
        let asked = json!({ "code": code, "hold_id": hold["id"] });
        let answer = self.post("/v1/coupons/validate", &asked).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        answer.body
    }
}

fn sum_of_lines(price: &Value) -> i64 {
    let minor = |money: &Value| -> i64 {
        money["amount"]
            .as_str()
            .unwrap()
            .replace('.', "")
            .parse()
            .unwrap()
    };
    let sum = price["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| minor(&line["amount"]))
        .sum();
    assert_eq!(minor(&price["total"]), sum, "{price}");
    sum
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_coupon_discounts_the_base_fares_and_what_is_validated_is_what_is_booked(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(1).await;
    let valid = client.validate("flat500", &hold).await;
    assert_eq!(
        (&valid["valid"], &valid["code"]),
        (&json!(true), &json!("FLAT500"))
    );
    assert_eq!(valid["discount"]["amount"], "-500.00");
    assert_eq!(
        used(&pool, "FLAT500").await,
        (0, 0),
        "a dry run uses nothing"
    );
    let mut body = trip::booking_of(&hold);
    body["coupon"] = json!("Flat500");
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    let booking = booked.body;
    assert_eq!(
        booking["coupon"],
        json!({ "code": "FLAT500", "discount": { "amount": "-500.00", "currency": "INR" } })
    );
    assert_eq!(booking["price"], valid["price"]);
    // 6000 base, 5 % of it, 488 charges, 300 fee: taxes are of the fare before the discount.
    assert_eq!(
        sum_of_lines(&booking["price"]),
        600_000 + 30_000 + 48_800 + 30_000 - 50_000
    );
    assert_eq!(booking["price"]["discount"]["amount"], "-500.00");
    let page = open(&client, &booking).await;
    assert_eq!(page["amount"], booking["price"]["total"]);
    assert_eq!(used(&pool, "FLAT500").await, (1, 1));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_does_not_apply_says_why_to_the_dry_run_and_to_the_booking(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(1).await;
    let cases = [
        ("NOBODY", None, "unknown"),
        (
            "LATER",
            Some("valid_from = '2026-11-20T12:00:01Z'"),
            "not_yet_valid",
        ),
        (
            "OVER",
            Some("valid_until = '2026-11-20T12:00:00Z'"),
            "expired",
        ),
        ("DOLLARS", Some("currency = 'USD'"), "wrong_currency"),
        ("LUFT", Some("airlines = '{LH}'"), "wrong_airline"),
        ("BACK", Some("routes = '{BOM-DEL}'"), "wrong_route"),
        ("FRONT", Some("cabins = '{business,first}'"), "wrong_cabin"),
        ("BIG", Some("minimum_minor = 708801"), "minimum_not_met"),
        ("GONE", Some("max_uses = 3, used = 3"), "used_up"),
        (
            "NOTFORYOU",
            Some("max_uses_per_account = 0"),
            "used_up_for_account",
        ),
        ("NOTHING", Some("amount = 0"), "nothing_to_discount"),
    ];
    for (code, change, reason) in cases {
        if let Some(change) = change {
            coupon(&pool, code, change).await;
        }
        let asked = client.validate(code, &hold).await;
        assert_eq!(
            (&asked["valid"], &asked["reason"]),
            (&json!(false), &json!(reason))
        );
        let mut body = trip::booking_of(&hold);
        body["coupon"] = json!(code);
        let refused = client.post("/v1/bookings", &body).await;
        assert_eq!(refused.wrong_fields(), [format!("coupon: {reason}")]);
    }
    let mut body = trip::booking_of(&hold);
    body["coupon"] = json!("nobody");
    body["passengers"][0]["first_name"] = json!("");
    let both = client.post("/v1/bookings", &body).await.wrong_fields();
    assert!(
        both.contains(&"coupon: unknown".to_owned()) && both.len() > 1,
        "{both:?}"
    );
    coupon(&pool, "EXACT", "minimum_minor = 708800").await;
    assert_eq!(client.validate("exact", &hold).await["valid"], true);
    assert_eq!(trip::count(&pool, "select count(*) from booking").await, 0);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_first_bookings_coupon_is_for_who_has_none_and_one_use_each_is_one(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    coupon(&pool, "ONCE", "max_uses_per_account = 1").await;
    let first = client.book_with("WELCOME10").await;
    assert_eq!(
        first.body["coupon"]["discount"]["amount"], "-600.00",
        "{first:?}"
    );
    let second = client.book_with("WELCOME10").await;
    assert_eq!(second.wrong_fields(), ["coupon: not_first_booking"]);
    assert_eq!(client.book_with("ONCE").await.status.as_u16(), 201);
    assert_eq!(
        client.book_with("ONCE").await.wrong_fields(),
        ["coupon: used_up_for_account"]
    );
    let other = app.sign_up().await;
    assert_eq!(other.book_with("ONCE").await.status.as_u16(), 201);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_booking_that_ends_unpaid_gives_its_coupon_back_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    coupon(
        &pool,
        "LAST",
        "max_uses = 1, max_uses_per_account = 1, first_booking_only = true",
    )
    .await;
    let first = client.book_with("LAST").await.body;
    assert_eq!(used(&pool, "LAST").await, (1, 1));
    let path = format!("/v1/bookings/{}/cancellations", trip::reference(&first));
    for _ in 0..2 {
        client.post(&path, &json!({})).await;
        assert_eq!(used(&pool, "LAST").await, (0, 0));
    }
    let second = client.book_with("LAST").await;
    assert_eq!(second.status.as_u16(), 201, "{second:?}");
    app.clock.advance(Duration::minutes(15));
    assert_eq!(booking::sweep_due(&pool, &app.clock).await.unwrap(), 1);
    assert_eq!(used(&pool, "LAST").await, (0, 0));
    assert_eq!(
        client.booking(&second.body).await["coupon"]["code"],
        "LAST",
        "it was in the price"
    );
    assert_consistent(&pool).await;
}

/// A booking with the coupon `LAST` whose money comes after its deadline, when it has expired.
async fn late(app: &TestApp, pool: &PgPool, client: &Client<'_>) -> Value {
    coupon(pool, "LAST", "max_uses = 1").await;
    let booking = client.book_with("LAST").await.body;
    open(client, &booking).await;
    app.clock.advance(Duration::minutes(33));
    assert_eq!(booking::sweep_due(pool, &app.clock).await.unwrap(), 1);
    assert_eq!(used(pool, "LAST").await, (0, 0));
    booking
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_uses_the_coupon_again(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = late(&app, &pool, &client).await;
    let money = paid(&session(&app, &pool).await);
    for expected in [Settlement::ConfirmedLate, Settlement::AlreadySettled] {
        assert_eq!(settle(&app, &money).await, expected);
        assert_eq!(used(&pool, "LAST").await, (1, 1));
    }
    assert_eq!(client.booking(&booking).await["status"], "confirmed");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_goes_back_when_somebody_else_has_the_coupon(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = late(&app, &pool, &client).await;
    let other = app.sign_up().await;
    assert_eq!(other.book_with("LAST").await.status.as_u16(), 201);
    let money = paid(&session(&app, &pool).await);
    assert_eq!(settle(&app, &money).await, Settlement::Refunding);
    let now = client.booking(&booking).await;
    assert_eq!(
        (&now["status"], &now["late_payment"]["resolution"]),
        (&json!("expired"), &json!("refunded"))
    );
    assert_eq!(now["payment"]["amount_refunded"], now["price"]["total"]);
    assert_eq!(
        trip::counters(&pool, flight).await,
        (1, 0),
        "the other's seat alone"
    );
    assert_eq!(used(&pool, "LAST").await, (1, 1));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_total_of_zero_is_confirmed_and_ticketed_at_once(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    sqlx::query("delete from tax_rule")
        .execute(&pool)
        .await
        .unwrap();
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    coupon(&pool, "FREE", "amount = 100, max_uses = 3").await;
    let held = client.book_with("FREE").await;
    let offer = client.offer(1).await;
    let of_offer = json!({
        "offers": [offer["offer_id"]], "passengers": [trip::passenger("Mai", "1990-05-17")],
        "contact": trip::contact(), "coupon": "FREE"
    });
    let at_once = client.post("/v1/bookings", &of_offer).await;
    for booked in [held, at_once] {
        assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
        let booking = booked.body;
        assert_eq!(
            (&booking["status"], &booking["price"]["total"]["amount"]),
            (&json!("confirmed"), &json!("0.00"))
        );
        assert!(
            booking["passengers"][0]["ticket_number"].is_string(),
            "{booking}"
        );
        assert_eq!(
            booking["passengers"][0]["seats"].as_array().unwrap().len(),
            1
        );
        assert_eq!(booking["documents"][0]["status"], "queued");
        assert_eq!(booking["payment"]["status"], "none");
        assert_eq!(
            client.open_payment(&booking).await.problem(),
            (409, "already_paid")
        );
    }
    assert_eq!(trip::counters(&pool, flight).await, (0, 2));
    assert_eq!(used(&pool, "FREE").await, (2, 2));
    assert_eq!(trip::count(&pool, "select count(*) from payment").await, 0);
    assert_eq!(
        trip::count(
            &pool,
            "select count(*) from outbox where kind = 'render_document'"
        )
        .await,
        4
    );
    assert_consistent(&pool).await;
}
