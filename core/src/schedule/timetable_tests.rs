use chrono::{DateTime, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::*;
use crate::clock::Clock;
use crate::ids::FlightId;
use crate::{Error, fixtures, zone};

const EVERY_DAY: u8 = 0b111_1111;
const SUNDAY: u8 = 1 << 6;

// A Monday.
fn november() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 23, 12, 0, 0).unwrap())
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn time(text: &str) -> NaiveTime {
    text.parse().unwrap()
}

async fn add(conn: &mut PgConnection, change: impl FnOnce(&mut Schedule)) -> Schedule {
    let mut schedule = Schedule {
        id: Uuid::now_v7(),
        airline: "AI".to_owned(),
        flight_number: "10".to_owned(),
        origin: "DEL".to_owned(),
        destination: "BOM".to_owned(),
        weekdays: EVERY_DAY,
        departs_local: time("08:00:00"),
        block_minutes: 130,
        aircraft: "320".to_owned(),
        effective_from: date("2026-11-25"),
        effective_until: date("2027-12-31"),
        base_fare_minor: 500_000,
        cabin_fares: CabinFares::default(),
        fare_varies: false,
    };
    change(&mut schedule);
    super::single::insert(conn, &schedule).await.unwrap();
    schedule
}

#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
struct Row {
    id: Uuid,
    departure_date: NaiveDate,
    departs_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
    aircraft: String,
    status: String,
}

async fn flights(conn: &mut PgConnection, schedule: Uuid) -> Vec<Row> {
    sqlx::query_as(
        "select id, departure_date, departs_at, arrives_at, aircraft, status from flight where schedule_id = $1 order by departure_date",
    )
    .bind(schedule)
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn cabins(conn: &mut PgConnection, flight: Uuid) -> Vec<(String, i32, i64)> {
    sqlx::query_as(
        "select cabin, capacity, base_fare_minor from flight_cabin where flight_id = $1 order by cabin",
    )
    .bind(flight)
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn execute(conn: &mut PgConnection, sql: &'static str, id: Uuid) {
    sqlx::query(sql).bind(id).execute(conn).await.unwrap();
}

async fn run(conn: &mut PgConnection, clock: &Clock, days: u32) -> Materialised {
    materialise(conn, clock, days, None, |_| ()).await.unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_weekly_pattern_becomes_its_days_once_however_many_processes_run(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let mut other = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let schedule = add(&mut conn, |row| row.weekdays = 0b001_0101).await;
    let clock = november();
    let (one, two) = tokio::join!(run(&mut conn, &clock, 14), run(&mut other, &clock, 14));
    let rows = flights(&mut conn, schedule.id).await;
    let days: Vec<String> = rows
        .iter()
        .map(|row| row.departure_date.to_string())
        .collect();
    let expected = [
        "2026-11-25",
        "2026-11-27",
        "2026-11-30",
        "2026-12-02",
        "2026-12-04",
        "2026-12-07",
    ];
    assert_eq!(days, expected);
    assert_eq!(one.added + two.added, 6);
    assert_eq!(run(&mut conn, &clock, 14).await.found, 6);
    clock.advance(Duration::days(2));
    assert_eq!(
        run(&mut conn, &clock, 14).await.added,
        1,
        "Wednesday the 9th"
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_run_that_was_killed_is_finished_by_the_next(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let schedule = add(&mut conn, |_| ()).await;
    let clock = november();
    let mut doomed = pool.acquire().await.unwrap();
    let killed = tokio::spawn({
        let clock = clock.clone();
        async move {
            let _ = materialise(&mut doomed, &clock, 30, None, |progress| {
                assert!(progress.days_done < 12, "killed");
            })
            .await;
        }
    });
    assert!(killed.await.unwrap_err().is_panic());
    let half = flights(&mut conn, schedule.id).await.len();
    assert!((1..29).contains(&half), "{half}");
    let rest = run(&mut conn, &clock, 30).await;
    assert_eq!((rest.found, rest.added), (half as u64, 29 - half as u64));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_schedules_of_the_fixtures_keep_their_local_time_when_clocks_change(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures");
    let files = fixtures::read(folder.as_ref()).unwrap();
    fixtures::load(&mut conn, &files, |_| ()).await.unwrap();
    let clock = Clock::manual(Utc.with_ymd_and_hms(2027, 3, 10, 12, 0, 0).unwrap());
    let made = run(&mut conn, &clock, 330).await;
    assert!(made.added > 2500, "{made:?}");
    for (designator, day, left, lands) in [
        // The gap, the days beside it, and the fold of New York.
        (
            "UA 31",
            "2027-03-13",
            "2027-03-13T02:30:00-05:00",
            "2027-03-13T05:45:00-08:00",
        ),
        (
            "UA 31",
            "2027-03-14",
            "2027-03-14T03:30:00-04:00",
            "2027-03-14T06:45:00-07:00",
        ),
        (
            "UA 31",
            "2027-03-15",
            "2027-03-15T02:30:00-04:00",
            "2027-03-15T05:45:00-07:00",
        ),
        (
            "UA 33",
            "2027-11-07",
            "2027-11-07T01:30:00-04:00",
            "2027-11-07T12:25:00+00:00",
        ),
        (
            "UA 33",
            "2027-11-08",
            "2027-11-08T01:30:00-05:00",
            "2027-11-08T13:25:00+00:00",
        ),
        (
            "BA 37",
            "2027-03-28",
            "2027-03-28T02:15:00+01:00",
            "2027-03-28T04:50:00+02:00",
        ),
        (
            "BA 37",
            "2027-10-31",
            "2027-10-31T01:15:00+01:00",
            "2027-10-31T02:50:00+01:00",
        ),
        // Half an hour on Lord Howe, and an hour beside a quarter on the Chathams.
        (
            "QF 43",
            "2027-10-03",
            "2027-10-03T02:45:00+11:00",
            "2027-10-03T04:40:00+11:00",
        ),
        (
            "NZ 47",
            "2027-09-24",
            "2027-09-24T02:50:00+12:45",
            "2027-09-24T04:15:00+12:00",
        ),
        (
            "NZ 47",
            "2027-09-28",
            "2027-09-28T02:50:00+13:45",
            "2027-09-28T04:15:00+13:00",
        ),
        (
            "AI 49",
            "2027-07-01",
            "2027-07-01T09:25:00+05:45",
            "2027-07-01T10:50:00+05:30",
        ),
        // Over the date line: there it lands before it left, back it loses a day and more.
        (
            "NZ 45",
            "2027-12-20",
            "2027-12-20T20:10:00+13:00",
            "2027-12-20T11:15:00-08:00",
        ),
        (
            "NZ 46",
            "2027-12-20",
            "2027-12-20T22:30:00-08:00",
            "2027-12-22T08:20:00+13:00",
        ),
        (
            "QF 51",
            "2027-07-01",
            "2027-07-01T21:50:00+10:00",
            "2027-07-01T18:25:00-07:00",
        ),
    ] {
        let row: Option<(DateTime<Utc>, DateTime<Utc>, String, String)> = sqlx::query_as(
            "select departs_at, arrives_at, o.time_zone, d.time_zone from flight
             join airport o on o.iata = origin join airport d on d.iata = destination
             where airline || ' ' || flight_number = $1 and departure_date = $2",
        )
        .bind(designator)
        .bind(date(day))
        .fetch_optional(&mut *conn)
        .await
        .unwrap();
        let (departs_at, arrives_at, origin, destination) =
            row.unwrap_or_else(|| panic!("{designator} on {day}"));
        let shown = |at, name: &str| zone::local(at, name.parse().unwrap()).to_rfc3339();
        assert_eq!(shown(departs_at, &origin), left, "{designator}");
        assert_eq!(shown(arrives_at, &destination), lands, "{designator}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_amended_schedule_takes_along_the_flights_that_nobody_sits_on(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let schedule = add(&mut conn, |row| row.weekdays = EVERY_DAY & !0b11).await;
    let clock = november();
    run(&mut conn, &clock, 14).await;
    let before = flights(&mut conn, schedule.id).await;
    let [wednesday, thursday, friday, _, sunday] = [0, 1, 2, 3, 4].map(|day| before[day].clone());
    let sold = "update flight_cabin set sold = 3 where flight_id = $1 and cabin = 'business'";
    execute(&mut conn, sold, wednesday.id).await;
    let held = "update flight_cabin set held = 2 where flight_id = $1 and cabin = 'economy'";
    execute(&mut conn, held, sunday.id).await;
    execute(
        &mut conn,
        "update flight set status = 'cancelled' where id = $1",
        friday.id,
    )
    .await;

    // Later, in a one-class aircraft, on Mondays too and no longer on Sundays.
    let amendment = Amendment {
        weekdays: Some(EVERY_DAY & !SUNDAY & !0b10),
        departs_local: Some(time("09:30:00")),
        aircraft: Some("32N".to_owned()),
        base_fare_minor: Some(600_000),
        ..Amendment::default()
    };
    let followed = amend(&mut conn, &clock, 14, schedule.id, &amendment)
        .await
        .unwrap();
    let kept: Vec<_> = followed
        .kept
        .iter()
        .map(|row| (row.flight_id.0, row.seats, row.still_flown))
        .collect();
    assert_eq!(kept, [(wednesday.id, 3, true), (sunday.id, 2, false)]);
    assert_eq!(followed.kept[0].designator, "AI 10");
    let after = flights(&mut conn, schedule.id).await;
    let find = |id: Uuid| after.iter().find(|row| row.id == id).unwrap();
    for same in [&wednesday, &friday, &sunday] {
        let mut same = same.clone();
        if same.id == friday.id {
            "cancelled".clone_into(&mut same.status);
        }
        assert_eq!(*find(same.id), same);
    }
    let moved = find(thursday.id);
    assert_eq!(
        moved.departs_at - thursday.departs_at,
        Duration::minutes(90)
    );
    assert_eq!(
        moved.arrives_at - thursday.arrives_at,
        Duration::minutes(90)
    );
    assert_eq!(
        (moved.aircraft.as_str(), moved.status.as_str()),
        ("32N", "scheduled")
    );
    assert_eq!(
        cabins(&mut conn, thursday.id).await,
        [
            ("business".to_owned(), 0, 1_500_000),
            ("economy".to_owned(), 180, 600_000)
        ]
    );
    assert_eq!(
        cabins(&mut conn, wednesday.id).await,
        [
            ("business".to_owned(), 24, 1_800_000),
            ("economy".to_owned(), 150, 600_000)
        ],
        "the fare is the new one, the aircraft the old one"
    );
    let other_sunday = find(before[9].id);
    assert_eq!(
        (other_sunday.departure_date, other_sunday.status.as_str()),
        (date("2026-12-06"), "cancelled")
    );
    assert!(
        cabins(&mut conn, other_sunday.id)
            .await
            .iter()
            .all(|(_, capacity, _)| *capacity == 0)
    );
    assert_eq!(
        (followed.added, followed.cancelled),
        (2, 1),
        "two Mondays, one Sunday"
    );
    assert_eq!(after.len() as u64, before.len() as u64 + 2);

    // The hold ends, and the next day's run cancels its flight; the sold one stays for good.
    execute(
        &mut conn,
        "update flight_cabin set held = 0 where flight_id = $1",
        sunday.id,
    )
    .await;
    let next = run(&mut conn, &clock, 14).await.amended;
    assert_eq!((next.moved, next.cancelled, next.kept.len()), (0, 1, 1));

    // Back again: the Sundays return with their ids, what staff cancelled does not.
    let back = Amendment {
        weekdays: Some(EVERY_DAY),
        departs_local: Some(time("08:00:00")),
        aircraft: Some("320".to_owned()),
        base_fare_minor: Some(500_000),
        ..Amendment::default()
    };
    let followed = amend(&mut conn, &clock, 14, schedule.id, &back)
        .await
        .unwrap();
    assert_eq!(followed.kept, []);
    let again = flights(&mut conn, schedule.id).await;
    for row in &before {
        let again = again.iter().find(|again| again.id == row.id).unwrap();
        let mut row = row.clone();
        if row.id == friday.id {
            "cancelled".clone_into(&mut row.status);
        }
        assert_eq!(*again, row);
    }
    assert_eq!(
        cabins(&mut conn, sunday.id).await,
        [
            ("business".to_owned(), 24, 1_500_000),
            ("economy".to_owned(), 150, 500_000)
        ]
    );
    assert_eq!(
        run(&mut conn, &clock, 14).await.amended,
        Followed::default()
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_amendment_names_everything_that_is_wrong_with_it(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let schedule = add(&mut conn, |_| ()).await;
    let amendment = Amendment {
        weekdays: Some(0),
        block_minutes: Some(0),
        aircraft: Some("ZZZ".to_owned()),
        effective_until: Some(date("2026-01-01")),
        base_fare_minor: Some(0),
        ..Amendment::default()
    };
    let clock = november();
    let error = amend(&mut conn, &clock, 14, schedule.id, &amendment)
        .await
        .unwrap_err();
    let Error::Invalid(wrong) = error else {
        panic!("{error}")
    };
    let fields: Vec<&str> = wrong.iter().map(|row| row.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "weekdays",
            "block_minutes",
            "effective_until",
            "aircraft",
            "base_fare"
        ]
    );
    let unknown = amend(&mut conn, &clock, 14, Uuid::nil(), &Amendment::default()).await;
    assert!(matches!(unknown, Err(Error::NotFound("schedule"))));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn newer_zone_data_moves_instants_and_keeps_local_times(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    sqlx::query(
        "insert into airport (iata, name, city, country, lat, lon, time_zone, kind, scheduled, search_text)
         values ('YVR', 'Vancouver International Airport', 'Vancouver', 'CA', 49.19, -123.18, 'America/Vancouver', 'large', true, 'yvr')",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let route = |row: &mut Schedule| {
        "YVR".clone_into(&mut row.origin);
        "LAX".clone_into(&mut row.destination);
    };
    let schedule = add(&mut conn, route).await;
    let home = add(&mut conn, |row| "11".clone_into(&mut row.flight_number)).await;
    let clock = november();
    run(&mut conn, &clock, 20).await;
    let right = flights(&mut conn, schedule.id).await;
    let untouched = flights(&mut conn, home.id).await;
    let vancouver = "America/Vancouver".parse().unwrap();
    assert!(right.iter().all(|row| {
        zone::local(row.departs_at, vancouver)
            .to_rfc3339()
            .ends_with("T08:00:00-07:00")
    }));

    // As releases before 2026 would have it: standard time in winter, an hour later.
    sqlx::query("update flight set departs_at = departs_at + interval '1 hour', arrives_at = arrives_at + interval '1 hour' where origin = 'YVR'")
        .execute(&mut *conn)
        .await
        .unwrap();
    sqlx::query("update zone_release set release = '2025b'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let booking = book(&mut conn, &right[3]).await;

    let rezoned = run(&mut conn, &clock, 20).await.rezoned.unwrap();
    assert_eq!(rezoned.before.as_deref(), Some("2025b"));
    assert_eq!((rezoned.moved, rezoned.bookings), (right.len() as u64, 1));
    assert_eq!(rezoned.flights, (right.len() + untouched.len()) as u64);
    assert_eq!(
        flights(&mut conn, schedule.id).await,
        right,
        "ids and dates too"
    );
    assert_eq!(flights(&mut conn, home.id).await, untouched);
    let first: DateTime<Utc> =
        sqlx::query_scalar("select first_departs_at from booking where id = $1")
            .bind(booking)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    assert_eq!(first, right[3].departs_at);
    assert_eq!(run(&mut conn, &clock, 20).await.rezoned, None);

    // An older program leaves the newer instants alone, unless somebody says otherwise.
    sqlx::query("update zone_release set release = '2999z'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let refused = materialise(&mut conn, &clock, 20, None, |_| ())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("2999z"), "{refused}");
    assert_eq!(rezone(&mut conn, &clock).await.unwrap().moved, 0);
    assert_eq!(run(&mut conn, &clock, 20).await.rezoned, None);
}

// What a paid booking of one seat leaves in the tables, with the instant its flight has now.
async fn book(conn: &mut PgConnection, flight: &Row) -> Uuid {
    let id = Uuid::now_v7();
    for statement in [
        "insert into account (id, email, first_name, last_name, password_hash, created_at) values ($1, 'a@example.com', 'A', 'V', '!', now())",
        "insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers)
         values ($1, $1, 'booked', now(), now(), 1, 0, 0, 'INR', 1, '[]')",
        "insert into booking (id, booking_ref, account_id, hold_id, status, created_at, payment_due_at, currency, total_minor, contact_email, contact_phone, first_departs_at)
         select $1, 'ABCDEF', $1, $1, 'confirmed', now(), now(), 'INR', 1, 'a@example.com', '+911', departs_at from flight where id = $2",
        "insert into direction (id, booking_id, ordinal, name, validating_airline, cabin, fare_family, conditions)
         values ($1, $1, 0, 'departing', 'AI', 'economy', 'standard', '{}')",
        "insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats) values ($1, $1, $1, 0, $2, 'economy', 1)",
    ] {
        let query = sqlx::query(statement).bind(id);
        let query = if statement.contains("$2") { query.bind(flight.id) } else { query };
        query.execute(&mut *conn).await.unwrap();
    }
    id
}

fn single(departs_local: &str) -> SingleFlight {
    SingleFlight {
        airline: "UA".to_owned(),
        flight_number: "9".to_owned(),
        origin: "JFK".to_owned(),
        destination: "LAX".to_owned(),
        departs_local: departs_local.parse().unwrap(),
        block_minutes: 375,
        aircraft: "320".to_owned(),
        base_fare_minor: 900_000,
        cabin_fares: CabinFares {
            business: Some(1_234_567),
            ..CabinFares::default()
        },
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_single_flight_in_the_skipped_or_the_doubled_hour_is_refused(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let clock = november();
    for (typed, code) in [
        ("2027-03-14T02:30:00", "skipped_by_dst"),
        ("2027-11-07T01:30:00", "doubled_by_dst"),
        ("2026-11-01T12:00:00", "in_the_past"),
    ] {
        let error = add_single(&mut conn, &clock, &single(typed))
            .await
            .unwrap_err();
        let Error::Invalid(wrong) = error else {
            panic!("{error}")
        };
        let wrong: Vec<_> = wrong
            .iter()
            .map(|row| (row.field.as_str(), row.code))
            .collect();
        assert_eq!(wrong, [("departs_local", code)]);
    }
    let count: i64 = sqlx::query_scalar("select count(*) from schedule")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(count, 0, "nothing was written");
    let flight: FlightId = add_single(&mut conn, &clock, &single("2027-03-14T03:30:00"))
        .await
        .unwrap();
    let departs: DateTime<Utc> = sqlx::query_scalar("select departs_at from flight where id = $1")
        .bind(flight)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(departs.to_rfc3339(), "2027-03-14T07:30:00+00:00");
    assert_eq!(
        cabins(&mut conn, flight.0).await,
        [
            ("business".to_owned(), 24, 1_234_567),
            ("economy".to_owned(), 150, 900_000)
        ]
    );
    let nonsense = SingleFlight {
        airline: "QQ".to_owned(),
        flight_number: "12AB".to_owned(),
        destination: "JFK".to_owned(),
        ..single("2027-03-14T03:30:00")
    };
    let error = add_single(&mut conn, &clock, &nonsense).await.unwrap_err();
    let Error::Invalid(wrong) = error else {
        panic!("{error}")
    };
    let fields: Vec<&str> = wrong.iter().map(|row| row.field.as_str()).collect();
    assert_eq!(fields, ["destination", "flight_number", "airline"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_day_is_promised_once_however_many_workers_tick(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = november();
    promise(&mut conn, &clock, 330).await.unwrap();
    promise(&mut conn, &clock, 330).await.unwrap();
    clock.advance(Duration::days(1));
    promise(&mut conn, &clock, 330).await.unwrap();
    let jobs: Vec<(String, String, serde_json::Value)> =
        sqlx::query_as("select kind, queue, payload from outbox")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let job = (
        "materialise_flights".to_owned(),
        "timetable".to_owned(),
        serde_json::json!({"days": 330}),
    );
    assert_eq!(jobs, [job.clone(), job]);
}
