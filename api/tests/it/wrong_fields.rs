//! A caller hears of every wrong field in one answer: of what the schema says, and of what the rules of the trade say.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Client, Send, TestApp, sign_up_form};
use crate::trip::{self, adults, grown_ups, reference};

/// A UUID that names nothing.
const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_sign_up_hears_of_types_and_meanings_at_once(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let wrong = json!({
        "email": "ada@nowhere",
        "password": "password123",
        "first_name": 7,
        "last_name": " ",
        "phone": "0123",
        "nickname": "Ada",
    });
    let answer = app.request(Method::POST, "/v1/accounts").json(&wrong);
    let expected = [
        "email: email",
        "first_name: type",
        "last_name: length",
        "nickname: unknown_field",
        "password: too_common",
        "phone: phone",
    ];
    assert_eq!(answer.answer().await.wrong_fields(), expected);
}

/// Wrong in all of its parts: in shape, in meaning, and by saying too much.
fn wrong_people() -> Value {
    let mut people = json!(grown_ups(3));
    people[0]["gender"] = json!(1);
    people[0]["baggage"] = json!([{ "direction": "back", "kg": "ten" }]);
    people[1]["first_name"] = json!("李");
    people[1]["date_of_birth"] = json!("1790-05-17");
    people[1]["adult_index"] = json!(-1);
    people[1]["special_requests"] = json!(["VGML", 5, "KSML"]);
    people[2]["travel_document"] =
        json!({ "type": "visa", "number": "X1", "country": "QQ", "expires_on": "2026-11-19" });
    people
}

const WRONG_PEOPLE: [&str; 11] = [
    "passengers[0].baggage[0].direction: unknown_direction",
    "passengers[0].baggage[0].kg: type",
    "passengers[0].gender: type",
    "passengers[1].adult_index: minimum",
    "passengers[1].date_of_birth: too_long_ago",
    "passengers[1].first_name: name_script",
    "passengers[1].special_requests[1]: type",
    "passengers[1].special_requests[2]: duplicate",
    "passengers[2].travel_document.country: unknown",
    "passengers[2].travel_document.expires_on: expired",
    "passengers[2].travel_document.number: format",
];

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_booking_hears_of_types_and_meanings_at_once(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let seat = |seat: &str| json!({ "flight_id": NOBODY, "seat": seat });
    let wrong = json!({
        "hold_id": NOBODY,
        "offers": "mine",
        "seats": [seat("1A"), { "seat": 7 }, seat("A1"), seat("1a")],
        "passengers": wrong_people(),
        "contact": { "email": "nowhere", "phone": "+919876543210" },
        "car": "none",
    });
    let answer = client.post("/v1/bookings", &wrong).await;
    let mut expected = vec![
        "car: unknown_field",
        "contact.email: email",
        "hold_id: one_of",
        "offers: type",
    ];
    expected.extend(WRONG_PEOPLE);
    expected.extend([
        "passengers[2].travel_document.type: unknown",
        "seats[1].flight_id: required",
        "seats[1].seat: type",
        "seats[2].seat: format",
        "seats[3].seat: duplicate",
    ]);
    assert_eq!(answer.wrong_fields(), expected);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_change_hears_of_types_and_meanings_at_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let wrong = json!({
        "open_jaw": true,
        "passengers": wrong_people(),
        "contact": { "email": "asha@example.com", "phone": 112, "fax": "1" },
        "expected_total": { "amount": "1.234", "currency": "INR" },
        "seats": [{ "flight_id": NOBODY, "seat": "A1" }],
    });
    let path = format!("/v1/bookings/{}", reference(&booking));
    let answer = client.patch(&path, &wrong).await;
    let mut expected = vec![
        "contact.fax: unknown_field",
        "contact.phone: type",
        "expected_total.amount: format",
        "open_jaw: only_with_offers",
    ];
    expected.extend(WRONG_PEOPLE);
    expected.extend([
        "passengers[2].travel_document.type: unknown",
        "seats[0].seat: format",
    ]);
    assert_eq!(answer.wrong_fields(), expected);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_other_body_hears_of_both_too(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let key = json!({ "name": " ", "expires_at": "2026-11-20T11:59:59Z", "scopes": "all" });
    let key = client.post("/v1/api-keys", &key).await;
    let expected = ["expires_at: in_the_past", "name: length", "scopes: type"];
    assert_eq!(key.wrong_fields(), expected);

    let hold = json!({ "seats": [{ "flight_id": NOBODY, "seat": "A1" }] });
    let hold = client.post("/v1/holds", &hold).await;
    assert_eq!(
        hold.wrong_fields(),
        ["offers: required", "seats[0].seat: format"]
    );

    let coupon = client.post("/v1/coupons/validate", &json!({})).await;
    assert_eq!(coupon.wrong_fields(), ["code: required", "hold_id: one_of"]);

    let path = "/v1/bookings/ABCDEF/payment";
    let urls = json!({ "success_url": "https://elsewhere.example/", "cancel_url": 5 });
    let payment = client.post(path, &urls).await;
    let expected = ["cancel_url: type", "success_url: not_allowed"];
    assert_eq!(payment.wrong_fields(), expected);

    let path = "/v1/bookings/ABCDEF/seats";
    let wish = |seat: Value| json!({ "passenger_id": NOBODY, "flight_id": NOBODY, "seat": seat });
    let seats = json!({ "seats": [wish(json!("A1")), wish(json!(1)), wish(json!("1A")), wish(json!("1B"))] });
    let seats = client
        .request(Method::PUT, path)
        .json(&seats)
        .answer()
        .await;
    let expected = [
        "seats[0].seat: format",
        "seats[1].seat: type",
        "seats[2].seat: duplicate",
        "seats[3].seat: duplicate",
    ];
    assert_eq!(seats.wrong_fields(), expected);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn rules_do_not_speak_of_what_stands_in_for_a_wrong_field(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    for (body, expected) in [
        (json!([]), vec![": type"]),
        (
            json!({ "hold_id": 5, "passengers": "all", "contact": null }),
            vec!["contact: required", "hold_id: type", "passengers: type"],
        ),
        (
            json!({ "hold_id": NOBODY, "passengers": [], "contact": trip::contact() }),
            vec!["passengers: min_items"],
        ),
        (
            json!({ "hold_id": NOBODY, "passengers": [3], "contact": trip::contact() }),
            vec!["passengers[0]: type"],
        ),
        // Of a list that is too long, those are judged that could be in it.
        (
            json!({ "hold_id": NOBODY, "passengers": vec![json!({ "title": "sir" }); 21], "contact": [] }),
            vec!["contact: type", "passengers: max_items"],
        ),
    ] {
        let told = client.post("/v1/bookings", &body).await.wrong_fields();
        let told = told
            .iter()
            .filter(|told| !told.ends_with("required") || told.starts_with("contact"));
        let told: Vec<_> = told
            .filter(|told| !told.ends_with(".title: unknown"))
            .collect();
        assert_eq!(told, expected, "{body}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_rules_themselves_name_everything_at_once(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let mut people = grown_ups(2);
    people[0]["last_name"] = json!("");
    people[1]["baggage"] = json!([{ "direction": "departing", "kg": 4 }]);
    let contact = json!({ "email": "nowhere", "phone": "1" });
    let seats = json!([{ "flight_id": flight.0, "seat": "A1" }]);
    let body = |mut source: Value| {
        source["passengers"] = json!(people);
        source["contact"] = contact.clone();
        source["coupon"] = json!("nobody");
        source
    };
    let told = async |source: Value| {
        client
            .post("/v1/bookings", &body(source))
            .await
            .wrong_fields()
    };

    // Without flights nobody knows which bags are sold.
    let neither = told(json!({ "seats": seats })).await;
    let rest = [
        "seats[0].seat: format",
        "passengers[0].last_name: length",
        "contact.email: email",
        "contact.phone: phone",
        "coupon: unknown",
    ];
    assert_eq!(neither, [&["hold_id: one_of"], &rest[..]].concat());
    let forged = told(json!({ "offers": ["a", "b"], "seats": seats })).await;
    let both = ["offers[0]: offer_invalid", "offers[1]: offer_invalid"];
    assert_eq!(forged, [&both, &rest[..]].concat());
    let mixed = told(json!({ "hold_id": NOBODY, "seats": seats, "open_jaw": true })).await;
    let both = ["seats: not_with_hold", "open_jaw: not_with_hold"];
    assert_eq!(mixed, [&both, &rest[..]].concat());
    let hold = json!({ "offers": ["a"], "seats": seats });
    let hold = client.post("/v1/holds", &hold).await.wrong_fields();
    assert_eq!(hold, ["offers[0]: offer_invalid", "seats[0].seat: format"]);

    // With them, the party is counted although a name is wrong, and the bags are judged.
    let offer = client.offer_of(&[flight], adults(1)).await;
    let known = told(json!({ "offers": [offer], "seats": seats })).await;
    let expected = [
        "seats[0].seat: format",
        "passengers[0].last_name: length",
        "passengers: passenger_type_mismatch",
        "passengers[1].baggage[0].kg: unknown_weight",
        "contact.email: email",
        "contact.phone: phone",
        "coupon: unknown",
    ];
    assert_eq!(known, expected);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_query_hears_of_types_and_meanings_at_once(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let told = async |path: String| client.get(&path).await.wrong_fields();
    let search = "/v1/flights/search?origin=DEL&destination=BOM";
    let four = "adults=0&departure_date=x&departure_window=25:00&max_stops=7";
    let expected = [
        "adults: minimum",
        "departure_date: date",
        "max_stops: out_of_range",
        "departure_window: window",
    ];
    assert_eq!(told(format!("{search}&{four}")).await, expected);
    // What stands in for a parameter is not judged, nor what others are to it.
    let day = "departure_date=2026-12-20";
    let infants = format!("{search}&{day}&adults=x&infants=5&limit=0&sort=sideways");
    let expected = ["adults: type", "limit: minimum", "sort: unknown"];
    assert_eq!(told(infants).await, expected);
    let expected = [
        "departure_date: required",
        "destination: required",
        "origin: repeated",
        "return_date: date",
    ];
    let ends = "/v1/flights/search?origin=DEL&origin=BOM&return_date=y".to_owned();
    assert_eq!(told(ends).await, expected);
    let calendar = "/v1/flights/calendar?origin=QQQ&destination=BOM&departure_date=2026-12-20";
    let expected = ["max_stops: maximum", "origin: unknown_airport"];
    assert_eq!(told(format!("{calendar}&max_stops=2")).await, expected);
    let map = format!(
        "/v1/flights/{}/seat-map?cabin=attic&fare_family=x&deck=2",
        flight.0
    );
    let expected = [
        "deck: unknown_field",
        "cabin: unknown",
        "fare_family: unknown",
    ];
    assert_eq!(told(map).await, expected);
    let list = "/v1/bookings?limit=0&cursor=x".to_owned();
    assert_eq!(told(list).await, ["limit: minimum", "cursor: invalid"]);
    // Whatever the rest is worth, the query is wrong.
    let found = told(format!("{search}&{day}&adults=0")).await;
    assert_eq!(found, ["adults: minimum"]);
    let nowhere = told("/v1/bookings/ABCDEF?verbose=1".to_owned()).await;
    assert_eq!(nowhere, ["verbose: unknown_field"]);
}

/// Any JSON, seldom deep.
fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "",
        "a",
        "12A",
        "VGML",
        "departing",
        "1990-05-17",
        "asha@example.com",
        NOBODY,
        "\0",
        "é\u{301}",
        "-1",
        "INR",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,10}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every place of a value.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                pointers(member, &format!("{at}/{name}"), all);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, &format!("{at}/{index}"), all);
            }
        }
        _ => {}
    }
}

/// A body in order with some places replaced by anything.
fn spoiled(body: &Value, runner: &mut TestRunner) -> Value {
    let spoils = prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..5);
    let spoils = spoils.new_tree(runner).unwrap().current();
    let mut body = body.clone();
    for (index, junk) in spoils {
        let mut places = Vec::new();
        pointers(&body, "", &mut places);
        let place = &places[index.index(places.len())];
        *body.pointer_mut(place).unwrap() = junk;
    }
    body
}

async fn spoil(client: &Client<'_>, method: Method, path: &str, body: &Value) {
    let mut runner = TestRunner::deterministic();
    for _ in 0..60 {
        let body = spoiled(body, &mut runner);
        let answer = client
            .request(method.clone(), path)
            .json(&body)
            .answer()
            .await;
        let status = answer.status.as_u16();
        assert!(status < 500, "{method} {path} {body}: {answer:?}");
        if status == 422 {
            assert!(!answer.wrong_fields().is_empty(), "{body}");
        }
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn no_body_of_any_shape_is_our_fault(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    let offer = client.offer_of(&[flight], adults(2)).await;
    let mut people = grown_ups(2);
    people[1]["baggage"] = json!([{ "direction": "departing", "kg": 3 }]);
    people[1]["special_requests"] = json!(["VGML"]);
    people[0]["travel_document"] = json!({ "type": "passport", "number": "Z123456", "country": "IN", "expires_on": "2030-01-01" });
    let seats = json!([{ "flight_id": flight.0, "seat": "12A" }]);
    let book = json!({ "offers": [offer], "seats": seats, "passengers": people, "contact": trip::contact(), "coupon": "no" });
    let price = json!({ "amount": "1.00", "currency": "INR" });
    let patch = json!({ "passengers": people, "contact": trip::contact(), "seats": seats, "coupon": "no", "expected_total": price });
    let urls = json!({ "success_url": "https://a.example", "cancel_url": "https://a.example" });
    let key = json!({ "name": "a", "scopes": ["search"], "expires_at": "2027-01-01T00:00:00Z" });
    let wish = json!({ "passenger_id": NOBODY, "flight_id": flight.0, "seat": "12A" });
    let (post, path) = (
        Method::POST,
        format!("/v1/bookings/{}", reference(&booking)),
    );
    spoil(
        &client,
        post.clone(),
        "/v1/accounts",
        &sign_up_form("any@example.com"),
    )
    .await;
    spoil(&client, post.clone(), "/v1/api-keys", &key).await;
    spoil(
        &client,
        post.clone(),
        "/v1/holds",
        &json!({ "offers": [offer], "seats": seats }),
    )
    .await;
    spoil(&client, post.clone(), "/v1/bookings", &book).await;
    spoil(&client, Method::PATCH, &path, &patch).await;
    spoil(
        &client,
        post.clone(),
        "/v1/coupons/validate",
        &json!({ "code": "no", "offers": [offer] }),
    )
    .await;
    spoil(&client, post.clone(), &format!("{path}/payment"), &urls).await;
    spoil(
        &client,
        Method::PUT,
        &format!("{path}/seats"),
        &json!({ "seats": [wish] }),
    )
    .await;
    let name = json!({ "passenger_id": booking["passengers"][0]["id"], "title": "mx", "first_name": "A", "middle_name": "", "last_name": "B" });
    let names = json!({ "passengers": [name], "reason": "a typo" });
    spoil(
        &client,
        post.clone(),
        &format!("{path}/name-corrections"),
        &names,
    )
    .await;
    spoil(&client, post, &format!("{path}/cancellations"), &json!({})).await;
}
