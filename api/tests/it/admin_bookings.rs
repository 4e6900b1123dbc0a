//! What staff see of bookings, flights, queues and jobs of every account.

use chrono::Duration;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::audit::staff;
use crate::cancellations::buy;
use crate::disputes::with_a_failed_refund;
use crate::support::{Client, TestApp};
use crate::trip::{self, adults, reference};

fn person(first: &str, middle: Option<&str>, last: &str) -> Value {
    json!({ "title": "ms", "first_name": first, "middle_name": middle, "last_name": last, "gender": "female", "date_of_birth": "1990-05-17" })
}

/// The references that a search finds, in its order.
async fn found(desk: &Client<'_>, query: &[(&str, &str)]) -> Vec<String> {
    let answer = desk
        .request(reqwest::Method::GET, "/v1/admin/bookings")
        .query(query);
    let answer = crate::support::Send::answer(answer).await;
    assert_eq!(answer.status, 200, "{query:?}: {answer:?}");
    let rows = answer.body["data"].as_array().unwrap().iter();
    rows.map(|row| reference(row).to_owned()).collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn staff_find_a_booking_by_whatever_the_traveller_says(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let desk = staff(&app, &pool).await;
    let offer = client.offer_of(&[flight], adults(2)).await;
    let people = [
        person("Søren", Some("King"), "Ødegård-Straße"),
        person("Đặng", None, "Lovelace"),
    ];
    let paid = buy(&app, &pool, &client, &[offer], &people).await;
    let unpaid = other.book().await;
    let (paid_ref, unpaid_ref) = (reference(&paid), reference(&unpaid));
    let ticket = paid["passengers"][0]["ticket_number"].as_str().unwrap();
    let digits: String = ticket
        .chars()
        .filter(char::is_ascii_digit)
        .take(13)
        .collect();
    for words in [
        paid_ref,
        &paid_ref.to_lowercase(),
        "soeren oedegardstrasse",
        "OEDEGARDSTRASSE/SOEREN",
        "Ødegård-Straße, Søren King",
        "dang lovelace",
        "Lovelace",
        "love*",
        ticket,
        &digits,
    ] {
        assert_eq!(found(&desk, &[("q", words)]).await, [paid_ref], "{words}");
    }
    // Both have the same contact: the newest comes first.
    for words in [
        "ASHA@example.com",
        "+91 98765 43210",
        "098765 43210",
        "9876543210",
    ] {
        let both = found(&desk, &[("q", words)]).await;
        assert_eq!(both, [unpaid_ref, paid_ref], "{words}");
    }
    for words in ["Lovelace Ada", "nobody@example.com", "K7XQ3M", "Love"] {
        assert!(found(&desk, &[("q", words)]).await.is_empty(), "{words}");
    }
    let of_flight = [
        ("flight_number", "AI 101"),
        ("departure_date", "2026-12-20"),
    ];
    assert_eq!(found(&desk, &of_flight).await.len(), 2);
    let later = [("flight_number", "AI101"), ("departure_date", "2026-12-21")];
    assert!(found(&desk, &later).await.is_empty());
    let narrowed = [
        of_flight[0],
        of_flight[1],
        ("q", "lovelace"),
        ("status", "confirmed"),
    ];
    assert_eq!(found(&desk, &narrowed).await, [paid_ref]);
    assert_eq!(
        found(&desk, &[("status", "pending_payment")]).await,
        [unpaid_ref]
    );
    let whose = client.account_id.to_string();
    assert_eq!(found(&desk, &[("account_id", &whose)]).await, [paid_ref]);
    assert_eq!(
        found(
            &desk,
            &[
                ("booked_from", "2026-11-20"),
                ("booked_until", "2026-11-20")
            ]
        )
        .await
        .len(),
        2
    );
    assert!(
        found(&desk, &[("booked_from", "2026-11-21")])
            .await
            .is_empty()
    );

    let first = desk.get("/v1/admin/bookings?limit=1").await.body;
    assert_eq!(reference(&first["data"][0]), unpaid_ref);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = desk
        .get(&format!("/v1/admin/bookings?limit=1&cursor={cursor}"))
        .await
        .body;
    assert_eq!(
        (reference(&second["data"][0]), &second["next_cursor"]),
        (paid_ref, &Value::Null)
    );
    assert_eq!(second["data"][0]["paid"], second["data"][0]["total"]);
    assert_eq!(
        second["data"][0]["flights"],
        json!(["AI 101 DEL-BOM 2026-12-20"])
    );

    let wrong = desk.get("/v1/admin/bookings?q=123&limit=0").await;
    assert_eq!(wrong.problem().0, 422);
    let wrong = desk
        .get("/v1/admin/bookings?departure_date=2026-12-20")
        .await;
    assert_eq!(wrong.wrong_fields(), ["flight_number: required"]);
    assert_eq!(
        client.get("/v1/admin/bookings").await.problem(),
        (403, "missing_scope")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_booking_says_what_has_to_be_looked_after_and_everything_that_happened(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let booking = with_a_failed_refund(&app, &client).await;
    let path = format!("/v1/admin/bookings/{}", reference(&booking));
    let seen = desk.get(&path).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let seen = seen.body;
    assert_eq!(seen["problems"], json!(["failed_refund"]));
    assert_eq!(seen["account_id"], json!(client.account_id));
    assert_eq!(seen["booking"]["booking_ref"], booking["booking_ref"]);
    assert_eq!(seen["payments"][0]["status"], "succeeded");
    assert_eq!(seen["refunds"][0]["status"], "failed");
    let kinds = |list: &Value, name: &str| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|one| one[name].as_str().unwrap().to_owned())
            .collect()
    };
    let timeline = kinds(&seen["timeline"], "kind");
    assert_eq!(timeline[..2], ["held", "confirmed"]);
    assert!(
        timeline.contains(&"refund_failed".to_owned()),
        "{timeline:?}"
    );
    let mails = kinds(&seen["mails"], "mail");
    assert_eq!(mails, ["booking_held", "cancellation_confirmed"]);
    assert!(kinds(&seen["jobs"], "kind").contains(&"render_document".to_owned()));
    let nobody = desk.get("/v1/admin/bookings/K7XQ3M").await;
    assert_eq!(nobody.problem(), (404, "not_found"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn documents_are_mailed_again_three_times_a_day_and_no_more(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let unpaid = client.book().await;
    let path = |booking: &Value| {
        format!(
            "/v1/admin/bookings/{}/documents/resends",
            reference(booking)
        )
    };
    let refused = desk.post(&path(&unpaid), &Value::Null).await;
    assert_eq!(refused.problem(), (409, "wrong_state"));
    let offer = client.offer_of(&[flight], adults(1)).await;
    let people = [person("Ada", None, "Lovelace")];
    let paid = buy(&app, &pool, &client, &[offer], &people).await;
    for _ in 0..3 {
        let resent = desk.post(&path(&paid), &Value::Null).await;
        assert_eq!(resent.status, 201, "{resent:?}");
        assert_eq!(resent.body["document_ids"].as_array().unwrap().len(), 2);
    }
    let refused = desk.post(&path(&paid), &Value::Null).await;
    assert_eq!(refused.problem(), (409, "resent_enough"));
    let mails = "select count(*) from outbox where kind = 'send_mail' and payload -> 'mail' ? 'documents_again'";
    assert_eq!(trip::count(&pool, mails).await, 3);
    let events = client
        .get(&format!("/v1/bookings/{}/events", reference(&paid)))
        .await;
    let newest = events.body["data"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        (&newest["kind"], &newest["actor"]),
        (&json!("documents_resent"), &json!("staff"))
    );
    app.clock.advance(Duration::hours(24));
    assert_eq!(desk.post(&path(&paid), &Value::Null).await.status, 201);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dead_job_is_dropped_with_a_reason_unless_somebody_waits_for_it(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[flight], adults(1)).await;
    buy(
        &app,
        &pool,
        &client,
        &[offer],
        &[person("Ada", None, "Lovelace")],
    )
    .await;
    let dead: Vec<(String, uuid::Uuid)> = sqlx::query_as(
        "update outbox set status = 'dead', finished_at = created_at where kind in ('render_document', 'send_mail') returning kind, id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let of = |kind: &str| dead.iter().find(|(one, _)| one == kind).unwrap().1;
    let path = |kind: &str| format!("/v1/admin/jobs/{}/drop", of(kind));
    let why = json!({ "reason": "The mailbox is gone" });
    let unsaid = desk.post(&path("send_mail"), &json!({})).await;
    assert_eq!(unsaid.wrong_fields(), ["reason: required"]);
    let owed = desk.post(&path("render_document"), &why).await;
    assert_eq!(owed.problem(), (409, "job_owed"));

    let queues = desk.get("/v1/admin/queues").await.body;
    let queue = |queues: &Value, name: &str| {
        let mut all = queues["data"].as_array().unwrap().iter();
        all.find(|queue| queue["queue"] == name).unwrap().clone()
    };
    assert_eq!(queue(&queues, "mail")["dead"], 1);
    assert_eq!(queue(&queues, "documents")["dead"], 2);
    let dropped = desk.post(&path("send_mail"), &why).await;
    assert_eq!(dropped.body["status"], "done", "{dropped:?}");
    assert_eq!(
        dropped.body["last_error"],
        "dropped by staff: The mailbox is gone"
    );
    assert_eq!(
        desk.post(&path("send_mail"), &why).await.problem(),
        (404, "not_found")
    );
    let queues = desk.get("/v1/admin/queues").await.body;
    assert_eq!(queue(&queues, "mail")["dead"], 0);
    assert_eq!(
        client.get("/v1/admin/queues").await.problem(),
        (403, "missing_scope")
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_payment_that_nobody_ended_is_shown_among_the_money_to_look_after(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let booking = client.book().await;
    client.open_payment(&booking).await;
    let issues = "/v1/admin/money-issues?kind=stuck_payment";
    app.clock.advance(Duration::minutes(31 + 14));
    assert_eq!(desk.get(issues).await.body["data"], json!([]));
    app.clock.advance(Duration::minutes(2));
    let stuck = desk.get(issues).await.body["data"].clone();
    assert_eq!(reference(&stuck[0]), reference(&booking), "{stuck}");
    let row = desk.get("/v1/admin/bookings").await.body["data"][0].clone();
    assert_eq!(row["problems"], json!(["stuck_payment"]));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_manifest_has_who_paid_and_still_flies_and_the_load_says_what_it_earns(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[flight], adults(2)).await;
    let mut people = [
        person("Ada", None, "Lovelace"),
        person("Grace", None, "Hopper"),
    ];
    people[0]["special_requests"] = json!(["VGML"]);
    people[0]["travel_document"] = json!({ "type": "passport", "number": "Z1234567", "country": "IN", "expires_on": "2030-05-17" });
    let paid = buy(&app, &pool, &client, &[offer], &people).await;
    client.book().await;
    let path = format!("/v1/admin/flights/{flight}/manifest");
    let manifest = desk.get(&path).await;
    assert_eq!(manifest.status, 200, "{manifest:?}");
    let listed = manifest.body["passengers"].as_array().unwrap();
    let names: Vec<_> = listed
        .iter()
        .map(|one| one["last_name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["Hopper", "Lovelace"],
        "who has not paid is not on it"
    );
    let ada = &listed[1];
    assert_eq!(ada["ticket_number"], paid["passengers"][0]["ticket_number"]);
    assert_eq!(
        (&ada["coupon"], &ada["special_requests"]),
        (&json!("open"), &json!(["VGML"]))
    );
    assert_eq!(ada["travel_document"]["number"], "Z1234567");
    assert_eq!(manifest.body["flight"]["flight_number"], "AI 101");

    let load = desk
        .get("/v1/admin/flights/load?from=2026-12-20&until=2026-12-20&airline=ai")
        .await;
    let load = &load.body["data"][0];
    assert_eq!(
        (&load["capacity"], &load["held"], &load["sold"]),
        (&json!(180), &json!(1), &json!(2))
    );
    assert_eq!(
        load["revenue"],
        json!([{ "amount": "12000.00", "currency": "INR" }]),
        "{load}"
    );

    let one = json!({ "scope": "departing", "passengers": [paid["passengers"][1]["id"]] });
    crate::cancellations::cancel(&client, &paid, &one).await;
    let names = desk.get(&path).await.body["passengers"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(names, 1);
    let nobody = desk
        .get("/v1/admin/flights/01900000-0000-7000-8000-000000000000/manifest")
        .await;
    assert_eq!(nobody.problem(), (404, "not_found"));
    let backwards = desk
        .get("/v1/admin/flights/load?from=2026-12-20&until=2026-12-19")
        .await;
    assert_eq!(backwards.wrong_fields(), ["until: before_from"]);
}
