//! The same key twice is one request (<https://docs.stripe.com/api/idempotent_requests>).

use sqlx::PgConnection;

use super::Call;
use super::answer::Answer;
use super::fault::Fault;

/// What was answered to this key before. The same key with another request is refused, and so is one whose first
/// request is still running.
pub(super) async fn recall(
    conn: &mut PgConnection,
    key: &str,
    endpoint: &str,
    parameters: &str,
) -> Result<Option<Answer>, Fault> {
    let refuse = |message: String| Fault {
        kind: "idempotency_error",
        ..Fault::invalid(None, message)
    };
    if key.is_empty() || key.chars().count() > 255 {
        return Err(refuse(
            "Idempotency keys are 1 to 255 characters".to_owned(),
        ));
    }
    // Held until the transaction ends, however it ends: a crash leaves nothing.
    let alone = sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('sandbox:' || $1, 0)) as "alone!""#,
        key
    )
    .fetch_one(&mut *conn)
    .await?;
    if !alone {
        let message = format!(
            "There is currently another in-progress request using this Idempotent Key (that probably means you submitted \
             twice, and the other request is still going through): {key}. Please try again later."
        );
        return Err(refuse(message).code("idempotency_key_in_use").status(409));
    }
    let stored = sqlx::query!(
        "select endpoint, parameters, status, body, request_id from sandbox.idempotency_key where key = $1",
        key
    )
    .fetch_optional(conn)
    .await?;
    let Some(stored) = stored else {
        return Ok(None);
    };
    if stored.endpoint != endpoint || stored.parameters != parameters {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a \
             key other than '{key}' if you meant to execute a different request."
        );
        return Err(refuse(message));
    }
    Ok(Some(Answer {
        status: u16::try_from(stored.status).unwrap_or(500),
        body: stored.body,
        original: Some(stored.request_id),
    }))
}

/// Keeps an answer for 24 hours, in the transaction of its effect.
pub(super) async fn remember(
    conn: &mut PgConnection,
    call: &Call,
    key: &str,
    endpoint: &str,
    parameters: &str,
    answer: &Answer,
) -> Result<(), Fault> {
    sqlx::query!(
        "
        insert into sandbox.idempotency_key (key, endpoint, parameters, status, body, request_id, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        ",
        key,
        endpoint,
        parameters,
        i32::from(answer.status),
        answer.body,
        call.request_id,
        call.now
    )
    .execute(conn)
    .await?;
    Ok(())
}
