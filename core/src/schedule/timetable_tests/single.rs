//! A flight that is typed in.

use super::*;

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
