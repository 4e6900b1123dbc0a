//! What is the same for every noun, over the real rows of a corner of the fixtures.

use chrono::{TimeZone, Utc};
use serde_json::{Map, Value, json};
use sqlx::{PgConnection, PgPool};

use super::*;
use crate::{Clock, fixtures};

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 12, 1, 8, 0, 0).unwrap())
}

fn patch(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// Reads all rows in pages of two, and checks and writes them again as they were read.
async fn reads_as_it_is_written<N: Noun>(conn: &mut PgConnection) {
    let mut all: Vec<N> = Vec::new();
    loop {
        let after = all.last().map(N::key);
        let page = list::<N>(conn, after.as_deref(), 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert!(all.len() > 1, "{} has too few rows", N::NAME);
    let mut keys: Vec<String> = all.iter().map(N::key).collect();
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "{}", N::NAME);
    for row in &all {
        let mut wrong = Violations::new();
        row.check(&mut wrong);
        row.check_known(conn, &mut wrong).await.unwrap();
        wrong.into_result().unwrap();
        let again = get::<N>(conn, &row.key()).await.unwrap();
        assert_eq!(Version::of(row).unwrap(), Version::of(&again).unwrap());
    }
    assert_eq!(N::write(conn, &all).await.unwrap(), 0, "{}", N::NAME);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn every_noun_reads_as_loaddata_has_written_it(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    reads_as_it_is_written::<Airport>(&mut conn).await;
    reads_as_it_is_written::<MetroArea>(&mut conn).await;
    reads_as_it_is_written::<Airline>(&mut conn).await;
    reads_as_it_is_written::<InterlineAgreement>(&mut conn).await;
    reads_as_it_is_written::<ConnectionTime>(&mut conn).await;
    reads_as_it_is_written::<Aircraft>(&mut conn).await;
    reads_as_it_is_written::<FareFamily>(&mut conn).await;
    reads_as_it_is_written::<Tax>(&mut conn).await;
    reads_as_it_is_written::<SeatFee>(&mut conn).await;
    reads_as_it_is_written::<BagFee>(&mut conn).await;
    reads_as_it_is_written::<Coupon>(&mut conn).await;
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_change_names_every_wrong_field_and_leaves_the_key_and_what_it_does_not_name(
    pool: PgPool,
) {
    let (mut conn, clock) = (pool.acquire().await.unwrap(), clock());
    fixtures::load_small(&mut conn).await.unwrap();
    let before = get::<Airline>(&mut conn, "AI").await.unwrap();
    let seen = Expected::OneOf(vec![Version::of(&before).unwrap().as_str().to_owned()]);
    let wrong =
        json!({ "name": null, "country": "QQ", "icao": "aic", "hubs": ["DEL", "QQQ", "DEL"] });
    let error = change::<Airline>(&mut conn, &clock, "AI", &seen, patch(wrong)).await;
    let Err(Error::Invalid(fields)) = error else {
        panic!("{error:?}");
    };
    let mut fields: Vec<_> = fields
        .iter()
        .map(|wrong| (wrong.field.as_str(), wrong.code))
        .collect();
    fields.sort_unstable();
    let expected = [
        ("country", "unknown"),
        ("hubs[1]", "unknown"),
        ("hubs[2]", "duplicate"),
        ("icao", "format"),
        ("name", "length"),
    ];
    assert_eq!(fields, expected);
    let right = json!({ "iata": "ZZ", "accounting_code": null, "hubs": ["BOM", "DEL"] });
    let after = change::<Airline>(&mut conn, &clock, "AI", &seen, patch(right))
        .await
        .unwrap();
    let expected = Airline {
        accounting_code: None,
        hubs: vec!["BOM".to_owned(), "DEL".to_owned()],
        ..before
    };
    assert_eq!(after, expected);
    let late = change::<Airline>(&mut conn, &clock, "AI", &seen, Map::new()).await;
    assert!(late.unwrap_err().refusal::<Outdated>().is_some());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_in_use_stays_and_says_by_what(pool: PgPool) {
    let (mut conn, clock) = (pool.acquire().await.unwrap(), clock());
    fixtures::load_small(&mut conn).await.unwrap();
    let refused = delete::<Airline>(&mut conn, &clock, "AI", &Expected::Any)
        .await
        .unwrap_err();
    let by = &refused.refusal::<InUse>().unwrap().by;
    assert_eq!(
        *by,
        [(8, "interline agreements"), (1, "coupons")],
        "{refused}"
    );
    let refused = delete::<Airport>(&mut conn, &clock, "LHR", &Expected::Any)
        .await
        .unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("the airport LHR is used by"), "{said}");
    let refused = delete::<ConnectionTime>(&mut conn, &clock, "any.longest", &Expected::Any).await;
    assert!(refused.unwrap_err().refusal::<InUse>().is_some());
    delete::<ConnectionTime>(&mut conn, &clock, "DEL.domestic_domestic", &Expected::Any)
        .await
        .unwrap();
    delete::<MetroArea>(&mut conn, &clock, "NYC", &Expected::Any)
        .await
        .unwrap();
    let gone = get::<MetroArea>(&mut conn, "NYC").await.unwrap_err();
    assert!(matches!(gone, Error::NotFound("metro area")));
}
