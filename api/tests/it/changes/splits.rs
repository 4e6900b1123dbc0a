//! Some of a party change their flights: they get a booking of their own, and every amount, seat and ticket goes with whom it is for.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::ids::FlightId;
use flightdesk_core::payment::Settlement;
use flightdesk_core::trade::Party;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{a_day_later, confirm, flights_of, pay, quote, quoted, tickets_of};
use crate::cancellations::{self, buy, departure, flights, rupees, turn_to};
use crate::consistent::assert_consistent;
use crate::payments::open;
use crate::support::{Client, TestApp};
use crate::trip::{self, adults, counters, grown_ups, passenger, reference};

/// The passengers of a booking by their places, as a request names them.
pub fn named(booking: &Value, places: &[usize]) -> Vec<Value> {
    let id = |place: &usize| booking["passengers"][*place]["id"].clone();
    places.iter().map(id).collect()
}

/// A booking by the reference that another one has of it.
async fn read(client: &Client<'_>, reference: &Value) -> Value {
    client.booking(&json!({ "booking_ref": reference })).await
}

/// Moves passengers to an offer for them alone and returns both bookings: that of those who stay, and the new one.
pub async fn split(
    client: &Client<'_>,
    booking: &Value,
    places: &[usize],
    offer: &str,
) -> (Value, Value) {
    let body =
        json!({ "direction": "departing", "offer": offer, "passengers": named(booking, places) });
    let quote = quoted(client, booking, &body).await;
    assert_eq!(quote["splits"], true);
    let done = confirm(client, booking, &quote).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    (client.booking(booking).await, done.body)
}

fn minor(money: &Value) -> i64 {
    let amount = money["amount"].as_str().unwrap();
    amount.replace('.', "").parse().unwrap()
}

/// What all bookings together have in each account of the ledger, and of each price line.
async fn sums(pool: &PgPool) -> Vec<(String, i64)> {
    sqlx::query_as(
        "select account, sum(amount_minor)::bigint from ledger_line group by account
         union all
         select concat_ws(' ', kind, code, direction::text, flight_id::text, invoice_id::text), sum(amount_minor)::bigint from price_line
         group by kind, code, direction, flight_id, invoice_id
         order by 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

/// What went back of each payment, and what came.
pub async fn given_back(pool: &PgPool) -> Vec<(i64, i64)> {
    sqlx::query_as(
        "select p.amount_minor, coalesce((select sum(r.amount_minor) from refund r where r.payment_id = p.id and r.status <> 'failed'), 0)::bigint
         from payment p where p.status = 'succeeded' order by p.id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_of_two_changes_for_nothing_and_has_a_booking_of_their_own(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(2)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(2)).await;
    let before = sums(&pool).await;
    let total = minor(&booking["price"]["total"]);

    let offer = client.offer_of(&[later], adults(1)).await;
    let body =
        json!({ "direction": "departing", "offer": offer, "passengers": named(&booking, &[1]) });
    let asked = quoted(&client, &booking, &body).await;
    assert_eq!(asked["splits"], true);
    assert_eq!(asked["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        asked["items"][0]["passenger_id"],
        booking["passengers"][1]["id"]
    );
    assert_eq!(asked["to_pay"], rupees("0.00"));
    assert_eq!(
        client.booking(&booking).await,
        booking,
        "a quote divides nothing"
    );

    let done = confirm(&client, &booking, &asked).await;
    assert_eq!(done.status.as_u16(), 200, "{done:?}");
    let (old, new) = (client.booking(&booking).await, done.body);
    assert_ne!(new["booking_ref"], old["booking_ref"]);
    assert_eq!(new["split_from"], old["booking_ref"]);
    assert_eq!(old["split_into"], json!([new["booking_ref"]]));
    assert_eq!(
        (&new["status"], &old["status"]),
        (&json!("confirmed"), &json!("confirmed"))
    );
    for field in ["created_at", "confirmed_at", "contact"] {
        assert_eq!(new[field], booking[field], "{field}");
    }
    assert_eq!(flights_of(&old, 0), [out.to_string()]);
    assert_eq!(flights_of(&new, 0), [later.to_string()]);
    assert_eq!(flights_of(&new, 1), [back.to_string()]);
    assert_eq!(tickets_of(&old, 0), tickets_of(&booking, 0));
    assert_ne!(tickets_of(&new, 0), tickets_of(&booking, 1));
    assert_eq!(new["passengers"][0]["id"], booking["passengers"][1]["id"]);
    assert_eq!(
        new["passengers"][0]["seats"][1]["seat"],
        booking["passengers"][1]["seats"][1]["seat"]
    );

    // Half of everything but the fee per booking, which stays.
    let half = (total - 30_000) / 2;
    assert_eq!(minor(&new["price"]["total"]), half);
    assert_eq!(minor(&old["price"]["total"]), total - half);
    for one in [&old, &new] {
        assert_eq!(one["payment"]["amount_paid"], one["price"]["total"]);
        assert_eq!(one["payment"]["amount_kept"], one["price"]["total"]);
        assert_eq!(one["payment"]["status"], "succeeded");
        let path = format!("/v1/bookings/{}/ledger", reference(one));
        let ledger = client.get(&path).await.body;
        assert_eq!(ledger["balanced"], true, "{ledger}");
        let entries = ledger["entries"].as_array().unwrap();
        assert_eq!(
            entries.last().unwrap()["balance"],
            rupees("0.00"),
            "{entries:?}"
        );
    }
    let [sold_out, sold_later, sold_back] = [
        counters(&pool, out).await,
        counters(&pool, later).await,
        counters(&pool, back).await,
    ];
    assert_eq!([sold_out, sold_later, sold_back], [(0, 1), (0, 1), (0, 2)]);
    let kinds = |of: &Value| {
        let documents = of["documents"].as_array().unwrap().clone();
        documents
            .iter()
            .map(|one| one["kind"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&old), ["ticket", "invoice"]);
    assert_eq!(kinds(&new), ["ticket"]);
    let after: Vec<_> = sums(&pool).await;
    let ledger = |sums: &[(String, i64)]| -> Vec<(String, i64)> {
        let posted = sums.iter().filter(|(what, _)| !what.contains(' '));
        posted.cloned().collect()
    };
    assert_eq!(
        ledger(&before),
        ledger(&after),
        "the same fare for the same people"
    );
    assert_consistent(&pool).await;

    let again = confirm(&client, &booking, &asked).await;
    assert_eq!(again.body["booking_ref"], new["booking_ref"]);
    assert_eq!(trip::count(&pool, "select count(*) from booking").await, 2);
    for (kind, of, other) in [("split_into", &old, &new), ("split_from", &new, &old)] {
        let path = format!("/v1/bookings/{}/events", reference(of));
        let events = client.get(&path).await.body;
        let events = events["data"].as_array().unwrap();
        let told = events.iter().find(|event| event["kind"] == kind).unwrap();
        assert_eq!(told["details"]["booking_ref"], other["booking_ref"]);
        assert_eq!(
            told["details"]["passenger_ids"],
            json!(named(&booking, &[1]))
        );
    }
    // The mails with the new tickets of either booking tell of the division, and of the flights.
    let mails = "select count(*) from outbox where payload -> 'mail' ?| array['booking_split', 'flights_changed']";
    assert_eq!(trip::count(&pool, mails).await, 0);
}

/// Buys for three with a coupon, whose discount no three can share equally.
async fn three_with_a_coupon(
    app: &TestApp,
    pool: &PgPool,
    client: &Client<'_>,
    out: FlightId,
) -> Value {
    let offer = client
        .offer_at(&[out], adults(3), "standard", 500_017)
        .await;
    let body = json!({ "offers": [offer], "passengers": grown_ups(3), "contact": trip::contact(), "coupon": "WELCOME10" });
    let booked = client.post("/v1/bookings", &body).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    cancellations::pay(app, pool, client, &booked.body).await
}

/// What each passenger's coupon share is, as a quote of cancelling all of them says.
async fn coupon_shares(client: &Client<'_>, booking: &Value) -> Vec<(Value, Value)> {
    let quote = cancellations::quote(client, booking, &json!({})).await.body;
    let items = quote["items"].as_array().unwrap().iter();
    items
        .map(|item| (item["passenger_id"].clone(), item["coupon_share"].clone()))
        .collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dearer_change_is_paid_for_the_new_booking_and_a_coupon_is_shared_to_the_last_unit(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = three_with_a_coupon(&app, &pool, &client, out).await;
    turn_to(&app, departure(), Duration::hours(100));
    let shares = coupon_shares(&client, &booking).await;
    assert_ne!(shares[0].1, shares[2].1, "no third is whole");
    let before = sums(&pool).await;

    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    let (old, new) = split(&client, &booking, &[0], &offer).await;
    // 8,400.00 for 6,000.20, 5 % of that, and the fee of 3,000.00.
    assert_eq!(new["flight_change"]["amount"], rupees("5519.79"));
    assert_eq!(flights_of(&new, 0), [out.to_string()], "until it is paid");
    assert_eq!(old["flight_change"], Value::Null);
    assert_eq!(
        tickets_of(&new, 0),
        tickets_of(&booking, 0),
        "the same number"
    );
    assert_eq!(
        new["passengers"][0]["seats"],
        booking["passengers"][0]["seats"]
    );
    assert_eq!(counters(&pool, out).await, (0, 3));
    assert_eq!(counters(&pool, later).await, (1, 0));
    assert_eq!(before, sums(&pool).await, "by account and by price line");
    assert_eq!(
        minor(&old["price"]["total"]) + minor(&new["price"]["total"]),
        minor(&booking["price"]["total"])
    );
    let mut divided = coupon_shares(&client, &new).await;
    divided.extend(coupon_shares(&client, &old).await);
    assert_eq!(shares, divided);
    assert_eq!(
        minor(&old["coupon"]["discount"]) + minor(&new["coupon"]["discount"]),
        minor(&booking["coupon"]["discount"])
    );
    assert_consistent(&pool).await;

    let (settled, changed) = pay(&app, &pool, &client, &new).await;
    assert_eq!(settled, Settlement::Confirmed);
    assert_eq!(flights_of(&changed, 0), [later.to_string()]);
    assert_eq!(changed["payment"]["amount_paid"], changed["price"]["total"]);
    assert_eq!(
        minor(&changed["price"]["total"]),
        minor(&new["price"]["total"]) + 551_979
    );
    assert_eq!(counters(&pool, out).await, (0, 2));
    assert_eq!(counters(&pool, later).await, (0, 1));
    assert_consistent(&pool).await;

    // Everything goes back to the two payments, but the fees.
    cancellations::cancel(&client, &changed, &json!({})).await;
    cancellations::cancel(&client, &old, &json!({})).await;
    for (came, back) in given_back(&pool).await {
        assert!(back > 0 && back <= came, "{back} of {came}");
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_bookings_stay_two_when_the_change_is_never_paid(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(2)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(2)).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    let (_, new) = split(&client, &booking, &[1], &offer).await;
    open(&client, &new).await;
    app.clock.advance(Duration::minutes(33));
    for _ in 0..2 {
        booking::sweep_changes(&pool, &app.clock).await.unwrap();
        app.clock.advance(Duration::minutes(2));
    }
    let (old, new) = (client.booking(&booking).await, client.booking(&new).await);
    for one in [&old, &new] {
        assert_eq!(one["status"], "confirmed");
        assert_eq!(flights_of(one, 0), [out.to_string()]);
        assert_eq!(one["flight_change"], Value::Null);
    }
    assert_eq!(counters(&pool, out).await, (0, 2));
    assert_eq!(counters(&pool, later).await, (0, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_cheaper_change_and_cancelling_both_give_back_from_the_one_payment_what_came(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(2)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(2)).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 400_000)
        .await;
    let (old, new) = split(&client, &booking, &[1], &offer).await;
    assert_eq!(new["payment"]["amount_refunded"], rupees("1260.00"));
    assert_eq!(old["payment"]["amount_refunded"], rupees("0.00"));
    assert_consistent(&pool).await;
    let total = minor(&booking["price"]["total"]);
    assert_eq!(given_back(&pool).await, [(total, 126_000)]);

    // Both give everything back within 24 hours, at once.
    let asked = [
        cancellations::quote(&client, &old, &json!({})).await.body,
        cancellations::quote(&client, &new, &json!({})).await.body,
    ];
    let both = [(&old, &asked[0]), (&new, &asked[1])];
    let both = both.map(|(of, quote)| cancellations::confirm(&client, of, quote));
    for answer in join_all(both).await {
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
        assert_eq!(answer.body["status"], "cancelled");
    }
    assert_eq!(
        given_back(&pool).await,
        [(total, total - 30_000)],
        "all but the fee per booking"
    );
    let of_first = "select count(*) from refund r join payment p on p.id = r.payment_id
        where r.booking_id <> p.booking_id and r.booking_id = (select new_booking_id from booking_split)";
    assert_eq!(trip::count(&pool, of_first).await, 2);
    assert_eq!(counters(&pool, out).await, (0, 0));
    assert_eq!(counters(&pool, later).await, (0, 0));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_confirmations_at_once_make_one_booking(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(3)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(3)).await;
    let offer = client.offer_of(&[later], adults(2)).await;
    let body = json!({ "offer": offer, "passengers": named(&booking, &[0, 2]) });
    let asked = quoted(&client, &booking, &body).await;
    let all = join_all((0..20).map(|_| confirm(&client, &booking, &asked))).await;
    let references: Vec<_> = all
        .iter()
        .map(|answer| &answer.body["booking_ref"])
        .collect();
    assert!(
        references.iter().all(|one| *one == references[0]),
        "{references:?}"
    );
    assert_ne!(*references[0], booking["booking_ref"]);
    for (what, query) in [
        ("split", "select count(*) from booking_split"),
        ("change", "select count(*) from booking_change"),
        (
            "event",
            "select count(*) from booking_event where kind = 'split_into'",
        ),
    ] {
        assert_eq!(trip::count(&pool, query).await, 1, "{what}");
    }
    assert_eq!(counters(&pool, out).await, (0, 1));
    assert_eq!(counters(&pool, later).await, (0, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nobody_under_twelve_is_left_without_an_adult_and_an_infant_goes_with_its_own(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let party = Party {
        adults: 2,
        children: 1,
        infants: 1,
    };
    let offer = client.offer_of(&[out], party).await;
    let mut infant = passenger("Mai", "2026-03-01");
    infant["adult_index"] = json!(0);
    let people = [
        passenger("Linh", "1990-05-17"),
        passenger("Minh", "1988-02-03"),
        passenger("Chi", "2020-05-17"),
        infant,
    ];
    let booking = buy(&app, &pool, &client, &[offer], &people).await;
    let one = client.offer_of(&[later], adults(1)).await;
    for (places, wrong) in [
        (vec![0], vec!["passengers: infant_without_adult"]),
        (vec![3], vec!["passengers: infant_without_adult"]),
        (vec![2], vec!["passengers: child_without_adult"]),
        (vec![0, 1, 3], vec!["passengers: child_without_adult"]),
        (vec![1, 1], vec!["passengers[1]: duplicate"]),
    ] {
        let body = json!({ "offer": one, "passengers": named(&booking, &places) });
        let refused = quote(&client, &booking, &body).await;
        assert_eq!(refused.wrong_fields(), wrong, "{places:?}");
    }
    let who = quote(
        &client,
        &booking,
        &json!({ "offer": one, "passengers": named(&booking, &[0]) }),
    )
    .await;
    let detail = who.body["errors"][0]["message"].as_str().unwrap();
    assert!(
        detail.starts_with("Mai ") && detail.contains("Linh"),
        "{detail}"
    );
    let two = client.offer_of(&[later], adults(2)).await;
    let body = json!({ "offer": two, "passengers": named(&booking, &[1]) });
    let refused = quote(&client, &booking, &body).await;
    assert_eq!(refused.wrong_fields(), ["offer: party_mismatch"]);

    let with_infant = Party {
        adults: 1,
        children: 0,
        infants: 1,
    };
    let offer = client.offer_of(&[later], with_infant).await;
    let body = json!({ "offer": offer, "passengers": named(&booking, &[0, 3]) });
    let asked = quoted(&client, &booking, &body).await;
    let new = confirm(&client, &booking, &asked).await.body;
    let old = client.booking(&booking).await;
    assert_eq!(new["passengers"][1]["adult_id"], new["passengers"][0]["id"]);
    assert_eq!(new["passengers"].as_array().unwrap().len(), 2);
    assert_eq!(old["passengers"].as_array().unwrap().len(), 2);
    assert_eq!(counters(&pool, out).await, (0, 2));
    assert_eq!(counters(&pool, later).await, (0, 1));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whoever_is_all_that_fly_keeps_the_booking(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offer = client.offer_of(&[out], adults(2)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(2)).await;
    let first = json!({ "passengers": named(&booking, &[0]) });
    cancellations::cancel(&client, &booking, &first).await;
    let offer = client.offer_of(&[later], adults(1)).await;
    let gone = json!({ "offer": offer, "passengers": named(&booking, &[0]) });
    let refused = quote(&client, &booking, &gone).await;
    assert_eq!(refused.wrong_fields(), ["passengers[0]: already_cancelled"]);
    let body = json!({ "offer": offer, "passengers": named(&booking, &[1]) });
    let asked = quoted(&client, &booking, &body).await;
    assert_eq!(asked["splits"], false);
    let changed = confirm(&client, &booking, &asked).await.body;
    assert_eq!(changed["booking_ref"], booking["booking_ref"]);
    assert_eq!(changed["split_into"], Value::Null);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn seats_bags_and_what_was_cancelled_before_go_along_and_each_booking_lives_on(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let later = a_day_later(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(3)).await;
    let mut people = grown_ups(3);
    people[1]["baggage"] = json!([{ "direction": "departing", "kg": 10 }]);
    let booking = buy(&app, &pool, &client, &offers, &people).await;
    crate::seats::change(&client, &booking, &[(1, "2C"), (2, "2D")]).await;
    let booking = cancellations::pay(&app, &pool, &client, &booking).await;
    // The second does not fly back, and the first does not fly there.
    for (place, scope) in [(1, "returning"), (0, "departing")] {
        let body = json!({ "scope": scope, "passengers": named(&booking, &[place]) });
        cancellations::cancel(&client, &booking, &body).await;
    }
    let before = sums(&pool).await;
    let offer = client
        .offer_at(&[later], adults(1), "standard", 700_000)
        .await;
    let (old, new) = split(&client, &booking, &[1], &offer).await;
    assert_eq!(before, sums(&pool).await, "by account and by price line");
    assert_eq!(new["status"], "partially_cancelled");
    assert_eq!(new["directions"][1]["status"], "cancelled");
    assert!(new["directions"][1]["cancelled_at"].is_string());
    assert_eq!(old["directions"][0]["status"], "booked");
    assert_eq!(
        new["passengers"][0]["baggage"],
        json!([{ "direction": "departing", "kg": 10 }])
    );
    assert_eq!(new["passengers"][0]["seats"][0]["seat"], "2C");
    assert_eq!(old["passengers"][1]["seats"][0]["seat"], "2D");
    assert_consistent(&pool).await;

    let (_, changed) = pay(&app, &pool, &client, &new).await;
    assert_eq!(
        changed["passengers"][0]["seats"][0]["seat"], "2C",
        "it goes along"
    );
    assert_consistent(&pool).await;

    // The third flies back later, and takes along that only they fly there. All is given back.
    let late = trip::fly(&pool, "AI", "202", ["BOM", "DEL"], "2026-12-28T08:00:00").await;
    let offer = client.offer_of(&[late], adults(1)).await;
    let body = json!({ "direction": "returning", "offer": offer, "passengers": named(&old, &[1]) });
    let asked = quoted(&client, &old, &body).await;
    let third = confirm(&client, &old, &asked).await.body;
    let old = client.booking(&booking).await;
    assert_eq!(old["split_into"].as_array().unwrap().len(), 2);
    assert_eq!(old["directions"][0]["status"], "cancelled");
    assert_eq!(third["split_from"], booking["booking_ref"]);
    assert_eq!(
        read(&client, &old["split_into"][0]).await["booking_ref"],
        new["booking_ref"]
    );
    assert_consistent(&pool).await;
    for one in [&old, &new, &third] {
        let actions = client.booking(one).await["available_actions"].clone();
        assert!(
            actions.as_array().unwrap().contains(&json!("cancel")),
            "{actions}"
        );
        let live = client.booking(one).await["directions"].clone();
        let live = live
            .as_array()
            .unwrap()
            .iter()
            .filter(|way| way["status"] == "booked");
        let body = if live.count() == 2 {
            json!({ "scope": "both" })
        } else {
            json!({})
        };
        let cancelled = cancellations::cancel(&client, one, &body).await;
        assert_eq!(cancelled["status"], "cancelled");
    }
    for (came, gone) in given_back(&pool).await {
        assert!(gone <= came, "{gone} of {came}");
    }
    for flight in [out, back, later, late] {
        assert_eq!(counters(&pool, flight).await, (0, 0));
    }
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn another_direction_and_both_directions_are_changed_by_some_alone(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let later = trip::fly(&pool, "AI", "202", ["BOM", "DEL"], "2026-12-28T08:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let offers = client.offers_of(&[out], &[back], adults(3)).await;
    let booking = buy(&app, &pool, &client, &offers, &grown_ups(3)).await;
    let offer = client.offer_of(&[later], adults(1)).await;
    let body =
        json!({ "direction": "returning", "offer": offer, "passengers": named(&booking, &[2]) });
    let asked = quoted(&client, &booking, &body).await;
    let one = confirm(&client, &booking, &asked).await.body;
    assert_eq!(flights_of(&one, 0), [out.to_string()]);
    assert_eq!(flights_of(&one, 1), [later.to_string()]);
    assert_consistent(&pool).await;

    let there = trip::fly(&pool, "AI", "201", ["DEL", "BOM"], "2026-12-24T08:00:00").await;
    let offers = client.offers_of(&[there], &[later], adults(1)).await;
    let body = json!({ "offers": offers, "passengers": named(&booking, &[0]) });
    let asked = quoted(&client, &booking, &body).await;
    assert_eq!(asked["items"].as_array().unwrap().len(), 2);
    let both = confirm(&client, &booking, &asked).await.body;
    assert_eq!(flights_of(&both, 0), [there.to_string()]);
    assert_eq!(flights_of(&both, 1), [later.to_string()]);
    let left = client.booking(&booking).await;
    assert_eq!(left["passengers"].as_array().unwrap().len(), 1);
    assert_eq!(
        left["split_into"],
        json!([one["booking_ref"], both["booking_ref"]])
    );
    for (flight, sold) in [(out, 2), (back, 1), (later, 2), (there, 1)] {
        assert_eq!(counters(&pool, flight).await, (0, sold));
    }
    assert_consistent(&pool).await;
}
