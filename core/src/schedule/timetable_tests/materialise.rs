//! Schedules become flights, each day once.

use super::*;

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
            "2027-03-28T12:15:00+04:00",
        ),
        (
            "BA 37",
            "2027-10-31",
            "2027-10-31T01:15:00+01:00",
            "2027-10-31T11:15:00+04:00",
        ),
        // Half an hour on Lord Howe, and an hour beside a quarter on the Chathams.
        (
            "QF 43",
            "2027-10-03",
            "2027-10-03T02:45:00+11:00",
            "2027-10-03T03:40:00+10:00",
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
