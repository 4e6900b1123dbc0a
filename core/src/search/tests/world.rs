//! A small world of random flights: sold-out cabins, cancelled flights, date lines, airport changes, airlines that
//! sell each other's flights and airlines that nobody sells.

use chrono::{DateTime, Duration, NaiveDate, TimeZone, Utc};
use clap::Parser;
use sqlx::{PgConnection, PgPool};

use crate::config::{Sales, Settings};
use crate::fare::Tariff;
use crate::fixtures::{self, AddFlight};
use crate::offer::OfferSigner;
use crate::reference::ReferenceCache;
use crate::{Clock, Shop};

/// Chance that can be repeated: splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
}

/// What a sale needs, on a clock that stands still.
pub struct Counter {
    pub clock: Clock,
    pub sales: Sales,
    pub tariff: Tariff,
    pub reference: ReferenceCache,
    signer: OfferSigner,
}

impl Counter {
    pub async fn open(conn: &mut PgConnection) -> Self {
        let Defaults { settings } = Defaults::parse_from(["test"]);
        Self {
            clock: Clock::manual(noon()),
            tariff: Tariff::load(conn).await.unwrap(),
            reference: ReferenceCache::default(),
            signer: OfferSigner::new(&settings),
            sales: settings.sales,
        }
    }

    pub fn shop(&self) -> Shop<'_> {
        Shop {
            clock: &self.clock,
            sales: &self.sales,
            tariff: &self.tariff,
            reference: &self.reference,
            signer: &self.signer,
        }
    }
}

pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

pub fn today() -> NaiveDate {
    noon().date_naive()
}

pub const AIRPORTS: [&str; 14] = [
    "AKL", "BOM", "DEL", "DXB", "EWR", "FRA", "JFK", "LAX", "LCY", "LGW", "LHR", "MUC", "NRT",
    "SIN",
];
const AIRLINES: [&str; 12] = [
    "AI", "AI", "LH", "LH", "SQ", "UA", "NZ", "BA", "BA", "QF", "6E", "W6",
];
const AIRCRAFT: [&str; 4] = ["320", "321", "77W", "789"];

/// Fills a database with `count` flights of four days.
pub async fn fill(pool: &PgPool, dice: &mut Dice, count: usize) {
    let mut tx = pool.begin().await.unwrap();
    fixtures::load_small(&mut tx).await.unwrap();
    // Few routes with many flights each: most pairs need a connection.
    let mut routes = Vec::new();
    while routes.len() < 50 {
        let route = (*dice.pick(&AIRPORTS), *dice.pick(&AIRPORTS));
        if route.0 != route.1 {
            routes.push(route);
        }
    }
    for index in 0..count {
        let (origin, destination) = *dice.pick(&routes);
        let day = today() + chrono::Days::new(u64::try_from(dice.below(4)).unwrap());
        // Times that meet exactly: connections are often just legal.
        let minute = i64::try_from(dice.below(48) * 30).unwrap();
        let longest = if dice.percent(15) { 40 } else { 16 };
        let block = 60 + 30 * dice.below(longest);
        let flight = AddFlight {
            airline: dice.pick::<&str>(&AIRLINES),
            number: &format!("{}", index + 1),
            origin,
            destination,
            departs_local: day.and_hms_opt(0, 0, 0).unwrap() + Duration::minutes(minute),
            block_minutes: i32::try_from(block).unwrap(),
            aircraft: dice.pick::<&str>(&AIRCRAFT),
            base_fare_minor: i64::try_from(100_000 + 12_345 * dice.below(40)).unwrap(),
        };
        let id = fixtures::add_flight(&mut tx, flight).await.unwrap();
        let status = match dice.below(20) {
            0 => "cancelled",
            1 => "departed",
            _ => "scheduled",
        };
        // Nearly full cabins have room for a couple, not for a family.
        let left = if dice.percent(15) { 2 } else { 100 };
        let sold = i32::try_from(dice.below(101)).unwrap();
        sqlx::query("update flight set status = $2 where id = $1")
            .bind(id)
            .bind(status)
            .execute(&mut *tx)
            .await
            .unwrap();
        sqlx::query(
            "update flight_cabin set sold = greatest(capacity * $2 / 100, capacity - $3),
                held = least(capacity - greatest(capacity * $2 / 100, capacity - $3), 1)
            where flight_id = $1",
        )
        .bind(id)
        .bind(sold)
        .bind(left)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}

/// Airline and number, origin, destination, local departure (`12-20T08:00`), minutes in the air.
pub struct Fly(
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub i32,
);

/// Adds one flight in an A320neo at 5,000.00 a seat.
pub async fn fly(conn: &mut PgConnection, flight: Fly) -> crate::ids::FlightId {
    let Fly(code, origin, destination, departs, block_minutes) = flight;
    let (airline, number) = code.split_once(' ').unwrap();
    let flight = AddFlight {
        airline,
        number,
        origin,
        destination,
        departs_local: format!("2026-{departs}:00").parse().unwrap(),
        block_minutes,
        aircraft: "32N",
        base_fare_minor: 500_000,
    };
    fixtures::add_flight(conn, flight).await.unwrap()
}
