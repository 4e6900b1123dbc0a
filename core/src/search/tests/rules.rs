//! Every rule and filter at its boundary.

use sqlx::{PgConnection, PgPool};

use super::world::{Counter, Fly, fly};
use crate::fixtures;
use crate::search::{
    DirectionQuery, Filters, Sort, TimetableCache, Window, calendar, find, relaxations,
};
use crate::trade::{Cabin, Party};

fn query(origin: &str, destination: &str) -> DirectionQuery {
    DirectionQuery {
        origins: vec![origin.to_owned()],
        destinations: vec![destination.to_owned()],
        date: "2026-12-20".parse().unwrap(),
        party: Party {
            adults: 1,
            ..Party::default()
        },
        cabin: Cabin::Economy,
        family: "standard".to_owned(),
        other_cabins: vec![(Cabin::Business, "standard".to_owned())],
        filters: Filters {
            max_stops: 2,
            ..Filters::default()
        },
        sort: Sort::Departure,
    }
}

struct Desk {
    pool: PgPool,
    counter: Counter,
    timetable: std::sync::Arc<crate::search::Timetable>,
}

impl Desk {
    async fn open(pool: &PgPool) -> Self {
        let mut conn = pool.acquire().await.unwrap();
        let counter = Counter::open(&mut conn).await;
        let cache = TimetableCache::new(chrono::Duration::zero());
        Self {
            timetable: cache.get(pool, &counter.clock).await.unwrap(),
            pool: pool.clone(),
            counter,
        }
    }

    /// The flight numbers of what is found, in order: `AI 1, AI 2`.
    async fn numbers(&self, query: &DirectionQuery) -> Vec<String> {
        let mut conn = self.pool.acquire().await.unwrap();
        let found = find(&mut conn, self.counter.shop(), &self.timetable, query)
            .await
            .unwrap();
        let mut numbers = Vec::new();
        for itinerary in found.itineraries {
            let flights = crate::flight::list_by_id(&mut conn, &itinerary.flights)
                .await
                .unwrap();
            let codes = flights
                .iter()
                .map(|flight| format!("{} {}", flight.airline.iata, flight.flight_number));
            numbers.push(codes.collect::<Vec<_>>().join(", "));
        }
        numbers
    }

    async fn totals(&self, query: &DirectionQuery) -> Vec<i64> {
        let mut conn = self.pool.acquire().await.unwrap();
        let found = find(&mut conn, self.counter.shop(), &self.timetable, query)
            .await
            .unwrap();
        let itineraries = found.itineraries.iter();
        itineraries.map(|one| one.total_minor).collect()
    }
}

async fn small(pool: &PgPool) -> sqlx::pool::PoolConnection<sqlx::Postgres> {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    conn
}

async fn flies(
    conn: &mut PgConnection,
    flights: &[(&'static str, &'static str, &'static str, &'static str, i32)],
) {
    for (code, origin, destination, departs, minutes) in flights {
        fly(conn, Fly(code, origin, destination, departs, *minutes)).await;
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_connection_may_be_just_long_enough_and_just_short_enough(pool: PgPool) {
    let mut conn = small(&pool).await;
    // Lands in Mumbai at 10:00; domestic to international takes an hour, and a day is the longest.
    flies(
        &mut conn,
        &[
            ("AI 1", "DEL", "BOM", "12-20T08:00", 120),
            ("AI 59", "BOM", "SIN", "12-20T10:59", 300),
            ("AI 60", "BOM", "SIN", "12-20T11:00", 300),
            ("AI 1440", "BOM", "SIN", "12-21T10:00", 300),
            ("AI 1441", "BOM", "SIN", "12-21T10:01", 300),
        ],
    )
    .await;
    let desk = Desk::open(&pool).await;
    let mut query = query("DEL", "SIN");
    assert_eq!(desk.numbers(&query).await, ["AI 1, AI 60"]);
    query.filters.min_layover = Some(61);
    assert_eq!(desk.numbers(&query).await, ["AI 1, AI 1440"]);
    query.filters.min_layover = Some(1440);
    assert_eq!(desk.numbers(&query).await, ["AI 1, AI 1440"]);
    query.filters.min_layover = None;
    query.filters.max_layover = Some(59);
    assert_eq!(desk.numbers(&query).await, Vec::<String>::new());
    query.filters.max_layover = Some(60);
    assert_eq!(desk.numbers(&query).await, ["AI 1, AI 60"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_airport_may_have_its_own_time_and_a_change_of_airports_takes_three_hours(pool: PgPool) {
    let mut conn = small(&pool).await;
    // Lands at Gatwick at 06:00 UTC.
    flies(
        &mut conn,
        &[
            ("BA 1", "DEL", "LGW", "12-20T02:30", 540),
            ("BA 179", "LHR", "JFK", "12-20T08:59", 480),
            ("BA 180", "LHR", "JFK", "12-20T09:00", 480),
            ("BA 90", "LGW", "EWR", "12-20T07:30", 480),
            ("BA 89", "LGW", "EWR", "12-20T07:29", 480),
        ],
    )
    .await;
    let desk = Desk::open(&pool).await;
    assert_eq!(desk.numbers(&query("DEL", "JFK")).await, ["BA 1, BA 180"]);
    assert_eq!(desk.numbers(&query("DEL", "EWR")).await, ["BA 1, BA 90"]);
    sqlx::query("insert into connection_time values ('LGW', 'international_international', 89), ('LHR', 'international_international', 200)")
        .execute(&mut *conn)
        .await
        .unwrap();
    let desk = Desk::open(&pool).await;
    assert_eq!(desk.numbers(&query("DEL", "EWR")).await, ["BA 1, BA 89"]);
    assert_eq!(
        desk.numbers(&query("DEL", "JFK")).await,
        Vec::<String>::new()
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn dates_and_windows_are_local_and_half_open(pool: PgPool) {
    let mut conn = small(&pool).await;
    // 00:00 on the 20th in Delhi is 18:30 on the 19th in UTC; each costs more than the next would save.
    flies(
        &mut conn,
        &[
            ("AI 1", "DEL", "BOM", "12-19T23:59", 120),
            ("AI 2", "DEL", "BOM", "12-20T00:00", 120),
            ("AI 3", "DEL", "BOM", "12-20T05:00", 120),
            ("AI 4", "DEL", "BOM", "12-20T11:00", 120),
            ("AI 5", "DEL", "BOM", "12-20T23:59", 120),
            ("AI 6", "DEL", "BOM", "12-21T00:00", 120),
        ],
    )
    .await;
    let desk = Desk::open(&pool).await;
    let mut query = query("DEL", "BOM");
    assert_eq!(desk.numbers(&query).await, ["AI 2", "AI 3", "AI 4", "AI 5"]);
    query.filters.departure_window = Window::parse("morning");
    assert_eq!(desk.numbers(&query).await, ["AI 3"]);
    query.filters.departure_window = Window::parse("05:01-11:01");
    assert_eq!(desk.numbers(&query).await, ["AI 4"]);
    query.filters.departure_window = Window::parse("19:00-24:00");
    assert_eq!(desk.numbers(&query).await, ["AI 5"]);
    query.filters.departure_window = None;
    query.filters.arrival_window = Window::parse("07:00-13:00");
    assert_eq!(desk.numbers(&query).await, ["AI 3"]);
    query.filters.arrival_window = None;
    query.filters.max_duration = Some(119);
    assert_eq!(desk.numbers(&query).await, Vec::<String>::new());
    query.filters.max_duration = Some(120);
    assert_eq!(desk.numbers(&query).await.len(), 4);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn only_what_ten_travellers_can_board_two_hours_from_now_is_found(pool: PgPool) {
    let mut conn = small(&pool).await;
    let flight = fly(&mut conn, Fly("AI 1", "DEL", "BOM", "12-20T08:00", 120)).await;
    let leave = "update flight_cabin set sold = capacity - $2 - 1, held = 1 where flight_id = $1";
    let desk = Desk::open(&pool).await;
    let mut query = query("DEL", "BOM");
    query.party = Party {
        adults: 6,
        children: 4,
        infants: 6,
    };
    for (left, found) in [(10, 1), (9, 0)] {
        sqlx::query(leave)
            .bind(flight)
            .bind(left)
            .execute(&mut *conn)
            .await
            .unwrap();
        assert_eq!(desk.numbers(&query).await.len(), found);
    }
    query.party = Party {
        adults: 1,
        ..Party::default()
    };
    // The timetable in memory does not know it yet.
    for (status, found) in [("cancelled", 0), ("departed", 0), ("scheduled", 1)] {
        sqlx::query("update flight set status = $2 where id = $1")
            .bind(flight)
            .bind(status)
            .execute(&mut *conn)
            .await
            .unwrap();
        assert_eq!(desk.numbers(&query).await.len(), found, "{status}");
    }
    // It leaves at 02:30 UTC.
    let last: chrono::DateTime<chrono::Utc> = "2026-12-20T00:30:00Z".parse().unwrap();
    desk.counter.clock.advance(last - desk.counter.clock.now());
    assert_eq!(desk.numbers(&query).await, ["AI 1"]);
    desk.counter
        .clock
        .advance(chrono::Duration::microseconds(1));
    assert_eq!(desk.numbers(&query).await, Vec::<String>::new());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn one_airline_sells_the_journey_with_its_partners_and_no_city_is_passed_twice(pool: PgPool) {
    let mut conn = small(&pool).await;
    flies(
        &mut conn,
        &[
            ("AI 1", "DEL", "FRA", "12-20T08:00", 500),
            ("LH 2", "FRA", "JFK", "12-20T15:00", 500),
            ("BA 3", "FRA", "EWR", "12-20T15:00", 500),
            // London twice: from Heathrow over New York to Gatwick and on.
            ("BA 4", "LHR", "JFK", "12-20T08:00", 480),
            ("BA 5", "JFK", "LGW", "12-20T18:00", 420),
            ("BA 6", "LGW", "MUC", "12-21T12:00", 120),
            // W6 has no accounting code.
            ("W6 7", "BOM", "BLR", "12-20T08:00", 100),
        ],
    )
    .await;
    let desk = Desk::open(&pool).await;
    assert_eq!(desk.numbers(&query("DEL", "JFK")).await, ["AI 1, LH 2"]);
    assert_eq!(
        desk.numbers(&query("DEL", "EWR")).await,
        Vec::<String>::new()
    );
    assert_eq!(
        desk.numbers(&query("LHR", "MUC")).await,
        Vec::<String>::new()
    );
    assert_eq!(
        desk.numbers(&query("BOM", "BLR")).await,
        Vec::<String>::new()
    );
    let mut via = query("DEL", "JFK");
    via.filters.via = vec!["FRA".to_owned()];
    assert_eq!(desk.numbers(&via).await, ["AI 1, LH 2"]);
    via.filters.via.clear();
    via.filters.avoid = vec!["FRA".to_owned()];
    assert_eq!(desk.numbers(&via).await, Vec::<String>::new());
    via.filters.avoid.clear();
    for (wanted, found) in [
        ((None, "2"), 1),
        ((Some("LH"), "2"), 1),
        ((Some("AI"), "2"), 0),
    ] {
        via.filters.flight_number = Some((wanted.0.map(str::to_owned), wanted.1.to_owned()));
        assert_eq!(desk.numbers(&via).await.len(), found, "{wanted:?}");
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn price_limits_include_themselves_and_an_empty_answer_says_what_to_drop(pool: PgPool) {
    let mut conn = small(&pool).await;
    flies(
        &mut conn,
        &[
            ("AI 1", "DEL", "BOM", "12-20T08:00", 120),
            ("6E 2", "DEL", "BOM", "12-20T12:00", 120),
        ],
    )
    .await;
    let desk = Desk::open(&pool).await;
    let mut query = query("DEL", "BOM");
    let total = desk.totals(&query).await[0];
    // 5,000.00 × 1.2 + 488.00 of charges + 5 % of 6,000.00 + 300.00
    assert_eq!(total, 708_800);
    for (least, most, found) in [
        (total, total, 2),
        (total + 1, total + 2, 0),
        (total - 2, total - 1, 0),
    ] {
        (query.filters.min_price, query.filters.max_price) = (Some(least), Some(most));
        assert_eq!(desk.totals(&query).await.len(), found);
    }
    query.filters.departure_window = Window::parse("evening");
    let shop = desk.counter.shop();
    let none = relaxations(&mut conn, shop, &desk.timetable, &query)
        .await
        .unwrap();
    assert_eq!(none, Vec::new(), "two filters stand in the way");
    query.filters.min_price = None;
    query.filters.max_price = None;
    query.filters.airlines = vec!["AI".to_owned()];
    let one = relaxations(&mut conn, shop, &desk.timetable, &query)
        .await
        .unwrap();
    let shown: Vec<_> = one
        .iter()
        .map(|row| (row.filter.as_str(), row.total))
        .collect();
    assert_eq!(shown, [("departure_window", 1)]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_calendar_shows_the_lowest_price_of_each_day_and_the_fee_once(pool: PgPool) {
    let mut conn = small(&pool).await;
    flies(
        &mut conn,
        &[
            ("AI 1", "DEL", "BOM", "12-05T08:00", 120),
            ("AI 1", "DEL", "BOM", "12-20T08:00", 120),
            ("AI 1", "DEL", "BOM", "12-04T08:00", 120),
            ("AI 2", "BOM", "DEL", "12-23T08:00", 120),
        ],
    )
    .await;
    let dear = fly(&mut conn, Fly("AI 3", "DEL", "BOM", "12-20T18:00", 120)).await;
    sqlx::query("update flight_cabin set base_fare_minor = 900000 where flight_id = $1")
        .bind(dear)
        .execute(&mut *conn)
        .await
        .unwrap();
    let desk = Desk::open(&pool).await;
    let (there, mut back) = (query("DEL", "BOM"), query("BOM", "DEL"));
    back.date = "2026-12-23".parse().unwrap();
    let shop = desk.counter.shop();
    let days = calendar(&mut conn, shop, &desk.timetable, &there, None)
        .await
        .unwrap();
    assert_eq!(days.len(), 31);
    let priced: Vec<_> = days
        .iter()
        .filter_map(|day| Some((day.departure_date.to_string(), day.lowest_minor?)))
        .collect();
    let both = ["2026-12-05", "2026-12-20"].map(|date| (date.to_owned(), 708_800));
    assert_eq!(priced, both);
    let days = calendar(&mut conn, shop, &desk.timetable, &there, Some(&back))
        .await
        .unwrap();
    let priced: Vec<_> = days
        .iter()
        .filter(|day| day.lowest_minor.is_some())
        .collect();
    assert_eq!(priced.len(), 1);
    assert_eq!(priced[0].return_date, Some(back.date));
    assert_eq!(priced[0].lowest_minor, Some(2 * 708_800 - 30_000));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn only_a_connection_is_dropped_and_only_for_its_own_airline_and_before_the_filters(
    pool: PgPool,
) {
    let mut conn = small(&pool).await;
    flies(
        &mut conn,
        &[
            // Direct at noon dominates everything of Air India; Lufthansa's flight and connection stay for those who
            // want Lufthansa, and the direct flight in the evening for those who want to sleep.
            ("AI 1", "DEL", "FRA", "12-20T12:00", 500),
            ("AI 2", "DEL", "FRA", "12-20T11:00", 600),
            ("AI 3", "DEL", "BOM", "12-20T08:00", 120),
            ("AI 4", "BOM", "FRA", "12-20T12:00", 560),
            ("LH 5", "DEL", "MUC", "12-20T08:00", 500),
            ("LH 6", "MUC", "FRA", "12-20T15:00", 60),
        ],
    )
    .await;
    let desk = Desk::open(&pool).await;
    let mut query = query("DEL", "FRA");
    assert_eq!(desk.numbers(&query).await, ["LH 5, LH 6", "AI 2", "AI 1"]);
    // A later filter does not bring back what was dropped.
    query.filters.departure_window = Window::parse("08:00-09:00");
    assert_eq!(desk.numbers(&query).await, ["LH 5, LH 6"]);
    query.filters.airlines = vec!["AI".to_owned()];
    assert_eq!(desk.numbers(&query).await, Vec::<String>::new());
    // Another kind of journey is another question.
    query.filters.via = vec!["BOM".to_owned()];
    assert_eq!(desk.numbers(&query).await, ["AI 3, AI 4"]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn each_option_of_a_facet_is_counted_with_all_other_filters(pool: PgPool) {
    let mut conn = small(&pool).await;
    flies(
        &mut conn,
        &[
            ("AI 1", "DEL", "BOM", "12-20T08:00", 120),
            ("AI 2", "DEL", "BOM", "12-20T20:00", 120),
            ("6E 3", "DEL", "BOM", "12-20T09:00", 120),
            ("6E 4", "DEL", "BOM", "12-21T09:00", 120),
        ],
    )
    .await;
    let desk = Desk::open(&pool).await;
    let mut query = query("DEL", "BOM");
    query.filters.airlines = vec!["AI".to_owned()];
    query.filters.departure_window = Window::parse("morning");
    let found = find(&mut conn, desk.counter.shop(), &desk.timetable, &query)
        .await
        .unwrap();
    assert_eq!(found.itineraries.len(), 1);
    let airlines = found.facets.airlines.iter();
    let airlines: Vec<_> = airlines
        .map(|one| (one.value.name.as_str(), one.count, one.lowest_minor))
        .collect();
    assert_eq!(
        airlines,
        [("IndiGo", 1, 708_800), ("Air India", 1, 708_800)]
    );
    let bands = found.facets.time_bands.iter();
    let bands: Vec<_> = bands.map(|one| (one.value.as_str(), one.count)).collect();
    assert_eq!(bands, [("morning", 1), ("night", 1)]);
    assert_eq!(found.sales_horizon, "2026-12-21".parse().ok());
}
