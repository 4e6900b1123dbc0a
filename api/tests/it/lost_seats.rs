//! Late money for a chosen seat that somebody else has by then: another seat, and the fee of the chosen one back.

use chrono::Duration;
use flightdesk_core::booking;
use flightdesk_core::document::InvoiceContent;
use flightdesk_core::ids::DocumentId;
use flightdesk_core::payment::Settlement;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::consistent::assert_consistent;
use crate::ledger::{balance, entries, ledger};
use crate::payments::{open, paid, session, settle};
use crate::seat_swaps::mails;
use crate::seats::{change, hold_seats, seats_of};
use crate::support::TestApp;
use crate::trip;

fn rupees(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "INR" })
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_fee_of_a_chosen_seat_that_late_money_cannot_have_goes_back(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let held = hold_seats(&client, flight, "standard", &["2B"]).await;
    let booking = client
        .post("/v1/bookings", &trip::booking_of(&held.body))
        .await
        .body;
    assert_eq!(booking["price"]["total"], rupees("7688.00"));
    open(&client, &booking).await;
    for seconds in [31 * 60, 60] {
        app.clock.advance(Duration::seconds(seconds));
        booking::sweep_due(&pool, &app.clock).await.unwrap();
    }
    assert_eq!(client.booking(&booking).await["status"], "expired");
    let taken = hold_seats(&other, flight, "standard", &["2B"]).await;
    assert_eq!(taken.status.as_u16(), 201, "{taken:?}");

    let late = paid(&session(&app, &pool).await);
    assert_eq!(settle(&app, &late).await, Settlement::ConfirmedLate);
    assert_eq!(settle(&app, &late).await, Settlement::AlreadySettled);
    let now = client.booking(&booking).await;
    assert_eq!(now["late_payment"]["resolution"], "other_seats");
    assert_ne!(seats_of(&now), ["2B"]);
    assert_eq!(now["price"]["total"], rupees("7088.00"));
    let lines = now["price"]["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["kind"] != "seat"), "{lines:?}");
    assert_eq!(
        (
            &now["payment"]["amount_paid"],
            &now["payment"]["amount_refunded"]
        ),
        (&rupees("7688.00"), &rupees("600.00"))
    );
    assert_eq!(mails(&pool, "money_returned").await, 1);
    assert_consistent(&pool).await;

    let documents = now["documents"].as_array().unwrap();
    let invoice = documents
        .iter()
        .find(|document| document["kind"] == "invoice");
    let id = DocumentId(invoice.unwrap()["id"].as_str().unwrap().parse().unwrap());
    let invoice = InvoiceContent::load(&mut pool.acquire().await.unwrap(), id)
        .await
        .unwrap();
    let paid_with = invoice.paid_with.unwrap().amount;
    assert_eq!(
        (invoice.total.minor(), paid_with.minor()),
        (708_800, 708_800)
    );
    assert!(invoice.lines.iter().all(|line| line.kind != "seat"));

    let owed = ledger(&client, &booking).await;
    assert_eq!(
        (
            balance(&owed, "customer"),
            balance(&owed, "refunds_payable")
        ),
        ("0.00", "-600.00")
    );
    assert_eq!(
        entries(&owed),
        [
            "late_payment stripe_clearing customer 7688.00 -7688.00",
            "sale customer base_fare 6000.00 -1688.00",
            "sale customer tax:ASF 236.00 -1452.00",
            "sale customer tax:CUTE 50.00 -1402.00",
            "sale customer tax:GST 300.00 -1102.00",
            "sale customer tax:PSF 91.00 -1011.00",
            "sale customer tax:RCS 50.00 -961.00",
            "sale customer tax:UDF 61.00 -900.00",
            "sale customer fee:CONV 300.00 -600.00",
            "refund customer refunds_payable 600.00 0.00",
        ]
    );
    // The way up costs its whole fee again: nothing of it is paid.
    let dearer = change(&client, &booking, &[(0, "3B")]).await;
    assert_eq!(dearer.body["seat_change"]["amount"], rupees("600.00"));
}
