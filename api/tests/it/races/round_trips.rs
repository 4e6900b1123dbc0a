//! R1 and R2 with parties and two directions, over HTTP and two processes; and one passenger booked by many at once.

use flightdesk_core::fixtures::load_small;
use flightdesk_core::ids::FlightId;
use flightdesk_core::trade::Party;
use futures::future::join_all;
use reqwest::Client as Http;
use serde_json::json;
use sqlx::PgPool;

use super::{Traveller, in_a_month, travellers, wide};
use crate::consistent::assert_consistent;
use crate::support::{Answer, Client, TestApp};
use crate::trip::{self, adults, fly, grown_ups};

/// Half of them fly from DEL to BOM and back, half from BOM to DEL and back a day later.
const PARTIES: usize = 60;
const PARTY: u16 = 4;
/// Room for this many parties on each flight, and three seats that nobody can use.
const ROOM: i32 = 7;

/// Three mornings: the flight in the middle is one half's returning and the other half's departing direction.
struct Routes {
    outs: [FlightId; 2],
    backs: [FlightId; 2],
}

/// The later a flight leaves the smaller its id, so that nobody asks in the order in which cabins are locked.
async fn routes(pool: &PgPool) -> Routes {
    load_small(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    let on = |days| {
        let departs = in_a_month() + chrono::Duration::days(days);
        departs.format("%Y-%m-%dT%H:%M:%S").to_string()
    };
    let last = fly(pool, "AI", "103", ["DEL", "BOM"], &on(2)).await;
    let middle = fly(pool, "AI", "102", ["BOM", "DEL"], &on(1)).await;
    let first = fly(pool, "AI", "101", ["DEL", "BOM"], &on(0)).await;
    Routes {
        outs: [first, middle],
        backs: [middle, last],
    }
}

/// What each party posts: half hold, half book, each in its own direction.
async fn rush(
    pool: &PgPool,
    app: &TestApp,
    routes: &Routes,
    processes: &[&TestApp],
    party: Party,
) -> Vec<Answer> {
    let http = Http::new();
    let travellers: Vec<Traveller> = travellers(pool, PARTIES).await;
    let mut bodies = Vec::new();
    for (index, traveller) in travellers.iter().enumerate() {
        let client = Client {
            app,
            key: traveller.key.clone(),
            account_id: traveller.account_id,
        };
        let (out, back) = (routes.outs[index % 2], routes.backs[index % 2]);
        let offers = client.offers_of(&[out], &[back], party).await;
        let body =
            json!({ "offers": offers, "passengers": grown_ups(4), "contact": trip::contact() });
        bodies.push(if index % 4 < 2 {
            ("/v1/holds", json!({ "offers": offers }))
        } else {
            ("/v1/bookings", body)
        });
    }
    let everybody = travellers.iter().zip(&bodies).enumerate();
    join_all(everybody.map(|(index, (traveller, (path, body)))| {
        let address = processes[(index / 2) % processes.len()].address.to_string();
        let http = &http;
        async move { traveller.post(http, &address, path, body).await }
    }))
    .await
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn parties_that_want_the_same_flights_both_ways_get_both_or_neither(pool: PgPool) {
    let routes = routes(&pool).await;
    let flights = [routes.outs[0], routes.outs[1], routes.backs[1]];
    for flight in flights {
        trip::leave_seats(&pool, flight, ROOM * i32::from(PARTY) + 3).await;
    }
    // Two pools of their own, as two processes have; offers are signed by the first.
    let (one, two) = (wide(&pool).await, wide(&pool).await);
    let (first, second) = (
        TestApp::start(one.clone()).await,
        TestApp::start(two.clone()).await,
    );
    let answers = rush(&pool, &first, &routes, &[&first, &second], adults(PARTY)).await;
    let (made, refused): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer.status.as_u16() == 201);
    for answer in refused {
        assert_eq!(answer.problem(), (409, "sold_out"), "{answer:?}");
    }
    let seats = i32::from(PARTY) * i32::try_from(made.len()).unwrap();
    let mut held = Vec::new();
    for flight in flights {
        held.push(trip::counters(&pool, flight).await.0);
    }
    // Everybody needs the flight in the middle: it is as full as parties of four can fill it.
    assert_eq!((held[1], seats), (seats, ROOM * i32::from(PARTY)));
    assert_eq!(held[0] + held[2], seats, "both flights or neither");
    assert_consistent(&pool).await;
    one.close().await;
    two.close().await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_many_bookings_of_one_passenger_at_once_one_is_made(pool: PgPool) {
    const BOOKINGS: usize = 16;
    let flight = trip::a_flight(&pool).await;
    let wide = wide(&pool).await;
    let app = TestApp::start(wide.clone()).await;
    let client = app.sign_up().await;
    // Holds made before, so that no lock of the account puts the bookings in a row.
    let mut holds = Vec::new();
    for _ in 0..BOOKINGS {
        holds.push(client.hold(1).await);
    }
    let answers = join_all(holds.iter().map(|hold| {
        let body = json!({
            "hold_id": hold["id"], "passengers": [trip::passenger("Linh", "1990-05-17")], "contact": trip::contact(),
        });
        let client = &client;
        async move { client.post("/v1/bookings", &body).await }
    }))
    .await;
    let made: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status.as_u16() == 201)
        .collect();
    assert_eq!(made.len(), 1);
    for answer in answers
        .iter()
        .filter(|answer| answer.status.as_u16() != 201)
    {
        assert_eq!(answer.problem(), (409, "duplicate_passenger"));
        assert_eq!(answer.body["booking_ref"], made[0].body["booking_ref"]);
    }
    let holds = i32::try_from(BOOKINGS).unwrap();
    assert_eq!(trip::counters(&pool, flight).await, (holds, 0));
    assert_consistent(&pool).await;
    wide.close().await;
}
