//! Changing a booking that is not paid: every field, refusals that change nothing, and races.

use chrono::Duration;
use flightdesk_core::fare::Party;
use flightdesk_core::fixtures::load_small;
use flightdesk_core::ids::FlightId;
use flightdesk_core::payment::Settlement;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::support::{Answer, Client, TestApp};
use crate::trip::{self, adults, fly, grown_ups, reference};

/// Two days on which one can fly, and a way back.
struct Days {
    first: FlightId,
    second: FlightId,
    back: FlightId,
}

async fn days(pool: &PgPool) -> Days {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let there = ["DEL", "BOM"];
    Days {
        first: fly(pool, "AI", "101", there, "2026-12-20T08:00:00").await,
        second: fly(pool, "AI", "103", there, "2026-12-21T08:00:00").await,
        back: fly(pool, "AI", "102", ["BOM", "DEL"], "2026-12-23T08:00:00").await,
    }
}

impl Client<'_> {
    /// Books offers of flights for grown-ups.
    async fn book_flights(&self, out: FlightId, back: Option<FlightId>, people: u8) -> Value {
        let party = adults(people.into());
        let mut offers = vec![self.offer_of(&[out], party).await];
        if let Some(back) = back {
            offers.push(self.offer_of(&[back], party).await);
        }
        let body = json!({ "offers": offers, "passengers": grown_ups(people), "contact": trip::contact() });
        let booked = self.post("/v1/bookings", &body).await;
        assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
        booked.body
    }

    async fn patch_booking(&self, booking: &Value, body: &Value) -> Answer {
        let path = format!("/v1/bookings/{}", reference(booking));
        self.patch(&path, body).await
    }

    /// Patches at the price that a first try was told.
    async fn patch_at_new_price(&self, booking: &Value, mut body: Value) -> Value {
        let refused = self.patch_booking(booking, &body).await;
        assert_eq!(refused.problem(), (409, "price_changed"));
        body["expected_total"] = refused.body["price"]["total"].clone();
        let changed = self.patch_booking(booking, &body).await;
        assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
        assert_eq!(changed.body["price"], refused.body["price"]);
        changed.body
    }
}

fn ids(booking: &Value) -> Vec<Value> {
    let people = booking["passengers"].as_array().unwrap();
    people.iter().map(|person| person["id"].clone()).collect()
}

fn kinds(booking: &Value) -> Vec<&str> {
    let people = booking["passengers"].as_array().unwrap();
    people
        .iter()
        .map(|person| person["type"].as_str().unwrap())
        .collect()
}

fn amount(booking: &Value) -> i64 {
    let total = booking["price"]["total"]["amount"].as_str().unwrap();
    total.replace('.', "").parse().unwrap()
}

fn chosen(booking: &Value) -> Vec<&str> {
    let people = booking["passengers"].as_array().unwrap();
    people
        .iter()
        .map(|person| person["seats"][0]["seat"].as_str().unwrap_or("-"))
        .collect()
}

/// Everything that a booking consists of, and the counters.
async fn everything(pool: &PgPool) -> Vec<String> {
    let query = "select 'booking' || row_to_json(t)::text from booking t
         union all select 'hold' || row_to_json(t)::text from hold t
         union all select 'hold_line' || row_to_json(t)::text from hold_line t
         union all select 'direction' || row_to_json(t)::text from direction t
         union all select 'booked_flight' || row_to_json(t)::text from booked_flight t
         union all select 'passenger' || row_to_json(t)::text from passenger t
         union all select 'seat' || row_to_json(t)::text from passenger_seat t
         union all select 'choice' || row_to_json(t)::text from seat_choice t
         union all select 'line' || row_to_json(t)::text from price_line t
         union all select 'bag' || row_to_json(t)::text from baggage_item t
         union all select 'traveller' || row_to_json(t)::text from live_traveller t
         union all select 'coupon' || row_to_json(t)::text from coupon t
         union all select 'redemption' || row_to_json(t)::text from coupon_redemption t
         union all select 'account' || row_to_json(t)::text from coupon_account t
         union all select 'payment' || row_to_json(t)::text from payment t
         union all select 'job' || row_to_json(t)::text from outbox t
         union all select 'cabin' || row_to_json(t)::text from flight_cabin t
         order by 1";
    sqlx::query_scalar(query).fetch_all(pool).await.unwrap()
}

async fn coupon(pool: &PgPool, code: &str, terms: &'static str) {
    sqlx::query(
        "insert into coupon (code, kind, amount, currency) values ($1, 'percent', 10, 'INR')",
    )
    .bind(code)
    .execute(pool)
    .await
    .unwrap();
    if !terms.is_empty() {
        let update = format!("update coupon set {terms} where code = $1");
        sqlx::query(sqlx::AssertSqlSafe(update))
            .bind(code)
            .execute(pool)
            .await
            .unwrap();
    }
}

async fn used(pool: &PgPool, code: &str) -> i32 {
    sqlx::query_scalar("select used from coupon where code = $1")
        .bind(code)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_date_moves_the_seats_and_keeps_people_and_deadline(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 2).await;
    assert_eq!(
        booking["available_actions"],
        json!(["pay", "change", "cancel"])
    );
    app.clock.advance(Duration::minutes(5));
    let offer = client.offer_of(&[days.second], adults(2)).await;
    let changed = client
        .patch_booking(&booking, &json!({ "offers": [offer] }))
        .await;
    assert_eq!(changed.status.as_u16(), 200, "{changed:?}");
    let flown = &changed.body["directions"][0]["flights"][0]["flight_id"];
    assert_eq!(*flown, json!(days.second.0));
    assert_eq!(changed.body["payment_due_at"], booking["payment_due_at"]);
    assert_eq!(ids(&changed.body), ids(&booking));
    assert_eq!(trip::counters(&pool, days.first).await, (0, 0));
    assert_eq!(trip::counters(&pool, days.second).await, (2, 0));
    assert_consistent(&pool).await;

    // A way back joins, and it all is paid and ticketed.
    let offers = client
        .offers_of(&[days.second], &[days.back], adults(2))
        .await;
    let both = client
        .patch_at_new_price(&booking, json!({ "offers": offers }))
        .await;
    assert_eq!(both["directions"].as_array().unwrap().len(), 2);
    assert_eq!(trip::counters(&pool, days.back).await, (2, 0));
    assert_consistent(&pool).await;
    open(&client, &both).await;
    let settled = settle(&app, &paid(&session(&app, &pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    let refused = client
        .patch_booking(&booking, &json!({ "contact": trip::contact() }))
        .await;
    assert_eq!(refused.problem(), (409, "already_paid"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn more_and_fewer_people_are_priced_by_their_dates_of_birth(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    let mut family = grown_ups(2);
    family.push(trip::passenger("Mai", "2018-05-17"));
    family.push(trip::passenger("Bao", "2026-05-17"));
    family[3]["adult_index"] = json!(0);
    let changed = client
        .patch_at_new_price(&booking, json!({ "passengers": family }))
        .await;
    assert_eq!(kinds(&changed), ["adult", "adult", "child", "infant"]);
    let people = ids(&changed);
    assert_eq!(people[0], ids(&booking)[0], "who stays is the same person");
    assert_eq!(changed["passengers"][3]["adult_id"], people[0]);
    assert_eq!(trip::counters(&pool, days.first).await, (3, 0));
    assert_consistent(&pool).await;

    // Without the first adult, the infant sits on the other's lap; two of one name are two people.
    let fewer = json!([
        family[1],
        family[3],
        trip::passenger("Bao", "1980-05-17"),
        trip::passenger("Bao", "1980-05-17")
    ]);
    let mut fewer = json!({ "passengers": fewer });
    fewer["passengers"][1]["adult_index"] = json!(0);
    let changed = client.patch_at_new_price(&booking, fewer).await;
    assert_eq!(kinds(&changed), ["adult", "infant", "adult", "adult"]);
    assert_eq!(ids(&changed)[..2], [people[1].clone(), people[3].clone()]);
    assert_consistent(&pool).await;

    let alone = client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(1) }))
        .await;
    assert_eq!(alone["price"]["total"], booking["price"]["total"]);
    assert_eq!(trip::counters(&pool, days.first).await, (1, 0));
    // Nobody was left aboard: the second adult may be booked again.
    client.book_flights(days.second, None, 2).await;
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn contact_bags_seats_and_coupon_change_alone_and_together(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    coupon(&pool, "TEN", "").await;
    coupon(&pool, "FIVE", "amount = 5").await;
    let booking = client.book_flights(days.first, None, 2).await;
    let path = format!("/v1/bookings/{}", reference(&booking));

    let nothing = client.patch(&path, &json!({})).await;
    assert_eq!(nothing.body, client.booking(&booking).await);
    let other = json!({ "email": "linh@example.com", "phone": "+84901234567" });
    let changed = client.patch(&path, &json!({ "contact": other })).await;
    assert_eq!(changed.body["contact"], other, "{changed:?}");

    let mut people = grown_ups(2);
    people[1]["baggage"] = json!([{ "direction": "departing", "kg": 10 }]);
    let seat = |seat: &str| json!({ "flight_id": days.first.0, "seat": seat });
    let together =
        json!({ "passengers": people, "seats": [seat("1C"), seat("1D")], "coupon": "ten" });
    let changed = client.patch_at_new_price(&booking, together).await;
    assert_eq!(chosen(&changed), ["1C", "1D"]);
    assert_eq!(changed["coupon"]["code"], "TEN");
    assert_eq!(changed["passengers"][1]["baggage"][0]["kg"], 10);
    assert_eq!(used(&pool, "TEN").await, 1);
    assert_consistent(&pool).await;

    // The seat of who leaves is free; who stays keeps theirs, at what it cost.
    let one = client
        .patch_at_new_price(&booking, json!({ "passengers": [people[1]] }))
        .await;
    assert_eq!(chosen(&one), ["1D"]);
    assert_consistent(&pool).await;
    // Another coupon, and none.
    let five = client
        .patch_at_new_price(&booking, json!({ "coupon": "FIVE" }))
        .await;
    assert_eq!(
        (used(&pool, "TEN").await, used(&pool, "FIVE").await),
        (0, 1)
    );
    assert_consistent(&pool).await;
    let none = client
        .patch_at_new_price(&booking, json!({ "coupon": null, "seats": [] }))
        .await;
    assert_eq!(used(&pool, "FIVE").await, 0);
    assert!(none.get("coupon").is_none() && amount(&none) != amount(&five));
    assert_eq!(chosen(&none), ["-"]);
    assert_eq!(
        trip::count(&pool, "select count(*) from passenger_seat").await,
        0
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_is_refused_changes_nothing_at_all(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, stranger) = (app.sign_up().await, app.sign_up().await);
    coupon(&pool, "GONE", "valid_until = '2026-01-01'").await;
    coupon(&pool, "TEN", "").await;
    let booking = client.book_flights(days.first, Some(days.back), 2).await;
    let booking = client
        .patch_at_new_price(
            &booking,
            json!({ "coupon": "TEN", "seats": [{ "flight_id": days.first.0, "seat": "2A" }] }),
        )
        .await;
    open(&client, &booking).await;
    let rival = stranger.book_flights(days.second, None, 1).await;
    let taken = json!({ "seats": [{ "flight_id": days.second.0, "seat": "3A" }] });
    stranger.patch_at_new_price(&rival, taken).await;
    let elsewhere = client.book_flights(days.second, None, 1).await;
    trip::leave_seats(&pool, days.second, 1).await;
    let (one, two) = (
        client.offer_of(&[days.second], adults(1)).await,
        client.offer_of(&[days.second], adults(2)).await,
    );
    let theirs = stranger.offer_of(&[days.second], adults(2)).await;
    let too_soon = client
        .offers_of(&[days.back], &[days.first], adults(2))
        .await;
    let mut junk = grown_ups(2);
    junk[1]["gender"] = json!("?");
    junk[0]["baggage"] = json!([{ "direction": "back", "kg": 10 }]);
    let strange = json!({
        "passengers": junk,
        "contact": { "email": "nowhere", "phone": "1" },
        "seats": [{ "flight_id": days.second.0, "seat": "1A" }],
        "coupon": "GONE",
    });
    let eleven = grown_ups(11);
    let before = everything(&pool).await;
    for (body, expected) in [
        (
            strange,
            "contact.email: email, contact.phone: phone, passengers[1].gender: unknown, passengers[0].baggage[0].direction: unknown_direction, seats[0].flight_id: not_in_offers, coupon: expired",
        ),
        (json!({ "airline": "AI" }), "airline: unknown_field"),
        (json!({ "open_jaw": true }), "open_jaw: only_with_offers"),
        (
            json!({ "expected_total": { "amount": "1.234", "currency": "USD" } }),
            "expected_total.currency: currency_mismatch, expected_total.amount: format",
        ),
        (
            json!({ "expected_total": { "amount": "1.00", "currency": "INR" } }),
            "price_changed",
        ),
        (
            json!({ "offers": [one] }),
            "passengers: passenger_type_mismatch",
        ),
        (json!({ "offers": [theirs] }), "offers[0]: offer_invalid"),
        (
            json!({ "offers": too_soon }),
            "offers[1]: returns_too_early",
        ),
        (json!({ "passengers": eleven }), "passengers: too_many"),
        (json!({ "passengers": grown_ups(3) }), "price_changed"),
        (json!({ "coupon": "GONE" }), "coupon: expired"),
        (json!({ "coupon": null }), "price_changed"),
        (json!({ "seats": [] }), "price_changed"),
    ] {
        let answer = client.patch_booking(&booking, &body).await;
        let told = match answer.problem() {
            (422, _) => answer.wrong_fields().join(", "),
            (_, code) => code.to_owned(),
        };
        assert_eq!(told, expected, "{body}");
        assert_eq!(everything(&pool).await, before, "{body}");
    }
    // What is decided under locks is taken back whole as well.
    let mut full = json!({ "offers": [two] });
    for expected in ["price_changed", "duplicate_passenger"] {
        let answer = client.patch_booking(&booking, &full).await;
        assert_eq!(answer.problem().1, expected, "{answer:?}");
        if expected == "price_changed" {
            full["expected_total"] = answer.body["price"]["total"].clone();
        }
        assert_eq!(everything(&pool).await, before);
    }
    assert_eq!(
        stranger.patch_booking(&booking, &json!({})).await.problem(),
        (404, "not_found")
    );
    let cancel = format!("/v1/bookings/{}/cancellations", reference(&elsewhere));
    client.post(&cancel, &json!({})).await;
    trip::leave_seats(&pool, days.second, 1).await;
    let before = everything(&pool).await;
    let answer = client.patch_booking(&booking, &full).await;
    assert_eq!(answer.problem(), (409, "sold_out"));
    assert_eq!(everything(&pool).await, before);
    trip::leave_seats(&pool, days.second, 9).await;
    let before = everything(&pool).await;
    full["seats"] = json!([{ "flight_id": days.second.0, "seat": "3A" }]);
    let answer = client.patch_booking(&booking, &full).await;
    full["expected_total"] = answer.body["price"]["total"].clone();
    let answer = client.patch_booking(&booking, &full).await;
    assert_eq!(answer.problem(), (409, "seat_taken"));
    assert_eq!(everything(&pool).await, before);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_full_flight_lets_a_party_keep_and_shrink_its_own_seats(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 2).await;
    trip::leave_seats(&pool, days.first, 0).await;
    let offer = client.offer_of(&[days.first], adults(2)).await;
    let mut other = grown_ups(2);
    other[1] = trip::passenger("Somebody", "1970-01-01");
    let same = client
        .patch_booking(&booking, &json!({ "offers": [offer], "passengers": other }))
        .await;
    assert_eq!(same.status.as_u16(), 200, "{same:?}");
    let three = json!({ "passengers": grown_ups(3) });
    let told = client.patch_booking(&booking, &three).await;
    let mut three = three;
    three["expected_total"] = told.body["price"]["total"].clone();
    let refused = client.patch_booking(&booking, &three).await;
    assert_eq!(refused.problem(), (409, "sold_out"));
    client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(1) }))
        .await;
    assert_eq!(trip::counters(&pool, days.first).await, (1, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_cap_of_unpaid_seats_counts_what_the_change_adds(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start_with(pool.clone(), |settings, _| {
        settings.sales.max_held_seats = 3;
    })
    .await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 2).await;
    let grow = |people| json!({ "passengers": grown_ups(people) });
    client.patch_at_new_price(&booking, grow(3)).await;
    let mut four = grow(4);
    four["expected_total"] =
        client.patch_booking(&booking, &four).await.body["price"]["total"].clone();
    let refused = client.patch_booking(&booking, &four).await;
    assert_eq!(refused.problem(), (409, "too_many_held_seats"));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_the_old_price_goes_back_and_the_new_price_confirms(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    open(&client, &booking).await;
    let old = session(&app, &pool).await;
    let changed = client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(2) }))
        .await;
    assert_eq!(changed["payment"]["status"], "cancelled");
    let promised = "select count(*) from outbox where kind = 'expire_checkout'";
    assert_eq!(trip::count(&pool, promised).await, 1);
    assert_eq!(settle(&app, &paid(&old)).await, Settlement::Refunding);
    let now = client.booking(&booking).await;
    assert_eq!(now["status"], "pending_payment");
    assert_eq!(now["payment"]["amount_refunded"], booking["price"]["total"]);
    assert_consistent(&pool).await;
    let opened = client.open_payment(&booking).await;
    assert_eq!(opened.status.as_u16(), 201, "{opened:?}");
    let settled = settle(&app, &paid(&session(&app, &pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    assert_eq!(trip::counters(&pool, days.first).await, (0, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_the_old_price_does_not_revive_what_expired_at_the_new_one(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    open(&client, &booking).await;
    let old = session(&app, &pool).await;
    client
        .patch_at_new_price(&booking, json!({ "passengers": grown_ups(2) }))
        .await;
    app.clock.advance(Duration::minutes(40));
    let swept = flightdesk_core::booking::sweep_due(&pool, &app.clock).await;
    assert_eq!(swept.unwrap(), 1);
    let late = client
        .patch_booking(&booking, &json!({ "contact": trip::contact() }))
        .await;
    assert_eq!(late.problem(), (409, "wrong_state"));
    assert_eq!(settle(&app, &paid(&old)).await, Settlement::Refunding);
    let now = client.booking(&booking).await;
    assert_eq!(now["status"], "expired");
    assert_eq!(now["late_payment"]["resolution"], "refunded");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_checkout_of_the_same_price_stays_open(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book_flights(days.first, None, 1).await;
    open(&client, &booking).await;
    let offer = client.offer_of(&[days.second], adults(1)).await;
    let changed = client
        .patch_booking(&booking, &json!({ "offers": [offer] }))
        .await;
    assert_eq!(changed.body["payment"]["status"], "open", "{changed:?}");
    let settled = settle(&app, &paid(&session(&app, &pool).await)).await;
    assert_eq!(settled, Settlement::Confirmed);
    assert_eq!(trip::counters(&pool, days.second).await, (0, 1));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_coupon_that_pays_everything_confirms_at_once_and_the_key_replays(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    // Fares alone are discounted: without charges nothing is left to pay.
    sqlx::query("delete from tax_rule")
        .execute(&pool)
        .await
        .unwrap();
    coupon(&pool, "FREE", "amount = 100").await;
    let booking = client.book_flights(days.first, None, 1).await;
    let zero = json!({ "amount": "0.00", "currency": "INR" });
    let body = json!({ "coupon": "FREE", "expected_total": zero });
    let path = format!("/v1/bookings/{}", reference(&booking));
    let once = async || {
        use crate::support::Send;
        client
            .request(reqwest::Method::PATCH, &path)
            .header("Idempotency-Key", "free")
            .json(&body)
            .answer()
            .await
    };
    let first = once().await;
    assert_eq!(first.body["status"], "confirmed", "{first:?}");
    let again = once().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.body, first.body);
    assert_eq!(used(&pool, "FREE").await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn types_are_derived_anew_on_the_new_day(pool: PgPool) {
    let days = days(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let party = Party {
        adults: 1,
        children: 1,
        infants: 0,
    };
    let offer = client.offer_of(&[days.first], party).await;
    // Twelve on the second day.
    let people = [
        trip::passenger("Linh", "1990-05-17"),
        trip::passenger("Mai", "2014-12-21"),
    ];
    let body = json!({ "offers": [offer], "passengers": people, "contact": trip::contact() });
    let booking = client.post("/v1/bookings", &body).await.body;
    let as_child = client.offer_of(&[days.second], party).await;
    let refused = client
        .patch_booking(&booking, &json!({ "offers": [as_child] }))
        .await;
    assert_eq!(
        refused.wrong_fields(),
        ["passengers: passenger_type_mismatch"]
    );
    let as_adult = client.offer_of(&[days.second], adults(2)).await;
    let changed = client
        .patch_at_new_price(&booking, json!({ "offers": [as_adult] }))
        .await;
    assert_eq!(kinds(&changed), ["adult", "adult"]);
    assert_eq!(ids(&changed), ids(&booking));
    assert_consistent(&pool).await;
}
