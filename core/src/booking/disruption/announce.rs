//! What staff do: see whom it concerns, and do it.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::affected;
use super::model::{Announced, FlightChange, FlightTimes, Impact, NewDisruption};
use super::refusal::FlightIsCancelled;
use crate::actor::{self, Means};
use crate::audit::{self, Act};
use crate::clock::Clock;
use crate::error::Violations;
use crate::flight::{self, Flight, FlightStatus};
use crate::ids::JobId;
use crate::money::Currency;
use crate::outbox::{self, NotifyDisrupted};
use crate::schedule::{self, NewTimes};
use crate::trade::DisruptionKind;
use crate::{Error, Result, fault, inventory, text, zone};

/// The longest a flight may take, as search takes for granted.
const LONGEST: TimeDelta = TimeDelta::hours(24);
const SHORTEST_REASON: usize = 3;
const LONGEST_REASON: usize = 300;

/// What is to be done, checked.
struct Plan {
    flight: Flight,
    kind: DisruptionKind,
    reason: String,
    times: Option<NewTimes>,
}

impl Plan {
    fn before(&self) -> FlightTimes {
        FlightTimes {
            departs_at: self.flight.departs_at,
            arrives_at: self.flight.arrives_at,
        }
    }

    fn after(&self) -> Option<FlightTimes> {
        self.times.map(|times| FlightTimes {
            departs_at: times.departs_at,
            arrives_at: times.arrives_at,
        })
    }
}

/// Whom a disruption would concern; nothing is changed.
///
/// Errors as [`disrupt`].
pub async fn preview_disruption(
    conn: &mut PgConnection,
    clock: &Clock,
    currency: Currency,
    wish: &NewDisruption,
) -> Result<Impact> {
    let plan = check(conn, clock, wish).await?;
    audit::nothing_done();
    affected::impact(conn, currency, plan.flight.id, plan.after()).await
}

/// Cancels or moves a flight and promises the job that tells its bookings.
///
/// A cancelled flight sells no seat from here on, a moved one is found at its new times. A flight that was cancelled without a
/// disruption, by its schedule or by hand, can be cancelled once more: its bookings are told then.
///
/// Errors: [`Error::NotFound`], [`Error::Invalid`] with every wrong field (`reason`, `retime.departs_at`,
/// `retime.arrives_at`), [`Error::TooLate`] once the flight has left, [`FlightIsCancelled`].
pub async fn disrupt(
    conn: &mut PgConnection,
    clock: &Clock,
    currency: Currency,
    wish: &NewDisruption,
) -> Result<Announced> {
    // Two of one flight come one after the other, and none while schedules become flights.
    schedule::lock_timetable(conn).await?;
    let plan = check(conn, clock, wish).await?;
    let flight_id = plan.flight.id;
    match plan.times {
        None => {
            inventory::close(conn, flight_id).await?;
            schedule::set_cancelled(conn, flight_id).await?;
        }
        Some(times) => schedule::set_times(conn, flight_id, times).await?,
    }
    fault::point("flight_disrupted");
    let impact = affected::impact(conn, currency, flight_id, plan.after()).await?;
    let id = Uuid::now_v7();
    let credentials = actor::current().credentials();
    let account_id = credentials.map(|(account_id, _)| account_id);
    let job = NotifyDisrupted { disruption_id: id };
    let job_id = outbox::put(conn, clock, account_id, &job).await?;
    write(conn, clock, &plan, id, job_id, &impact).await?;
    audit::record(conn, clock, &act(&plan, id, &impact)).await?;
    Ok(Announced { id, job_id, impact })
}

/// What staff have done to the flight.
fn act(plan: &Plan, id: Uuid, impact: &Impact) -> Act<'static> {
    let times = |times: FlightTimes| {
        let [departs_at, arrives_at] = [times.departs_at, times.arrives_at]
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        json!({ "departs_at": departs_at, "arrives_at": arrives_at })
    };
    Act {
        action: match plan.kind {
            DisruptionKind::Cancelled => "flight_cancelled",
            DisruptionKind::Retimed => "flight_retimed",
        },
        object_kind: "flight",
        object_id: plan.flight.id.to_string(),
        before: Some(json!({
            "status": plan.flight.status.as_str(),
            "times": times(plan.before()),
        })),
        after: Some(json!({
            "disruption_id": id,
            "times": plan.after().map(times),
            "reason": plan.reason,
            "bookings": impact.bookings,
            "passengers": impact.passengers,
        })),
    }
}

async fn write(
    conn: &mut PgConnection,
    clock: &Clock,
    plan: &Plan,
    id: Uuid,
    job_id: JobId,
    impact: &Impact,
) -> Result<()> {
    let (account_id, with) = actor::current().credentials().unzip();
    let (before, after) = (plan.before(), plan.after());
    sqlx::query!(
        r#"
        insert into disruption (id, flight_id, kind, reason, created_at, account_id, api_key_id, departs_at, arrives_at,
                                new_departs_at, new_arrives_at, bookings, passengers, job_id, session_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        "#,
        id,
        plan.flight.id.0,
        plan.kind.as_str(),
        plan.reason,
        clock.now(),
        account_id.map(|id| id.0),
        with.and_then(Means::api_key_id).map(|id| id.0),
        before.departs_at,
        before.arrives_at,
        after.map(|times| times.departs_at),
        after.map(|times| times.arrives_at),
        impact.bookings,
        impact.passengers,
        job_id.0,
        with.and_then(Means::session_id).map(|id| id.0),
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn check(conn: &mut PgConnection, clock: &Clock, wish: &NewDisruption) -> Result<Plan> {
    let flights = flight::list_by_id(conn, &[wish.flight_id]).await?;
    let flight = flights.into_iter().next();
    let flight = flight.ok_or(Error::NotFound("flight"))?;
    if flight.status == FlightStatus::Departed || flight.departs_at <= clock.now() {
        return Err(Error::TooLate {
            action: "cancel or move the flight",
            ended_at: flight.departs_at,
        });
    }
    let mut wrong = Violations::new();
    let reason = match text::one_line(&wish.reason, LONGEST_REASON) {
        Ok(reason) if reason.chars().count() < SHORTEST_REASON => {
            let message = format!("write {SHORTEST_REASON} to {LONGEST_REASON} characters");
            wrong.add("reason", "length", message);
            reason
        }
        Ok(reason) => reason,
        Err((code, message)) => {
            wrong.add("reason", code, message);
            String::new()
        }
    };
    let (kind, times) = match wish.change {
        FlightChange::Cancel => (DisruptionKind::Cancelled, None),
        FlightChange::Retime {
            departs_at,
            arrives_at,
        } => {
            let same_time = departs_at + (flight.arrives_at - flight.departs_at);
            let after = FlightTimes {
                departs_at,
                arrives_at: arrives_at.unwrap_or(same_time),
            };
            let times = check_times(&mut wrong, clock, &flight, after);
            (DisruptionKind::Retimed, Some(times))
        }
    };
    wrong.into_result()?;
    let is_cancelled = flight.status == FlightStatus::Cancelled;
    if is_cancelled && (kind == DisruptionKind::Retimed || is_told(conn, &flight).await?) {
        return Err(FlightIsCancelled.into());
    }
    Ok(Plan {
        flight,
        kind,
        reason,
        times,
    })
}

/// Whether the bookings of a cancelled flight were told that it is.
async fn is_told(conn: &mut PgConnection, flight: &Flight) -> Result<bool> {
    let is_told = sqlx::query_scalar!(
        r#"select exists (select from disruption where flight_id = $1 and kind = 'cancelled') as "is_told!""#,
        flight.id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_told)
}

fn check_times(
    wrong: &mut Violations,
    clock: &Clock,
    flight: &Flight,
    after: FlightTimes,
) -> NewTimes {
    let departs_local = zone::local(after.departs_at, flight.origin.time_zone).naive_local();
    let days_later = (departs_local.date() - flight.departure_date).num_days();
    if after.departs_at <= clock.now() {
        let message = "the flight would have left";
        wrong.add("retime.departs_at", "in_the_past", message);
    } else if days_later.abs() > 1 {
        let message = format!(
            "leave on {} at the origin, or a day earlier or later: cancel the flight instead",
            flight.departure_date
        );
        wrong.add("retime.departs_at", "another_date", message);
    }
    if after.arrives_at <= after.departs_at {
        let message = "must be after departure";
        wrong.add("retime.arrives_at", "before_departure", message);
    } else if after.arrives_at - after.departs_at > LONGEST {
        let message = "must be within 24 hours of departure";
        wrong.add("retime.arrives_at", "out_of_range", message);
    }
    if (after.departs_at, after.arrives_at) == (flight.departs_at, flight.arrives_at) {
        let message = "the flight leaves and lands then already";
        wrong.add("retime.departs_at", "unchanged", message);
    }
    NewTimes {
        departs_at: after.departs_at,
        arrives_at: after.arrives_at,
        departs_local: departs_local.time(),
        days_later: i16::try_from(days_later).unwrap_or(i16::MAX),
    }
}
