use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Duration, NaiveDate, TimeZone, Timelike, Utc};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};

use super::*;
use crate::clock::Clock;
use crate::{fixtures, zone};

const HORIZON: Horizon = Horizon {
    seed: 7,
    days: 4,
    per_day: 150,
};

fn november() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap())
}

async fn network(conn: &mut PgConnection) -> Network {
    fixtures::load_small(conn).await.unwrap();
    Network::load(conn).await.unwrap()
}

async fn whole_network(conn: &mut PgConnection) -> Network {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
    let fixtures = fixtures::read(folder.as_ref()).unwrap();
    fixtures::load(conn, &fixtures, |_| ()).await.unwrap();
    Network::load(conn).await.unwrap()
}

fn range() -> (NaiveDate, NaiveDate) {
    let day = |month, day| NaiveDate::from_ymd_opt(2027, month, day).unwrap();
    (day(1, 1), day(12, 31))
}

fn digest(schedules: &[Schedule]) -> String {
    format!("{:?}", Sha256::digest(format!("{schedules:?}")))
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_same_seed_is_the_same_timetable_and_another_seed_another(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let network = network(&mut conn).await;
    let first = digest(&plan(&network, 7, 150, range()).unwrap());
    assert_eq!(first, digest(&plan(&network, 7, 150, range()).unwrap()));
    assert_ne!(first, digest(&plan(&network, 8, 150, range()).unwrap()));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn room_for_more_flights_only_adds_to_the_timetable(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let network = network(&mut conn).await;
    let few = plan(&network, 7, 100, range()).unwrap();
    let many = plan(&network, 7, 150, range()).unwrap();
    let weekdays: BTreeMap<_, _> = many.iter().map(|row| (row.id, row.weekdays)).collect();
    assert!(
        few.iter()
            .all(|row| weekdays[&row.id] & row.weekdays == row.weekdays)
    );
    for day in 0..7 {
        let flights = few.iter().filter(|row| row.weekdays & (1 << day) != 0);
        assert_eq!(flights.count(), 100);
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn every_flight_of_a_big_day_could_be_flown(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let network = whole_network(&mut conn).await;
    let schedules = plan(&network, 1, 13_400, range()).unwrap();
    let date = NaiveDate::from_ymd_opt(2027, 1, 13).unwrap();
    let (mut numbers, mut ids, mut flights, mut home) = (HashSet::new(), HashSet::new(), 0, 0);
    for schedule in &schedules {
        let origin = network.airport(&schedule.origin).unwrap();
        let destination = network.airport(&schedule.destination).unwrap();
        let aircraft = network.aircraft(&schedule.aircraft).unwrap();
        let km = network.distance_km(origin, destination);
        assert!(km <= aircraft.range_km, "{schedule:?} is too far");
        let hours = f64::from(schedule.block_minutes) / 60.0;
        assert!(km / hours < 950.0, "{schedule:?} is too fast");
        assert!(hours < km / 380.0 + 1.0, "{schedule:?} is too slow");
        let zone = network.airports[origin].zone;
        let Some(flight) = schedule.on(date, zone) else {
            continue;
        };
        flights += 1;
        assert!(
            numbers.insert((&schedule.airline, &schedule.flight_number)),
            "{schedule:?}"
        );
        assert!(ids.insert(flight.id));
        let departs = zone::local(flight.departs_at, zone);
        assert_eq!(departs.date_naive(), date);
        assert_eq!(departs.time(), schedule.departs_local);
        if schedule.origin == "DEL" && schedule.destination == "BOM" {
            home += 1;
            assert!((5..=23).contains(&departs.hour()), "{schedule:?}");
        }
    }
    assert_eq!(flights, 13_400);
    assert!(home >= 20, "{home} flights from Delhi to Mumbai");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_second_run_keeps_everything_and_the_next_day_adds_one_day(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    network(&mut conn).await;
    let clock = november();
    let mut seen = Vec::new();
    let first = fill(&mut conn, &clock, HORIZON, |progress| seen.push(progress))
        .await
        .unwrap();
    assert!(first.added > 500, "{first:?}");
    assert_eq!((first.kept, first.numbers_in_use), (0, 0));
    assert_eq!(seen.last().unwrap().flights, first.added);
    let again = fill(&mut conn, &clock, HORIZON, |_| ()).await.unwrap();
    assert_eq!((again.added, again.kept), (0, first.added));
    clock.advance(Duration::days(1));
    let next = fill(&mut conn, &clock, HORIZON, |_| ()).await.unwrap();
    assert_eq!(next.added, 150);
    let other_seed = Horizon { seed: 8, ..HORIZON };
    let other = fill(&mut conn, &clock, other_seed, |_| ()).await.unwrap();
    assert!(other.numbers_in_use > 0, "{other:?}");
    let doubled: i64 = sqlx::query_scalar(
        "select count(*) from (select from flight group by airline, flight_number, departure_date having count(*) > 1) as doubled",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(doubled, 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn flights_have_the_cabins_and_seats_of_their_aircraft(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    network(&mut conn).await;
    fill(&mut conn, &november(), HORIZON, |_| ()).await.unwrap();
    let wrong: i64 = sqlx::query_scalar(
        "select count(*) from (
            select flight.id, cabin, capacity from flight join flight_cabin on flight_id = flight.id
            except
            select flight.id, cabin, count(*) from flight join seat_layout on seat_layout.aircraft = flight.aircraft group by 1, 2
         ) as different",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let bare: i64 = sqlx::query_scalar(
        "select count(*) from flight where not exists (select from flight_cabin where flight_id = flight.id and cabin = 'economy')",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!((wrong, bare), (0, 0));
    let first: DateTime<Utc> = sqlx::query_scalar("select min(departs_at) from flight")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert!(first > november().now());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_departure_in_the_skipped_hour_leaves_after_it_and_in_the_doubled_one_once(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let network = whole_network(&mut conn).await;
    let schedules = plan(&network, 1, 2000, range()).unwrap();
    let leaves = |origin: &str, at: &str, date: &str| {
        let at: chrono::NaiveTime = at.parse().unwrap();
        let mut rows = schedules.iter();
        let row = rows
            .find(|row| row.origin == origin && row.departs_local == at)
            .unwrap();
        let zone = network.airports[network.airport(origin).unwrap()].zone;
        let flight = row.on(date.parse().unwrap(), zone).unwrap();
        zone::local(flight.departs_at, zone).to_rfc3339()
    };
    assert_eq!(
        leaves("JFK", "02:30:00", "2027-03-14"),
        "2027-03-14T03:30:00-04:00"
    );
    assert_eq!(
        leaves("LDH", "02:15:00", "2027-10-03"),
        "2027-10-03T02:45:00+11:00"
    );
    assert_eq!(
        leaves("AKL", "02:30:00", "2027-04-04"),
        "2027-04-04T02:30:00+13:00"
    );
}

// Every leg at every day of a year's quarters: clocks change on one side of a route at a time.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn airlines_fly_what_they_have_when_airports_are_open_and_never_two_at_once(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let network = whole_network(&mut conn).await;
    let schedules = plan(&network, 1, 13_400, range()).unwrap();
    // Written out here: what the generator reads is not its own proof.
    let closed = [
        ("LHR", (23 * 60, 6 * 60), (23 * 60 + 30, 4 * 60 + 45)),
        ("SYD", (23 * 60, 6 * 60), (23 * 60, 6 * 60)),
        ("FRA", (23 * 60, 5 * 60), (23 * 60, 5 * 60)),
        ("MUC", (0, 5 * 60), (0, 5 * 60)),
        ("ZRH", (23 * 60 + 30, 6 * 60), (23 * 60 + 30, 6 * 60)),
        ("NRT", (0, 6 * 60), (0, 6 * 60)),
        ("ITM", (21 * 60, 7 * 60), (21 * 60, 7 * 60)),
    ];
    let inside = |(from, until): (u32, u32), minute: u32| {
        if from < until {
            (from..until).contains(&minute)
        } else {
            minute >= from || minute < until
        }
    };
    let fleets = [
        ("FR", &["738"][..]),
        ("EK", &["359", "388", "77W"]),
        ("6E", &["AT7", "32N", "32Q", "789"]),
        ("WF", &["DH4"]),
    ];
    let (mut minutes, mut moved) = (HashSet::new(), 0);
    for schedule in &schedules {
        let key = (&schedule.airline, &schedule.origin, schedule.departs_local);
        assert!(minutes.insert(key), "two at once: {schedule:?}");
        if let Some((_, fleet)) = fleets.iter().find(|(code, _)| schedule.airline == *code) {
            assert!(fleet.contains(&schedule.aircraft.as_str()), "{schedule:?}");
        }
        let zone = |iata: &str| network.airports[network.airport(iata).unwrap()].zone;
        let of = |iata: &str| closed.iter().find(|row| row.0 == iata);
        let (leaves, lands) = (of(&schedule.origin), of(&schedule.destination));
        if leaves.is_none() && lands.is_none() {
            continue;
        }
        for date in range().0.iter_days().take(365).step_by(5) {
            let Some(flight) = schedule.on(date, zone(&schedule.origin)) else {
                continue;
            };
            moved += 1;
            let minute = |instant, iata: &str| {
                let local = zone::local(instant, zone(iata));
                local.hour() * 60 + local.minute()
            };
            if let Some((airport, hours, _)) = leaves {
                let at = minute(flight.departs_at, airport);
                assert!(!inside(*hours, at), "{date}: {schedule:?}");
            }
            if let Some((airport, _, hours)) = lands {
                let at = minute(flight.arrives_at, airport);
                assert!(!inside(*hours, at), "{date}: {schedule:?}");
            }
        }
    }
    assert!(moved > 10_000, "{moved}");
}
