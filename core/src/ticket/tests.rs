use chrono::{TimeZone, Utc};
use sqlx::PgPool;
use uuid::uuid;

use super::*;

const BOOKING: BookingId = BookingId(uuid!("00000000-0000-7000-8000-000000000401"));

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 7, 0).unwrap())
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn everyone_gets_a_ticket_of_each_airline_with_its_flights(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    issue(&mut conn, &clock(), BOOKING).await.unwrap();

    let tickets = sqlx::query!(
        r#"
        select ticket.validating_airline, ticket.number, passenger.ordinal,
            array_agg(flight.airline || flight.flight_number order by ticket_coupon.ordinal) as "flights!"
        from ticket
        join passenger on passenger.id = ticket.passenger_id
        join ticket_coupon on ticket_coupon.ticket_id = ticket.id
        join booked_flight on booked_flight.id = ticket_coupon.booked_flight_id
        join flight on flight.id = booked_flight.flight_id
        group by ticket.id, passenger.ordinal
        order by ticket.number
        "#
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();

    let seen: Vec<_> = tickets
        .iter()
        .map(|t| (t.number.as_str(), t.ordinal, t.flights.join(" ")))
        .collect();
    let expected = [
        ("0982100000001", 1, "AI161".to_owned()),
        ("0982100000002", 2, "AI161".to_owned()),
        ("0982100000003", 3, "AI161".to_owned()),
        ("0982100000004", 4, "AI161".to_owned()),
        ("1252100000005", 1, "BA143".to_owned()),
        ("1252100000006", 2, "BA143".to_owned()),
        ("1252100000007", 3, "BA143".to_owned()),
        ("1252100000008", 4, "BA143".to_owned()),
    ];
    assert_eq!(seen, expected);
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn issuing_twice_leaves_everyone_the_first_ticket(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    issue(&mut conn, &clock(), BOOKING).await.unwrap();
    let numbers = || sqlx::query_scalar!("select number from ticket order by number");
    let first = numbers().fetch_all(&mut *conn).await.unwrap();
    issue(&mut conn, &clock(), BOOKING).await.unwrap();
    assert_eq!(numbers().fetch_all(&mut *conn).await.unwrap(), first);
    assert_eq!(first.len(), 8);
}

#[sqlx::test(
    migrator = "crate::db::MIGRATOR",
    fixtures(path = "../document/fixtures", scripts("confirmed_booking"))
)]
async fn an_airline_without_accounting_code_issues_nothing(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query!("update airline set accounting_code = null where iata = 'BA'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let refused = issue(&mut conn, &clock(), BOOKING).await;
    assert!(matches!(refused, Err(Error::Catalogue(_))), "{refused:?}");
    let tickets = sqlx::query_scalar!(r#"select count(*) as "count!" from ticket"#)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(tickets, 0);
}
