//! What codes stand for, and how soon a new one is known.

use std::sync::Arc;

use chrono::{Days, TimeZone, Utc};
use sqlx::{PgConnection, PgPool};

use super::{Reference, ReferenceCache};
use crate::clock::Clock;
use crate::fixtures::{self, AddFlight};
use crate::flight;
use crate::trade::Cabin;

fn codes(codes: &[&str]) -> Vec<String> {
    codes.iter().map(|code| (*code).to_owned()).collect()
}

async fn add_airport(conn: &mut PgConnection) {
    sqlx::query(
        "insert into airport (iata, name, city, country, lat, lon, time_zone, kind, scheduled, search_text)
         values ('ZZZ', 'New Field', 'Newtown', 'IN', 20, 75, 'Asia/Kolkata', 'medium', true, 'new field')",
    )
    .execute(conn)
    .await
    .unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_metro_area_wins_over_the_airport_of_its_code_unless_the_airport_is_meant(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let reference = Reference::load(&mut conn).await.unwrap();
    assert_eq!(
        reference.airports_of("LON", false),
        ["LCY", "LGW", "LHR", "LTN", "STN"]
    );
    assert_eq!(reference.airports_of("LON", true), codes(&[]));
    assert_eq!(reference.airports_of("LHR", false), ["LHR"]);
    assert_eq!(reference.airports_of("XXX", false), codes(&[]));
    let share =
        |some: &[&str], others: &[&str]| reference.share_an_area(&codes(some), &codes(others));
    assert!(share(&["LHR"], &["DEL", "LGW"]) && share(&["DEL"], &["DEL"]));
    assert!(!share(&["LHR"], &["DEL"]) && !share(&["XXX"], &["XXX"]));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_flight_to_an_airport_that_was_added_a_moment_ago_is_on_sale(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let now = Utc.with_ymd_and_hms(2026, 12, 20, 8, 0, 0).unwrap();
    let (cache, clock) = (ReferenceCache::default(), Clock::manual(now));
    let before = cache.get(&mut conn, &clock).await.unwrap();
    assert!(before.airport("ZZZ").is_none());
    add_airport(&mut conn).await;
    let day = now.date_naive() + Days::new(30);
    let flight = AddFlight {
        airline: "AI",
        number: "777",
        origin: "DEL",
        destination: "ZZZ",
        departs_local: day.and_hms_opt(9, 0, 0).unwrap(),
        block_minutes: 100,
        aircraft: "320",
        base_fare_minor: 400_000,
    };
    let id = fixtures::add_flight(&mut conn, flight).await.unwrap();
    let ids = [id.0];
    let sold = flight::on_sale(&mut conn, (&clock, &cache), &ids, &[Cabin::Economy], now, 1);
    let sold = sold.await.unwrap();
    assert_eq!(sold.len(), 1);
    assert_eq!(sold[0].0.destination.name, "New Field");
    // Names are shared, not read for each flight.
    let known = cache.get(&mut conn, &clock).await.unwrap();
    assert!(Arc::ptr_eq(
        &sold[0].0.origin,
        known.airport("DEL").unwrap()
    ));
}
