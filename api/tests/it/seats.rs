//! The seat map, who sits where, and other seats for a paid booking.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::ids::FlightId;
use flightdesk_core::inventory::Seat;
use flightdesk_core::payment::Settlement;
use flightdesk_core::seat;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::payments::{paid, session, settle};
use crate::support::{Answer, Client, Send, TestApp};
use crate::trip::{self, passenger, reference};

async fn map(client: &Client<'_>, flight: FlightId, query: &str) -> Answer {
    client
        .get(&format!("/v1/flights/{}/seat-map{query}", flight.0))
        .await
}

/// The seats of a map with a property, in order.
fn seats(map: &Answer, is: impl Fn(&Value) -> bool) -> Vec<String> {
    map.body["cabins"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|cabin| cabin["rows"].as_array().unwrap())
        .flat_map(|row| row["seats"].as_array().unwrap())
        .filter(|seat| is(seat))
        .map(|seat| seat["seat"].as_str().unwrap().to_owned())
        .collect()
}

/// Holds the first offer of a fare family with exact seats.
pub async fn hold_seats(
    client: &Client<'_>,
    flight: FlightId,
    family: &str,
    wanted: &[&str],
) -> Answer {
    let found = client
        .get(&format!(
            "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&adults={}&fare_family={family}",
            wanted.len()
        ))
        .await;
    let seats: Vec<_> = wanted
        .iter()
        .map(|seat| json!({ "flight_id": flight.0, "seat": seat }))
        .collect();
    let offer = &found.body["offers"][0]["offer_id"];
    client
        .post("/v1/holds", &json!({ "offers": [offer], "seats": seats }))
        .await
}

/// Books a party of one offer and pays for it.
pub async fn buy(app: &TestApp, pool: &PgPool, client: &Client<'_>, people: &[Value]) -> Value {
    let children = people.iter().filter(|p| is_child(p)).count();
    let found = client
        .get(&format!(
            "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&adults={}&children={children}",
            people.len() - children
        ))
        .await;
    let offer = &found.body["offers"][0]["offer_id"];
    let body = json!({ "offers": [offer], "passengers": people, "contact": trip::contact() });
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    pay(app, pool, client, &booked.body).await
}

fn is_child(person: &Value) -> bool {
    person["date_of_birth"].as_str().unwrap() > "2014-12-20"
}

/// Opens the payment and settles it.
pub async fn pay(app: &TestApp, pool: &PgPool, client: &Client<'_>, booking: &Value) -> Value {
    let opened = client.open_payment(booking).await;
    assert_eq!(opened.status.as_u16(), 201, "{opened:?}");
    let settled = settle(app, &paid(&session(app, pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    client.booking(booking).await
}

/// Everybody's seat on the first flight.
pub fn seats_of(booking: &Value) -> Vec<String> {
    let people = booking["passengers"].as_array().unwrap();
    people
        .iter()
        .filter_map(|person| Some(person["seats"][0]["seat"].as_str()?.to_owned()))
        .collect()
}

/// Asks for other seats on the first flight.
pub async fn change(client: &Client<'_>, booking: &Value, wishes: &[(usize, &str)]) -> Answer {
    let flight = &booking["directions"][0]["flights"][0]["flight_id"];
    let seats: Vec<_> = wishes
        .iter()
        .map(|(who, seat)| json!({ "passenger_id": booking["passengers"][who]["id"], "flight_id": flight, "seat": seat }))
        .collect();
    client
        .request(
            Method::PUT,
            &format!("/v1/bookings/{}/seats", reference(booking)),
        )
        .json(&json!({ "seats": seats }))
        .answer()
        .await
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_map_says_what_is_free_and_what_choosing_it_costs(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let empty = map(&client, flight, "?cabin=economy&fare_family=light").await;
    assert_eq!(empty.status.as_u16(), 200, "{empty:?}");
    assert_eq!(seats(&empty, |seat| seat["status"] == "free").len(), 180);
    let priced = |price: &str| seats(&empty, |seat| seat["price"]["amount"] == price);
    assert_eq!(priced("600.00").len(), 18, "three preferred rows");
    let exits = seats(&empty, |seat| seat["exit"] == true);
    assert_eq!(priced("900.00"), exits);
    assert!(!exits.is_empty());
    let free = map(&client, flight, "?fare_family=flex").await;
    assert_eq!(
        seats(&free, |seat| seat["price"]["amount"] == "0.00").len(),
        180
    );

    let held = hold_seats(&client, flight, "standard", &["20A"]).await;
    assert_eq!(held.status.as_u16(), 201, "{held:?}");
    let booked = client
        .post("/v1/bookings", &trip::booking_of(&held.body))
        .await;
    seat::block(
        &mut pool.acquire().await.unwrap(),
        flight,
        Seat {
            row: 21,
            letter: 'B',
        },
    )
    .await
    .unwrap();
    let status = async |of: &str| {
        let map = map(&client, flight, "?cabin=economy").await;
        seats(&map, |seat| seat["status"] == of)
    };
    assert_eq!(status("held").await, ["20A"]);
    assert_eq!(status("blocked").await, ["21B"]);
    pay(&app, &pool, &client, &booked.body).await;
    assert_eq!(status("taken").await, ["20A"]);

    let blocked = hold_seats(&client, flight, "standard", &["21B"]).await;
    assert_eq!(blocked.wrong_fields(), ["seats[0].seat: blocked"]);
    let unknown = map(&client, flight, "?cabin=attic").await;
    assert_eq!(unknown.wrong_fields(), ["cabin: unknown"]);
    let nowhere = map(&client, FlightId::new(), "").await;
    assert_eq!(nowhere.problem(), (404, "not_found"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_chosen_seat_is_a_line_of_the_price_unless_the_family_gives_it(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    for (family, wanted, fee) in [
        ("light", ["20A", "1C"], "850.00"),
        ("standard", ["20B", "1D"], "600.00"),
        ("flex", ["20C", "1E"], "0.00"),
    ] {
        let held = hold_seats(&client, flight, family, &wanted).await;
        assert_eq!(held.status.as_u16(), 201, "{held:?}");
        let lines = held.body["price"]["lines"].as_array().unwrap();
        let minor = |line: &Value| {
            let amount = line["amount"]["amount"].as_str().unwrap().replace('.', "");
            amount.parse::<i64>().unwrap()
        };
        let seats: i64 = lines
            .iter()
            .filter(|line| line["kind"] == "seat")
            .map(minor)
            .sum();
        assert_eq!(
            format!("{}.{:02}", seats / 100, seats % 100),
            fee,
            "{family}"
        );
        let all: i64 = lines.iter().map(minor).sum();
        let total = held.body["price"]["total"]["amount"].as_str().unwrap();
        assert_eq!(total.replace('.', ""), all.to_string());
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_family_sits_together_and_its_child_beside_an_adult(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let people = [
        passenger("Mai", "1990-05-17"),
        passenger("Bao", "2018-02-01"),
        passenger("Long", "1988-01-09"),
    ];
    let booking = buy(&app, &pool, &client, &people).await;
    assert_eq!(seats_of(&booking), ["1B", "1A", "1C"]);
    let reasons: Vec<_> = (0..3)
        .map(|who| booking["passengers"][who]["seats"][0]["reason"].clone())
        .collect();
    assert_eq!(reasons, ["together", "together", "together"]);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_child_is_refused_when_only_exit_rows_are_left_and_else_somebody_moves(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    // All but two ordinary seats are blocked: those of row 1, A and B.
    sqlx::query(
        "insert into passenger_seat (flight_id, seat_row, letter, reason)
         select $1, seat_row, letter, 'blocked' from seat_layout
         where aircraft = '32N' and cabin = 'economy' and not exit_row and not (seat_row = 1 and letter in ('A', 'B'))",
    )
    .bind(flight.0)
    .execute(&pool)
    .await
    .unwrap();
    trip::leave_seats(&pool, flight, 8).await;
    let alone = buy(&app, &pool, &other, &[passenger("Kim", "1990-05-17")]).await;
    assert_eq!(seats_of(&alone), ["1A"]);
    let mother = [
        passenger("Mai", "1990-05-17"),
        passenger("Bao", "2018-02-01"),
    ];
    let family = buy(&app, &pool, &client, &mother).await;
    assert_eq!(seats_of(&family)[1], "1B");
    let again = [passenger("Vy", "1991-05-17"), passenger("An", "2019-02-01")];
    let second = buy(&app, &pool, &client, &again).await;
    assert_eq!(
        seats_of(&second)[1],
        "1A",
        "the one who travels alone moved"
    );
    let moved = other.booking(&alone).await;
    assert_ne!(seats_of(&moved), ["1A"]);
    assert_eq!(moved["documents"][0]["revision"], 2);

    let found = client
        .get("/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&adults=1&children=1")
        .await;
    let offer = &found.body["offers"][0]["offer_id"];
    let refused = client
        .post("/v1/holds", &json!({ "offers": [offer] }))
        .await;
    assert_eq!(refused.problem(), (409, "only_exit_rows_left"));
    let taken = "select count(*) from passenger_seat where passenger_id is not null";
    assert_eq!(
        trip::count(&pool, taken).await,
        5,
        "nobody was left without a seat"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_that_costs_no_more_is_changed_at_once_and_the_ticket_is_made_anew(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let people = [
        passenger("Mai", "1990-05-17"),
        passenger("Long", "1988-01-09"),
    ];
    let booking = buy(&app, &pool, &client, &people).await;
    assert_eq!(seats_of(&booking), ["1A", "1B"]);
    let numbers = |booking: &Value| {
        (0..2)
            .map(|who| booking["passengers"][who]["ticket_number"].clone())
            .collect::<Vec<_>>()
    };
    let changed = change(&client, &booking, &[(0, "20A"), (1, "20B")]).await;
    assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
    assert_eq!(seats_of(&changed.body), ["20A", "20B"]);
    assert_eq!(changed.body["documents"][0]["revision"], 2);
    assert_eq!(numbers(&changed.body), numbers(&booking));
    let swapped = change(&client, &booking, &[(0, "20B"), (1, "20A")]).await;
    assert_eq!(seats_of(&swapped.body), ["20B", "20A"], "two change places");

    let wrong = change(&client, &booking, &[(0, "99Z"), (1, "20A"), (1, "20A")]).await;
    assert_eq!(
        wrong.wrong_fields(),
        ["seats[2].seat: duplicate", "seats[0].seat: no_such_seat"]
    );
    let stranger = app.sign_up().await;
    let hidden = change(&stranger, &booking, &[(0, "21A")]).await;
    assert_eq!(hidden.problem(), (404, "not_found"));
    app.clock
        .advance(Duration::days(30) - Duration::minutes(4 * 60 + 30));
    let late = change(&client, &booking, &[(0, "21A")]).await;
    assert_eq!(late.problem(), (409, "too_late"));
    assert_eq!(trip::counters(&pool, flight).await, (0, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dearer_seat_is_held_until_its_difference_is_paid(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let booking = buy(&app, &pool, &client, &[passenger("Mai", "1990-05-17")]).await;
    let waiting = change(&client, &booking, &[(0, "2C")]).await;
    assert_eq!(waiting.status.as_u16(), 200, "{waiting:?}");
    assert_eq!(waiting.body["seat_change"]["amount"]["amount"], "600.00");
    assert_eq!(
        seats_of(&waiting.body),
        ["1A"],
        "the old seat stays until then"
    );
    let taken = hold_seats(&other, flight, "standard", &["2C"]).await;
    assert_eq!(taken.problem(), (409, "seat_taken"));

    let done = pay(&app, &pool, &client, &booking).await;
    assert_eq!(seats_of(&done), ["2C"]);
    assert_eq!(done["seat_change"], Value::Null);
    let minor = |amount: &Value| {
        amount["amount"]
            .as_str()
            .unwrap()
            .replace('.', "")
            .parse::<i64>()
            .unwrap()
    };
    let (before, after) = (
        minor(&booking["price"]["total"]),
        minor(&done["price"]["total"]),
    );
    assert_eq!(after - before, 60_000);
    assert_eq!(minor(&done["payment"]["amount_paid"]), after);
    assert_eq!(done["documents"][0]["revision"], 2);
    let listed = client
        .get(&format!(
            "/v1/bookings/{}/documents",
            trip::reference(&booking)
        ))
        .await;
    let documents = listed.body["data"].as_array().unwrap();
    let superseded: Vec<_> = documents
        .iter()
        .map(|document| {
            (
                &document["kind"],
                document["superseded"][0]["revision"].as_i64(),
            )
        })
        .collect();
    assert_eq!(
        superseded,
        [
            (&json!("ticket"), Some(1)),
            (&json!("invoice"), None),
            (&json!("invoice"), None)
        ]
    );
    let difference: i64 = sqlx::query_scalar(
        "select sum(amount_minor)::bigint from price_line where invoice_id = $1::uuid",
    )
    .bind(documents[2]["id"].as_str().unwrap())
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(difference, 60_000);
    // A cheaper one gives nothing back; the way up again is paid already.
    assert_eq!(
        seats_of(&change(&client, &booking, &[(0, "20A")]).await.body),
        ["20A"]
    );
    let up = change(&client, &booking, &[(0, "3A")]).await;
    assert_eq!(
        (seats_of(&up.body), &up.body["seat_change"]),
        (vec!["3A".to_owned()], &Value::Null)
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dearer_seat_that_nobody_pays_goes_back_and_late_money_for_it_too(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let booking = buy(&app, &pool, &client, &[passenger("Mai", "1990-05-17")]).await;
    change(&client, &booking, &[(0, "2C")]).await;
    assert_eq!(client.open_payment(&booking).await.status.as_u16(), 201);
    let open = session(&app, &pool).await;
    app.clock.advance(Duration::minutes(34));
    booking::sweep_changes(&pool, &app.clock).await.unwrap();
    app.clock.advance(Duration::minutes(2));
    booking::sweep_changes(&pool, &app.clock).await.unwrap();
    assert_eq!(client.booking(&booking).await["seat_change"], Value::Null);
    let taken = hold_seats(&other, flight, "standard", &["2C"]).await;
    assert_eq!(taken.status.as_u16(), 201, "{taken:?}");

    assert_eq!(settle(&app, &paid(&open)).await, Settlement::Refunding);
    let after = client.booking(&booking).await;
    assert_eq!(seats_of(&after), ["1A"]);
    assert_eq!(after["payment"]["amount_refunded"]["amount"], "600.00");
    assert_eq!(after["price"]["total"], booking["price"]["total"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_aircraft_seats_those_anew_whose_seat_it_lacks(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let people = [
        passenger("Mai", "1990-05-17"),
        passenger("Long", "1988-01-09"),
    ];
    let booking = buy(&app, &pool, &client, &people).await;
    change(&client, &booking, &[(0, "20E"), (1, "20F")]).await;
    let mut tx = pool.begin().await.unwrap();
    // An ATR has four seats a row: A, C, D, F.
    let swapped = booking::swap_aircraft(&mut tx, &app.clock, flight, "AT7")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(swapped.kept + swapped.moved, 2);
    assert!(swapped.moved >= 1);
    let after = client.booking(&booking).await;
    let seats = seats_of(&after);
    let map = map(&client, flight, "").await;
    assert_eq!(self::seats(&map, |seat| seat["status"] == "taken"), {
        let mut sorted = seats.clone();
        sorted.sort();
        sorted
    });
    assert_eq!(after["documents"][0]["revision"], 3);
    let reasons: Vec<_> = (0..2)
        .map(|who| after["passengers"][who]["seats"][0]["reason"].clone())
        .collect();
    assert!(reasons.contains(&json!("aircraft_change")), "{reasons:?}");
    let mut tx = pool.begin().await.unwrap();
    assert!(
        booking::swap_aircraft(&mut tx, &app.clock, flight, "XXX")
            .await
            .is_err()
    );
    drop(tx);
    assert_consistent(&pool).await;
}
