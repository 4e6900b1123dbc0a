//! Money that comes too late, or for nothing any more.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::payment::{self, Settlement};
use serde_json::json;
use sqlx::PgPool;

use super::{open, paid, session, settle, ticketed};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip;

/// Lets a booking with an open page expire without an answer from Stripe.
async fn expire_unanswered(app: &TestApp, pool: &PgPool) {
    app.clock.advance(Duration::minutes(31));
    assert_eq!(
        booking::sweep_due(pool, &app.clock).await.unwrap(),
        0,
        "Stripe is asked first"
    );
    assert_eq!(
        trip::count(
            pool,
            "select count(*) from outbox where kind = 'expire_checkout'"
        )
        .await,
        1
    );
    app.clock.advance(Duration::seconds(60));
    assert_eq!(booking::sweep_due(pool, &app.clock).await.unwrap(), 1);
}

/// Ends the open payment as if Stripe had refused it.
async fn close_page(app: &TestApp) {
    let mut conn = app.app.db.acquire().await.unwrap();
    let id = sqlx::query_scalar("select id from payment where status = 'open'")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    payment::refuse(&mut conn, &app.clock, id).await.unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn late_money_gets_the_seats_again_while_there_are_some(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let late = paid(&session(&app, &pool).await);
    expire_unanswered(&app, &pool).await;
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    assert_eq!(settle(&app, &late).await, Settlement::ConfirmedLate);
    assert_eq!(settle(&app, &late).await, Settlement::AlreadySettled);
    let confirmed = client.booking(&booking).await;
    assert_eq!(
        (
            &confirmed["status"],
            &confirmed["late_payment"]["resolution"]
        ),
        (&json!("confirmed"), &json!("same_seats"))
    );
    assert_eq!(trip::counters(&pool, flight).await, (0, 1));
    assert_eq!(ticketed(&pool).await, (1, 2, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_of_an_older_page_confirms_and_closes_the_newer_page(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let older = session(&app, &pool).await;
    close_page(&app).await;
    open(&client, &booking).await;
    let newer = session(&app, &pool).await;
    assert_ne!(older.id, newer.id);
    assert_eq!(settle(&app, &paid(&older)).await, Settlement::Confirmed);
    let open = "select count(*) from payment where status = 'open'";
    assert_eq!(trip::count(&pool, open).await, 0);
    let expiries = "select count(*) from outbox o join payment p on o.payload ->> 'payment_id' = p.id::text
        where o.kind = 'expire_checkout' and p.status = 'cancelled' and p.stripe_session_id is not null";
    assert_eq!(trip::count(&pool, expiries).await, 1);
    // Who was quicker than Stripe and paid there too has it back.
    assert_eq!(settle(&app, &paid(&newer)).await, Settlement::Refunding);
    assert_eq!(ticketed(&pool).await, (1, 2, 2));
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_two_late_payers_for_one_seat_one_flies_and_one_has_the_money_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let (first, second) = (client.book().await, client.book().await);
    open(&client, &first).await;
    let one = paid(&session(&app, &pool).await);
    open(&client, &second).await;
    let two = paid(&session(&app, &pool).await);
    app.clock.advance(Duration::minutes(33));
    booking::sweep_due(&pool, &app.clock).await.unwrap();
    trip::leave_seats(&pool, flight, 1).await;
    let (one, two) = tokio::join!(settle(&app, &one), settle(&app, &two));
    assert!(
        [
            (Settlement::ConfirmedLate, Settlement::Refunding),
            (Settlement::Refunding, Settlement::ConfirmedLate)
        ]
        .contains(&(one, two)),
        "{one:?} {two:?}"
    );
    assert_eq!(trip::counters(&pool, flight).await, (0, 1));
    assert_eq!(ticketed(&pool).await, (1, 2, 2));
    assert_eq!(
        trip::count(
            &pool,
            "select count(*) from refund where reason = 'late_payment'"
        )
        .await,
        1
    );
    assert_eq!(
        trip::count(
            &pool,
            "select count(*) from outbox where kind = 'create_refund'"
        )
        .await,
        1
    );
    assert_eq!(trip::count(&pool, "select count(*) from booking where late_payment_resolution = 'refunded' and status = 'expired'").await, 1);
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_for_a_cancelled_booking_goes_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let paid = paid(&session(&app, &pool).await);
    client
        .post(
            &format!("/v1/bookings/{}/cancellations", trip::reference(&booking)),
            &json!({}),
        )
        .await;
    assert_eq!(settle(&app, &paid).await, Settlement::Refunding);
    let view = client.booking(&booking).await;
    assert_eq!(
        (&view["status"], &view["payment"]["amount_refunded"]),
        (&json!("cancelled"), &booking["price"]["total"])
    );
    assert_eq!(
        (trip::counters(&pool, flight).await, ticketed(&pool).await),
        ((0, 0), (0, 0, 0))
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_window_to_pay_closes_75_minutes_after_booking(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    // Each page closes 31 minutes after it was opened, and takes the booking's deadline along.
    for (minutes, due) in [(10, "2026-11-20T12:41:00Z"), (30, "2026-11-20T13:11:00Z")] {
        app.clock.advance(Duration::minutes(minutes));
        open(&client, &booking).await;
        assert_eq!(client.booking(&booking).await["payment_due_at"], due);
        close_page(&app).await;
    }
    app.clock.advance(Duration::minutes(5));
    assert_eq!(
        client.open_payment(&booking).await.problem(),
        (409, "payment_window_closed")
    );
}
