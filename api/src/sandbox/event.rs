//! Events: written in the transaction of the change they tell of, each with its deliveries.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::fault::Fault;
use super::form::Params;
use super::list;
use super::object::API_VERSION;
use super::{Call, control, new_id};

/// A row of `sandbox.event`.
#[derive(Debug)]
pub(super) struct Event {
    pub id: String,
    pub kind: String,
    pub created_at: DateTime<Utc>,
    pub object: Value,
    pub previous: Option<Value>,
    pub request_id: Option<String>,
    pub request_idempotency_key: Option<String>,
    pub pending_webhooks: i64,
}

impl Event {
    /// Finds an event.
    pub async fn find(conn: &mut PgConnection, id: &str) -> Result<Option<Self>, Fault> {
        Ok(sqlx::query_as!(
            Self,
            r#"
            select id, kind, created_at, object, previous, request_id, request_idempotency_key,
                   (select least(count(*), 1) from sandbox.webhook_delivery d
                    where d.event_id = e.id and delivered_at is null and given_up_at is null) as "pending_webhooks!"
            from sandbox.event e where id = $1
            "#,
            id
        )
        .fetch_optional(conn)
        .await?)
    }

    /// <https://docs.stripe.com/api/events/object>
    pub fn json(&self) -> Value {
        let mut data = json!({"object": self.object});
        if let Some(previous) = &self.previous {
            data["previous_attributes"] = previous.clone();
        }
        json!({
            "id": self.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": self.created_at.timestamp(),
            "data": data,
            "livemode": false,
            "pending_webhooks": self.pending_webhooks,
            "request": {"id": self.request_id, "idempotency_key": self.request_idempotency_key},
            "type": self.kind,
        })
    }
}

/// Writes an event about an object as it is now, and promises its delivery as the sandbox is told to misbehave.
pub(super) async fn record(
    conn: &mut PgConnection,
    call: &Call,
    kind: &str,
    object: &Value,
) -> Result<(), Fault> {
    record_change(conn, call, kind, object, None).await
}

/// The same with the attributes that have changed, as they were before.
pub(super) async fn record_change(
    conn: &mut PgConnection,
    call: &Call,
    kind: &str,
    object: &Value,
    previous: Option<&Value>,
) -> Result<(), Fault> {
    let id = new_id("evt_1");
    sqlx::query!(
        "
        insert into sandbox.event (id, kind, created_at, object, previous, request_id, request_idempotency_key)
        values ($1, $2, $3, $4, $5, $6, $7)
        ",
        id,
        kind,
        call.now,
        object,
        previous,
        call.request_id,
        call.idempotency_key
    )
    .execute(&mut *conn)
    .await?;
    let behaviour = control::Behaviour::load(conn).await?;
    if behaviour.webhook_drop {
        return Ok(());
    }
    let due_at = call.now + Duration::milliseconds(i64::from(behaviour.webhook_delay_ms));
    let copies = if behaviour.webhook_duplicate { 2 } else { 1 };
    sqlx::query!(
        "
        insert into sandbox.webhook_delivery (event_id, due_at)
        select $1, $2::timestamptz + case when $4 then random() * interval '1 second' else interval '0' end
        from generate_series(1, $3::int)
        ",
        id,
        due_at,
        copies,
        behaviour.webhook_shuffle
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Events, newest first, by type and time of creation (<https://docs.stripe.com/api/events/list>).
pub(super) async fn list(conn: &mut PgConnection, params: &mut Params) -> Result<Value, Fault> {
    let page = list::Page::take(params)?;
    let mut kinds = params.list("types");
    kinds.extend(params.take("type"));
    let created = list::Created::take(params)?;
    let after = match &page.starting_after {
        None => None,
        Some(id) => Some(
            sqlx::query_scalar!("select sequence from sandbox.event where id = $1", id)
                .fetch_optional(&mut *conn)
                .await?
                .ok_or_else(|| Fault::missing("event", id, "starting_after"))?,
        ),
    };
    let ids = sqlx::query_scalar!(
        "
        select id from sandbox.event
        where ($1::bigint is null or sequence < $1)
          and (cardinality($2::text[]) = 0 or kind = any($2))
          and ($3::bigint is null or extract(epoch from date_trunc('second', created_at)) >= $3)
          and ($4::bigint is null or extract(epoch from date_trunc('second', created_at)) <= $4)
        order by sequence desc
        limit $5
        ",
        after,
        &kinds,
        created.from,
        created.until,
        page.limit + 1
    )
    .fetch_all(&mut *conn)
    .await?;
    let (ids, has_more) = page.cut(ids);
    let mut data = Vec::with_capacity(ids.len());
    for id in ids {
        data.extend(Event::find(conn, &id).await?.map(|event| event.json()));
    }
    Ok(list::json("/v1/events", &data, has_more))
}
