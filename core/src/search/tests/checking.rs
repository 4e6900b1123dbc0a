//! What a caller may write.

use sqlx::PgPool;

use super::world::Counter;
use crate::error::Error;
use crate::fixtures;
use crate::reference::Reference;
use crate::search::{Checked, Search, check};
use crate::trade::Party;

fn search(origin: &str, destination: &str) -> Search {
    Search {
        origin: origin.to_owned(),
        destination: destination.to_owned(),
        departure_date: "2026-12-20".to_owned(),
        party: Party {
            adults: 1,
            ..Party::default()
        },
        ..Search::default()
    }
}

async fn checked(pool: &PgPool, search: &Search) -> Result<Checked, Vec<String>> {
    let mut conn = pool.acquire().await.unwrap();
    let counter = Counter::open(&mut conn).await;
    let reference = Reference::load(&mut conn).await.unwrap();
    let checked = check(
        &counter.clock,
        &counter.sales,
        &counter.tariff,
        &reference,
        search,
    );
    checked.map_err(|error| match error {
        Error::Invalid(fields) => fields
            .iter()
            .map(|field| format!("{}: {}", field.field, field.code))
            .collect(),
        other => panic!("{other}"),
    })
}

async fn small(pool: &PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn equal_questions_are_equal_values(pool: PgPool) {
    small(&pool).await;
    let plain = Search {
        airlines: vec!["AI".to_owned(), "LH".to_owned()],
        avoid: vec!["LON".to_owned()],
        return_date: Some("2026-12-27".into()),
        return_departure_window: Some("morning".into()),
        ..search("DEL", "NYC")
    };
    let other = Search {
        airlines: vec![" lh".to_owned(), "ai".to_owned(), "AI".to_owned()],
        avoid: vec!["lon".to_owned(), "LHR".to_owned()],
        fare_family: Some("Standard".into()),
        max_stops: Some(2),
        sort: Some("price".into()),
        origin: "del ".to_owned(),
        return_departure_window: Some("05:00-11:00".into()),
        ..plain.clone()
    };
    let checked_plain = checked(&pool, &plain).await.unwrap();
    assert_eq!(Ok(&checked_plain), checked(&pool, &other).await.as_ref());
    let departing = checked_plain.departing;
    assert_eq!(departing.destinations, ["EWR", "JFK", "LGA"]);
    assert_eq!(departing.filters.avoid.len(), 5);
    let returning = checked_plain.returning.unwrap();
    assert_eq!(returning.origins, departing.destinations);
    assert_eq!(returning.filters.airlines, departing.filters.airlines);
    assert!(
        departing.filters.departure_window.is_none()
            && returning.filters.departure_window.is_some()
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_metro_area_wins_over_the_airport_of_its_code(pool: PgPool) {
    small(&pool).await;
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("insert into metro_area values ('DXB', 'Dubai', 'AE')")
        .execute(&mut *conn)
        .await
        .unwrap();
    sqlx::query("insert into metro_area_airport values ('DXB', 'DXB'), ('DXB', 'SIN')")
        .execute(&mut *conn)
        .await
        .unwrap();
    let mut search = search("DXB", "DEL");
    assert_eq!(
        checked(&pool, &search).await.unwrap().departing.origins,
        ["DXB", "SIN"]
    );
    search.origin_type = Some("airport".into());
    assert_eq!(
        checked(&pool, &search).await.unwrap().departing.origins,
        ["DXB"]
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_family_is_standard_unless_the_filters_need_another(pool: PgPool) {
    small(&pool).await;
    let family = async |search: Search| {
        checked(&pool, &search)
            .await
            .map(|checked| checked.departing.family)
    };
    assert_eq!(
        family(search("DEL", "BOM")).await.as_deref(),
        Ok("standard")
    );
    let asked = Search {
        refundable: Some(true),
        checked_bag: Some(true),
        ..search("DEL", "BOM")
    };
    assert_eq!(family(asked.clone()).await.as_deref(), Ok("standard"));
    let light = Search {
        fare_family: Some("light".into()),
        ..asked.clone()
    };
    let wrong = ["refundable: contradicts", "checked_bag: contradicts"].map(str::to_owned);
    assert_eq!(family(light).await, Err(wrong.to_vec()));
    sqlx::query(
        "update fare_family set checked_pieces = 0 where code = 'standard' and cabin = 'economy'",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_eq!(family(asked).await.as_deref(), Ok("flex"));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn every_wrong_field_is_named_at_once(pool: PgPool) {
    small(&pool).await;
    let wrong = Search {
        origin_type: Some("planet".into()),
        departure_date: "2026-12-32".to_owned(),
        return_date: Some("tomorrow".into()),
        party: Party {
            adults: 1,
            children: 10,
            infants: 2,
        },
        cabin: Some("cargo".into()),
        airlines: vec!["ZZ".to_owned()],
        flight_number: Some("one".into()),
        max_stops: Some(3),
        max_duration: Some(0),
        departure_window: Some("25:00".into()),
        arrival_window: Some("11:00-10:00".into()),
        return_arrival_window: Some("noon".into()),
        min_price: Some("-1".into()),
        max_price: Some("1.234".into()),
        min_layover: Some(-1),
        max_layover: Some(1441),
        via: vec!["ZZZ".to_owned()],
        sort: Some("colour".into()),
        ..search("XXX", "YYY")
    };
    let expected = [
        "origin_type: unknown",
        "origin: unknown_airport",
        "destination: unknown_airport",
        "departure_date: date",
        "return_date: date",
        "adults: too_many",
        "infants: too_many",
        "cabin: unknown",
        "flight_number: flight_number",
        "airlines: unknown",
        "max_stops: out_of_range",
        "departure_window: window",
        "arrival_window: window",
        "via: unknown_airport",
        "max_duration: out_of_range",
        "min_price: amount",
        "max_price: amount",
        "min_layover: out_of_range",
        "max_layover: out_of_range",
        "return_arrival_window: window",
        "sort: unknown",
    ];
    assert_eq!(checked(&pool, &wrong).await.unwrap_err(), expected);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn filters_that_contradict_each_other_are_refused(pool: PgPool) {
    small(&pool).await;
    let base = || search("DEL", "LHR");
    let list = |codes: &[&str]| {
        codes
            .iter()
            .map(|code| (*code).to_owned())
            .collect::<Vec<_>>()
    };
    let cases = [
        (search("LHR", "LGW"), "destination: same_as_origin"),
        (search("LON", "LHR"), "destination: same_as_origin"),
        (
            Search {
                return_date: Some("2026-12-19".into()),
                ..base()
            },
            "return_date: before_departure",
        ),
        (
            Search {
                return_departure_window: Some("early".into()),
                ..base()
            },
            "return_departure_window: contradicts",
        ),
        (
            Search {
                airlines: list(&["AI"]),
                exclude_airlines: list(&["ai"]),
                ..base()
            },
            "exclude_airlines: contradicts",
        ),
        (
            Search {
                airlines: list(&["AI"]),
                flight_number: Some("LH1".into()),
                ..base()
            },
            "flight_number: contradicts",
        ),
        (
            Search {
                via: list(&["FRA"]),
                avoid: list(&["FRA"]),
                ..base()
            },
            "avoid: contradicts",
        ),
        (
            Search {
                via: list(&["JFK"]),
                avoid: list(&["NYC"]),
                ..base()
            },
            "avoid: contradicts",
        ),
        (
            Search {
                via: list(&["LGW"]),
                ..base()
            },
            "via: contradicts",
        ),
        (
            Search {
                via: list(&["FRA"]),
                max_stops: Some(0),
                ..base()
            },
            "via: contradicts",
        ),
        (
            Search {
                min_layover: Some(60),
                max_stops: Some(0),
                ..base()
            },
            "min_layover: contradicts",
        ),
        (
            Search {
                min_layover: Some(60),
                max_layover: Some(59),
                ..base()
            },
            "max_layover: contradicts",
        ),
        (
            Search {
                min_price: Some("10".into()),
                max_price: Some("9.99".into()),
                ..base()
            },
            "max_price: contradicts",
        ),
    ];
    for (search, expected) in cases {
        assert_eq!(
            checked(&pool, &search).await.unwrap_err(),
            [expected],
            "{search:?}"
        );
    }
    let fine = Search {
        return_date: Some("2026-12-20".into()),
        via: list(&["NYC"]),
        avoid: list(&["JFK"]),
        ..base()
    };
    assert!(checked(&pool, &fine).await.is_ok());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn over_the_date_line_the_return_may_be_dated_the_day_before(pool: PgPool) {
    small(&pool).await;
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query(
        "insert into airport (iata, name, city, country, lat, lon, time_zone, scheduled, kind, search_text) values
            ('APW', 'Faleolo', 'Apia', 'WS', -13.83, -172.008, 'Pacific/Apia', true, 'medium', 'apia'),
            ('PPG', 'Pago Pago', 'Pago Pago', 'AS', -14.331, -170.71, 'Pacific/Pago_Pago', true, 'medium', 'pago')",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    let trip = |origin, destination, leaves: &str, returns: &str| Search {
        departure_date: leaves.to_owned(),
        return_date: Some(returns.to_owned()),
        ..search(origin, destination)
    };
    let refused = ["return_date: before_departure"];
    // Half an hour in the air, a day back on the calendar.
    assert!(
        checked(&pool, &trip("APW", "PPG", "2026-12-20", "2026-12-19"))
            .await
            .is_ok()
    );
    let two_days = trip("APW", "PPG", "2026-12-20", "2026-12-18");
    assert_eq!(checked(&pool, &two_days).await.unwrap_err(), refused);
    // The other way round the same date is too early: it lands on the next.
    let same_day = trip("PPG", "APW", "2026-12-20", "2026-12-20");
    assert_eq!(checked(&pool, &same_day).await.unwrap_err(), refused);
    assert!(
        checked(&pool, &trip("PPG", "APW", "2026-12-20", "2026-12-21"))
            .await
            .is_ok()
    );
    // Los Angeles ends its day 21 hours after Auckland, thirteen of them away.
    assert!(
        checked(&pool, &trip("AKL", "LAX", "2026-12-20", "2026-12-19"))
            .await
            .is_ok()
    );
    let no_time = trip("LHR", "DEL", "2026-12-20", "2026-12-19");
    assert_eq!(checked(&pool, &no_time).await.unwrap_err(), refused);
    // At noon of the 20th of November in UTC it is the 21st on the Line Islands, in Samoa, and nowhere past Auckland.
    let begun = |origin, destination, date: &str| Search {
        departure_date: date.to_owned(),
        ..search(origin, destination)
    };
    assert!(
        checked(&pool, &begun("APW", "PPG", "2026-11-21"))
            .await
            .is_ok()
    );
    let passed = checked(&pool, &begun("APW", "PPG", "2026-11-20")).await;
    assert_eq!(passed.unwrap_err(), ["departure_date: in_the_past"]);
    assert!(
        checked(&pool, &begun("PPG", "APW", "2026-11-20"))
            .await
            .is_ok()
    );
}
