//! Connections that a moved flight breaks.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::model::FlightTimes;
use crate::Result;
use crate::ids::{BookingId, DirectionId, FlightId};
use crate::search::ConnectionTimes;

/// A flight of a booking that somebody still flies.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub direction_id: DirectionId,
    pub flight_id: FlightId,
    pub origin: String,
    pub destination: String,
    pub is_domestic: bool,
    pub departs_at: DateTime<Utc>,
    pub arrives_at: DateTime<Utc>,
}

/// The flights of the paid bookings that a flight is part of, in the order of travel: of all, or of one.
pub(super) async fn journeys(
    conn: &mut PgConnection,
    flight_id: FlightId,
    only: Option<BookingId>,
) -> Result<HashMap<BookingId, Vec<Leg>>> {
    let rows = sqlx::query!(
        r#"
        select b.id as "booking_id: BookingId", d.id as "direction_id: DirectionId", f.id as "flight_id: FlightId", f.origin, f.destination,
               o.country = a.country as "is_domestic!", f.departs_at, f.arrives_at
        from booking b
        join booked_flight bf on bf.booking_id = b.id
        join direction d on d.id = bf.direction_id and d.status = 'booked'
        join flight f on f.id = bf.flight_id
        join airport o on o.iata = f.origin
        join airport a on a.iata = f.destination
        where b.status in ('confirmed', 'partially_cancelled') and ($2::uuid is null or b.id = $2)
          and b.id in (select booking_id from booked_flight where flight_id = $1)
        order by b.id, bf.ordinal
        "#,
        flight_id.0,
        only.map(|id| id.0),
    )
    .fetch_all(conn)
    .await?;
    let mut journeys: HashMap<BookingId, Vec<Leg>> = HashMap::new();
    for row in rows {
        journeys.entry(row.booking_id).or_default().push(Leg {
            direction_id: row.direction_id,
            flight_id: row.flight_id,
            origin: row.origin,
            destination: row.destination,
            is_domestic: row.is_domestic,
            departs_at: row.departs_at,
            arrives_at: row.arrives_at,
        });
    }
    Ok(journeys)
}

/// Whether a flight that is moved leaves too little time before or after it: within a direction less than the connection
/// needs, between the directions less than lies between landing and leaving again.
pub(super) fn is_broken(
    least: &ConnectionTimes,
    legs: &[Leg],
    flight_id: FlightId,
    times: FlightTimes,
) -> bool {
    let at = |leg: &Leg| {
        if leg.flight_id == flight_id {
            (times.departs_at, times.arrives_at)
        } else {
            (leg.departs_at, leg.arrives_at)
        }
    };
    legs.windows(2).any(|pair| {
        let [lands, leaves] = pair else {
            return false;
        };
        if ![lands.flight_id, leaves.flight_id].contains(&flight_id) {
            return false;
        }
        let seconds = (at(leaves).0 - at(lands).1).num_seconds();
        let is_connection = lands.direction_id == leaves.direction_id;
        let is_one_place = is_connection || lands.destination == leaves.origin;
        let turn = least.turn(
            is_one_place,
            (&lands.destination, lands.is_domestic),
            (&leaves.origin, leaves.is_domestic),
            seconds,
        );
        turn.is_err()
    })
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-12-20T00:00:00Z".parse().unwrap();
        start + TimeDelta::minutes(minutes)
    }

    fn leg(direction_id: DirectionId, route: [&str; 2], minutes: [i64; 2]) -> Leg {
        Leg {
            direction_id,
            flight_id: FlightId::new(),
            origin: route[0].to_owned(),
            destination: route[1].to_owned(),
            is_domestic: true,
            departs_at: at(minutes[0]),
            arrives_at: at(minutes[1]),
        }
    }

    #[test]
    fn a_connection_breaks_when_less_is_left_than_it_needs() {
        let least = ConnectionTimes::of_the_trade();
        let (out, back) = (DirectionId::new(), DirectionId::new());
        let legs = [
            leg(out, ["DEL", "BOM"], [0, 120]),
            leg(out, ["BOM", "MAA"], [180, 300]),
            leg(back, ["MAA", "DEL"], [400, 560]),
        ];
        let moved = |index: usize, by: i64| {
            let leg = &legs[index];
            let by = TimeDelta::minutes(by);
            let times = FlightTimes {
                departs_at: leg.departs_at + by,
                arrives_at: leg.arrives_at + by,
            };
            is_broken(&least, &legs, leg.flight_id, times)
        };
        // 60 minutes between domestic flights, of which 30 are needed; 100 before the way back.
        for (index, by, broken) in [
            (0, 30, false),
            (0, 31, true),
            (0, -600, false),
            (1, -30, false),
            (1, -31, true),
            (1, 70, false),
            (1, 71, true),
            (2, -70, false),
            (2, -71, true),
            (2, 5_000, false),
        ] {
            assert_eq!(moved(index, by), broken, "{index} {by}");
        }
        // What was short before, elsewhere, is not this flight's doing.
        let short = [
            leg(out, ["DEL", "BOM"], [0, 120]),
            leg(out, ["BOM", "MAA"], [125, 300]),
            leg(back, ["MAA", "DEL"], [9_000, 9_100]),
        ];
        let times = FlightTimes {
            departs_at: at(9_050),
            arrives_at: at(9_150),
        };
        assert!(!is_broken(&least, &short, short[2].flight_id, times));
        // From another airport than where one lands any later time will do.
        let open_jaw = [
            leg(out, ["DEL", "BOM"], [0, 120]),
            leg(back, ["MAA", "DEL"], [180, 300]),
        ];
        for (by, broken) in [(-60, false), (-61, true)] {
            let times = FlightTimes {
                departs_at: at(180 + by),
                arrives_at: at(300 + by),
            };
            let found = is_broken(&least, &open_jaw, open_jaw[1].flight_id, times);
            assert_eq!(found, broken, "{by}");
        }
    }
}
