//! Pages of a frozen answer, and answers that are kept: what they promise while the shop goes on.

use std::time::{Duration as Wait, Instant};

use chrono::Duration;
use flightdesk_core::ids::FlightId;
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::own_redis::OwnRedis;
use crate::support::{Answer, Client, TestApp};
use crate::trip;

const ROUTE: &str =
    "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&sort=departure";

/// AI 101 and more of them, an hour after the other.
async fn flights(pool: &PgPool, count: u32) -> Vec<FlightId> {
    let mut flights = vec![trip::a_flight(pool).await];
    for index in 1..count {
        flights.push(trip::add(pool, &format!("{}", 101 + index), trip::at(8 + index)).await);
    }
    flights
}

fn numbers(found: &Value) -> Vec<String> {
    let offers = found["offers"].as_array().unwrap().iter();
    offers
        .map(|offer| {
            offer["flights"][0]["flight_number"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// The numbers of all pages of a search that begins with this answer.
async fn walk(client: &Client<'_>, path: &str, first: Answer) -> Vec<String> {
    let mut page = first.body;
    let mut seen = numbers(&page);
    while let Some(cursor) = page["next_cursor"].as_str() {
        let next = client.get(&format!("{path}&cursor={cursor}")).await;
        assert_eq!((next.status.as_u16(), next.header("x-cache")), (200, "hit"));
        assert_eq!(next.body["total"], page["total"]);
        assert_eq!(next.body["facets"], page["facets"]);
        page = next.body;
        seen.extend(numbers(&page));
    }
    seen
}

async fn set(pool: &PgPool, query: &'static str, flight: FlightId) {
    let done = sqlx::query(query).bind(flight.0).execute(pool).await;
    assert_eq!(done.unwrap().rows_affected(), 1);
}

const CANCEL: &str = "update flight set status = 'cancelled' where id = $1";
const SELL_OUT: &str =
    "update flight_cabin set sold = capacity - held where flight_id = $1 and cabin = 'economy'";

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn pages_of_every_size_make_up_the_whole_and_an_option_gives_what_its_facet_says(
    pool: PgPool,
) {
    flights(&pool, 7).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let whole = client.get(ROUTE).await;
    let all = numbers(&whole.body);
    assert_eq!(all.len(), 7);
    let facets = whole.body["facets"].clone();
    let mut chosen = Vec::new();
    for (facet, options) in facets.as_object().unwrap() {
        for one in options.as_array().unwrap() {
            let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
            let choice = match facet.as_str() {
                "airlines" => format!("airlines={}", text("airline")),
                "stops" => format!("max_stops={}", one["max_stops"]),
                "cabins" => format!("cabin={}", text("cabin")),
                "time_bands" => format!("departure_window={}", text("time_band")),
                "prices" => {
                    let amount = |field: &str| one[field]["amount"].as_str().unwrap().to_owned();
                    format!(
                        "min_price={}&max_price={}",
                        amount("min_price"),
                        amount("max_price")
                    )
                }
                other => panic!("{other} is no facet"),
            };
            let given = client.get(&format!("{ROUTE}&{choice}")).await;
            assert_eq!(given.body["total"], one["count"], "{choice}: {facets}");
            let totals = given.body["offers"].as_array().unwrap().iter();
            let lowest = totals.map(|offer| offer["price"]["total"].clone());
            assert!(
                lowest.into_iter().any(|total| total == one["lowest_price"]),
                "{choice}: {facets}"
            );
            chosen.push(choice);
        }
    }
    assert!(
        chosen.iter().any(|choice| choice == "airlines=AI"),
        "{chosen:?}"
    );
    assert_eq!(facets["airlines"][0]["name"], "Air India");
    assert!(whole.body["sales_horizon"].as_str().unwrap() >= "2026-12-20");
    for limit in [1, 2, 3, 6, 7, 100] {
        let path = format!("{ROUTE}&limit={limit}");
        let first = client.get(&path).await;
        assert_eq!(walk(&client, &path, first).await, all, "limit {limit}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn pages_keep_their_order_while_flights_come_and_drop_what_is_gone(pool: PgPool) {
    let flights = flights(&pool, 6).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let path = format!("{ROUTE}&limit=2");
    let first = client.get(&path).await;
    trip::add(&pool, "99", trip::at(7)).await;
    trip::add(&pool, "199", trip::at(23)).await;
    set(&pool, SELL_OUT, flights[3]).await;
    set(&pool, CANCEL, flights[4]).await;
    // The snapshot outlives the five minutes in which it answers new searches.
    app.clock.advance(Duration::minutes(14));
    let seen = walk(&client, &path, first).await;
    assert_eq!(seen, ["AI 101", "AI 102", "AI 103", "AI 106"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_kept_answer_never_shows_what_cannot_be_bought(pool: PgPool) {
    let flights = flights(&pool, 4).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    // Sales of AI 101, which leaves at 02:30 UTC, close at 00:30.
    let midnight = Duration::hours(30 * 24 - 12) + Duration::minutes(28);
    app.clock.advance(midnight);
    let made = client.get(ROUTE).await;
    assert_eq!(
        (made.header("x-cache"), numbers(&made.body).len()),
        ("miss", 4)
    );
    set(&pool, SELL_OUT, flights[1]).await;
    set(&pool, CANCEL, flights[2]).await;
    let kept = client.get(ROUTE).await;
    assert_eq!(kept.header("x-cache"), "hit");
    assert_eq!(numbers(&kept.body), ["AI 101", "AI 104"]);
    app.clock.advance(Duration::minutes(2));
    assert_eq!(numbers(&client.get(ROUTE).await.body), ["AI 101", "AI 104"]);
    app.clock.advance(Duration::seconds(1));
    let kept = client.get(ROUTE).await;
    assert_eq!(kept.header("x-cache"), "hit");
    assert_eq!(numbers(&kept.body), ["AI 104"]);
    // Seats for the whole party: of three that are left, four get none.
    trip::leave_seats(&pool, flights[3], 4).await;
    let four = format!("{ROUTE}&adults=4");
    assert_eq!(numbers(&client.get(&four).await.body), ["AI 104"]);
    trip::leave_seats(&pool, flights[3], 3).await;
    assert_eq!(numbers(&client.get(&four).await.body), [""; 0]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_answer_is_kept_for_five_minutes(pool: PgPool) {
    flights(&pool, 2).await;
    let app = TestApp::start(pool).await;
    let (client, other) = (app.sign_up().await, app.sign_up().await);
    let mut seen = vec![client.get(ROUTE).await];
    // Another account, another page size and another order of the parameters: the same question.
    seen.push(
        other
            .get(&format!("{ROUTE}&limit=1&cabin=economy&adults=1"))
            .await,
    );
    app.clock.advance(Duration::seconds(299));
    seen.push(client.get(ROUTE).await);
    app.clock.advance(Duration::seconds(1));
    seen.push(client.get(ROUTE).await);
    seen.push(client.get(&format!("{ROUTE}&adults=2")).await);
    let outcomes: Vec<_> = seen.iter().map(|answer| answer.header("x-cache")).collect();
    assert_eq!(outcomes, ["miss", "hit", "hit", "miss", "miss"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn when_nothing_of_a_kept_answer_is_left_it_is_searched_for_again(pool: PgPool) {
    let flights = flights(&pool, 2).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    client.get(ROUTE).await;
    for flight in flights {
        set(&pool, SELL_OUT, flight).await;
    }
    app.clock.advance(Duration::seconds(1));
    let again = client.get(ROUTE).await;
    assert_eq!(
        (again.header("x-cache"), &again.body["total"]),
        ("miss", &json!(0))
    );
    // An answer that was empty from the start is kept like any other.
    let empty = client.get(ROUTE).await;
    assert_eq!(
        (empty.header("x-cache"), &empty.body["total"]),
        ("hit", &json!(0))
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_price_that_has_left_the_range_is_not_served(pool: PgPool) {
    let flights = flights(&pool, 2).await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    // 5,000.00 × 1.2 + 488.00 + 5 % + 300.00
    let path = format!("{ROUTE}&max_price=7088");
    assert_eq!(numbers(&client.get(&path).await.body).len(), 2);
    sqlx::query("update flight_cabin set sold = capacity * 8 / 10 where flight_id = $1")
        .bind(flights[0].0)
        .execute(&pool)
        .await
        .unwrap();
    let kept = client.get(&path).await;
    assert_eq!(kept.header("x-cache"), "hit");
    assert_eq!(numbers(&kept.body), ["AI 102"]);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn fifty_who_ask_two_processes_at_once_cause_one_search_in_each(pool: PgPool) {
    flights(&pool, 3).await;
    let one = TestApp::start(pool.clone()).await;
    let prefix = one.prefix.clone();
    let two = TestApp::start_with(pool, |_, limits| limits.redis_prefix = prefix).await;
    let asker = one.sign_up().await;
    let ask = |index: usize| {
        let app = if index.is_multiple_of(2) { &one } else { &two };
        let client = Client {
            app,
            key: asker.key.clone(),
            account_id: asker.account_id,
        };
        async move { client.get(ROUTE).await }
    };
    let answers = futures::future::join_all((0..50).map(ask)).await;
    let misses = answers
        .iter()
        .filter(|answer| answer.header("x-cache") == "miss");
    // Processes do not wait for each other: at most one search in each, and one where the other had finished.
    assert!((1..=2).contains(&misses.count()));
    for answer in &answers {
        assert_eq!(numbers(&answer.body), ["AI 101", "AI 102", "AI 103"]);
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn redis_frozen_or_killed_makes_searches_slower_and_takes_their_pages(pool: PgPool) {
    flights(&pool, 3).await;
    let mut redis = OwnRedis::start();
    let url = redis.url();
    let app = TestApp::start_with(pool, |settings, _| {
        settings.redis.redis_url = SecretString::from(url);
    })
    .await;
    let client = app.sign_up().await;
    let path = format!("{ROUTE}&limit=2");
    let before = client.get(&path).await;
    let cursor = before.body["next_cursor"].as_str().unwrap().to_owned();
    redis.freeze();
    for _ in 0..10 {
        let began = Instant::now();
        let frozen = client.get(&path).await;
        assert_eq!(
            (frozen.status.as_u16(), frozen.header("x-cache")),
            (200, "miss")
        );
        assert_eq!(numbers(&frozen.body), numbers(&before.body));
        assert_eq!(frozen.body["total"], 3);
        assert!(
            frozen.body.get("next_cursor").is_none(),
            "nobody could read it"
        );
        assert!(
            began.elapsed() < Wait::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    }
    redis.kill();
    assert_eq!(client.get(&path).await.status, 200);
    let lost = client.get(&format!("{path}&cursor={cursor}")).await;
    assert_eq!(lost.problem(), (410, "cursor_expired"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_cursor_is_good_for_its_own_search_and_for_fifteen_minutes(pool: PgPool) {
    flights(&pool, 3).await;
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let path = format!("{ROUTE}&limit=1");
    let first = client.get(&path).await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    for other in [
        "&adults=2",
        "&max_stops=0",
        "&return_date=2026-12-27&max_stops=1",
    ] {
        let wrong = client.get(&format!("{path}{other}&cursor={cursor}")).await;
        assert_eq!(wrong.wrong_fields(), ["cursor: other_query"], "{other}");
    }
    let mut tampered = cursor.to_owned();
    tampered.replace_range(3..4, if &cursor[3..4] == "A" { "B" } else { "A" });
    for wrong in [tampered.as_str(), "x", "AaKQ-wZgdjmEGw4ITNQ4IQ"] {
        let wrong = client.get(&format!("{path}&cursor={wrong}")).await;
        assert_eq!(wrong.wrong_fields(), ["cursor: invalid"]);
    }
    let read = format!("{path}&cursor={cursor}");
    app.clock.advance(Duration::seconds(899));
    assert_eq!(numbers(&client.get(&read).await.body), ["AI 102"]);
    app.clock.advance(Duration::seconds(1));
    assert_eq!(client.get(&read).await.problem(), (410, "cursor_expired"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_offer_of_a_kept_answer_is_its_askers_alone(pool: PgPool) {
    flights(&pool, 1).await;
    let app = TestApp::start(pool).await;
    let (first, second) = (app.sign_up().await, app.sign_up().await);
    first.get(ROUTE).await;
    let kept = second.get(ROUTE).await;
    assert_eq!(kept.header("x-cache"), "hit");
    let body = json!({ "offers": [kept.body["offers"][0]["offer_id"]] });
    let stolen = first.post("/v1/holds", &body).await;
    assert_eq!(stolen.wrong_fields(), ["offers[0]: offer_invalid"]);
    let held = second.post("/v1/holds", &body).await;
    assert_eq!(held.status, 201, "{held:?}");
    assert_eq!(
        held.body["price"]["total"],
        kept.body["offers"][0]["price"]["total"]
    );
}
