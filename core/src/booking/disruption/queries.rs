//! Reading disruptions.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::decide;
use super::model::{BookingDisruption, Choosing, Disruption, FlightTimes};
use crate::actor::Means;
use crate::booking::cancel::Subject;
use crate::clock::Clock;
use crate::config::Sales;
use crate::entitlement::Entitlement;
use crate::flight;
use crate::ids::{
    AccountId, ApiKeyId, BookingId, BookingRef, DirectionId, FlightId, JobId, SessionId,
};
use crate::money;
use crate::trade::{DefaultChoice, Direction, DisruptionKind, DisruptionStatus};
use crate::{Error, Result};

/// A disruption by its key. [`Error::NotFound`] when there is none.
pub(super) async fn get(conn: &mut PgConnection, id: Uuid) -> Result<Disruption> {
    let row = sqlx::query!(
        r#"
        select s.flight_id as "flight_id: FlightId", s.kind as "kind: DisruptionKind", s.reason, s.created_at,
               s.account_id as "account_id: AccountId", s.api_key_id as "api_key_id: ApiKeyId",
               s.session_id as "session_id: SessionId", s.departs_at, s.arrives_at,
               s.new_departs_at, s.new_arrives_at,
               exists (select from disruption newer where newer.flight_id = s.flight_id and newer.position > s.position) as "is_superseded!"
        from disruption s where s.id = $1
        "#,
        id,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("disruption"))?;
    Ok(Disruption {
        id,
        flight_id: row.flight_id,
        kind: row.kind,
        reason: row.reason,
        created_at: row.created_at,
        account_id: row.account_id,
        with: Means::of(row.api_key_id, row.session_id),
        before: FlightTimes {
            departs_at: row.departs_at,
            arrives_at: row.arrives_at,
        },
        after: times(row.new_departs_at, row.new_arrives_at),
        is_superseded: row.is_superseded,
    })
}

fn times(
    departs_at: Option<DateTime<Utc>>,
    arrives_at: Option<DateTime<Utc>>,
) -> Option<FlightTimes> {
    let (departs_at, arrives_at) = departs_at.zip(arrives_at)?;
    Some(FlightTimes {
        departs_at,
        arrives_at,
    })
}

/// The disruptions of a booking: first those of which something can be chosen now, the one to be answered first before the others,
/// then what is open otherwise, then the newest.
pub(super) async fn list_of_booking(
    conn: &mut PgConnection,
    booking_id: BookingId,
    now: DateTime<Utc>,
) -> Result<Vec<Choosing>> {
    let rows = sqlx::query!(
        r#"
        select r.id, r.disruption_id, r.direction_id as "direction_id: DirectionId", d.name as "direction: Direction",
               s.flight_id as "flight_id: FlightId", s.kind as "kind: DisruptionKind", r.status as "status: DisruptionStatus", s.reason,
               r.created_at, r.departs_at, r.arrives_at, s.new_departs_at, s.new_arrives_at, r.connection_broken, r.decide_by,
               r.default_choice as "default_choice: DefaultChoice", r.entitlements as "entitlements: Json<Vec<Entitlement>>",
               r.decided_at, r.is_default,
               exists (select from disruption newer where newer.flight_id = s.flight_id and newer.position > s.position) as "is_superseded!"
        from disrupted_booking r
        join disruption s on s.id = r.disruption_id
        join direction d on d.id = r.direction_id
        where r.booking_id = $1
        order by r.status <> 'open', case when r.status = 'open' then r.decide_by end, s.position desc
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let rows = rows.into_iter().map(|row| Choosing {
        id: row.id,
        disruption_id: row.disruption_id,
        direction_id: row.direction_id,
        direction: row.direction,
        flight_id: row.flight_id,
        kind: row.kind,
        status: row.status,
        reason: row.reason,
        told_at: row.created_at,
        before: FlightTimes {
            departs_at: row.departs_at,
            arrives_at: row.arrives_at,
        },
        after: times(row.new_departs_at, row.new_arrives_at),
        connection_broken: row.connection_broken,
        decide_by: row.decide_by,
        default_choice: row.default_choice,
        entitlements: row.entitlements.0,
        decided_at: row.decided_at,
        is_default: row.is_default,
        is_superseded: row.is_superseded,
    });
    let mut all: Vec<_> = rows.collect();
    all.sort_by_key(|one| !one.is_open(now));
    Ok(all)
}

/// The disruption of a booking of the account that is open, or the newest, with what can be chosen now.
///
/// [`Error::NotFound`] for anybody else's booking, and for one whose flights are as they were booked.
pub async fn get_disruption(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<BookingDisruption> {
    let all = list_disruptions(conn, clock, sales, account_id, reference).await?;
    let first = all.into_iter().next();
    first.ok_or(Error::NotFound("disruption of this booking"))
}

/// All disruptions of a booking of the account: first those that are open, then the newest.
///
/// [`Error::NotFound`] for anybody else's booking.
pub async fn list_disruptions(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<Vec<BookingDisruption>> {
    let row = sqlx::query!(
        r#"
        select id as "id: BookingId", created_at, first_departs_at, currency from booking
        where booking_ref = $1 and account_id = $2
        "#,
        reference.as_str(),
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    let subject = Subject {
        id: row.id,
        booked_at: row.created_at,
        departs_at: row.first_departs_at,
        currency: money::known_currency(&row.currency)?,
    };
    let mut shown = Vec::new();
    for choosing in list_of_booking(conn, subject.id, clock.now()).await? {
        let flights = flight::list_by_id(conn, &[choosing.flight_id]).await?;
        let flight = flights.into_iter().next();
        let options = decide::options(conn, clock, sales, subject, &choosing).await?;
        shown.push(BookingDisruption {
            id: choosing.disruption_id,
            kind: choosing.kind,
            status: choosing.status,
            reason: choosing.reason,
            told_at: choosing.told_at,
            direction: choosing.direction,
            flight: flight.ok_or(Error::NotFound("flight"))?,
            before: choosing.before,
            after: choosing.after,
            connection_broken: choosing.connection_broken,
            decide_by: choosing.decide_by,
            default_choice: choosing.default_choice,
            options,
            entitlements: choosing.entitlements,
            decided_at: choosing.decided_at,
            is_default: choosing.is_default,
        });
    }
    Ok(shown)
}

/// How many bookings the job of a disruption has told, and how many there are; `None` for any other job.
pub async fn disruption_progress(
    conn: &mut PgConnection,
    job_id: JobId,
) -> Result<Option<(i32, i32)>> {
    let row = sqlx::query!(
        r#"
        select s.bookings, (select count(distinct r.booking_id) from disrupted_booking r where r.disruption_id = s.id)::int as "told!",
               s.finished_at is not null as "is_finished!"
        from disruption s where s.job_id = $1
        "#,
        job_id.0,
    )
    .fetch_optional(conn)
    .await?;
    // Those that were cancelled before they were told are not told; those that were confirmed since are.
    Ok(row.map(|row| {
        let total = if row.is_finished {
            row.told
        } else {
            row.bookings.max(row.told)
        };
        (row.told, total)
    }))
}
