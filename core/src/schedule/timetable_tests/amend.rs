//! An amended schedule and the flights that follow it.

use super::*;

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
