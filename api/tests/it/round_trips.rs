//! Round trips: one journey, one reference, one payment, a ticket an airline.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::fixtures::load_small;
use flightdesk_core::ids::FlightId;
use flightdesk_core::payment::Settlement;
use flightdesk_core::trade::Party;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::support::{Answer, Client, TestApp};
use crate::trip::{self, adults, fly, grown_ups};

/// DEL to BOM on the 20th, and back on the 22nd.
async fn round_trip_of(pool: &PgPool, airlines: [&str; 2]) -> [FlightId; 2] {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    [
        fly(
            pool,
            airlines[0],
            "101",
            ["DEL", "BOM"],
            "2026-12-20T08:00:00",
        )
        .await,
        fly(
            pool,
            airlines[1],
            "102",
            ["BOM", "DEL"],
            "2026-12-22T08:00:00",
        )
        .await,
    ]
}

async fn hold(client: &Client<'_>, offers: &[String]) -> Answer {
    client.post("/v1/holds", &json!({ "offers": offers })).await
}

async fn book(client: &Client<'_>, offers: &[String], passengers: &[Value]) -> Answer {
    let body = json!({ "offers": offers, "passengers": passengers, "contact": trip::contact() });
    client.post("/v1/bookings", &body).await
}

/// Pays what is open and settles it.
async fn pay(app: &TestApp, pool: &PgPool, client: &Client<'_>, booking: &Value) -> Settlement {
    open(client, booking).await;
    settle(app, &paid(&session(app, pool).await)).await
}

/// (held, sold) of economy on each flight.
async fn counters<const N: usize>(pool: &PgPool, flights: [FlightId; N]) -> [(i32, i32); N] {
    let mut all = [(0, 0); N];
    for (counters, flight) in all.iter_mut().zip(flights) {
        *counters = trip::counters(pool, flight).await;
    }
    all
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_round_trip_on_one_airline_is_one_price_one_payment_and_one_ticket(pool: PgPool) {
    let [out, back] = round_trip_of(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(2)).await;
    let held = hold(&client, &offers).await;
    assert_eq!(held.status.as_u16(), 201, "{held:?}");
    assert_eq!(counters(&pool, [out, back]).await, [(2, 0), (2, 0)]);
    let lines = held.body["price"]["lines"].as_array().unwrap();
    let fees = lines.iter().filter(|line| line["kind"] == "fee").count();
    assert_eq!(fees, 1, "the fee of a booking is charged once");

    let body = json!({ "hold_id": held.body["id"], "passengers": grown_ups(2), "contact": trip::contact() });
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    assert_eq!(booked.body["price"]["total"], held.body["price"]["total"]);
    assert_eq!(
        pay(&app, &pool, &client, &booked.body).await,
        Settlement::Confirmed
    );
    assert_eq!(counters(&pool, [out, back]).await, [(0, 2), (0, 2)]);

    let booking = client.booking(&booked.body).await;
    let directions = booking["directions"].as_array().unwrap();
    let flights: Vec<_> = directions
        .iter()
        .map(|direction| {
            (
                &direction["direction"],
                &direction["flights"][0]["flight_id"],
            )
        })
        .collect();
    assert_eq!(
        flights,
        [
            (&json!("departing"), &json!(out.0)),
            (&json!("returning"), &json!(back.0))
        ]
    );
    for passenger in booking["passengers"].as_array().unwrap() {
        assert_eq!(passenger["seats"].as_array().unwrap().len(), 2);
        assert_eq!(passenger["ticket_numbers"].as_array().unwrap().len(), 1);
    }
    assert_eq!(kinds(&booking), ["ticket", "invoice"]);
    assert_eq!(
        trip::count(&pool, "select count(*) from ticket_coupon").await,
        4
    );
    assert_eq!(trip::count(&pool, "select count(*) from payment").await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_airlines_issue_a_ticket_and_a_document_each_departing_first(pool: PgPool) {
    // British Airways' 125 comes after Air India's 098: numbers stand in the order of travel, not of codes.
    let [out, back] = round_trip_of(&pool, ["BA", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booked = book(&client, &offers, &grown_ups(1)).await.body;
    pay(&app, &pool, &client, &booked).await;
    let booking = client.booking(&booked).await;
    let numbers: Vec<_> = booking["passengers"][0]["ticket_numbers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_str().unwrap().get(..4).unwrap())
        .collect();
    assert_eq!(numbers, ["125-", "098-"]);
    assert_eq!(
        booking["passengers"][0]["ticket_number"],
        booking["passengers"][0]["ticket_numbers"][0]
    );
    let mut airlines: Vec<_> = booking["documents"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|document| document["airline"].as_str())
        .collect();
    airlines.sort_unstable();
    assert_eq!(airlines, ["AI", "BA"]);
    assert_consistent(&pool).await;
}

/// BLR to LHR over DEL and DXB, and back.
async fn long_way(pool: &PgPool) -> [FlightId; 6] {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    [
        fly(pool, "AI", "1", ["BLR", "DEL"], "2026-12-20T06:00:00").await,
        fly(pool, "AI", "2", ["DEL", "DXB"], "2026-12-20T12:00:00").await,
        fly(pool, "LH", "3", ["DXB", "LHR"], "2026-12-20T18:00:00").await,
        fly(pool, "AI", "4", ["LGW", "DXB"], "2026-12-27T06:00:00").await,
        fly(pool, "AI", "5", ["DXB", "DEL"], "2026-12-27T18:00:00").await,
        fly(pool, "AI", "6", ["DEL", "BLR"], "2026-12-28T06:00:00").await,
    ]
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn six_flights_on_one_airline_take_two_consecutive_numbers_on_one_document(pool: PgPool) {
    let flights = long_way(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client
        .offers_of(&flights[..3], &flights[3..], adults(10))
        .await;
    let booked = book(&client, &offers, &grown_ups(10)).await.body;
    assert_eq!(counters(&pool, flights).await, [(10, 0); 6]);
    assert_eq!(
        pay(&app, &pool, &client, &booked).await,
        Settlement::Confirmed
    );
    assert_eq!(counters(&pool, flights).await, [(0, 10); 6]);
    let booking = client.booking(&booked).await;
    for passenger in booking["passengers"].as_array().unwrap() {
        let document = |index: usize| -> u64 {
            let number = passenger["ticket_numbers"][index].as_str().unwrap();
            number[4..14].parse().unwrap()
        };
        assert_eq!(document(1), document(0) + 1);
        assert_eq!(passenger["seats"].as_array().unwrap().len(), 6);
    }
    assert_eq!(kinds(&booking), ["ticket", "invoice"]);
    assert_eq!(
        trip::count(&pool, "select count(*) from ticket_coupon").await,
        60
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_offers_that_are_no_journey_are_refused_by_name(pool: PgPool) {
    let [out, back] = round_trip_of(&pool, ["AI", "AI"]).await;
    let add = async |number, route, departs| fly(&pool, "AI", number, route, departs).await;
    let before = add("103", ["BOM", "DEL"], "2026-12-19T08:00:00").await;
    let hasty = add("104", ["BOM", "DEL"], "2026-12-20T10:29:00").await;
    let in_time = add("105", ["BOM", "DEL"], "2026-12-20T10:30:00").await;
    let elsewhere = add("106", ["BLR", "DEL"], "2026-12-22T08:00:00").await;
    let onward = add("107", ["BOM", "BLR"], "2026-12-22T08:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    for (back, wrong) in [
        (vec![before], vec!["offers[1]: returns_too_early"]),
        (vec![hasty], vec!["offers[1]: connection_too_short"]),
        (vec![elsewhere], vec!["offers[1]: does_not_go_back"]),
        (vec![onward], vec!["offers[1]: does_not_go_back"]),
        (
            vec![out],
            vec![
                "offers[1]: same_flight",
                "offers[1]: returns_too_early",
                "offers[1]: does_not_go_back",
                "offers[1]: does_not_go_back",
            ],
        ),
    ] {
        let offers = client.offers_of(&[out], &back, adults(1)).await;
        assert_eq!(hold(&client, &offers).await.wrong_fields(), wrong);
        let booked = book(&client, &offers, &grown_ups(1)).await;
        assert_eq!(booked.wrong_fields(), wrong);
    }
    let offers = [
        client.offer_of(&[out], adults(2)).await,
        client.offer_of(&[back], adults(1)).await,
    ];
    assert_eq!(
        hold(&client, &offers).await.wrong_fields(),
        ["offers[1]: party_mismatch"]
    );
    assert_eq!(trip::count(&pool, "select count(*) from hold").await, 0);

    let open_jaw = json!({ "offers": client.offers_of(&[out], &[elsewhere], adults(1)).await, "open_jaw": true });
    assert_eq!(
        client.post("/v1/holds", &open_jaw).await.status.as_u16(),
        201
    );
    let just = client.offers_of(&[out], &[in_time], adults(1)).await;
    assert_eq!(hold(&client, &just).await.status.as_u16(), 201);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_full_return_takes_nothing_of_the_departing_direction(pool: PgPool) {
    let [out, back] = round_trip_of(&pool, ["AI", "AI"]).await;
    trip::leave_seats(&pool, back, 3).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(4)).await;
    assert_eq!(hold(&client, &offers).await.problem(), (409, "sold_out"));
    let booked = book(&client, &offers, &grown_ups(4)).await;
    assert_eq!(booked.problem(), (409, "sold_out"));
    assert_eq!(counters(&pool, [out, back]).await, [(0, 0), (0, 0)]);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_turns_twelve_between_out_and_return_is_an_adult(pool: PgPool) {
    let [out, back] = round_trip_of(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let party = [
        trip::passenger("Linh", "1990-05-17"),
        trip::passenger("Mai", "2014-12-21"),
    ];
    let with_child = Party {
        children: 1,
        ..adults(1)
    };
    let offers = client.offers_of(&[out], &[back], with_child).await;
    let refused = book(&client, &offers, &party).await;
    assert_eq!(
        refused.wrong_fields(),
        ["passengers: passenger_type_mismatch"]
    );
    let offers = client.offers_of(&[out], &[back], adults(2)).await;
    let booked = book(&client, &offers, &party).await;
    assert_eq!(booked.body["passengers"][1]["type"], "adult", "{booked:?}");
    let one_way = [client.offer_of(&[out], with_child).await];
    let others = [
        trip::passenger("Anna", "1990-05-17"),
        trip::passenger("Berta", "2014-12-21"),
    ];
    let booked = book(&client, &one_way, &others).await;
    assert_eq!(booked.body["passengers"][1]["type"], "child", "{booked:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_unpaid_round_trip_gives_both_directions_back(pool: PgPool) {
    let [out, back] = round_trip_of(&pool, ["AI", "BA"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(3)).await;
    let first = book(&client, &offers, &grown_ups(3)).await.body;
    let path = format!("/v1/bookings/{}/cancellations", trip::reference(&first));
    assert_eq!(client.post(&path, &json!({})).await.status.as_u16(), 200);
    assert_eq!(counters(&pool, [out, back]).await, [(0, 0), (0, 0)]);
    // The same people may book the same flights again at once, and again when that has expired.
    let second = book(&client, &offers, &grown_ups(3)).await;
    assert_eq!(second.status.as_u16(), 201, "{second:?}");
    assert_consistent(&pool).await;
    app.clock.advance(Duration::minutes(15));
    assert_eq!(booking::sweep_due(&pool, &app.clock).await.unwrap(), 1);
    assert_eq!(counters(&pool, [out, back]).await, [(0, 0), (0, 0)]);
    let offers = client.offers_of(&[out], &[back], adults(3)).await;
    let third = book(&client, &offers, &grown_ups(3)).await;
    assert_eq!(third.status.as_u16(), 201, "{third:?}");
    assert_consistent(&pool).await;
}

/// A paid session of a round trip that has expired meanwhile, and its booking.
async fn late(
    app: &TestApp,
    pool: &PgPool,
    client: &Client<'_>,
    flights: [FlightId; 2],
) -> (flightdesk_core::payment::stripe::CheckoutSession, Value) {
    let offers = client
        .offers_of(&flights[..1], &flights[1..], adults(2))
        .await;
    let booked = book(client, &offers, &grown_ups(2)).await.body;
    open(client, &booked).await;
    let session = paid(&session(app, pool).await);
    app.clock.advance(Duration::minutes(33));
    booking::sweep_due(pool, &app.clock).await.unwrap();
    assert_eq!(counters(pool, flights).await, [(0, 0), (0, 0)]);
    (session, booked)
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_gets_both_directions_again(pool: PgPool) {
    let flights = round_trip_of(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (session, booked) = late(&app, &pool, &client, flights).await;
    assert_eq!(settle(&app, &session).await, Settlement::ConfirmedLate);
    assert_eq!(counters(&pool, flights).await, [(0, 2), (0, 2)]);
    let late = client.booking(&booked).await["late_payment"]["resolution"].clone();
    assert_eq!(late, "same_seats");
    assert_consistent(&pool).await;
}

/// What happens meanwhile, so that late money cannot confirm.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    ReturnFull,
    ReturnCancelled,
    BookedAgain,
}

async fn goes_back_whole(pool: PgPool, meanwhile: Meanwhile) {
    let [out, back] = round_trip_of(&pool, ["AI", "BA"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (session, booked) = late(&app, &pool, &client, [out, back]).await;
    let mut held = [(0, 0), (0, 0)];
    match meanwhile {
        Meanwhile::ReturnFull => trip::leave_seats(&pool, back, 1).await,
        Meanwhile::ReturnCancelled => cancel(&pool, back).await,
        Meanwhile::BookedAgain => {
            let offer = [client.offer_of(&[back], adults(2)).await];
            let again = book(&client, &offer, &grown_ups(2)).await;
            assert_eq!(again.status.as_u16(), 201, "{again:?}");
            held[1].0 = 2;
        }
    }
    assert_eq!(settle(&app, &session).await, Settlement::Refunding);
    assert_eq!(settle(&app, &session).await, Settlement::AlreadySettled);
    assert_eq!(counters(&pool, [out, back]).await, held);
    let now = client.booking(&booked).await;
    assert_eq!(
        (&now["status"], &now["late_payment"]["resolution"]),
        (&json!("expired"), &json!("refunded"))
    );
    assert_eq!(now["payment"]["amount_refunded"], now["price"]["total"]);
    assert_eq!(trip::count(&pool, "select count(*) from refund").await, 1);
    assert_eq!(trip::count(&pool, "select count(*) from ticket").await, 0);
    assert_consistent(&pool).await;
}

async fn cancel(pool: &PgPool, flight: FlightId) {
    sqlx::query("update flight set status = 'cancelled' where id = $1")
        .bind(flight.0)
        .execute(pool)
        .await
        .unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_goes_back_whole_when_the_return_is_full(pool: PgPool) {
    goes_back_whole(pool, Meanwhile::ReturnFull).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_goes_back_whole_when_the_return_is_cancelled(pool: PgPool) {
    goes_back_whole(pool, Meanwhile::ReturnCancelled).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_goes_back_whole_when_the_party_has_booked_the_return_again(pool: PgPool) {
    goes_back_whole(pool, Meanwhile::BookedAgain).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_in_time_for_a_flight_that_was_cancelled_goes_back(pool: PgPool) {
    let [out, back] = round_trip_of(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let booked = book(&client, &offers, &grown_ups(1)).await.body;
    cancel(&pool, back).await;
    assert_eq!(
        pay(&app, &pool, &client, &booked).await,
        Settlement::Refunding
    );
    assert_eq!(counters(&pool, [out, back]).await, [(0, 0), (0, 0)]);
    assert_eq!(client.booking(&booked).await["status"], "expired");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_person_is_booked_on_a_flight_once(pool: PgPool) {
    let [out, back] = round_trip_of(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let offers = client.offers_of(&[out], &[back], adults(2)).await;
    let twins = [
        trip::passenger("Linh", "1990-05-17"),
        trip::passenger("Linh", "1990-05-17"),
    ];
    let first = book(&client, &offers, &twins).await;
    assert_eq!(
        first.status.as_u16(),
        201,
        "twins are two people: {first:?}"
    );

    // Written otherwise, on the return alone, of a hold: still the same person.
    let offer = [client.offer_of(&[back], adults(2)).await];
    let held = hold(&client, &offer).await.body;
    let mut same = trip::passenger("LÍNH", "1990-05-17");
    same["last_name"] = json!("nguyen");
    let party = json!([trip::passenger("Mai", "1990-05-17"), same]);
    let body = json!({ "hold_id": held["id"], "passengers": party, "contact": trip::contact() });
    let again = client.post("/v1/bookings", &body).await;
    assert_eq!(again.problem(), (409, "duplicate_passenger"));
    assert_eq!(again.body["booking_ref"], first.body["booking_ref"]);
    let detail = again.body["detail"].as_str().unwrap();
    assert!(
        detail.starts_with(
            "LÍNH nguyen (`passengers[1]`) is already on flight AI 102 on 22 December 2026"
        ),
        "{detail}"
    );
    assert_eq!(
        counters(&pool, [out, back]).await,
        [(2, 0), (4, 0)],
        "the hold stays"
    );

    let strangers = other.offers_of(&[out], &[back], adults(2)).await;
    let theirs = book(&other, &strangers, &twins).await;
    assert_eq!(theirs.status.as_u16(), 201, "another account's: {theirs:?}");
    assert_consistent(&pool).await;
}

/// What the documents of a booking are, in their order.
fn kinds(booking: &Value) -> Vec<&str> {
    let documents = booking["documents"].as_array().unwrap().iter();
    documents
        .map(|document| document["kind"].as_str().unwrap())
        .collect()
}
