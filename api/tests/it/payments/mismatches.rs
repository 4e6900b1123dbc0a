//! Money that is not what was asked for.

use flightdesk_core::money::Money;
use flightdesk_core::payment::Settlement;
use flightdesk_core::payment::stripe::CheckoutSession;
use serde_json::json;
use sqlx::PgPool;

use super::{open, paid, session, settle, ticketed};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_of_another_amount_confirms_nothing_and_goes_back_once(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let session = session(&app, &pool).await;
    let cheap = CheckoutSession {
        amount: session
            .amount
            .map(|amount| Money::new(100, amount.currency())),
        ..paid(&session)
    };
    assert_eq!(settle(&app, &cheap).await, Settlement::Mismatch);
    assert_eq!(
        settle(&app, &paid(&session)).await,
        Settlement::Mismatch,
        "what is said of that money later changes nothing"
    );
    let strange = CheckoutSession {
        booking_id: Some(flightdesk_core::ids::BookingId::new()),
        ..paid(&session)
    };
    assert_eq!(settle(&app, &strange).await, Settlement::Mismatch);
    let view = client.booking(&booking).await;
    assert_eq!(view["status"], "pending_payment");
    let one = json!({ "amount": "1.00", "currency": "INR" });
    let newest: uuid::Uuid = sqlx::query_scalar("select id from payment order by id desc limit 1")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        view["payment"],
        json!({ "status": "mismatched", "payment_id": newest, "amount_paid": one, "amount_refunded": one,
            "amount_kept": { "amount": "0.00", "currency": "INR" },
                "mismatches": [{ "received": one, "refund_status": "pending" }] })
    );
    assert_eq!(ticketed(&pool).await, (0, 0, 0));
    let jobs = "select count(*) from outbox where kind = 'create_refund'";
    assert_eq!(trip::count(&pool, jobs).await, 1);
    open(&client, &booking).await;
    assert_eq!(
        settle(&app, &paid(&self::session(&app, &pool).await)).await,
        Settlement::Confirmed,
        "a new page can be paid"
    );
    assert_consistent(&pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_of_another_currency_or_of_a_second_session_goes_back(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let booking = client.book().await;
    open(&client, &booking).await;
    let session = session(&app, &pool).await;
    assert_eq!(settle(&app, &paid(&session)).await, Settlement::Confirmed);
    let dollars = Money::new(5000, flightdesk_core::money::Currency::USD);
    for (id, amount) in [("cs_second", session.amount), ("cs_dollars", Some(dollars))] {
        let second = CheckoutSession {
            id: id.into(),
            amount,
            ..session.clone()
        };
        assert_eq!(settle(&app, &paid(&second)).await, Settlement::Mismatch);
        assert_eq!(settle(&app, &paid(&second)).await, Settlement::Mismatch);
    }
    let payment = &client.booking(&booking).await["payment"];
    let total = &booking["price"]["total"];
    assert_eq!(payment["status"], "succeeded");
    assert_eq!(&payment["amount_refunded"], total);
    assert_eq!(
        payment["mismatches"],
        json!([
            { "received": total, "refund_status": "pending" },
            { "received": { "amount": "50.00", "currency": "USD" }, "refund_status": "pending" },
        ])
    );
    assert_consistent(&pool).await;
}
