//! Writing an event and promising what is told of it: one statement, in the transaction of the change.
//!
//! The statement is the SQL function `record_booking_event`, which those call too that write an event together with its
//! booking: it writes the event, the jobs that tell it, and a delivery to each webhook endpoint of the account.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Event, Notice};
use crate::actor::{self, Means};
use crate::clock::Clock;
use crate::ids::{AccountId, ApiKeyId, BookingId, SessionId};
use crate::outbox::{self, SendSms};
use crate::{Result, mail, telemetry};

/// Writes an event of a booking and promises the mail, the text message and the webhooks that tell it, in the transaction that makes
/// the change: at its end where it locks rows that others wait for. Who acts and for which request is the task's
/// ([`actor::current`], [`telemetry::context`]).
///
/// Whether it is new: [`Event::DepartureNear`] of a direction happens once, however often it is recorded. The caller has
/// locked the booking, so that the order of its events is that of their transactions.
pub async fn record(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
    event: &Event,
) -> Result<bool> {
    let row = Row::new(clock, account_id, booking_id, event)?;
    let jobs = Jobs::of(&row);
    let is_new = sqlx::query_scalar!(
        r#"select record_booking_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $19, $10, $11, $12, $13, $14, $15, $16, $17, $18) as "is_new!""#,
        row.id,
        booking_id.0,
        account_id.0,
        row.kind,
        row.told_as,
        row.occurred_at,
        row.actor,
        row.account_id.map(|id| id.0),
        row.api_key_id.map(|id| id.0),
        row.request_id,
        row.trace_parent,
        row.details,
        &jobs.ids,
        &jobs.kinds,
        &jobs.queues,
        &jobs.payloads,
        &jobs.unique_keys as &[Option<String>],
        &jobs.max_attempts,
        row.session_id.map(|id| id.0),
    )
    .fetch_one(conn)
    .await?;
    Ok(is_new)
}

/// An event in columns, for a statement that writes it together with its booking.
pub(crate) struct Row {
    pub id: Uuid,
    pub kind: &'static str,
    /// The type that webhooks tell it as.
    pub told_as: &'static str,
    pub occurred_at: DateTime<Utc>,
    pub actor: &'static str,
    pub account_id: Option<AccountId>,
    pub api_key_id: Option<ApiKeyId>,
    pub session_id: Option<SessionId>,
    pub request_id: Option<String>,
    pub trace_parent: Option<String>,
    pub details: Value,
    /// The jobs that tell it.
    pub promised: Vec<outbox::Row>,
}

/// The jobs that tell an event, in columns.
pub(crate) struct Jobs {
    pub ids: Vec<Uuid>,
    pub kinds: Vec<String>,
    pub queues: Vec<String>,
    pub payloads: Vec<Value>,
    pub unique_keys: Vec<Option<String>>,
    pub max_attempts: Vec<i32>,
}

impl Jobs {
    pub(crate) fn of(event: &Row) -> Self {
        let jobs = || event.promised.iter();
        Self {
            ids: jobs().map(|job| job.id.0).collect(),
            kinds: jobs().map(|job| job.kind.to_owned()).collect(),
            queues: jobs().map(|job| job.queue.to_owned()).collect(),
            payloads: jobs().map(|job| job.payload.clone()).collect(),
            unique_keys: jobs().map(|job| job.unique_key.clone()).collect(),
            max_attempts: jobs().map(|job| job.max_attempts).collect(),
        }
    }
}

impl Row {
    pub(crate) fn new(
        clock: &Clock,
        account_id: AccountId,
        booking_id: BookingId,
        event: &Event,
    ) -> Result<Self> {
        let (actor, context) = (actor::current(), telemetry::context());
        let (acting_account, with) = actor.credentials().unzip();
        Ok(Self {
            id: Uuid::now_v7(),
            kind: event.kind().as_str(),
            told_as: event.kind().published_as(),
            occurred_at: clock.now(),
            actor: actor.as_str(),
            account_id: acting_account,
            api_key_id: with.and_then(Means::api_key_id),
            session_id: with.and_then(Means::session_id),
            request_id: context.request_id,
            trace_parent: context.trace_parent,
            details: event.details(),
            promised: promised(clock, account_id, booking_id, event.notice())?,
        })
    }
}

fn promised(
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
    notice: Notice,
) -> Result<Vec<outbox::Row>> {
    let mut jobs = Vec::new();
    for mail in notice.mails.into_iter().flatten() {
        jobs.push(mail::promised(clock, account_id, booking_id, mail)?);
    }
    if notice.text_message {
        let once = Some(format!("sms_confirmed:{booking_id}"));
        let job = SendSms { booking_id };
        jobs.push(outbox::Row::new(clock, Some(account_id), &job, once)?);
    }
    Ok(jobs)
}
