//! How full flights are, and what they earn.
//!
//! **Revenue is what is kept of the lines of a flight.** Fares less coupons and fees for seats name their flight, taxes are not
//! ours, and what is bought for a direction or a whole booking (bags, the fee of a booking) is not spread over flights. What
//! was cancelled has lines of its own that take it back.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::flight::FlightStatus;
use crate::ids::FlightId;
use crate::money::{self, Money};
use crate::trade::Cabin;
use crate::{Error, Result};

/// Which flights.
#[derive(Clone, Debug)]
pub struct LoadFilter {
    /// That leave on this local date or later.
    pub from: NaiveDate,
    /// That leave on this local date or earlier.
    pub until: NaiveDate,
    /// Of this airline.
    pub airline: Option<String>,
    /// The flight after which the list goes on.
    pub after: Option<FlightId>,
    /// How many at most.
    pub limit: i64,
}

/// The seats of one cabin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct CabinLoad {
    /// The cabin.
    pub cabin: Cabin,
    /// All of its seats that are for sale.
    pub capacity: i32,
    /// In holds and unpaid bookings.
    pub held: i32,
    /// Sold.
    pub sold: i32,
}

/// How full a flight is.
#[derive(Clone, Debug)]
pub struct FlightLoad {
    /// The flight.
    pub id: FlightId,
    /// `AI`.
    pub airline: String,
    /// `101`.
    pub flight_number: String,
    /// Where from.
    pub origin: String,
    /// Where to.
    pub destination: String,
    /// Local date at the origin.
    pub departure_date: NaiveDate,
    /// Departure.
    pub departs_at: DateTime<Utc>,
    /// Arrival.
    pub arrives_at: DateTime<Utc>,
    /// IATA code of the aircraft type.
    pub aircraft: String,
    /// Whether it flies.
    pub status: FlightStatus,
    /// Its cabins, from the front.
    pub cabins: Vec<CabinLoad>,
    /// What it earns, by currency.
    pub revenue: Vec<Money>,
}

impl FlightLoad {
    /// All cabins together.
    pub fn total(&self) -> (i32, i32, i32) {
        let add = |sum: (i32, i32, i32), cabin: &CabinLoad| {
            (
                sum.0 + cabin.capacity,
                sum.1 + cabin.held,
                sum.2 + cabin.sold,
            )
        };
        self.cabins.iter().fold((0, 0, 0), add)
    }
}

#[derive(Debug, serde::Deserialize)]
struct Earned {
    currency: String,
    minor: i64,
}

/// Flights in the order of their local dates.
pub async fn list_loads(conn: &mut PgConnection, filter: &LoadFilter) -> Result<Vec<FlightLoad>> {
    let rows = sqlx::query!(
        r#"
        select f.id as "id: FlightId", f.airline, f.flight_number, f.origin, f.destination, f.departure_date, f.departs_at, f.arrives_at,
               f.aircraft, f.status as "status: FlightStatus",
               (select coalesce(jsonb_agg(jsonb_build_object('cabin', c.cabin, 'capacity', c.capacity, 'held', c.held, 'sold', c.sold)
                    order by array_position(array['first', 'business', 'premium_economy', 'economy'], c.cabin)), '[]')
                from flight_cabin c where c.flight_id = f.id) as "cabins!: Json<Vec<CabinLoad>>",
               (select coalesce(jsonb_agg(jsonb_build_object('currency', earned.currency, 'minor', earned.minor) order by earned.currency), '[]')
                from (
                    select b.currency, sum(l.amount_minor)::bigint as minor
                    from (select distinct bf.booking_id from booked_flight bf where bf.flight_id = f.id) sold
                    join booking b on b.id = sold.booking_id and b.confirmed_at is not null
                    join price_line l on l.booking_id = b.id and l.flight_id = f.id and l.kind in ('base_fare', 'seat', 'discount')
                    group by b.currency
                ) earned) as "revenue!: Json<Vec<Earned>>"
        from flight f
        where f.departure_date between $1 and $2
          and ($3::text is null or f.airline = $3)
          and ($4::uuid is null or (f.departure_date, f.id) > (select last.departure_date, last.id from flight last where last.id = $4))
        order by f.departure_date, f.id limit $5
        "#,
        filter.from,
        filter.until,
        filter.airline,
        filter.after.map(|id| id.0),
        filter.limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let money = |earned: Earned| {
                let currency = money::known_currency(&earned.currency)?;
                Ok::<_, Error>(Money::new(earned.minor, currency))
            };
            let revenue: Result<Vec<Money>> = row.revenue.0.into_iter().map(money).collect();
            Ok(FlightLoad {
                id: row.id,
                airline: row.airline,
                flight_number: row.flight_number,
                origin: row.origin,
                destination: row.destination,
                departure_date: row.departure_date,
                departs_at: row.departs_at,
                arrives_at: row.arrives_at,
                aircraft: row.aircraft,
                status: row.status,
                cabins: row.cabins.0,
                revenue: revenue?,
            })
        })
        .collect()
}
