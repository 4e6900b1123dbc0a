//! R2: one named seat, and parties that find too few.

use flightdesk_core::ids::FlightId;
use futures::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{travellers, wide};
use crate::consistent::assert_consistent;
use crate::support::{Answer, Client, TestApp};
use crate::trip;

/// Clients with accounts of their own, and an offer for some adults each.
async fn clients<'a>(
    app: &'a TestApp,
    pool: &PgPool,
    count: usize,
    adults: u32,
) -> Vec<(Client<'a>, Value)> {
    let clients = travellers(pool, count)
        .await
        .into_iter()
        .map(|traveller| async move {
            let client = Client {
                app,
                key: traveller.key,
                account_id: traveller.account_id,
            };
            let offer = client.offer(adults).await["offer_id"].clone();
            (client, offer)
        });
    join_all(clients).await
}

async fn hold(client: &Client<'_>, offer: &Value, flight: FlightId, seats: &[String]) -> Answer {
    let seats: Vec<_> = seats
        .iter()
        .map(|seat| json!({ "flight_id": flight.0, "seat": seat }))
        .collect();
    client
        .post("/v1/holds", &json!({ "offers": [offer], "seats": seats }))
        .await
}

/// Economy's seats, foremost first.
async fn seats(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select seat_row || letter from seat_layout where aircraft = '32N' and cabin = 'economy' order by seat_row, letter")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_of_fifty_gets_the_seat_they_all_name(pool: PgPool) {
    let (flight, wide) = (trip::a_flight(&pool).await, wide(&pool).await);
    let app = TestApp::start(wide.clone()).await;
    let clients = clients(&app, &pool, 50, 1).await;
    let seat = [seats(&pool).await.swap_remove(20)];
    let answers = join_all(
        clients
            .iter()
            .map(|(client, offer)| hold(client, offer, flight, &seat)),
    )
    .await;
    let (held, refused): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.status.as_u16() == 201);
    assert_eq!(held.len(), 1);
    for answer in refused {
        assert_eq!(answer.problem(), (409, "seat_taken"), "{answer:?}");
    }
    assert_eq!(trip::counters(&pool, flight).await, (1, 0));
    assert_eq!(
        trip::count(&pool, "select count(*) from passenger_seat").await,
        1
    );
    assert_eq!(trip::count(&pool, "select count(*) from hold").await, 1);
    assert_consistent(&pool).await;
    wide.close().await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_party_that_finds_one_of_its_seats_taken_takes_none(pool: PgPool) {
    let (flight, wide) = (trip::a_flight(&pool).await, wide(&pool).await);
    let app = TestApp::start(wide.clone()).await;
    let clients = clients(&app, &pool, 24, 2).await;
    // Pairs that overlap like links of a chain, each named forwards by one party and backwards by another.
    let seats = seats(&pool).await;
    let wishes: Vec<Vec<String>> = (0..24)
        .map(|index| {
            let mut pair = seats[index / 2..index / 2 + 2].to_vec();
            if index % 2 == 1 {
                pair.reverse();
            }
            pair
        })
        .collect();
    let asked = clients.iter().zip(&wishes);
    let answers =
        join_all(asked.map(|((client, offer), wish)| hold(client, offer, flight, wish))).await;
    let mut held = 0;
    for answer in &answers {
        match answer.status.as_u16() {
            201 => held += 1,
            _ => assert_eq!(answer.problem(), (409, "seat_taken"), "{answer:?}"),
        }
    }
    // 13 seats in a chain: at least every third, at most every second pair fits.
    assert!((4..=6).contains(&held), "{held}");
    assert_eq!(trip::counters(&pool, flight).await, (held * 2, 0));
    assert_eq!(
        trip::count(&pool, "select count(*) from passenger_seat").await,
        i64::from(held) * 2
    );
    assert_consistent(&pool).await;
    wide.close().await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn parties_of_four_leave_three_seats_untouched(pool: PgPool) {
    let (flight, wide) = (trip::a_flight(&pool).await, wide(&pool).await);
    let app = TestApp::start(wide.clone()).await;
    let clients = clients(&app, &pool, 20, 4).await;
    trip::leave_seats(&pool, flight, 3).await;
    // The seats they name are free, and still are afterwards.
    let seats = seats(&pool).await;
    let asked = clients.iter().enumerate().map(|(index, (client, offer))| {
        let named = if index % 2 == 0 {
            &seats[..4]
        } else {
            &seats[..0]
        };
        hold(client, offer, flight, named)
    });
    for answer in join_all(asked).await {
        assert_eq!(answer.problem(), (409, "sold_out"), "{answer:?}");
    }
    assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    for table in [
        "select count(*) from hold",
        "select count(*) from hold_line",
        "select count(*) from passenger_seat",
        "select count(*) from outbox",
    ] {
        assert_eq!(trip::count(&pool, table).await, 0, "{table}");
    }
    assert_consistent(&pool).await;
    wide.close().await;
}
