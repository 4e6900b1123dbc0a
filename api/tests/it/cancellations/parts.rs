//! Some passengers, one direction: who still flies keeps seat and ticket.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::{buy, cancel, flights, quote, rupees};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups, passenger};

/// (direction, status) of a passenger.
fn statuses(booking: &Value, passenger: usize) -> Vec<(String, String)> {
    let directions = booking["passengers"][passenger]["directions"]
        .as_array()
        .unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    directions
        .iter()
        .map(|one| (text(&one["direction"]), text(&one["status"])))
        .collect()
}

fn status_of(booking: &Value, kind: &str) -> Vec<String> {
    let documents = booking["documents"].as_array().unwrap().iter();
    let of_kind = documents.filter(|document| document["kind"] == kind);
    of_kind
        .map(|document| document["status"].as_str().unwrap().to_owned())
        .collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_passenger_leaves_one_direction_and_everybody_else_flies(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(2)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(2)).await;
    let first = &booking["passengers"][0]["id"];

    let left = cancel(
        &client,
        &booking,
        &json!({ "scope": "returning", "passengers": [first] }),
    )
    .await;
    assert_eq!(left["status"], "partially_cancelled");
    assert_eq!(left["directions"][1]["status"], "booked");
    let pair = |direction: &str, status: &str| (direction.to_owned(), status.to_owned());
    assert_eq!(
        statuses(&left, 0),
        [pair("departing", "booked"), pair("returning", "cancelled")]
    );
    assert_eq!(
        statuses(&left, 1),
        [pair("departing", "booked"), pair("returning", "booked")]
    );
    assert_eq!(left["passengers"][0]["seats"].as_array().unwrap().len(), 1);
    assert_eq!(trip::counters(&pool, out).await, (0, 2));
    assert_eq!(trip::counters(&pool, back).await, (0, 1));
    assert_eq!(
        status_of(&left, "ticket"),
        ["queued"],
        "the ticket is made again"
    );
    assert_eq!(
        left["passengers"][0]["ticket_numbers"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_consistent(&pool).await;

    // Both directions are asked for: of the first passenger only the departing one is left.
    let quoted = quote(
        &client,
        &booking,
        &json!({ "scope": "both", "passengers": [first] }),
    )
    .await
    .body;
    let items: Vec<_> = quoted["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["direction"])
        .collect();
    assert_eq!(items, ["departing"]);

    let left = cancel(&client, &booking, &json!({ "scope": "departing" })).await;
    assert_eq!(left["status"], "partially_cancelled");
    assert_eq!(left["directions"][0]["status"], "cancelled");
    assert_eq!(trip::counters(&pool, out).await, (0, 0));
    assert!(
        left["passengers"][0]["ticket_number"].is_null(),
        "nothing is left of it"
    );
    assert_consistent(&pool).await;

    // One direction is left: it need not be named.
    let left = cancel(&client, &booking, &json!({})).await;
    assert_eq!(left["status"], "cancelled");
    assert_eq!(left["payment"]["amount_kept"], rupees("300.00"));
    assert_eq!(status_of(&left, "ticket"), ["void"]);
    let id = left["documents"][0]["id"].as_str().unwrap();
    let file = client.get(&format!("/v1/documents/{id}/download")).await;
    assert_eq!(file.problem(), (409, "document_void"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn on_two_airlines_a_direction_goes_alone_with_its_ticket(pool: PgPool) {
    let [out, back] = flights(&pool, ["BA", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(1)).await;
    let left = cancel(&client, &booking, &json!({ "scope": "departing" })).await;
    let documents = left["documents"].as_array().unwrap();
    let of = |airline: &str| {
        let document = documents
            .iter()
            .find(|document| document["airline"] == airline);
        document.unwrap()["status"].as_str().unwrap()
    };
    assert_eq!((of("BA"), of("AI")), ("void", "queued"));
    let numbers = left["passengers"][0]["ticket_numbers"].as_array().unwrap();
    assert_eq!(numbers.len(), 1);
    assert!(numbers[0].as_str().unwrap().starts_with("098-"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nobody_under_twelve_is_left_alone_and_a_lap_infant_goes_with_its_adult(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let party = flightdesk_core::trade::Party {
        adults: 2,
        children: 1,
        infants: 1,
    };
    let offer = client.offer_of(&[out], party).await;
    let mut people = grown_ups(2);
    people.push(passenger("Bao", "2019-04-04"));
    people.push(passenger("Chi", "2026-03-03"));
    people[3]["adult_index"] = json!(1);
    let booking = buy(&app, &pool, &client, &[offer], &people).await;
    let id = |index: usize| booking["passengers"][index]["id"].clone();

    let refused = quote(&client, &booking, &json!({ "passengers": [id(1)] })).await;
    assert_eq!(refused.wrong_fields(), ["passengers: infant_without_adult"]);
    let said = refused.body["errors"][0]["message"].as_str().unwrap();
    assert!(
        said.contains("Chi Nguyễn") && said.contains("Linh B Nguyễn"),
        "{said}"
    );
    let refused = quote(
        &client,
        &booking,
        &json!({ "passengers": [id(0), id(1), id(3)] }),
    )
    .await;
    assert_eq!(refused.wrong_fields(), ["passengers: child_without_adult"]);
    let said = refused.body["errors"][0]["message"].as_str().unwrap();
    assert!(said.contains("Bao Nguyễn"), "{said}");

    let left = cancel(&client, &booking, &json!({ "passengers": [id(1), id(3)] })).await;
    assert_eq!(left["status"], "partially_cancelled");
    assert_eq!(
        trip::counters(&pool, out).await,
        (0, 2),
        "an infant has no seat"
    );
    assert_consistent(&pool).await;
    // They may book the flight again.
    let offer = client.offer_of(&[out], adults(1)).await;
    let again = json!({ "offers": [offer], "passengers": [people[1]], "contact": trip::contact() });
    assert_eq!(
        client.post("/v1/bookings", &again).await.status.as_u16(),
        201
    );
    let offer = client.offer_of(&[out], adults(1)).await;
    let still = json!({ "offers": [offer], "passengers": [people[0]], "contact": trip::contact() });
    let refused = client.post("/v1/bookings", &still).await;
    assert_eq!(refused.problem(), (409, "duplicate_passenger"));
}
