//! Extra baggage, special requests and travel documents, from the tariff to the booking; and prices that are kept.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip;

fn amounts(booking: &Value, kind: &str) -> Vec<(String, String)> {
    let lines = booking["price"]["lines"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    lines
        .filter(|line| line["kind"] == kind)
        .map(|line| (text(&line["code"]), text(&line["amount"]["amount"])))
        .collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_tariff_is_shown_with_offers_flights_holds_and_bookings(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(1).await;
    let details = client.get(&format!("/v1/flights/{}", flight.0)).await.body;
    let booking = client.book().await;
    for shown in [
        &client.offer(1).await["extra_baggage"],
        &hold["offers"][0]["extra_baggage"],
        &details["cabins"][0]["fares"][0]["extra_baggage"],
        &booking["directions"][0]["extra_baggage"],
    ] {
        let prepaid: Vec<_> = shown["prepaid"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rate| {
                (
                    rate["kg"].as_u64().unwrap(),
                    rate["price"]["amount"].as_str().unwrap(),
                )
            })
            .collect();
        let expected = [
            (3, "1350.00"),
            (5, "2250.00"),
            (10, "4500.00"),
            (15, "6750.00"),
            (20, "9000.00"),
            (30, "13500.00"),
        ];
        assert_eq!(prepaid, expected);
        assert_eq!(shown["airport_per_kg"]["amount"], "550.00");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn bags_are_priced_for_each_passenger_and_kept_with_their_requests_and_documents(
    pool: PgPool,
) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(2).await;
    let mut body = trip::booking_of(&hold);
    // Two people of one name are two people.
    body["passengers"] = json!([
        trip::passenger("Mai", "1990-05-17"),
        trip::passenger("Mai", "1991-05-17")
    ]);
    body["passengers"][1]["baggage"] = json!([{ "direction": "departing", "kg": 10 }]);
    body["passengers"][1]["special_requests"] = json!(["VGML", "wchr"]);
    let document = json!({ "type": "passport", "number": "Z1234567", "country": "IN", "expires_on": "2030-05-17" });
    body["passengers"][1]["travel_document"] = document.clone();
    // What was held is what is charged, whatever the tariff says by now.
    sqlx::query("update baggage_rate set amount_minor = 1")
        .execute(&pool)
        .await
        .unwrap();
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    let booking = client.booking(&booked.body).await;
    assert_eq!(booking, booked.body);
    assert_eq!(
        amounts(&booking, "baggage"),
        [("10kg".to_owned(), "4500.00".to_owned())]
    );
    assert_eq!(booking["price"]["extras"]["amount"], "4500.00");
    let (first, second) = (&booking["passengers"][0], &booking["passengers"][1]);
    assert_eq!(
        (&first["baggage"], &first["special_requests"]),
        (&json!([]), &json!([]))
    );
    assert!(first.get("travel_document").is_none());
    assert_eq!(
        second["baggage"],
        json!([{ "direction": "departing", "kg": 10 }])
    );
    assert_eq!(second["special_requests"], json!(["VGML", "WCHR"]));
    assert_eq!(second["travel_document"], document);
    let line = booking["price"]["lines"]
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["kind"] == "baggage");
    assert_eq!(line.unwrap()["passenger_id"], second["id"]);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_wrong_bag_request_and_document_is_named_at_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let hold = client.hold(1).await;
    let mut body = trip::booking_of(&hold);
    body["contact"]["phone"] = json!("12");
    body["passengers"][0]["baggage"] =
        json!([{ "direction": "departing", "kg": 31 }, { "direction": "returning", "kg": 3 }]);
    let wrong = client.post("/v1/bookings", &body).await;
    assert_eq!(
        wrong.wrong_fields(),
        [
            "passengers[0].baggage[0].kg: unknown_weight",
            "passengers[0].baggage[1].direction: unknown_direction",
            "contact.phone: phone",
        ]
    );
    assert_eq!(
        wrong.body["errors"][0]["message"],
        "one of 3, 5, 10, 15, 20, 30 kg"
    );
    body["passengers"][0]["special_requests"] = json!(["PETC"]);
    body["passengers"][0]["travel_document"] = json!({ "type": "library_card", "number": "1", "country": "QQ", "expires_on": "2026-12-19" });
    assert_eq!(
        client.post("/v1/bookings", &body).await.wrong_fields(),
        [
            "passengers[0].special_requests[0]: unknown",
            "passengers[0].travel_document.type: unknown",
            "passengers[0].travel_document.number: format",
            "passengers[0].travel_document.country: unknown",
            "passengers[0].travel_document.expires_on: expired",
            "passengers[0].baggage[0].kg: unknown_weight",
            "passengers[0].baggage[1].direction: unknown_direction",
            "contact.phone: phone",
        ]
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_valid_offers_price_is_honoured_across_a_load_step(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (offered, held) = (client.offer(1).await, client.hold(1).await);
    assert_eq!(
        amounts(&offered, "base_fare"),
        [("standard".to_owned(), "6000.00".to_owned())]
    );
    sqlx::query("update flight_cabin set sold = 91 where flight_id = $1 and cabin = 'economy'")
        .bind(flight.0)
        .execute(&pool)
        .await
        .unwrap();
    let dearer = client.offer(1).await;
    assert_eq!(
        amounts(&dearer, "base_fare"),
        [("standard".to_owned(), "6900.00".to_owned())]
    );
    let of_hold = client
        .post("/v1/bookings", &trip::booking_of(&held))
        .await
        .body;
    let mut body = trip::booking_of(&held);
    body.as_object_mut().unwrap().remove("hold_id");
    body["offers"] = json!([offered["offer_id"]]);
    body["passengers"][0]["first_name"] = json!("Mai");
    let of_offer = client.post("/v1/bookings", &body).await.body;
    for booking in [of_hold, of_offer] {
        assert_eq!(booking["price"], offered["price"]);
    }
}
