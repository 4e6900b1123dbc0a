//! A valid offer costs what it said, whatever becomes of the tariff meanwhile.

use chrono::{NaiveDate, TimeZone, Utc};
use clap::Parser;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sqlx::PgPool;

use super::*;
use crate::Shop;
use crate::config::Settings;
use crate::fixtures::{AddFlight, add_flight, load_small};
use crate::reference::ReferenceCache;
use crate::search::{self, Terms};

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
}

/// What may happen to a tariff, and to how full the flights are.
const CHANGES: [&str; 9] = [
    "update flight_cabin set sold = capacity * 3 / 4",
    "update flight_cabin set sold = capacity - 20, base_fare_minor = base_fare_minor * 2 + 7",
    "update load_step set factor = factor + 0.1234",
    "delete from load_step where from_load > 0",
    "update passenger_factor set factor = 0.5 where passenger_type <> 'adult'",
    "update tax_rule set amount = amount * 2",
    "delete from tax_rule where code in ('GST', 'CONV', 'UDF')",
    "insert into tax_rule (code, country, name, kind, amount, currency, cabins, passenger_types, applies_to, refundable)
     values ('NEW', 'IN', 'New', 'fixed', 12345, 'INR', array['economy', 'business'], array['adult', 'child', 'infant'], 'flight', true)",
    "update fare_family set multiplier = multiplier + 0.3, conditions = conditions || '{\"words\": \"others\"}'",
];

async fn flights(conn: &mut PgConnection) -> Vec<FlightId> {
    let day = NaiveDate::from_ymd_opt(2026, 12, 20).unwrap();
    let mut ids = Vec::new();
    for (number, [origin, destination], hour) in [
        ("1", ["BLR", "DEL"], 4),
        ("2", ["DEL", "DXB"], 12),
        ("3", ["DXB", "LHR"], 20),
    ] {
        let flight = AddFlight {
            airline: "AI",
            number,
            origin,
            destination,
            departs_local: day.and_hms_opt(hour, 0, 0).unwrap(),
            block_minutes: 180,
            aircraft: "789",
            base_fare_minor: 432_101,
        };
        ids.push(add_flight(conn, flight).await.unwrap());
    }
    ids
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_price_of_a_valid_offer_is_honoured_however_the_tariff_changes(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    load_small(&mut conn).await.unwrap();
    let flights = flights(&mut conn).await;
    let Defaults { settings } = Defaults::parse_from(["test"]);
    let clock = Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap());
    let (signer, reference) = (OfferSigner::new(&settings), ReferenceCache::default());
    let account_id = AccountId::new();
    let mut runner = TestRunner::deterministic();
    let world = (
        1_usize..4,
        (1_u16..6, 0_u16..4, 0_u16..2),
        prop::sample::select(vec!["light", "standard", "flex"]),
        prop::sample::select(vec![Cabin::Economy, Cabin::Business]),
        prop::sample::subsequence(CHANGES.to_vec(), 1..=CHANGES.len()),
    );
    let mut longest = 0;
    for round in 0..40 {
        let (count, party, family, cabin, changes) = world.new_tree(&mut runner).unwrap().current();
        let (adults, children, infants) = party;
        let mut tx = sqlx::Connection::begin(&mut *conn).await.unwrap();
        let tariff = Tariff::load(&mut tx).await.unwrap();
        let shop = Shop {
            clock: &clock,
            sales: &settings.sales,
            tariff: &tariff,
            reference: &reference,
            signer: &signer,
        };
        let terms = Terms {
            party: Party {
                adults,
                children,
                infants,
            },
            cabin,
            family,
        };
        let wanted = [flights[..count].to_vec()];
        let quote = search::quotes(&mut tx, shop, terms, &wanted).await.unwrap();
        let quote = quote
            .into_iter()
            .next()
            .flatten()
            .expect("it can be bought");
        let offer = signer
            .offer(&clock, &settings.sales, account_id, quote)
            .unwrap();
        longest = longest.max(offer.id.len());
        for change in &changes {
            sqlx::raw_sql(*change).execute(&mut *tx).await.unwrap();
        }
        let newest = Tariff::load(&mut tx).await.unwrap();
        let pin = signer.open(account_id, 0, &offer.id).unwrap();
        let (pinned, conditions) = honour(&mut tx, &newest, pin).await.unwrap();
        assert_eq!(
            pinned.price().unwrap(),
            offer.price,
            "round {round}: {changes:?}"
        );
        assert_eq!(conditions, offer.conditions, "round {round}: {changes:?}");
        // What is changed makes another price now, or nothing would be proved.
        let shop = Shop {
            tariff: &newest,
            ..shop
        };
        let now = search::quotes_with(&mut tx, shop, terms, &wanted, 0)
            .await
            .unwrap();
        if changes.len() == CHANGES.len() {
            assert_ne!(now[0].as_ref().unwrap().price, offer.price);
        }
        tx.rollback().await.unwrap();
    }
    assert!(longest <= 400, "a token has {longest} characters");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_change_of_the_tariff_is_one_version_and_no_change_is_none(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    load_small(&mut conn).await.unwrap();
    let newest = Tariff::load(&mut conn).await.unwrap().id;
    // Loading the same again changes nothing.
    load_small(&mut conn).await.unwrap();
    assert_eq!(Tariff::load(&mut conn).await.unwrap().id, newest);
    let two = "begin; update tax_rule set amount = amount + 1; update load_step set factor = factor + 0.5; commit";
    sqlx::raw_sql(two).execute(&mut *conn).await.unwrap();
    let later: i64 = sqlx::query_scalar("select count(*) from tariff_version where id > $1")
        .bind(newest)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(later, 1);
}
