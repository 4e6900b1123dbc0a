//! Another aircraft while a dearer seat waits for its money, in every order of swap, money and time.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::ids::FlightId;
use flightdesk_core::payment::Settlement;
use flightdesk_core::payment::stripe::CheckoutSession;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::payments::{paid, session, settle};
use crate::seats::{buy, change, hold_seats, pay, seats_of};
use crate::support::{Client, TestApp};
use crate::trip::{self, passenger};

/// An ATR has rows 1 to 18 of A, C, D, F: it lacks every B and E.
pub const SMALL: &str = "AT7";

pub async fn swap(app: &TestApp, pool: &PgPool, flight: FlightId, aircraft: &str) {
    let mut tx = pool.begin().await.unwrap();
    booking::swap_aircraft(&mut tx, &app.clock, flight, aircraft)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Mai sits on 5A, which both aircraft have, and waits for another seat of row 2, which costs 600.00 more; its page is open.
async fn waits_for(
    app: &TestApp,
    pool: &PgPool,
    client: &Client<'_>,
    seat: &str,
) -> (Value, CheckoutSession) {
    let booking = buy(app, pool, client, &[passenger("Mai", "1990-05-17")]).await;
    let booking = change(client, &booking, &[(0, "5A")]).await.body;
    assert_eq!(seats_of(&booking), ["5A"]);
    let waiting = change(client, &booking, &[(0, seat)]).await;
    assert_eq!(waiting.body["seat_change"]["amount"]["amount"], "600.00");
    assert_eq!(client.open_payment(&booking).await.status.as_u16(), 201);
    (booking, paid(&session(app, pool).await))
}

/// How many mails of a kind are promised.
pub async fn mails(pool: &PgPool, kind: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from outbox where kind = 'send_mail' and (payload ->> 'mail' = $1 or payload -> 'mail' ? $1)",
    )
    .bind(kind)
    .fetch_one(pool)
    .await
    .unwrap()
}

/// The difference went back, the price and the seat are the old ones.
async fn assert_given_back(pool: &PgPool, client: &Client<'_>, booking: &Value) {
    let after = client.booking(booking).await;
    assert_eq!(seats_of(&after), ["5A"]);
    assert_eq!(after["seat_change"], Value::Null);
    assert_eq!(after["price"]["total"], booking["price"]["total"]);
    assert_eq!(after["payment"]["amount_refunded"]["amount"], "600.00");
    assert_eq!(mails(pool, "money_returned").await, 1);
    assert_consistent(pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_swap_ends_the_wait_for_a_seat_that_is_gone_and_money_after_it_goes_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (booking, money) = waits_for(&app, &pool, &client, "2B").await;
    swap(&app, &pool, flight, SMALL).await;

    let after = client.booking(&booking).await;
    assert_eq!(after["seat_change"], Value::Null);
    assert_eq!(mails(&pool, "seats_not_changed").await, 1);
    let closed = "select count(*) from payment p join outbox o on o.kind = 'expire_checkout' and o.payload ->> 'payment_id' = p.id::text
                  where p.booking_change_id is not null and p.status = 'cancelled'";
    assert_eq!(trip::count(&pool, closed).await, 1);
    assert_consistent(&pool).await;

    assert_eq!(settle(&app, &money).await, Settlement::Refunding);
    assert_eq!(settle(&app, &money).await, Settlement::AlreadySettled);
    assert_given_back(&pool, &client, &booking).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_that_was_paid_before_the_swap_is_another_one_after_it(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (booking, money) = waits_for(&app, &pool, &client, "2B").await;
    assert_eq!(settle(&app, &money).await, Settlement::Confirmed);
    assert_eq!(seats_of(&client.booking(&booking).await), ["2B"]);
    swap(&app, &pool, flight, SMALL).await;

    let after = client.booking(&booking).await;
    let seat = &after["passengers"][0]["seats"][0];
    assert_eq!(seat["reason"], "aircraft_change");
    assert_ne!(seat["seat"], "2B");
    assert_eq!(mails(&pool, "seats_not_changed").await, 0);
    // What was paid for it goes back, once, and the mail with the new tickets says so.
    assert_eq!(after["price"]["total"], booking["price"]["total"]);
    assert_eq!(after["payment"]["amount_refunded"]["amount"], "600.00");
    assert_eq!(mails(&pool, "money_returned").await, 0);
    assert_consistent(&pool).await;
    swap(&app, &pool, flight, SMALL).await;
    let again = client.booking(&booking).await;
    assert_eq!(again["payment"]["amount_refunded"]["amount"], "600.00");
    // Whoever chooses again pays again.
    let dearer = change(&client, &booking, &[(0, "2C")]).await;
    assert_eq!(dearer.body["seat_change"]["amount"]["amount"], "600.00");
}

/// Row 12, the second of the cabin, is the fifth of another aircraft's: no preferred one any more, but the same seat.
async fn longer_aircraft(pool: &PgPool) {
    let longer = "update seat_layout set seat_row = seat_row + 1000 where aircraft = '32N';
                  update seat_layout set seat_row = seat_row - 990 where aircraft = '32N';
                  insert into aircraft_type select 'LNG', 'LONG', 'Longer', range_km, cruise_kmh from aircraft_type where iata = '32N';
                  insert into seat_layout (aircraft, seat_row, letter, cabin, position, exit_row)
                  select 'LNG', seat_row, letter, cabin, position, exit_row from seat_layout where aircraft = '32N'
                  union all select 'LNG', seat_row - 3, letter, cabin, position, exit_row from seat_layout where aircraft = '32N' and seat_row <= 13";
    sqlx::raw_sql(longer).execute(pool).await.unwrap();
}

/// Buys a seat that was named with the hold, under a family that makes every seat cost something.
async fn bought(
    app: &TestApp,
    pool: &PgPool,
    client: &Client<'_>,
    flight: FlightId,
    seat: &str,
) -> Value {
    let held = hold_seats(client, flight, "light", &[seat]).await;
    let booked = client
        .post("/v1/bookings", &trip::booking_of(&held.body))
        .await;
    pay(app, pool, client, &booked.body).await
}

async fn moves(pool: &PgPool) -> Vec<(String, Option<String>, String, i64)> {
    sqlx::query_as("select from_seat, to_seat, from_aircraft || ' ' || to_aircraft, refund_minor from seat_move order by moved_at, from_seat")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_in_a_cheaper_class_of_another_aircraft_gives_the_difference_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    longer_aircraft(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = bought(&app, &pool, &client, flight, "12B").await;
    swap(&app, &pool, flight, "LNG").await;
    let after = client.booking(&booking).await;
    assert_eq!(seats_of(&after), ["12B"]);
    // 600.00 were paid for the second row; any other costs 250.00.
    assert_eq!(after["payment"]["amount_refunded"]["amount"], "350.00");
    let total = |booking: &Value| -> i64 {
        let amount = booking["price"]["total"]["amount"].as_str().unwrap();
        amount.replace('.', "").parse().unwrap()
    };
    assert_eq!(total(&booking) - total(&after), 35_000);
    assert_eq!(
        moves(&pool).await,
        [(
            "12B".to_owned(),
            Some("12B".to_owned()),
            "32N LNG".to_owned(),
            35_000
        )]
    );
    assert_consistent(&pool).await;
    // Back in the second row it costs more than was paid: nobody is asked for that.
    swap(&app, &pool, flight, "32N").await;
    let back = client.booking(&booking).await;
    assert_eq!(back["price"]["total"], after["price"]["total"]);
    assert_consistent(&pool).await;
    // Gone altogether: the rest goes back.
    swap(&app, &pool, flight, SMALL).await;
    let gone = client.booking(&booking).await;
    assert_eq!(gone["payment"]["amount_refunded"]["amount"], "600.00");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_whose_row_is_an_exit_no_more_gives_its_fee_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    longer_aircraft(&pool).await;
    sqlx::raw_sql("update seat_layout set exit_row = false where aircraft = 'LNG'")
        .execute(&pool)
        .await
        .unwrap();
    let exit: String = sqlx::query_scalar(
        "select min(seat_row) || 'C' from seat_layout where aircraft = '32N' and exit_row",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = bought(&app, &pool, &client, flight, &exit).await;
    swap(&app, &pool, flight, "LNG").await;
    let after = client.booking(&booking).await;
    assert_eq!(after["payment"]["amount_refunded"]["amount"], "900.00");
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_unpaid_seat_of_a_cheaper_class_costs_that_when_it_is_paid(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    longer_aircraft(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let held = hold_seats(&client, flight, "light", &["12B"]).await;
    let booked = client
        .post("/v1/bookings", &trip::booking_of(&held.body))
        .await;
    swap(&app, &pool, flight, "LNG").await;
    let confirmed = pay(&app, &pool, &client, &booked.body).await;
    assert_eq!(seats_of(&confirmed), ["12B"]);
    assert_eq!(confirmed["payment"]["amount_refunded"]["amount"], "350.00");
    let lines = confirmed["price"]["lines"].as_array().unwrap();
    let seat = lines.iter().find(|line| line["kind"] == "seat").unwrap();
    assert_eq!(
        (&seat["code"], &seat["amount"]["amount"]),
        (&json!("standard 12B"), &json!("250.00"))
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_seat_that_both_aircraft_have_goes_on_waiting(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (booking, money) = waits_for(&app, &pool, &client, "2C").await;
    swap(&app, &pool, flight, SMALL).await;
    let waiting = client.booking(&booking).await;
    assert_eq!(waiting["seat_change"]["amount"]["amount"], "600.00");
    assert_eq!(mails(&pool, "seats_not_changed").await, 0);
    assert_eq!(settle(&app, &money).await, Settlement::Confirmed);
    assert_eq!(seats_of(&client.booking(&booking).await), ["2C"]);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_for_a_seat_does_not_sit_anybody_where_there_is_none(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (booking, money) = waits_for(&app, &pool, &client, "2B").await;
    for minutes in [34, 2] {
        app.clock.advance(Duration::minutes(minutes));
        booking::sweep_changes(&pool, &app.clock).await.unwrap();
    }
    assert_eq!(client.booking(&booking).await["seat_change"], Value::Null);
    swap(&app, &pool, flight, SMALL).await;
    assert_eq!(settle(&app, &money).await, Settlement::Refunding);
    assert_given_back(&pool, &client, &booking).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_after_check_in_has_closed_goes_back(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (booking, money) = waits_for(&app, &pool, &client, "2B").await;
    // The flight leaves at 02:30 UTC in thirty days.
    app.clock
        .advance(Duration::days(30) - Duration::minutes(4 * 60 + 30) - Duration::minutes(5 * 60));
    assert_eq!(settle(&app, &money).await, Settlement::Refunding);
    assert_given_back(&pool, &client, &booking).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_seats_that_were_asked_for_before_other_ones_goes_back(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (booking, first) = waits_for(&app, &pool, &client, "2B").await;
    let second = change(&client, &booking, &[(0, "2C")]).await;
    assert_eq!(second.body["seat_change"]["amount"]["amount"], "600.00");
    assert_eq!(settle(&app, &first).await, Settlement::Refunding);
    let waiting = client.booking(&booking).await;
    assert_eq!(seats_of(&waiting), ["5A"]);
    assert_eq!(waiting["seat_change"], second.body["seat_change"]);
    let done = pay(&app, &pool, &client, &booking).await;
    assert_eq!(seats_of(&done), ["2C"]);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_unpaid_seat_that_the_new_aircraft_lacks_costs_nothing_when_it_is_paid(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let held = hold_seats(&client, flight, "standard", &["2B"]).await;
    let booked = client
        .post("/v1/bookings", &trip::booking_of(&held.body))
        .await;
    assert_eq!(booked.body["price"]["total"]["amount"], "7688.00");
    swap(&app, &pool, flight, SMALL).await;
    let confirmed = pay(&app, &pool, &client, &booked.body).await;
    assert_ne!(seats_of(&confirmed), ["2B"]);
    assert_eq!(confirmed["price"]["total"]["amount"], "7088.00");
    let payment = &confirmed["payment"];
    assert_eq!(payment["status"], "succeeded");
    assert_eq!(payment["amount_paid"], rupees("7688.00"));
    assert_eq!(payment["amount_refunded"], rupees("600.00"));
    assert_eq!(mails(&pool, "money_returned").await, 1);
    assert_consistent(&pool).await;
}

fn rupees(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "INR" })
}
