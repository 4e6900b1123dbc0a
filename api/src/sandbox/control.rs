//! How the sandbox misbehaves on request. Stripe has nothing like it: tests and rehearsals need it.
//!
//! `POST /sandbox/stripe/_config/webhooks`, `…/outcomes` and `…/faults` each replace their section, so that `{}` makes
//! it behave again; `GET /sandbox/stripe/_config` shows all of it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::fault::Fault;

/// The one row of `sandbox.behaviour`.
#[derive(Debug)]
pub(super) struct Behaviour {
    pub webhook_delay_ms: i32,
    pub webhook_duplicate: bool,
    pub webhook_shuffle: bool,
    pub webhook_drop: bool,
    pub refund_outcome: String,
    pub refund_after_ms: i32,
    pub fault_kind: Option<String>,
    pub fault_path: Option<String>,
    pub fault_times: i32,
    pub fault_delay_ms: i32,
}

/// How events made from now on are delivered.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Webhooks {
    /// Milliseconds between the event and its first delivery.
    delay_ms: u16,
    /// Each event is delivered twice.
    duplicate: bool,
    /// Each delivery waits up to a second more, at random.
    shuffle: bool,
    /// Events are listed, but never delivered.
    drop: bool,
}

/// What becomes of refunds made from now on.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Outcomes {
    refund: RefundOutcome,
    /// Milliseconds a refund stays pending.
    after_ms: u16,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum RefundOutcome {
    #[default]
    Succeed,
    PendingThenSucceed,
    PendingThenFail,
}

/// What goes wrong with the next calls.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Faults {
    kind: Option<FaultKind>,
    /// How many calls go wrong.
    times: u16,
    /// Only calls whose path begins so: `/v1/refunds`.
    path: Option<String>,
    /// Milliseconds that a slow answer takes.
    delay_ms: u16,
}

/// Ways to go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultKind {
    /// 500 before anything was done.
    ApiError,
    /// 429, `rate_limit`.
    RateLimit,
    /// 429, `lock_timeout`.
    LockTimeout,
    /// Everything was done, but a proxy answers 502 in HTML.
    LostAnswer,
    /// Everything is done, after `delay_ms`.
    Slow,
}

impl Behaviour {
    /// How the sandbox behaves now.
    pub async fn load(conn: &mut PgConnection) -> Result<Self, Fault> {
        Ok(sqlx::query_as!(
            Self,
            "
            select webhook_delay_ms, webhook_duplicate, webhook_shuffle, webhook_drop, refund_outcome, refund_after_ms,
                   fault_kind, fault_path, fault_times, fault_delay_ms
            from sandbox.behaviour
            "
        )
        .fetch_one(conn)
        .await?)
    }

    fn json(&self) -> Value {
        json!({
            "webhooks": {
                "delay_ms": self.webhook_delay_ms, "duplicate": self.webhook_duplicate,
                "shuffle": self.webhook_shuffle, "drop": self.webhook_drop,
            },
            "outcomes": {"refund": self.refund_outcome, "after_ms": self.refund_after_ms},
            "faults": {
                "kind": self.fault_kind, "times": self.fault_times, "path": self.fault_path,
                "delay_ms": self.fault_delay_ms,
            },
        })
    }
}

/// Shows or replaces a section.
pub(super) async fn call(
    conn: &mut PgConnection,
    section: &str,
    body: Option<&[u8]>,
) -> Result<Value, Fault> {
    match (section, body) {
        ("", None) => {}
        ("webhooks", Some(body)) => {
            let Webhooks {
                delay_ms,
                duplicate,
                shuffle,
                drop,
            } = read(body)?;
            sqlx::query!(
                "
                update sandbox.behaviour
                set webhook_delay_ms = $1, webhook_duplicate = $2, webhook_shuffle = $3, webhook_drop = $4
                ",
                i32::from(delay_ms),
                duplicate,
                shuffle,
                drop
            )
            .execute(&mut *conn)
            .await?;
        }
        ("outcomes", Some(body)) => {
            let Outcomes { refund, after_ms } = read(body)?;
            sqlx::query!(
                "update sandbox.behaviour set refund_outcome = $1, refund_after_ms = $2",
                word(&refund),
                i32::from(after_ms)
            )
            .execute(&mut *conn)
            .await?;
        }
        ("faults", Some(body)) => {
            let Faults {
                kind,
                times,
                path,
                delay_ms,
            } = read(body)?;
            sqlx::query!(
                "
                update sandbox.behaviour
                set fault_kind = $1, fault_times = $2, fault_path = $3, fault_delay_ms = $4
                ",
                kind.map(|kind| word(&kind)),
                i32::from(times),
                path,
                i32::from(delay_ms)
            )
            .execute(&mut *conn)
            .await?;
        }
        _ => {
            let message = "GET _config; POST _config/webhooks, _config/outcomes or _config/faults";
            return Err(Fault::invalid(None, message).status(404));
        }
    }
    Ok(Behaviour::load(conn).await?.json())
}

/// Takes one of the faults that are left for this path, and how long a slow answer takes.
pub(super) async fn take_fault(
    conn: &mut PgConnection,
    path: &str,
) -> Result<Option<(FaultKind, u64)>, Fault> {
    let taken = sqlx::query!(
        r#"
        update sandbox.behaviour set fault_times = fault_times - 1
        where fault_times > 0 and fault_kind is not null and starts_with($1, coalesce(fault_path, ''))
        returning fault_kind as "kind!", fault_delay_ms
        "#,
        path
    )
    .fetch_optional(conn)
    .await?;
    Ok(taken.and_then(|row| {
        let kind = serde_json::from_value(Value::String(row.kind)).ok()?;
        Some((kind, u64::try_from(row.fault_delay_ms).unwrap_or_default()))
    }))
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| Fault::invalid(None, error.to_string()))
}

/// The word of a unit variant, as the table has it.
fn word(variant: &impl Serialize) -> String {
    match serde_json::to_value(variant) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
