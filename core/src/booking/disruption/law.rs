//! What the law gives the passengers of a booking: the facts that [`crate::entitlement`] decides from.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::model::FlightTimes;
use crate::Result;
use crate::entitlement::{self, Change, Country, Entitlement, Journey, Place};
use crate::ids::{DirectionId, FlightId};
use crate::money::{self, Money};

/// What happens to a direction of a booking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub direction_id: DirectionId,
    pub flight_id: FlightId,
    pub told_at: DateTime<Utc>,
    pub before: FlightTimes,
    pub after: Option<FlightTimes>,
    pub connection_broken: bool,
}

/// What each regulation gives each passenger of a direction. Nothing when the direction has no flight.
pub(super) async fn entitlements(
    conn: &mut PgConnection,
    event: &Event,
) -> Result<Vec<Entitlement>> {
    let Some(row) = sqlx::query!(
        r#"
        with leg as materialized (
            select bf.ordinal, f.id, f.airline, f.origin, f.destination
            from booked_flight bf join flight f on f.id = bf.flight_id where bf.direction_id = $1
        )
        select o.country as from_country, o.lat as from_lat, o.lon as from_lon, a.country as to_country, a.lat as to_lat,
               a.lon as to_lon, al.country as airline_country, last.id = $2 as "is_last!", b.currency,
               coalesce((
                   select max(fare.minor) from (
                       select sum(l.unit_minor)::bigint as minor from price_line l
                       where l.booking_id = d.booking_id and l.direction = d.ordinal and l.kind = 'base_fare' and l.passenger_id is null
                       group by l.passenger_type) fare), 0) as "base_minor!"
        from direction d
        join booking b on b.id = d.booking_id
        join lateral (select * from leg order by ordinal limit 1) first on true
        join lateral (select * from leg order by ordinal desc limit 1) last on true
        join leg own on own.id = $2
        join airport o on o.iata = first.origin
        join airport a on a.iata = last.destination
        join airline al on al.iata = own.airline
        where d.id = $1
        "#,
        event.direction_id.0,
        event.flight_id.0,
    )
    .fetch_optional(conn)
    .await?
    else {
        return Ok(Vec::new());
    };
    let place = |country: &str, lat, lon| Place {
        country: Country::new(country),
        lat,
        lon,
    };
    let journey = Journey {
        from: place(&row.from_country, row.from_lat, row.from_lon),
        to: place(&row.to_country, row.to_lat, row.to_lon),
        airline: Country::new(&row.airline_country),
        block_time: event.before.arrives_at - event.before.departs_at,
        base_fare: Money::new(row.base_minor, money::known_currency(&row.currency)?),
    };
    Ok(entitlement::of(&journey, event.change(row.is_last)))
}

impl Event {
    /// A flight that lands later delays the journey when it is the last of it: else the next one leaves as it was to.
    fn change(&self, is_last: bool) -> Change {
        let (departs_at, told_at) = (self.before.departs_at, self.told_at);
        match self.after {
            None => Change::Cancelled {
                departs_at,
                told_at,
            },
            Some(after) => Change::Retimed {
                departs_at,
                told_at,
                earlier: departs_at - after.departs_at,
                delay: match (self.connection_broken, is_last) {
                    (true, _) => None,
                    (false, true) => Some(after.arrives_at - self.before.arrives_at),
                    (false, false) => Some(TimeDelta::zero()),
                },
            },
        }
    }
}
