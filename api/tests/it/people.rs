//! Who may book, as people write themselves: names, dates of birth, telephone numbers, addresses.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Client, TestApp};
use crate::trip::{self, adults, passenger};

/// Books the flight for somebody whose form `change` has changed.
async fn book(client: &Client<'_>, change: impl FnOnce(&mut Value)) -> crate::support::Answer {
    let hold = client.hold(1).await;
    let mut body = trip::booking_of(&hold);
    change(&mut body);
    client.post("/v1/bookings", &body).await
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn names_are_kept_composed_and_look_alikes_become_plain(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    for (raw, kept) in [
        ("Nguye\u{302}\u{303}n", "Nguyễn"),
        ("Kaʻiulani", "Ka'iulani"),
        ("O‘Brien", "O'Brien"),
        ("O’Brien", "O'Brien"),
        ("Anne\u{2011}Marie", "Anne-Marie"),
        ("Anne\u{a0}Marie", "Anne Marie"),
        ("  Anne   Marie ", "Anne Marie"),
        ("St. John", "St. John"),
        ("Əliyev", "Əliyev"),
        ("Ɓalarabe", "Ɓalarabe"),
        ("Đorđe", "Đorđe"),
        ("Ｔａｎａｋａ", "Tanaka"),
    ] {
        let booked = book(&client, |body| {
            body["passengers"][0]["last_name"] = json!(raw);
        })
        .await;
        assert_eq!(booked.status, 201, "{raw}: {booked:?}");
        assert_eq!(booked.body["passengers"][0]["last_name"], kept, "{raw}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_name_has_forty_letters_each_and_every_refusal_says_what_to_write(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    // Forty letters in normal form C are a hundred and twenty characters here.
    let forty = "e\u{302}\u{303}".repeat(40);
    let booked = book(&client, |body| {
        for field in ["first_name", "middle_name", "last_name"] {
            body["passengers"][0][field] = json!(forty);
        }
    })
    .await;
    assert_eq!(booked.status, 201, "{booked:?}");
    assert_eq!(
        booked.body["passengers"][0]["last_name"],
        "ễ".repeat(40).as_str()
    );
    let letters = "a".repeat(41);
    for (raw, code, words) in [
        (
            letters.as_str(),
            "length",
            "write at most 40 letters (this has 41)",
        ),
        ("", "length", "people who have one name write it here"),
        (
            "李",
            "name_script",
            "write Latin letters, as in the two lines of capitals",
        ),
        ("Иван", "name_script", "И is none of them"),
        ("R2D2", "name_character", "without 2"),
        ("-", "name_character", "at least one Latin letter"),
        (
            "Ada\u{202e}",
            "invisible_character",
            "delete the invisible character U+202E",
        ),
        ("A\u{200b}da", "invisible_character", "U+200B"),
        ("A\tda", "invisible_character", "U+0009"),
    ] {
        let refused = book(&client, |body| {
            body["passengers"][0]["last_name"] = json!(raw);
        })
        .await;
        let expected = format!("passengers[0].last_name: {code}");
        assert_eq!(refused.wrong_fields(), [expected], "{raw}");
        let told = refused.body["errors"][0]["message"].as_str().unwrap();
        assert!(told.contains(words), "{raw}: {told}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn somebody_with_one_name_books_it_as_the_last(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booked = book(&client, |body| {
        let person = body["passengers"][0].as_object_mut().unwrap();
        person.remove("first_name");
        person.insert("last_name".to_owned(), json!("Suharto"));
    })
    .await;
    assert_eq!(booked.status, 201, "{booked:?}");
    let person = &booked.body["passengers"][0];
    assert_eq!(
        (&person["last_name"], person.get("first_name")),
        (&json!("Suharto"), None)
    );
    // Changing something else keeps the person.
    let path = format!("/v1/bookings/{}", trip::reference(&booked.body));
    let seats = client.patch(&path, &json!({ "seats": [] })).await;
    assert_eq!(seats.status, 200, "{seats:?}");
    assert_eq!(seats.body["passengers"][0]["id"], person["id"]);

    let refused = book(&client, |body| {
        let person = body["passengers"][0].as_object_mut().unwrap();
        person.remove("first_name");
        person.insert("middle_name".to_owned(), json!("Hadji"));
    })
    .await;
    assert_eq!(
        refused.wrong_fields(),
        ["passengers[0].middle_name: without_first_name"]
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn who_has_another_gender_or_travel_document_is_another_person(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let named = |gender: &str, document: Option<&str>| {
        let mut person = passenger("Linh", "1990-05-17");
        person["gender"] = json!(gender);
        if let Some(number) = document {
            person["travel_document"] = json!({
                "type": "passport", "number": number, "country": "VN", "expires_on": "2030-01-01"
            });
        }
        person
    };
    let book =
        async |person: Value| book(&client, |body| body["passengers"] = json!([person])).await;
    let first = book(named("female", Some("P1234567"))).await;
    assert_eq!(first.status, 201, "{first:?}");
    for (gender, document, status) in [
        ("female", Some("P1234567"), 409),
        // Not to be told from the first.
        ("female", None, 409),
        ("female", Some("P7654321"), 201),
        ("male", None, 201),
        ("male", Some("P1234567"), 409),
    ] {
        let answer = book(named(gender, document)).await;
        assert_eq!(
            answer.status.as_u16(),
            status,
            "{gender} {document:?}: {answer:?}"
        );
    }
    let again = book(named("female", Some("P1234567"))).await;
    assert_eq!(again.problem(), (409, "duplicate_passenger"));
    let detail = again.body["detail"].as_str().unwrap();
    let (reference, flight) = (trip::reference(&first.body), "AI 101 on 20 December 2026");
    let expected = format!(
        "Linh Nguyễn (`passengers[0]`) is already on flight {flight}, in booking {reference}; "
    );
    assert!(detail.starts_with(&expected), "{detail}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whoever_is_born_anywhere_on_earth_flies(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let party = flightdesk_core::trade::Party {
        infants: 1,
        ..adults(1)
    };
    // Noon in UTC is two in the morning of the next day in Kiribati.
    let book = async |born: &str| {
        let offer = client.offer_of(&[flight], party).await;
        let people = [passenger("Mai", "1990-05-17"), passenger("Teraaka", born)];
        let body = json!({ "offers": [offer], "passengers": people, "contact": trip::contact() });
        client.post("/v1/bookings", &body).await
    };
    let today: DateTime<Utc> = crate::support::noon();
    assert_eq!(today.date_naive().to_string(), "2026-11-20");
    let born = book("2026-11-21").await;
    assert_eq!(born.status, 201, "{born:?}");
    let unborn = book("2026-11-22").await;
    assert_eq!(
        unborn.wrong_fields(),
        ["passengers[1].date_of_birth: in_the_future"]
    );
    app.clock.advance(Duration::hours(-3));
    let unborn = book("2026-11-21").await;
    assert_eq!(
        unborn.wrong_fields(),
        ["passengers[1].date_of_birth: in_the_future"]
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_contact_is_kept_as_networks_and_relays_can_carry_it(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let written = json!({ "email": " Zoe@Exämple.com", "phone": "\u{202a}+44 (0)20 7946\u{2011}0958\u{202c}" });
    let kept = json!({ "email": "Zoe@xn--exmple-cua.com", "phone": "+442079460958" });
    let booked = book(&client, |body| body["contact"] = written.clone()).await;
    assert_eq!(booked.status, 201, "{booked:?}");
    assert_eq!(booked.body["contact"], kept);
    let other = book(&client, |body| {
        body["passengers"][0]["first_name"] = json!("Other");
    })
    .await;
    let path = format!("/v1/bookings/{}", trip::reference(&other.body));
    let patched = client.patch(&path, &json!({ "contact": written })).await;
    assert_eq!(patched.status, 200, "{patched:?}");
    assert_eq!(patched.body["contact"], kept);

    let wrong = json!({ "email": "zoë@example.com", "phone": "020 7946 0958" });
    let refused = [
        book(&client, |body| body["contact"] = wrong.clone()).await,
        client.patch(&path, &json!({ "contact": wrong })).await,
    ];
    for refused in refused {
        assert_eq!(
            refused.wrong_fields(),
            ["contact.email: email", "contact.phone: phone"]
        );
        let message = |index: usize| refused.body["errors"][index]["message"].as_str().unwrap();
        assert_eq!(
            message(0),
            "write an address with plain letters a-z before the @: not every mail server can carry ë there"
        );
        assert_eq!(
            message(1),
            "begin with + and the country code, such as +91 98765 43210"
        );
    }
}
