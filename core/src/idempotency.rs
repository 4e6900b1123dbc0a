//! A repeated POST is one effect: the key's row commits with what it guards (design: a crash leaves neither).

use chrono::Duration;
use serde_json::Value;
use sqlx::PgConnection;

use crate::clock::Clock;
use crate::error::{Error, OnConstraint, Result};
use crate::ids::AccountId;

/// How long an answer is remembered.
const KEPT: Duration = Duration::hours(24);

/// A caller's `Idempotency-Key`: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key, or `None` when it is empty, too long or not visible ASCII.
    pub fn parse(raw: &str) -> Option<Self> {
        let visible = raw.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=255).contains(&raw.len()) && visible).then(|| Self(raw.to_owned()))
    }
}

/// The answer that a request with this key got.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// HTTP status, always 2xx.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// What to do with a request that carries a key.
#[derive(Debug)]
pub enum Begun {
    /// It came before: answer this and change nothing.
    Replay(Stored),
    /// It is the first: do the work, then [`Guard::store`] the answer in the same transaction.
    Fresh(Guard),
}

/// The right to do the work of a key, for as long as the transaction lives.
#[derive(Debug)]
#[must_use = "an answer that is not stored is done again when the caller tries again"]
pub struct Guard {
    account_id: AccountId,
    key: Key,
    request_hash: [u8; 32],
}

/// Claims a key for the present transaction. `request_hash` covers method, path and body.
///
/// Errors: [`Error::IdempotencyKeyInProgress`] while the first request still runs,
/// [`Error::IdempotencyKeyReused`] when the key came with another request.
pub async fn begin(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    key: Key,
    request_hash: [u8; 32],
) -> Result<Begun> {
    // The row is read with a snapshot that may be older than the lock: what commits in between is caught by the
    // primary key in `store`, and that request comes again.
    let found = sqlx::query!(
        r#"
        select pg_try_advisory_xact_lock(hashtextextended($1::text || ':' || $2, 0)) as "locked!",
               k.request_hash as "request_hash?", k.status as "status?", k.body as "body?"
        from (values (1)) as one
        left join idempotency_key k on k.account_id = $3 and k.key = $2 and k.created_at > $4
        "#,
        account_id.to_string(),
        key.0,
        account_id.0,
        clock.now() - KEPT,
    )
    .fetch_one(conn)
    .await?;
    match (found.request_hash, found.status, found.body) {
        (Some(hash), Some(status), Some(body)) if hash == request_hash => {
            let status = u16::try_from(status).unwrap_or(200);
            Ok(Begun::Replay(Stored { status, body }))
        }
        (Some(_), ..) => Err(Error::IdempotencyKeyReused),
        _ if found.locked => Ok(Begun::Fresh(Guard {
            account_id,
            key,
            request_hash,
        })),
        _ => Err(Error::IdempotencyKeyInProgress),
    }
}

impl Guard {
    /// Writes the answer beside the effect. `status` must be 2xx: failures are not remembered.
    ///
    /// Errors: [`Error::IdempotencyKeyInProgress`] when another request with the key has just committed.
    pub async fn store(
        self,
        conn: &mut PgConnection,
        clock: &Clock,
        status: u16,
        body: &Value,
    ) -> Result<()> {
        let now = clock.now();
        let status = i16::try_from(status)
            .map_err(|_| Error::Internal(format!("{status} is no HTTP status")))?;
        let written = sqlx::query!(
            "insert into idempotency_key (account_id, key, request_hash, status, body, created_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict on constraint idempotency_key_pkey do update
             set request_hash = excluded.request_hash, status = excluded.status, body = excluded.body,
                 created_at = excluded.created_at
             where idempotency_key.created_at <= $7",
            self.account_id.0,
            self.key.0,
            &self.request_hash[..],
            status,
            body,
            now,
            now - KEPT,
        )
        .execute(conn)
        .await
        .on_constraint("idempotency_key_pkey", Error::IdempotencyKeyInProgress)?;
        if written.rows_affected() == 0 {
            return Err(Error::IdempotencyKeyInProgress);
        }
        Ok(())
    }
}

/// Forgets answers older than 24 hours; how many.
pub async fn purge(conn: &mut PgConnection, clock: &Clock) -> Result<u64> {
    let gone = sqlx::query!(
        "delete from idempotency_key where created_at <= $1",
        clock.now() - KEPT
    )
    .execute(conn)
    .await?;
    Ok(gone.rows_affected())
}
