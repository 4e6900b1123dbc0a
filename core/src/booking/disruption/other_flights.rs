//! Whether the airline has other flights to offer instead of those that it does not fly as they were booked.

use chrono::TimeDelta;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::Result;
use crate::booking::cancel::{Trip, TripDirection};
use crate::clock::Clock;
use crate::config::Sales;
use crate::trade::{Direction, PassengerType};

/// Whether other flights of a direction's route, airline and cabin leave within `DISRUPTION_REBOOK_DAYS`, on sale and with
/// seats for all who fly: one flight, or two that connect, before or after the other direction of the journey.
///
/// It is what can be offered, by one statement: the search decides about connections and knows those with two stops.
pub(super) async fn exist(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    trip: &Trip,
    direction: &TripDirection,
) -> Result<bool> {
    let days = TimeDelta::days(i64::from(sales.disruption_rebook_days));
    let earliest = (clock.now() + sales.sales_close()).max(direction.departs_at - days);
    let flying = trip.passengers.iter();
    let seats = flying
        .filter(|one| one.kind != PassengerType::Infant && trip.flies(one.id, direction))
        .count();
    let flights: Vec<Uuid> = direction.flights.iter().map(|id| id.0).collect();
    let other = trip.live().find(|one| one.id != direction.id);
    let other: Vec<Uuid> = other.map_or_else(Vec::new, |other| {
        other.flights.iter().map(|id| id.0).collect()
    });
    let exist = sqlx::query_scalar!(
        r#"
        with ends as (
            select a.origin, z.destination, a.airline,
                   (select min(departs_at) from flight where id = any($2)) as other_leaves,
                   (select max(arrives_at) from flight where id = any($2)) as other_lands
            from flight a, flight z where a.id = ($1::uuid[])[1] and z.id = ($1::uuid[])[cardinality($1)]
        ), origins as materialized (
            select origin as iata from ends
            union
            select near.iata from ends join metro_area_airport own on own.iata = ends.origin join metro_area_airport near on near.code = own.code
        ), destinations as materialized (
            select destination as iata from ends
            union
            select near.iata from ends join metro_area_airport own on own.iata = ends.destination join metro_area_airport near on near.code = own.code
        ), first as materialized (
            select f.id, f.destination, f.departs_at, f.arrives_at
            from ends
            join flight f on f.origin in (select iata from origins) and f.airline = ends.airline and f.status = 'scheduled'
                 and f.departs_at between $3 and $4
            join flight_cabin c on c.flight_id = f.id and c.cabin = $5 and c.capacity - c.held - c.sold >= $6
            where ends.other_lands is null or $7 or f.departs_at > ends.other_lands
        )
        select exists (
            select from first, ends
            where first.destination in (select iata from destinations) and first.id <> all($1)
              and (ends.other_leaves is null or not $7 or first.arrives_at < ends.other_leaves)
        ) or exists (
            select from ends, first
            join flight f on f.origin = first.destination and f.destination in (select iata from destinations) and f.status = 'scheduled'
                 and f.departs_at between first.arrives_at + interval '30 minutes' and first.arrives_at + interval '24 hours'
            join flight_cabin c on c.flight_id = f.id and c.cabin = $5 and c.capacity - c.held - c.sold >= $6
            where array[first.id, f.id] <> $1
              and (f.airline = ends.airline or exists (
                  select from interline_agreement i where i.airline = ends.airline and i.partner = f.airline))
              and (ends.other_leaves is null or not $7 or f.arrives_at < ends.other_leaves)
        ) as "exist!"
        "#,
        &flights,
        &other,
        earliest,
        direction.departs_at + days,
        direction.cabin.as_str(),
        i32::try_from(seats).unwrap_or(i32::MAX),
        direction.direction == Direction::Departing,
    )
    .fetch_one(conn)
    .await?;
    Ok(exist)
}
