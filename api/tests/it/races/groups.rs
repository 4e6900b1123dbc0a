//! R2: groups that ask for the same cabins in opposite orders.

use chrono::Duration;
use flightdesk_core::Error;
use flightdesk_core::ids::FlightId;
use flightdesk_core::inventory::{self, Change};
use flightdesk_core::trade::Cabin;
use futures::future::join_all;
use sqlx::PgPool;

use super::wide;
use crate::consistent::assert_consistent;
use crate::support::noon;
use crate::trip;

const ROUNDS: usize = 100;
const GROUPS: usize = 12;

fn changes(flights: &[FlightId], held: i32) -> Vec<Change> {
    let change = |flight: &FlightId| Change {
        flight_id: *flight,
        cabin: Cabin::Economy,
        held,
        sold: 0,
    };
    flights.iter().map(change).collect()
}

/// Takes a seat on every flight in the given order and gives it back, a transaction each.
async fn take_and_give_back(pool: &PgPool, flights: &[FlightId]) -> Result<(), Error> {
    let mut tx = pool.begin().await?;
    inventory::hold(&mut tx, changes(flights, 1), noon() + Duration::hours(2)).await?;
    tx.commit().await?;
    let mut tx = pool.begin().await?;
    inventory::apply(&mut tx, changes(flights, -1)).await?;
    tx.commit().await?;
    Ok(())
}

async fn three_flights(pool: &PgPool) -> [FlightId; 3] {
    [
        trip::a_flight(pool).await,
        trip::add(pool, "102", trip::at(9)).await,
        trip::add(pool, "103", trip::at(10)).await,
    ]
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_several_cabins_the_one_that_is_full_or_closed_is_named(pool: PgPool) {
    let flights = three_flights(&pool).await;
    let from = noon() + Duration::hours(2);
    for flight in flights {
        let capacity = "update flight_cabin set capacity = $2 where flight_id = $1";
        let fill = sqlx::query(capacity).bind(flight.0).bind(0);
        fill.execute(&pool).await.unwrap();
        let mut tx = pool.begin().await.unwrap();
        let held = inventory::hold(&mut tx, changes(&flights, 1), from).await;
        assert!(matches!(held, Err(Error::SoldOut { flight_id }) if flight_id == flight));
        tx.rollback().await.unwrap();
        let mut tx = pool.begin().await.unwrap();
        let moved = inventory::apply(&mut tx, changes(&flights, 1)).await;
        assert!(matches!(moved, Err(Error::SoldOut { flight_id }) if flight_id == flight));
        tx.rollback().await.unwrap();
        let empty = sqlx::query(capacity).bind(flight.0).bind(180);
        empty.execute(&pool).await.unwrap();
        let set = "update flight set status = $2 where id = $1";
        let cancel = sqlx::query(set).bind(flight.0).bind("cancelled");
        cancel.execute(&pool).await.unwrap();
        let mut tx = pool.begin().await.unwrap();
        let held = inventory::hold(&mut tx, changes(&flights, 1), from).await;
        assert!(matches!(held, Err(Error::SalesClosed { flight_id }) if flight_id == flight));
        tx.rollback().await.unwrap();
        let restore = sqlx::query(set).bind(flight.0).bind("scheduled");
        restore.execute(&pool).await.unwrap();
    }
    for flight in flights {
        assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn groups_that_ask_in_opposite_orders_never_lock_each_other_out(pool: PgPool) {
    let wide = wide(&pool).await;
    let [one, two, three] = three_flights(&pool).await;
    let orders = [
        [one, two, three],
        [three, two, one],
        [two, three, one],
        [one, three, two],
    ];
    for round in 0..ROUNDS {
        let groups =
            (0..GROUPS).map(|group| take_and_give_back(&wide, &orders[group % orders.len()]));
        for result in join_all(groups).await {
            result.unwrap_or_else(|error| panic!("in round {round}: {error}"));
        }
    }
    for flight in [one, two, three] {
        assert_eq!(trip::counters(&pool, flight).await, (0, 0));
    }
    assert_consistent(&pool).await;
    wide.close().await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_same_moves_one_by_one_in_opposite_orders_do(pool: PgPool) {
    let [one, two, _] = three_flights(&pool).await;
    let (mut first, mut second) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
    inventory::apply(&mut first, changes(&[one], 1))
        .await
        .unwrap();
    inventory::apply(&mut second, changes(&[two], 1))
        .await
        .unwrap();
    let (first, second) = tokio::join!(
        inventory::apply(&mut first, changes(&[two], 1)),
        inventory::apply(&mut second, changes(&[one], 1)),
    );
    let codes: Vec<_> = [first, second]
        .into_iter()
        .filter_map(Result::err)
        .map(|error| match error {
            Error::Database(error) => error
                .as_database_error()
                .unwrap()
                .code()
                .unwrap()
                .into_owned(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(
        codes,
        ["40P01"],
        "PostgreSQL ends one of two that wait for each other"
    );
}
