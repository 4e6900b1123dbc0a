//! Endpoints: made, changed, deleted, their secrets rotated.

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;

use super::address::Destinations;
use super::model::{DisabledReason, Endpoint, EndpointStatus};
use super::secret::{WebhookSecret, WebhookSecrets};
use crate::booking_event::Kind;
use crate::error::{Error, Violations};
use crate::ids::{AccountId, WebhookEndpointId};
use crate::{Clock, Result};

/// Endpoints that an account may have.
pub const MOST_ENDPOINTS: u32 = 10;
/// Hours for which the secret before stays good when nothing else is said, and at most.
const USUAL_OVERLAP: u32 = 24;
const LONGEST_OVERLAP: u32 = 168;
/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 200;

/// An endpoint as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEndpoint {
    url: String,
    description: Option<String>,
    events: Vec<String>,
}

impl NewEndpoint {
    /// Errors: [`Error::Invalid`] with every wrong field.
    pub fn parse(
        to: Destinations,
        url: &str,
        description: Option<&str>,
        events: Option<Vec<String>>,
    ) -> Result<Self> {
        let change = EndpointChange::parse(to, Some(url), description, events, None)?;
        Ok(Self {
            url: change.url.unwrap_or_default(),
            description: change.description,
            events: change.events.unwrap_or_default(),
        })
    }
}

/// What is to be another; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChange {
    url: Option<String>,
    description: Option<String>,
    events: Option<Vec<String>>,
    status: Option<EndpointStatus>,
}

impl EndpointChange {
    /// Errors: [`Error::Invalid`] with every wrong field.
    pub fn parse(
        to: Destinations,
        url: Option<&str>,
        description: Option<&str>,
        events: Option<Vec<String>>,
        status: Option<EndpointStatus>,
    ) -> Result<Self> {
        let mut wrong = Violations::new();
        let url = url.map(|url| to.parse(url));
        if let Some(Err(refused)) = &url {
            wrong.add("url", "url_not_allowed", refused.to_string());
        }
        let description = description.map(|text| text.trim().to_owned());
        if description
            .as_ref()
            .is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION)
        {
            let message = format!("must have at most {LONGEST_DESCRIPTION} characters");
            wrong.add("description", "max_length", message);
        }
        let mut events = events;
        for (index, event) in events.iter().flatten().enumerate() {
            if !Kind::ALL.iter().any(|kind| kind.published_as() == event) {
                let message = "must be a type of event: `booking.confirmed`, for example";
                wrong.add(format!("events[{index}]"), "unknown_event", message);
            }
        }
        if let Some(events) = &mut events {
            events.sort_unstable();
            events.dedup();
        }
        wrong.into_result()?;
        Ok(Self {
            url: url.and_then(Result::ok).map(String::from),
            description,
            events,
            status,
        })
    }
}

/// Makes an endpoint, enabled, and answers its secret, which is shown this once.
///
/// Errors: [`Error::TooManyEndpoints`].
pub async fn create(
    conn: &mut PgConnection,
    clock: &Clock,
    secrets: &WebhookSecrets,
    account_id: AccountId,
    new: NewEndpoint,
) -> Result<(Endpoint, WebhookSecret)> {
    // One maker of endpoints after the other; bookings of the account, which only refer to its row, go on.
    sqlx::query!(
        "select id from account where id = $1 for no key update",
        account_id.0
    )
    .fetch_optional(&mut *conn)
    .await?;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from webhook_endpoint where account_id = $1"#,
        account_id.0
    )
    .fetch_one(&mut *conn)
    .await?;
    if count >= i64::from(MOST_ENDPOINTS) {
        return Err(Error::TooManyEndpoints {
            limit: MOST_ENDPOINTS,
        });
    }
    let id = WebhookEndpointId::new();
    sqlx::query!(
        "insert into webhook_endpoint (id, account_id, url, description, events, created_at) values ($1, $2, $3, $4, $5, $6)",
        id.0,
        account_id.0,
        new.url,
        new.description,
        &new.events,
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    let secret = add_secret(conn, clock, secrets, id).await?;
    Ok((get(conn, clock, account_id, id).await?, secret))
}

async fn add_secret(
    conn: &mut PgConnection,
    clock: &Clock,
    secrets: &WebhookSecrets,
    endpoint_id: WebhookEndpointId,
) -> Result<WebhookSecret> {
    // Not ordered by time: nobody shall guess a part of it.
    let secret_id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    sqlx::query!(
        "insert into webhook_secret (id, endpoint_id, created_at) values ($1, $2, $3)",
        secret_id,
        endpoint_id.0,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(secrets.derive(endpoint_id, secret_id))
}

/// The endpoints of an account, oldest first.
pub async fn list(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
) -> Result<Vec<Endpoint>> {
    select(conn, clock, account_id, None).await
}

/// One of them. [`Error::NotFound`] for anybody else's.
pub async fn get(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    id: WebhookEndpointId,
) -> Result<Endpoint> {
    let found = select(conn, clock, account_id, Some(id)).await?;
    found.into_iter().next().ok_or(NOT_FOUND)
}

pub(super) const NOT_FOUND: Error = Error::NotFound("webhook endpoint");

async fn select(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    id: Option<WebhookEndpointId>,
) -> Result<Vec<Endpoint>> {
    Ok(sqlx::query_as!(
        Endpoint,
        r#"
        select id as "id: WebhookEndpointId", url, description, events, status as "status: EndpointStatus",
               disabled_reason as "disabled_reason: DisabledReason", disabled_at, failing_since, created_at,
               (select max(valid_until) from webhook_secret where endpoint_id = webhook_endpoint.id and valid_until > $3) as previous_secret_until
        from webhook_endpoint
        where account_id = $1 and ($2::uuid is null or id = $2)
        order by id
        "#,
        account_id.0,
        id.map(|id| id.0),
        clock.now(),
    )
    .fetch_all(conn)
    .await?)
}

/// Changes an endpoint. One that is enabled again counts as one that never failed, and gets what waits for it.
///
/// [`Error::NotFound`] for anybody else's.
pub async fn update(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    id: WebhookEndpointId,
    change: EndpointChange,
) -> Result<Endpoint> {
    sqlx::query!(
        r#"
        update webhook_endpoint
        set url = coalesce($3, url),
            description = coalesce($4, description),
            events = coalesce($5, events),
            status = coalesce($6, status),
            disabled_at = case coalesce($6, status) when 'enabled' then null else coalesce(disabled_at, $7::timestamptz) end,
            disabled_reason = case when $6 is null then disabled_reason end,
            failing_since = case when $6 is null then failing_since end
        where id = $1 and account_id = $2
        "#,
        id.0,
        account_id.0,
        change.url,
        change.description,
        change.events.as_deref(),
        change.status.map(EndpointStatus::as_str),
        clock.now(),
    )
    .execute(&mut *conn)
    .await?;
    get(conn, clock, account_id, id).await
}

/// Deletes an endpoint with its secrets; what is still promised to it is not delivered, and forgotten with the rest of its
/// log. [`Error::NotFound`] for anybody else's.
pub async fn delete(
    conn: &mut PgConnection,
    account_id: AccountId,
    id: WebhookEndpointId,
) -> Result<()> {
    let deleted = sqlx::query!(
        "delete from webhook_endpoint where id = $1 and account_id = $2",
        id.0,
        account_id.0,
    )
    .execute(conn)
    .await?;
    match deleted.rows_affected() {
        0 => Err(NOT_FOUND),
        _ => Ok(()),
    }
}

/// Gives an endpoint another secret, which is shown this once. Deliveries are signed with both for `overlap_hours` (24 when
/// it is not said; 0: the one before ends at once), and with no older one.
///
/// Errors: [`Error::NotFound`] for anybody else's, [`Error::Invalid`].
pub async fn rotate(
    conn: &mut PgConnection,
    clock: &Clock,
    secrets: &WebhookSecrets,
    account_id: AccountId,
    id: WebhookEndpointId,
    overlap_hours: Option<u32>,
) -> Result<(Endpoint, WebhookSecret)> {
    let hours = overlap_hours.unwrap_or(USUAL_OVERLAP);
    if hours > LONGEST_OVERLAP {
        let mut wrong = Violations::new();
        wrong.add(
            "overlap_hours",
            "maximum",
            format!("must be at most {LONGEST_OVERLAP}"),
        );
        return Err(wrong.into_error());
    }
    lock(conn, account_id, id).await?;
    sqlx::query!(
        r#"
        with ended as (delete from webhook_secret where endpoint_id = $1 and valid_until is not null)
        update webhook_secret set valid_until = $2 where endpoint_id = $1 and valid_until is null
        "#,
        id.0,
        clock.now() + Duration::hours(hours.into()),
    )
    .execute(&mut *conn)
    .await?;
    let secret = add_secret(conn, clock, secrets, id).await?;
    Ok((get(conn, clock, account_id, id).await?, secret))
}

/// Locks an endpoint: before its deliveries, after nothing. [`Error::NotFound`] for anybody else's.
pub(super) async fn lock(
    conn: &mut PgConnection,
    account_id: AccountId,
    id: WebhookEndpointId,
) -> Result<()> {
    sqlx::query_scalar!(
        "select id from webhook_endpoint where id = $1 and account_id = $2 for no key update",
        id.0,
        account_id.0,
    )
    .fetch_optional(conn)
    .await?
    .map(drop)
    .ok_or(NOT_FOUND)
}

/// What the mail about an endpoint says that we disabled.
#[derive(Clone, Debug)]
pub struct DisabledEndpoint {
    /// The address of its account.
    pub email: String,
    /// Where deliveries went.
    pub url: String,
    /// Why.
    pub reason: DisabledReason,
    /// When.
    pub disabled_at: DateTime<Utc>,
}

/// The endpoint, if it is still there and still disabled by us.
pub async fn disabled(
    conn: &mut PgConnection,
    id: WebhookEndpointId,
) -> Result<Option<DisabledEndpoint>> {
    Ok(sqlx::query_as!(
        DisabledEndpoint,
        r#"
        select a.email, e.url, e.disabled_reason as "reason!: DisabledReason", e.disabled_at as "disabled_at!"
        from webhook_endpoint e join account a on a.id = e.account_id
        where e.id = $1 and e.status = 'disabled' and e.disabled_reason is not null
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?)
}
