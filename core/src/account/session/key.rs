//! The keys that sign access tokens: one is current, older ones are accepted until their last token has expired.

use chrono::Duration;
use sqlx::PgConnection;
use uuid::Uuid;

use super::token::ACCESS_TIME;
use crate::clock::Clock;
use crate::error::Result;

/// How long a retired key is accepted: a token that it has just signed lasts so long, and a minute for a request that read
/// the key before it was retired.
pub(super) fn accepted_for() -> Duration {
    ACCESS_TIME + Duration::minutes(1)
}

/// The key that signs.
pub(super) struct SigningKey {
    pub id: Uuid,
    pub salt: Vec<u8>,
}

/// The key that signs now; the first one is made when it is first needed.
pub(super) async fn current(conn: &mut PgConnection, clock: &Clock) -> Result<SigningKey> {
    loop {
        let found = sqlx::query_as!(
            SigningKey,
            "select id, salt from signing_key where retired_at is null"
        )
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(key) = found {
            return Ok(key);
        }
        // Of two first log-ins at once one makes it; the other waits for that and finds it.
        insert(conn, clock).await?;
    }
}

/// Signs with a new key from now on. Nobody is logged out: tokens of the key before are good until they expire, and the
/// next ones are the new key's. With `at_once` older keys are forgotten, for when one may have leaked: every access token
/// ends, and sessions go on with their next refresh.
pub async fn rotate_signing_key(
    conn: &mut PgConnection,
    clock: &Clock,
    at_once: bool,
) -> Result<Uuid> {
    let now = clock.now();
    sqlx::query!(
        "update signing_key set retired_at = $1 where retired_at is null",
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from signing_key where retired_at is not null and ($2 or retired_at <= $1)",
        now - accepted_for(),
        at_once,
    )
    .execute(&mut *conn)
    .await?;
    insert(&mut *conn, clock).await?;
    Ok(current(conn, clock).await?.id)
}

async fn insert(conn: &mut PgConnection, clock: &Clock) -> Result<()> {
    let salt: [u8; 32] = rand::random();
    sqlx::query!(
        "insert into signing_key (id, salt, created_at) values ($1, $2, $3)
         on conflict ((true)) where retired_at is null do nothing",
        Uuid::now_v7(),
        &salt[..],
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
