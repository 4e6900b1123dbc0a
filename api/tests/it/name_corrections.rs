//! Names on paid bookings: a typo once within a day, by staff whatever is needed, and never a ticket for somebody else.

use chrono::Duration;
use flightdesk_core::ticket;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::cancellations::{buy, cancel, departure, flights, turn_to};
use crate::consistent::assert_consistent;
use crate::support::{Answer, Client, TestApp};
use crate::trip::{self, adults, grown_ups, reference};

async fn correct(client: &Client<'_>, booking: &Value, passengers: &Value) -> Answer {
    let path = format!("/v1/bookings/{}/name-corrections", reference(booking));
    let body = json!({ "passengers": passengers });
    client.post(&path, &body).await
}

async fn correct_by_staff(client: &Client<'_>, booking: &Value, passengers: &Value) -> Answer {
    let path = format!("/v1/admin/bookings/{}/name-corrections", reference(booking));
    let body = json!({ "passengers": passengers, "reason": "As in the passport shown" });
    client.post(&path, &body).await
}

/// Somebody of another account who may do what staff may.
async fn staff<'a>(app: &'a TestApp, pool: &PgPool) -> Client<'a> {
    let client = app.sign_up().await;
    sqlx::query("update api_key set scopes = '{bookings,admin}' where account_id = $1")
        .bind(client.account_id)
        .execute(pool)
        .await
        .unwrap();
    client
}

/// A paid booking of so many grown-ups, there and back.
async fn booked(app: &TestApp, pool: &PgPool, client: &Client<'_>, people: u8) -> Value {
    let [out, back] = flights(pool, ["AI", "AI"]).await;
    let offers = client
        .offers_of(&[out], &[back], adults(people.into()))
        .await;
    buy(app, pool, client, &offers, &grown_ups(people)).await
}

fn id(booking: &Value, index: usize) -> &Value {
    &booking["passengers"][index]["id"]
}

fn names(booking: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let people = booking["passengers"].as_array().unwrap().iter();
    let names = people.map(|one| {
        [
            text(&one["title"]),
            text(&one["first_name"]),
            text(&one["middle_name"]),
            text(&one["last_name"]),
        ]
        .join(" ")
    });
    names.collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_typo_and_swapped_names_are_corrected_and_the_tickets_follow(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = booked(&app, &pool, &client, 3).await;
    let wishes = json!([
        { "passenger_id": id(&booking, 0), "title": "mrs", "last_name": "Nguyễnová" },
        { "passenger_id": id(&booking, 1), "first_name": "Nguyễn", "last_name": "Linh B" },
    ]);
    let corrected = correct(&client, &booking, &wishes).await;
    assert_eq!(corrected.status.as_u16(), 200, "{corrected:?}");
    assert_eq!(
        names(&corrected.body),
        [
            "mrs Linh A - Nguyễnová",
            "ms Nguyễn - Linh B",
            "ms Linh C - Nguyễn",
        ]
    );
    for (index, person) in corrected.body["passengers"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
    {
        for member in ["id", "ticket_numbers", "seats", "date_of_birth", "gender"] {
            assert_eq!(
                person[member], booking["passengers"][index][member],
                "{member}"
            );
        }
    }
    let revisions = "select count(*) from document where (kind = 'ticket') = (revision = 2)";
    let documents = "select count(*) from document";
    assert_eq!(
        trip::count(&pool, revisions).await,
        trip::count(&pool, documents).await,
        "tickets have a new revision, invoices have not"
    );
    let path = format!("/v1/bookings/{}/events", reference(&booking));
    let events = client.get(&path).await.body;
    let event = events["data"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&event["kind"], &event["actor"], &event["details"]),
        (
            &json!("name_corrected"),
            &json!("account"),
            &json!({ "version": 1, "passenger_ids": [id(&booking, 0), id(&booking, 1)] })
        )
    );
    assert_consistent(&pool).await;

    // Under the old names and the new ones nobody flies twice, and under no other.
    let [again, mut new] = [0, 0].map(|_| grown_ups(1));
    new[0]["last_name"] = json!("Nguyễnová");
    let offer = client.offer(1).await["offer_id"].clone();
    for (people, status) in [(new, 409), (again, 201)] {
        let body = json!({ "offers": [offer], "passengers": people, "contact": trip::contact() });
        let booked = client.post("/v1/bookings", &body).await;
        assert_eq!(booked.status.as_u16(), status, "{booked:?}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_traveller_makes_nobody_another_person_and_corrects_once(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let booking = booked(&app, &pool, &client, 2).await;
    let (one, two) = (id(&booking, 0), id(&booking, 1));
    let typo = json!([{ "passenger_id": one, "first_name": "Lin A" }]);
    let refused = correct(&other, &booking, &typo).await;
    assert_eq!(refused.problem(), (404, "not_found"));

    let twice = json!([
        { "passenger_id": one, "last_name": "Nguyen" },
        { "passenger_id": one, "first_name": "Lin A" },
    ]);
    let refused = correct(&client, &booking, &twice).await;
    assert_eq!(
        refused.wrong_fields(),
        ["passengers[1].passenger_id: duplicate"]
    );
    // Neither of two is corrected when one may not be.
    let another = json!([
        { "passenger_id": two, "first_name": "Lin B" },
        { "passenger_id": one, "first_name": "Ravi A" },
    ]);
    let refused = correct(&client, &booking, &another).await;
    assert_eq!(refused.wrong_fields(), ["passengers[1]: too_many_letters"]);
    assert!(refused.text.contains("our staff can do it"), "{refused:?}");
    assert_eq!(client.booking(&booking).await, booking);

    let corrected = correct(&client, &booking, &typo).await;
    assert_eq!(corrected.status.as_u16(), 200, "{corrected:?}");
    let back = json!([{ "passenger_id": one, "first_name": "Linh A" }]);
    let refused = correct(&client, &booking, &back).await;
    assert_eq!(
        refused.wrong_fields(),
        ["passengers[0].passenger_id: already_corrected"]
    );
    // The other passenger has a correction of their own.
    let theirs = json!([{ "passenger_id": two, "first_name": "Lin B" }]);
    let corrected = correct(&client, &booking, &theirs).await;
    assert_eq!(corrected.status.as_u16(), 200, "{corrected:?}");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn names_can_be_corrected_for_a_day_and_later_by_staff_with_a_reason(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let booking = booked(&app, &pool, &client, 2).await;
    app.clock.advance(Duration::hours(24));
    let typo =
        |index: usize| json!([{ "passenger_id": id(&booking, index), "last_name": "Nguyen" }]);
    let last = correct(&client, &booking, &typo(0)).await;
    assert_eq!(last.status.as_u16(), 200, "{last:?}");
    app.clock.advance(Duration::seconds(1));
    let late = correct(&client, &booking, &typo(1)).await;
    assert_eq!(late.problem(), (409, "correction_too_late"));
    assert_eq!(
        late.body["detail"],
        "Travellers can correct names within 24 hours of booking, until 2026-11-21T12:00:00Z; our staff can still do it."
    );

    let path = format!(
        "/v1/admin/bookings/{}/name-corrections",
        reference(&booking)
    );
    let refused = correct_by_staff(&client, &booking, &typo(1)).await;
    assert_eq!(refused.problem(), (403, "missing_scope"));
    let unsaid = desk.post(&path, &json!({ "passengers": typo(1) })).await;
    assert_eq!(unsaid.wrong_fields(), ["reason: required"]);
    let blank = json!({ "passengers": [{ "passenger_id": id(&booking, 1) }], "reason": "    " });
    let blank = desk.post(&path, &blank).await;
    assert_eq!(
        blank.wrong_fields(),
        ["passengers[0]: nothing_to_correct", "reason: length"]
    );
    // Also into what is another name altogether, and for whom it was done before.
    let married = json!([
        { "passenger_id": id(&booking, 0), "title": "mrs", "last_name": "Kulkarni" },
        { "passenger_id": id(&booking, 1), "last_name": "Kulkarni" },
    ]);
    for (surname, count) in [("Kulkarni", 2), ("Deshpande", 4)] {
        let text = married.to_string().replace("Kulkarni", surname);
        let wishes: Value = serde_json::from_str(&text).unwrap();
        let corrected = correct_by_staff(&desk, &booking, &wishes).await;
        assert_eq!(corrected.status.as_u16(), 200, "{corrected:?}");
        assert_eq!(names(&corrected.body)[0], format!("mrs Linh A - {surname}"));
        let reasons =
            "select count(*) from name_correction where staff_reason = 'As in the passport shown'";
        assert_eq!(trip::count(&pool, reasons).await, count);
    }
    let path = format!("/v1/bookings/{}/events", reference(&booking));
    let events = client.get(&path).await.body;
    let event = events["data"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&event["kind"], &event["actor"]),
        (&json!("name_corrected"), &json!("staff"))
    );
    assert!(
        !event["details"].to_string().contains("passport"),
        "{event}"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_wrong_field_of_a_correction_is_told_at_once(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (client, stranger) = (app.sign_up().await, app.sign_up().await);
    let booking = booked(&app, &pool, &client, 2).await;
    let foreign = booked_alone(&app, &pool, &stranger).await;
    let wrong = json!([
        { "passenger_id": id(&booking, 0), "title": "sir", "first_name": "Аша", "last_name": "" },
        { "passenger_id": id(&booking, 1), "first_name": "", "middle_name": "B2" },
        { "passenger_id": id(&foreign, 0), "last_name": "Nguyen" },
    ]);
    let refused = correct(&client, &booking, &wrong).await;
    assert_eq!(
        refused.wrong_fields(),
        [
            "passengers[0].first_name: name_script",
            "passengers[0].last_name: length",
            "passengers[0].title: unknown",
            "passengers[1].middle_name: name_character",
            "passengers[1].middle_name: without_first_name",
            "passengers[2].passenger_id: unknown",
        ]
    );
    // A field of another type, beside those that the rules find.
    let torn = json!([{ "passenger_id": "nobody", "last_name": "李", "age": 3 }]);
    let refused = correct(&client, &booking, &torn).await;
    let mut told = refused.wrong_fields();
    told.sort();
    assert!(
        told.contains(&"passengers[0].last_name: name_script".to_owned()) && told.len() == 3,
        "{told:?}"
    );
    let unpaid = client.book().await;
    let typo = json!([{ "passenger_id": id(&unpaid, 0), "last_name": "Nguyen" }]);
    let refused = correct(&client, &unpaid, &typo).await;
    assert_eq!(refused.problem(), (409, "wrong_state"));
    let same = json!([{ "passenger_id": id(&booking, 0), "title": "MS", "first_name": "Linh A" }]);
    let refused = correct(&client, &booking, &same).await;
    assert_eq!(refused.wrong_fields(), ["passengers[0]: unchanged"]);
    assert_eq!(client.booking(&booking).await, booking);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whoever_has_flown_or_is_cancelled_keeps_the_name(pool: PgPool) {
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.name_correction_hours = 10_000;
    })
    .await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let booking = booked(&app, &pool, &client, 3).await;
    let typo =
        |index: usize| json!([{ "passenger_id": id(&booking, index), "last_name": "Nguyen" }]);
    let gone = json!({ "scope": "both", "passengers": [id(&booking, 2)] });
    cancel(&client, &booking, &gone).await;
    for refused in [
        correct(&client, &booking, &typo(2)).await,
        correct_by_staff(&desk, &booking, &typo(2)).await,
    ] {
        assert_eq!(
            refused.wrong_fields(),
            ["passengers[0].passenger_id: already_cancelled"]
        );
    }
    // Until it leaves; from then on also before anybody has marked the coupon.
    turn_to(&app, departure(), Duration::seconds(1));
    let last = correct(&client, &booking, &typo(0)).await;
    assert_eq!(last.status.as_u16(), 200, "{last:?}");
    app.clock.advance(Duration::seconds(1));
    let flown = "passengers[0].passenger_id: already_flown";
    let nobody = (409, "correction_unavailable");
    let refused = correct(&client, &booking, &typo(1)).await;
    assert_eq!(refused.problem(), nobody);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(ticket::mark_flown(&mut conn, &app.clock).await.unwrap(), 2);
    let refused = correct(&client, &booking, &typo(1)).await;
    assert_eq!(refused.problem(), nobody);
    // The way back is still to be flown.
    let corrected = correct_by_staff(&desk, &booking, &typo(1)).await;
    assert_eq!(corrected.status.as_u16(), 200, "{corrected:?}");
    assert_consistent(&pool).await;
    app.clock.advance(Duration::days(2));
    let back = json!([{ "passenger_id": id(&booking, 1), "last_name": "Nguyễn" }]);
    let refused = correct_by_staff(&desk, &booking, &back).await;
    assert_eq!(refused.wrong_fields(), [flown]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nobody_becomes_somebody_who_is_on_the_flight_already(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let booking = booked(&app, &pool, &client, 2).await;
    let offer = client.offer(1).await["offer_id"].clone();
    let mut people = grown_ups(1);
    people[0]["first_name"] = json!("Linh C");
    let body = json!({ "offers": [offer], "passengers": people, "contact": trip::contact() });
    let elsewhere = client.post("/v1/bookings", &body).await;
    assert_eq!(elsewhere.status.as_u16(), 201, "{elsewhere:?}");
    let wishes = json!([
        { "passenger_id": id(&booking, 0), "first_name": "Lin A" },
        { "passenger_id": id(&booking, 1), "first_name": "Linh C" },
    ]);
    for refused in [
        correct(&client, &booking, &wishes).await,
        correct_by_staff(&desk, &booking, &wishes).await,
    ] {
        assert_eq!(refused.problem(), (409, "duplicate_passenger"));
        assert_eq!(refused.body["booking_ref"], elsewhere.body["booking_ref"]);
        assert!(refused.text.contains("passengers[1]"), "{refused:?}");
    }
    assert_eq!(client.booking(&booking).await, booking);
    // Within a booking two people of one name are two people, as when it was made.
    let twins = json!([{ "passenger_id": id(&booking, 1), "first_name": "Linh A" }]);
    let corrected = correct(&client, &booking, &twins).await;
    assert_eq!(corrected.status.as_u16(), 200, "{corrected:?}");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn ten_corrections_at_once_make_one(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = booked(&app, &pool, &client, 1).await;
    let wishes: Vec<_> = ('a'..='j')
        .map(|letter| json!([{ "passenger_id": id(&booking, 0), "last_name": format!("Nguyễn{letter}") }]))
        .collect();
    let all = join_all(wishes.iter().map(|wish| correct(&client, &booking, wish))).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        all.iter().partition(|answer| answer.status.as_u16() == 200);
    assert_eq!(done.len(), 1, "{all:?}");
    for answer in refused {
        assert_eq!(answer.problem(), (409, "correction_unavailable"));
    }
    assert_eq!(names(&client.booking(&booking).await), names(&done[0].body));
    for (what, query) in [
        ("correction", "select count(*) from name_correction"),
        (
            "event",
            "select count(*) from booking_event where kind = 'name_corrected'",
        ),
        ("revision", "select count(*) from document_revision"),
    ] {
        assert_eq!(trip::count(&pool, query).await, 1, "{what}");
    }
    assert_consistent(&pool).await;

    // A repeated request with its key is the first one.
    let other = booked_alone(&app, &pool, &client).await;
    let path = format!("/v1/bookings/{}/name-corrections", reference(&other));
    let once = json!({ "passengers": [{ "passenger_id": id(&other, 0), "last_name": "Nguyen" }] });
    for replayed in ["", "true"] {
        let answer = client.post_once(&path, "one", &once).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.header("idempotent-replayed"), replayed);
    }
}

/// Another paid booking of somebody else on a flight of the same day.
async fn booked_alone(app: &TestApp, pool: &PgPool, client: &Client<'_>) -> Value {
    let later = trip::fly(pool, "AI", "105", ["DEL", "BOM"], "2026-12-20T18:00:00").await;
    let offer = client.offer_of(&[later], adults(1)).await;
    buy(app, pool, client, &[offer], &grown_ups(1)).await
}
