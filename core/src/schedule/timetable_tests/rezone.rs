//! Newer zone data.

use super::*;

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
