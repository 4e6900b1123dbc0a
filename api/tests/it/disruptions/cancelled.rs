//! A flight that does not fly: what its bookings are told, and what goes back.

use chrono::Duration;
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;

use super::{answer, cancellation, disrupted, disruption, mails, newest, options, staff};
use crate::cancellations::{buy, confirm, departure, flights, quote, rupees, turn_to};
use crate::consistent::assert_consistent;
use crate::support::{Send, TestApp};
use crate::trip::{self, adults, grown_ups};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn everything_goes_back_the_fee_and_taxes_that_are_kept_otherwise_too(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let desk = staff(&app, &pool).await;
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    sqlx::query("update price_line set refundable = false where kind = 'tax'")
        .execute(&pool)
        .await
        .unwrap();
    let made = disrupted(&desk, out, &cancellation()).await;

    let told = disruption(&client, &booking).await;
    for (field, value) in [
        ("disruption_id", made["disruption_id"].clone()),
        ("kind", json!("cancelled")),
        ("status", json!("open")),
        ("reason", json!("A part has to be replaced")),
        ("direction", json!("departing")),
        ("decide_by", json!("2026-11-23T12:00:00Z")),
        ("default_choice", json!("refund")),
        ("connection_broken", json!(false)),
        ("decided_by_default", json!(false)),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert_eq!(told["before"]["departs_at"], "2026-12-20T02:30:00Z");
    assert_eq!(told["flight"]["status"], "cancelled");
    assert!(told["after"].is_null());
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        options(&told),
        [("refund".to_owned(), some("direction"), some("7088.00"))]
    );
    // A month ahead the law gives nothing more.
    let laws = told["entitlements"].as_array().unwrap();
    let laws: Vec<_> = laws
        .iter()
        .map(|law| (&law["regulation"], &law["applies"], &law["amount"]))
        .collect();
    let none = serde_json::Value::Null;
    assert_eq!(
        laws,
        [
            (&json!("eu261"), &json!(false), &none),
            (&json!("uk261"), &json!(false), &none),
            (&json!("dgca"), &json!(true), &none),
        ]
    );
    let shown = client.booking(&booking).await;
    assert_eq!(shown["disruption"]["kind"], "cancelled");
    let actions = shown["available_actions"].as_array().unwrap();
    assert!(actions.contains(&json!("answer_disruption")), "{actions:?}");
    assert_eq!(newest(&client, &booking, 1).await, ["disrupted by staff"]);
    assert_eq!(mails(&pool, "flight_cancelled").await, 1);

    assert_eq!(
        answer(&other, &booking, &json!({ "choice": "refund" }))
            .await
            .problem(),
        (404, "not_found")
    );
    let refused = answer(&client, &booking, &json!({ "choice": "accept" })).await;
    assert_eq!(refused.problem(), (409, "choice_unavailable"));
    let refused = json!({ "choice": "refund", "scope": "ticket" });
    let refused = answer(&client, &booking, &refused).await;
    assert_eq!(refused.problem(), (409, "choice_unavailable"));

    let done = answer(&client, &booking, &json!({ "choice": "refund" })).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    assert_eq!(done.body["status"], "refunded");
    assert_eq!(options(&done.body), []);
    let shown = client.booking(&booking).await;
    assert_eq!(shown["status"], "cancelled");
    assert_eq!(shown["payment"]["amount_refunded"], rupees("7088.00"));
    assert_eq!(shown["payment"]["amount_kept"], rupees("0.00"));
    assert_eq!(shown["price"]["total"], rupees("0.00"));
    assert!(shown["disruption"].is_null());
    assert_eq!(
        newest(&client, &booking, 3).await,
        [
            "refund_promised by account",
            "cancelled by account",
            "disruption_decided by account"
        ]
    );
    assert_eq!(mails(&pool, "cancellation_confirmed").await, 1);
    assert_eq!(trip::counters(&pool, out).await, (0, 0));
    let again = answer(&client, &booking, &json!({ "choice": "refund" })).await;
    assert_eq!(again.problem(), (409, "disruption_decided"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_answers_at_once_make_one_refund(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    disrupted(&desk, out, &cancellation()).await;
    let body = json!({ "choice": "refund" });
    let all = join_all((0..20).map(|_| answer(&client, &booking, &body))).await;
    let (done, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.status == 200);
    assert_eq!(done.len(), 1);
    for one in refused {
        assert_eq!(one.problem(), (409, "disruption_decided"));
        assert!(one.text.contains("everything that was paid"), "{one:?}");
    }
    for (what, query) in [
        ("refund", "select count(*) from refund"),
        ("cancellation", "select count(*) from cancellation"),
        (
            "decision",
            "select count(*) from booking_event where kind = 'disruption_decided'",
        ),
    ] {
        assert_eq!(trip::count(&pool, query).await, 1, "{what}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_round_trip_gives_back_the_direction_or_the_whole_ticket(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let mut bookings = Vec::new();
    for name in ["Mai", "An"] {
        let offers = client.offers_of(&[out], &[back], adults(1)).await;
        let who = [trip::passenger(name, "1990-05-17")];
        bookings.push(buy(&app, &pool, &client, &offers, &who).await);
    }
    disrupted(&desk, out, &cancellation()).await;
    let some = |text: &str| Some(text.to_owned());
    let [mai, an] = &bookings[..] else {
        panic!("two bookings");
    };
    let total = mai["price"]["total"]["amount"].as_str().unwrap();
    assert_eq!(
        options(&disruption(&client, mai).await),
        [
            ("refund".to_owned(), some("direction"), some("6788.00")),
            ("refund".to_owned(), some("ticket"), some(total)),
        ]
    );

    // The way back stays, and the fee with it; until that is cancelled too.
    let done = answer(&client, mai, &json!({ "choice": "refund" })).await;
    assert_eq!(done.body["status"], "refunded", "{done:?}");
    let shown = client.booking(mai).await;
    assert_eq!(shown["status"], "partially_cancelled");
    assert_eq!(shown["payment"]["amount_refunded"], rupees("6788.00"));
    assert_eq!(shown["directions"][1]["status"], "booked");
    assert_consistent(&pool).await;
    disrupted(&desk, back, &cancellation()).await;
    assert_eq!(disruption(&client, mai).await["direction"], "returning");
    answer(&client, mai, &json!({ "choice": "refund" })).await;
    let shown = client.booking(mai).await;
    assert_eq!(shown["payment"]["amount_kept"], rupees("0.00"));
    assert_eq!(shown["status"], "cancelled");

    // Both directions are open; the whole ticket closes both.
    let whole = json!({ "choice": "refund", "scope": "ticket" });
    let done = answer(&client, an, &whole).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    let shown = client.booking(an).await;
    assert_eq!(shown["payment"]["amount_kept"], rupees("0.00"));
    assert!(shown["disruption"].is_null());
    let open = "select count(*) from disrupted_booking where status = 'open'";
    assert_eq!(trip::count(&pool, open).await, 0);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_direction_on_another_airlines_ticket_stays(pool: PgPool) {
    let [out, back] = flights(&pool, ["BA", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    disrupted(&desk, out, &cancellation()).await;
    assert_eq!(options(&disruption(&client, &booking).await).len(), 1);
    let whole = json!({ "choice": "refund", "scope": "ticket" });
    let refused = answer(&client, &booking, &whole).await;
    assert_eq!(refused.problem(), (409, "choice_unavailable"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_ordinary_cancellation_gives_everything_back_too_and_closes_the_choice(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(2)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(2)).await;
    // So late that nobody could cancel it otherwise.
    turn_to(&app, departure(), Duration::minutes(30));
    let refused = quote(&client, &booking, &json!({})).await;
    assert_eq!(refused.problem(), (409, "too_late"));
    disrupted(&desk, out, &cancellation()).await;
    let told = disruption(&client, &booking).await;
    assert_eq!(
        told["decide_by"], "2026-12-20T03:00:00Z",
        "an hour all the same"
    );
    // 10,000 rupees, or the base fare, which is less; 2 hours of block time: 7,500.
    assert_eq!(told["entitlements"][2]["amount"], rupees("6000.00"));

    let first = json!({ "passengers": [booking["passengers"][0]["id"]] });
    let quoted = quote(&client, &booking, &first).await;
    assert_eq!(quoted.status.as_u16(), 201, "{quoted:?}");
    assert_eq!(quoted.body["items"][0]["rule"]["name"], "schedule_change");
    assert_eq!(quoted.body["refund"], rupees("6788.00"));
    confirm(&client, &booking, &quoted.body).await;
    assert_eq!(disruption(&client, &booking).await["status"], "open");
    let quoted = quote(&client, &booking, &json!({})).await.body;
    assert_eq!(quoted["refund"], rupees("7088.00"));
    assert_eq!(quoted["fees_refund"], rupees("300.00"));
    let done = confirm(&client, &booking, &quoted).await;
    assert_eq!(done.body["payment"]["amount_kept"], rupees("0.00"));
    let told = disruption(&client, &booking).await;
    assert_eq!(told["status"], "refunded");
    assert_eq!(told["decided_by_default"], false);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn flights_from_europe_name_what_its_laws_give(pool: PgPool) {
    flightdesk_core::fixtures::load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let flight = trip::fly(&pool, "LH", "760", ["FRA", "DEL"], "2026-11-28T13:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[flight], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    disrupted(&desk, flight, &cancellation()).await;
    let told = disruption(&client, &booking).await;
    let [eu, uk, india] = &told["entitlements"].as_array().unwrap()[..] else {
        panic!("three laws: {told}");
    };
    assert_eq!(
        eu["amount"],
        json!({ "amount": "600.00", "currency": "EUR" })
    );
    assert!(eu["source"].as_str().unwrap().contains("261/2004"));
    assert_eq!(
        (&uk["applies"], &india["applies"]),
        (&json!(false), &json!(true))
    );
    let paid = "select count(*) from refund";
    assert_eq!(
        trip::count(&pool, paid).await,
        0,
        "nothing is paid by itself"
    );
}

/// The hidden fields of the forms of a page, with the address that they are sent to.
fn forms(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let value = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("{name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let forms = page.split("<form ").skip(1);
    forms
        .map(|form| {
            let inputs = form.split("<input ").skip(1);
            let fields = inputs.map(|input| (value(input, "name"), value(input, "value")));
            (value(form, "action"), fields.collect())
        })
        .collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_page_of_a_mail_has_a_button_for_each_choice(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    let links = flightdesk_core::booking::BookingLinks::new(&app.app.settings);
    let account = flightdesk_core::ids::AccountId(client.account_id);
    let link = links.page(account, trip::reference(&booking), "asha@example.com");
    let path = link
        .split_once(&app.address.to_string())
        .unwrap()
        .1
        .to_owned();
    let page = async || app.request(Method::GET, &path).answer().await.text;
    assert!(forms(&page().await).is_empty());
    disrupted(&desk, out, &cancellation()).await;
    let shown = page().await;
    assert!(shown.contains("The airline has cancelled your flight"));
    assert!(!shown.contains("Your booking is confirmed"));
    assert!(
        shown.contains("Flight AI 101 on Sun 20 Dec 2026, 08:00"),
        "{shown}"
    );
    let forms = forms(&shown);
    let scopes: Vec<_> = forms
        .iter()
        .map(|(_, fields)| fields[2].1.as_str())
        .collect();
    assert_eq!(scopes, ["direction", "ticket"]);

    let (action, fields) = &forms[1];
    let stranger = app.request(Method::POST, "/booking/disruption?link=x");
    assert_eq!(stranger.form(fields).answer().await.status.as_u16(), 404);
    let nonsense = app.request(Method::POST, action).form(&[("choice", "x")]);
    assert_eq!(nonsense.answer().await.status.as_u16(), 409);
    let done = app
        .request(Method::POST, action)
        .form(fields)
        .answer()
        .await;
    // The client follows to the page, which has nothing to choose any more.
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    assert!(done.text.contains("This booking is cancelled"), "{done:?}");
    assert_eq!(
        newest(&client, &booking, 1).await,
        ["disruption_decided by traveller"]
    );
    let again = app
        .request(Method::POST, action)
        .form(fields)
        .answer()
        .await;
    assert_eq!(again.status.as_u16(), 409, "{again:?}");
    assert_consistent(&pool).await;
}
