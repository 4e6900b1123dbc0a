//! The aircraft is swapped while somebody asks for another seat and while the money for one comes: nobody sits where
//! there is no seat, and the money is kept or goes back.

use std::collections::BTreeMap;

use flightdesk_core::ids::FlightId;
use flightdesk_core::payment::Settlement;
use serde_json::Value;
use sqlx::PgPool;

use super::{after, wide};
use crate::consistent::assert_consistent;
use crate::payments::{open, paid, session, settle};
use crate::seat_swaps::{SMALL, swap};
use crate::seats::{change, seats_of};
use crate::support::{Client, TestApp};
use crate::trip;

const ROUNDS: u64 = 25;

/// A paid booking of one, whose name nobody else has.
async fn bought(app: &TestApp, pool: &PgPool, client: &Client<'_>) -> Value {
    let booking = client.book().await;
    open(client, &booking).await;
    let money = paid(&session(app, pool).await);
    assert_eq!(settle(app, &money).await, Settlement::Confirmed);
    client.booking(&booking).await
}

/// Seats of the flight that somebody has and the aircraft does not.
pub async fn nowhere(pool: &PgPool, flight: FlightId) -> i64 {
    sqlx::query_scalar(
        "select count(*) from passenger_seat s join flight f on f.id = s.flight_id
         where f.id = $1 and not exists (select from seat_layout l where l.aircraft = f.aircraft and (l.seat_row, l.letter) = (s.seat_row, s.letter))",
    )
    .bind(flight.0)
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn money_and_wishes_for_seats_race_a_swap_and_nobody_sits_on_none(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    let wide = wide(&pool).await;
    let app = TestApp::start(wide.clone()).await;
    let client = app.sign_up().await;
    let mut endings = BTreeMap::<&str, u32>::new();
    for round in 0..ROUNDS {
        let (payer, chooser) = (
            bought(&app, &wide, &client).await,
            bought(&app, &wide, &client).await,
        );
        let waiting = change(&client, &payer, &[(0, "2B")]).await;
        assert_eq!(waiting.status.as_u16(), 200, "{round}: {waiting:?}");
        open(&client, &payer).await;
        let money = paid(&session(&app, &wide).await);
        let (settled, chosen, ()) = tokio::join!(
            async {
                after(round, 0).await;
                settle(&app, &money).await
            },
            async {
                after(round, 0).await;
                change(&client, &chooser, &[(0, "20E")]).await
            },
            async {
                after(round, 1).await;
                swap(&app, &wide, flight, SMALL).await;
            },
        );
        assert_eq!(nowhere(&wide, flight).await, 0);
        let now = client.booking(&payer).await;
        assert_eq!(now["seat_change"], Value::Null);
        let ending = match settled {
            Settlement::Confirmed => {
                assert_eq!(
                    now["passengers"][0]["seats"][0]["reason"],
                    "aircraft_change"
                );
                // The seat that was paid for is gone: its fee goes back.
                assert_eq!(now["price"]["total"], payer["price"]["total"]);
                assert_eq!(now["payment"]["amount_refunded"]["amount"], "600.00");
                "moved"
            }
            Settlement::Refunding => {
                assert_eq!(now["price"]["total"], payer["price"]["total"]);
                assert_eq!(now["payment"]["amount_refunded"]["amount"], "600.00");
                "given back"
            }
            other => panic!("{other:?}"),
        };
        *endings.entry(ending).or_default() += 1;
        let wish = if chosen.status.as_u16() == 200 {
            "chosen"
        } else {
            assert_eq!(chosen.wrong_fields(), ["seats[0].seat: no_such_seat"]);
            "refused"
        };
        *endings.entry(wish).or_default() += 1;
        assert_eq!(seats_of(&client.booking(&chooser).await).len(), 1);
        assert_consistent(&wide).await;
        swap(&app, &wide, flight, "32N").await;
    }
    eprintln!("{endings:?}");
    assert_eq!(endings.len(), 4, "all endings happen: {endings:?}");
}
