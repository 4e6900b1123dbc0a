//! What search says is what a hold, a booking and Stripe say, and what cannot be paid is not sold.

use chrono::Duration;
use flightdesk_core::document::InvoiceContent;
use flightdesk_core::fixtures::load_small;
use flightdesk_core::ids::DocumentId;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::payments::{open, paid, session, settle};
use crate::support::{Client, TestApp};
use crate::trip::{self, fly, grown_ups};

async fn small(pool: &PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    load_small(&mut conn).await.unwrap();
}

async fn run(pool: &PgPool, statement: &'static str) {
    sqlx::raw_sql(statement).execute(pool).await.unwrap();
}

fn fees(price: &Value) -> Vec<String> {
    let lines = price["lines"].as_array().unwrap().iter();
    let fees = lines.filter(|line| line["kind"] == "fee");
    fees.map(|line| {
        format!(
            "{} {}",
            line["code"].as_str().unwrap(),
            line["amount"]["amount"].as_str().unwrap()
        )
    })
    .collect()
}

fn offers(page: &Value) -> Vec<String> {
    let offers = page["offers"].as_array().unwrap().iter();
    offers
        .map(|offer| offer["offer_id"].as_str().unwrap().to_owned())
        .collect()
}

fn minor(money: &Value) -> i64 {
    money["amount"]
        .as_str()
        .unwrap()
        .replace('.', "")
        .parse()
        .unwrap()
}

/// Books a hold, opens its payment and returns what Stripe is to take.
async fn charged(app: &TestApp, pool: &PgPool, client: &Client<'_>, hold: &Value) -> (Value, i64) {
    let body =
        json!({ "hold_id": hold["id"], "passengers": grown_ups(1), "contact": trip::contact() });
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{booked:?}");
    open(client, &booked.body).await;
    let amount = session(app, pool).await.amount;
    (booked.body, amount.unwrap().minor())
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_fee_that_only_the_return_has_is_searched_held_booked_and_charged(pool: PgPool) {
    small(&pool).await;
    fly(&pool, "AI", "1", ["LHR", "DEL"], "2026-12-20T08:00:00").await;
    fly(&pool, "AI", "2", ["DEL", "LHR"], "2026-12-27T08:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let path = "/v1/flights/search?origin=LHR&destination=DEL&departure_date=2026-12-20&return_date=2026-12-27";
    let found = client.get(path).await.body;
    let pair = [&found["departing"], &found["returning"]].map(|page| offers(page).remove(0));
    assert_eq!(fees(&found["departing"]["offers"][0]["price"]), [""; 0]);
    assert_eq!(
        fees(&found["returning"]["offers"][0]["price"]),
        ["CONV 300.00"]
    );
    let hold = client.post("/v1/holds", &json!({ "offers": pair })).await;
    assert_eq!(fees(&hold.body["price"]), ["CONV 300.00"]);
    assert_eq!(hold.body["price"]["total"], found["cheapest_total"]);
    let (booking, charged) = charged(&app, &pool, &client, &hold.body).await;
    assert_eq!(booking["price"], hold.body["price"]);
    assert_eq!(charged, minor(&found["cheapest_total"]));
    let days = client.get(&path.replace("search", "calendar")).await.body;
    let days = days["days"].as_array().unwrap();
    let day = days
        .iter()
        .find(|day| day["departure_date"] == "2026-12-20")
        .unwrap();
    assert_eq!(day["price"], found["cheapest_total"]);
}

/// Which countries have which fees per booking, and when flights of either direction leave.
type World = (Vec<(bool, bool, i64)>, Vec<(u32, i64)>, Vec<(u32, i64)>);

fn world() -> impl Strategy<Value = World> {
    let fee = (any::<bool>(), any::<bool>(), 1_i64..2_000);
    let flight = || prop::collection::vec((0_u32..24, 10_i64..60), 1..4);
    (prop::collection::vec(fee, 2), flight(), flight())
}

/// The return leaves on the day of the departure, so that many pairs are none.
#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_cheapest_total_is_the_cheapest_hold_whatever_the_tariff(pool: PgPool) {
    small(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let mut runner = TestRunner::deterministic();
    let (mut held, mut none) = (0, 0);
    for round in 0..16 {
        let (fees, there, back) = world().new_tree(&mut runner).unwrap().current();
        let date = (chrono::NaiveDate::from_ymd_opt(2026, 12, 1).unwrap() + Duration::days(round))
            .to_string();
        run(&pool, "delete from tax_rule where applies_to = 'booking'").await;
        for (code, (in_india, in_britain, amount)) in ["CONV", "DESK"].into_iter().zip(&fees) {
            for country in [(*in_india, "IN"), (*in_britain, "GB")]
                .into_iter()
                .filter_map(|(is, of)| is.then_some(of))
            {
                sqlx::query("insert into tax_rule (code, country, name, kind, amount, currency, cabins, passenger_types, applies_to, refundable) values ($1, $2, $1, 'fixed', $3, 'INR', array['economy'], array['adult'], 'booking', false)")
                    .bind(code).bind(country).bind(amount).execute(&pool).await.unwrap();
            }
        }
        for (route, flights) in [(["LHR", "DEL"], &there), (["DEL", "LHR"], &back)] {
            for (index, (hour, fare)) in (0_i64..).zip(flights) {
                let number = (1_000 + round * 100 + index).to_string();
                let id = fly(
                    &pool,
                    if route[0] == "LHR" { "AI" } else { "BA" },
                    &number,
                    route,
                    &format!("{date}T{hour:02}:00:00"),
                )
                .await;
                sqlx::query("update flight_cabin set base_fare_minor = $2 where flight_id = $1")
                    .bind(id.0)
                    .bind(fare * 10_000)
                    .execute(&pool)
                    .await
                    .unwrap();
            }
        }
        // The tariff that the process remembers is read anew.
        app.clock.advance(Duration::seconds(60));
        let path = format!(
            "/v1/flights/search?origin=LHR&destination=DEL&departure_date={date}&return_date={date}&limit=100"
        );
        let found = client.get(&path).await.body;
        let mut best: Option<(i64, Value)> = None;
        for one in offers(&found["departing"]) {
            for other in offers(&found["returning"]) {
                let hold = client
                    .post("/v1/holds", &json!({ "offers": [one, other] }))
                    .await;
                if hold.status != StatusCode::CREATED {
                    assert_eq!(hold.problem().0, 422, "{hold:?}");
                    continue;
                }
                client
                    .delete(&format!("/v1/holds/{}", hold.body["id"].as_str().unwrap()))
                    .await;
                let total = minor(&hold.body["price"]["total"]);
                if best.as_ref().is_none_or(|(best, _)| total < *best) {
                    best = Some((total, json!([one, other])));
                }
            }
        }
        let Some((total, pair)) = best else {
            assert_eq!(
                found["cheapest_total"],
                Value::Null,
                "round {round}: {fees:?}"
            );
            none += 1;
            continue;
        };
        assert_eq!(
            minor(&found["cheapest_total"]),
            total,
            "round {round}: {fees:?} {there:?} {back:?}"
        );
        let hold = client.post("/v1/holds", &json!({ "offers": pair })).await;
        let (booking, charged) = charged(&app, &pool, &client, &hold.body).await;
        assert_eq!((minor(&booking["price"]["total"]), charged), (total, total));
        held += 1;
    }
    assert!(
        held >= 4 && none >= 1,
        "{held} pairs and {none} without: a world that proves nothing"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_nobody_can_pay_at_once_is_neither_offered_nor_held(pool: PgPool) {
    small(&pool).await;
    let there = fly(&pool, "AI", "1", ["DEL", "BOM"], "2026-12-20T08:00:00").await;
    let back = fly(&pool, "AI", "2", ["BOM", "DEL"], "2026-12-27T08:00:00").await;
    // Two of them cost less than INR 9,999,999.99 each way and more both ways, ten of them more each way.
    run(&pool, "update flight_cabin set base_fare_minor = 300000000").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let path = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&return_date=2026-12-27";
    let ten = client.get(&format!("{path}&adults=10")).await.body;
    assert_eq!(ten["departing"]["offers"], json!([]));
    assert_eq!(ten["departing"]["unpayable"], 1);
    let two = client.get(&format!("{path}&adults=2")).await.body;
    assert_eq!(two["departing"]["unpayable"], 0);
    assert_eq!(two["cheapest_total"], Value::Null);
    let pair = [&two["departing"], &two["returning"]].map(|page| offers(page).remove(0));
    for (path, body) in [
        ("/v1/holds", json!({ "offers": pair })),
        (
            "/v1/bookings",
            json!({ "offers": pair, "passengers": grown_ups(2), "contact": trip::contact() }),
        ),
    ] {
        let refused = client.post(path, &body).await;
        assert_eq!(
            refused.problem(),
            (409, "amount_outside_limits"),
            "{refused:?}"
        );
        assert_eq!(
            refused.body["maximum"],
            json!({ "amount": "9999999.99", "currency": "INR" })
        );
        assert!(
            refused.body["detail"]
                .as_str()
                .unwrap()
                .contains("INR 9999999.99"),
            "{refused:?}"
        );
    }
    assert_eq!(trip::counters(&pool, there).await, (0, 0));
    assert_eq!(trip::counters(&pool, back).await, (0, 0));
    // One way can be held, and is not changed into what cannot be paid.
    let booked = client
        .post(
            "/v1/bookings",
            &json!({ "offers": [pair[0]], "passengers": grown_ups(2), "contact": trip::contact() }),
        )
        .await;
    assert_eq!(
        booked.body["available_actions"],
        json!(["pay", "change", "change_contact", "cancel"])
    );
    let reference = booked.body["booking_ref"].as_str().unwrap();
    let refused = client
        .patch(
            &format!("/v1/bookings/{reference}"),
            &json!({ "offers": pair }),
        )
        .await;
    assert_eq!(
        refused.problem(),
        (409, "amount_outside_limits"),
        "{refused:?}"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_coupon_that_leaves_less_than_can_be_paid_is_refused(pool: PgPool) {
    small(&pool).await;
    fly(&pool, "AI", "1", ["DEL", "BOM"], "2026-12-20T08:00:00").await;
    run(&pool, "delete from tax_rule; update flight_cabin set base_fare_minor = 1000; update coupon set amount = 1170, minimum_minor = null where code = 'FLAT500'").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    // INR 12.00 less INR 11.70: thirty paise are below the least, nothing at all is free.
    let hold = client.hold(1).await;
    assert_eq!(minor(&hold["price"]["total"]), 1_200);
    let body = json!({ "hold_id": hold["id"], "passengers": grown_ups(1), "contact": trip::contact(), "coupon": "FLAT500" });
    let refused = client.post("/v1/bookings", &body).await;
    assert_eq!(
        refused.problem(),
        (409, "amount_outside_limits"),
        "{refused:?}"
    );
    assert_eq!(
        refused.body["minimum"],
        json!({ "amount": "0.50", "currency": "INR" })
    );
    run(
        &pool,
        "update coupon set amount = 1200 where code = 'FLAT500'",
    )
    .await;
    let free = client.post("/v1/bookings", &body).await;
    assert_eq!(free.body["status"], "confirmed", "{free:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_line_in_dinars_can_be_charged_and_so_can_their_sum(pool: PgPool) {
    small(&pool).await;
    fly(&pool, "AI", "1", ["DEL", "BOM"], "2026-12-20T08:00:00").await;
    run(&pool, "update tax_rule set currency = 'KWD', amount = 1235 where currency is not null; update seat_fee set currency = 'KWD', amount_minor = 2345; update baggage_rate set currency = 'KWD', amount_minor = 3333; update coupon set currency = 'KWD', amount = 1111, minimum_minor = null where code = 'FLAT500'; update flight_cabin set base_fare_minor = 33333").await;
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.sale_currency = flightdesk_core::money::Currency::KWD;
    })
    .await;
    let client = app.sign_up().await;
    let hold = client.hold(2).await;
    let mut people = grown_ups(2);
    people[0]["baggage"] = json!([{ "direction": "departing", "kg": 10 }]);
    let body = json!({ "hold_id": hold["id"], "passengers": people, "contact": trip::contact(), "coupon": "FLAT500" });
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status, StatusCode::CREATED, "{booked:?}");
    let lines = booked.body["price"]["lines"].as_array().unwrap();
    for line in lines {
        assert_eq!(minor(&line["unit_amount"]) % 10, 0, "{line}");
    }
    let coupon = lines
        .iter()
        .find(|line| line["kind"] == "discount")
        .unwrap();
    assert_eq!(
        (minor(&coupon["amount"]), &coupon["passengers"]),
        (-1_110, &json!(2))
    );
    open(&client, &booked.body).await;
    assert_eq!(
        session(&app, &pool).await.amount.unwrap().minor(),
        minor(&booked.body["price"]["total"])
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn paying_is_offered_as_long_as_it_works(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    // A session of Stripe's does not fit any more between booking and the last moment to pay.
    let departs: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select departs_at from flight where id = $1")
            .bind(flight.0)
            .fetch_one(&pool)
            .await
            .unwrap();
    let last = departs - Duration::minutes(120);
    app.clock.advance(last - app.clock.now());
    let booked = client.book().await;
    assert_eq!(
        booked["available_actions"],
        json!(["pay", "change", "change_contact", "cancel"])
    );
    let reference = booked["booking_ref"].as_str().unwrap();
    sqlx::query("update booking set payment_due_at = $1")
        .bind(departs)
        .execute(&pool)
        .await
        .unwrap();
    app.clock.advance(Duration::minutes(29));
    let path = format!("/v1/bookings/{reference}");
    assert_eq!(
        client.get(&path).await.body["available_actions"],
        json!(["pay", "change", "change_contact", "cancel"])
    );
    app.clock.advance(Duration::minutes(1));
    assert_eq!(
        client.get(&path).await.body["available_actions"],
        json!(["change", "change_contact", "cancel"])
    );
    let refused = client.open_payment(&booked).await;
    assert_eq!(refused.problem(), (409, "payment_window_closed"));
}

/// The taxes and fees of a price: code, and name.
fn names(price: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = price["lines"].as_array().unwrap().iter();
    let charged = lines.filter(|line| line["kind"] == "tax" || line["kind"] == "fee");
    charged
        .map(|line| (text(&line["code"]), text(&line["name"])))
        .collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_tax_has_one_name_from_the_search_to_the_invoice(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer(1).await;
    let shown = names(&offer["price"]);
    for (code, name) in [
        ("GST", "Goods and services tax"),
        ("CONV", "Convenience fee"),
    ] {
        let named = (code.to_owned(), name.to_owned());
        assert!(shown.contains(&named), "{shown:?}");
    }
    assert!(shown.iter().all(|(_, name)| !name.is_empty()), "{shown:?}");
    let hold = client
        .post("/v1/holds", &json!({ "offers": [offer["offer_id"]] }))
        .await
        .body;
    assert_eq!(names(&hold["price"]), shown);
    let form = trip::booking_of(&hold);
    let booking = client.post("/v1/bookings", &form).await.body;
    assert_eq!(names(&booking["price"]), shown);

    // What was sold keeps its names, whatever the tables say afterwards.
    run(&pool, "update tax_rule set name = 'Another name'").await;
    let again = client.booking(&booking).await;
    assert_eq!(names(&again["price"]), shown);
    open(&client, &booking).await;
    settle(&app, &paid(&session(&app, &pool).await)).await;
    let mut conn = pool.acquire().await.unwrap();
    let id = sqlx::query_scalar("select id from document where kind = 'invoice'");
    let id: uuid::Uuid = id.fetch_one(&mut *conn).await.unwrap();
    let invoice = InvoiceContent::load(&mut conn, DocumentId(id)).await;
    let printed = invoice.unwrap().lines.into_iter();
    let printed = printed.filter(|line| line.kind == "tax" || line.kind == "fee");
    let printed = printed.map(|line| (line.code, line.name.unwrap_or_default()));
    assert_eq!(printed.collect::<Vec<_>>(), shown);
}
