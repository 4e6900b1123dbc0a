//! Whom a disruption concerns.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection;
use super::model::{Disruption, FlightTimes, Impact};
use crate::Result;
use crate::ids::{BookingId, FlightId};
use crate::money::{Currency, Money};
use crate::search::ConnectionTimes;
use crate::trade::DisruptionKind;

/// Counts the bookings of a flight, and those that miss a connection by its new times.
pub(super) async fn impact(
    conn: &mut PgConnection,
    currency: Currency,
    flight_id: FlightId,
    after: Option<FlightTimes>,
) -> Result<Impact> {
    let counted = sqlx::query!(
        r#"
        with hit as materialized (
            select b.id, b.status, b.currency, d.id as direction_id, d.name, d.ordinal
            from booked_flight bf
            join direction d on d.id = bf.direction_id and d.status = 'booked'
            join booking b on b.id = bf.booking_id
            where bf.flight_id = $1 and b.status in ('pending_payment', 'confirmed', 'partially_cancelled')
        ), paid as materialized (
            select * from hit where status <> 'pending_payment'
        )
        select (select count(*) from paid)::int as "bookings!",
               (select count(*) from paid join passenger p on p.booking_id = paid.id
                where not exists (
                    select from cancelled_place gone where gone.passenger_id = p.id and gone.direction_id = paid.direction_id))::int as "passengers!",
               (select coalesce(sum(l.amount_minor), 0) from paid join price_line l on l.booking_id = paid.id
                where paid.currency = $2 and (
                    l.direction = paid.ordinal and l.kind <> 'fee'
                    -- What is charged once for the booking comes back when nobody flies any more, because of the airline alone.
                    or l.direction is null
                       and not exists (select from direction other where other.booking_id = paid.id and other.status = 'booked' and other.id <> paid.direction_id)
                       and not exists (
                           select from cancellation c
                           join cancellation_quote q on q.id = c.quote_id
                           cross join lateral jsonb_array_elements(q.content -> 'items') as item
                           where c.booking_id = paid.id and item -> 'decision' ->> 'rule' <> 'schedule_change')))::bigint
               -- What was kept of those who cancelled earlier stays kept.
               - (select coalesce(sum((line ->> 'paid_minor')::bigint - (line ->> 'refund_minor')::bigint), 0)
                  from paid
                  join cancellation c on c.booking_id = paid.id
                  join cancellation_quote q on q.id = c.quote_id
                  cross join lateral jsonb_array_elements(q.content -> 'items') as item
                  cross join lateral jsonb_array_elements(item -> 'lines') as line
                  where paid.currency = $2 and item ->> 'direction' = paid.name and line ->> 'kind' <> 'fee')::bigint as "paid_minor!",
               (select count(*) from hit where status = 'pending_payment')::int as "unpaid_bookings!"
        "#,
        flight_id.0,
        currency.code(),
    )
    .fetch_one(&mut *conn)
    .await?;
    Ok(Impact {
        bookings: counted.bookings,
        passengers: counted.passengers,
        paid: Money::new(counted.paid_minor, currency),
        unpaid_bookings: counted.unpaid_bookings,
        connections_broken: broken(conn, flight_id, after).await?,
    })
}

async fn broken(
    conn: &mut PgConnection,
    flight_id: FlightId,
    after: Option<FlightTimes>,
) -> Result<i32> {
    let Some(after) = after else {
        return Ok(0);
    };
    let least = ConnectionTimes::load(conn).await?;
    let journeys = connection::journeys(conn, flight_id, None).await?;
    let broken = journeys
        .values()
        .filter(|legs| connection::is_broken(&least, legs, flight_id, after));
    Ok(i32::try_from(broken.count()).unwrap_or(i32::MAX))
}

/// Bookings that a disruption has not come to, in the order of their ids after one.
///
/// Of a flight that is moved those that were made before and have not changed to it since: the others were sold with the new
/// times. Of a cancelled flight all that fly on it, and those that wait for their money: a booking may have been confirmed
/// while the flight was cancelled.
pub(super) async fn list_untold(
    conn: &mut PgConnection,
    disruption: &Disruption,
    after: Option<BookingId>,
    limit: i64,
) -> Result<Vec<BookingId>> {
    let is_cancelled = disruption.kind == DisruptionKind::Cancelled;
    let ids = sqlx::query_scalar!(
        r#"
        select distinct b.id as "id: BookingId"
        from booked_flight bf
        join direction d on d.id = bf.direction_id and d.status = 'booked'
        join booking b on b.id = bf.booking_id
        where bf.flight_id = $1 and ($5::uuid is null or b.id > $5)
          and (b.status in ('confirmed', 'partially_cancelled') and ($3 or b.created_at <= $4) or $3 and b.status = 'pending_payment')
          and not exists (select from disrupted_booking told where told.disruption_id = $2 and told.booking_id = b.id)
          and ($3 or not exists (
              select from booking_change c join booking_change_flight changed on changed.booking_change_id = c.id
              where changed.flight_id = $1 and c.status = 'done' and c.ended_at > $4
                and (c.booking_id = b.id or c.booking_id in (select split.booking_id from booking_split split where split.new_booking_id = b.id))))
        order by b.id limit $6
        "#,
        disruption.flight_id.0,
        disruption.id,
        is_cancelled,
        disruption.created_at,
        after.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

/// The newest disruptions of flights that were told once and concern a booking since: one that was confirmed at the same
/// moment, or by late money.
pub(super) async fn list_with_untold(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Vec<uuid::Uuid>> {
    let ids = sqlx::query_scalar!(
        r#"
        select s.id
        from disruption s
        join flight f on f.id = s.flight_id and f.departs_at > $1
        where s.created_at > $2 and s.finished_at is not null
          and not exists (select from disruption newer where newer.flight_id = s.flight_id and newer.position > s.position)
          and exists (
            select from booked_flight bf
            join direction d on d.id = bf.direction_id and d.status = 'booked'
            join booking b on b.id = bf.booking_id
            where bf.flight_id = s.flight_id
              and (b.status in ('confirmed', 'partially_cancelled') and (s.kind = 'cancelled' or b.created_at <= s.created_at)
                   or s.kind = 'cancelled' and b.status = 'pending_payment')
              and not exists (select from disrupted_booking told where told.disruption_id = s.id and told.booking_id = b.id)
              and (s.kind = 'cancelled' or not exists (
                select from booking_change c join booking_change_flight changed on changed.booking_change_id = c.id
                where changed.flight_id = s.flight_id and c.status = 'done' and c.ended_at > s.created_at
                  and (c.booking_id = b.id or c.booking_id in (select split.booking_id from booking_split split where split.new_booking_id = b.id)))))
        order by s.position
        "#,
        now,
        since,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}
