//! Checkout Sessions: made, listed, expired (<https://docs.stripe.com/api/checkout/sessions>).

use serde_json::Value;
use sqlx::PgConnection;

use super::fault::Fault;
use super::form::Params;
use super::object::{Charge, Intent, Session};
use super::{Call, Sandbox, event, list, new_id, terms};

/// Makes a session, with everything that `create` documents for a hosted page in payment mode and cards.
pub(super) async fn create(
    sandbox: &Sandbox,
    conn: &mut PgConnection,
    call: &Call,
    params: &mut Params,
) -> Result<Value, Fault> {
    terms::check_kind(call, params)?;
    let (amount, currency, description) = terms::line_items(params)?;
    let success_url = params
        .require("success_url")
        .and_then(|url| terms::absolute(url, "success_url"))?;
    let cancel_url = params
        .take("cancel_url")
        .map(|url| terms::absolute(url, "cancel_url"))
        .transpose()?;
    let customer_email = params
        .take("customer_email")
        .map(terms::email)
        .transpose()?;
    let client_reference_id = params.take("client_reference_id");
    if client_reference_id
        .as_ref()
        .is_some_and(|id| id.chars().count() > 200)
    {
        return Err(Fault::invalid(
            "client_reference_id",
            "Invalid string: must be at most 200 characters",
        ));
    }
    let expires_at = terms::expiry(call, params)?;
    let session = Session {
        id: format!("{}{}", new_id("cs_test_a1"), new_id("")),
        status: "open".to_owned(),
        amount,
        currency,
        description,
        created_at: call.now,
        expires_at,
        success_url,
        cancel_url,
        customer_email,
        client_reference_id,
        submit_type: params.one_of("submit_type", &["auto", "book", "donate", "pay"])?,
        locale: params.take("locale"),
        metadata: params.metadata("metadata")?,
        intent_metadata: params.metadata("payment_intent_data[metadata]")?,
        intent_description: params.take("payment_intent_data[description]"),
        payment_intent: None,
    };
    let expand = params.list("expand");
    params.clone().finish()?;
    insert(conn, &session).await?;
    let mut answer = session.json(&sandbox.checkout_url(&session.id));
    super::expand(conn, &mut answer, &expand).await?;
    Ok(answer)
}

async fn insert(conn: &mut PgConnection, session: &Session) -> Result<(), Fault> {
    sqlx::query!(
        "
        insert into sandbox.checkout_session
            (id, amount, currency, description, created_at, expires_at, success_url, cancel_url, customer_email,
             client_reference_id, submit_type, locale, metadata, intent_metadata, intent_description)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        ",
        session.id,
        session.amount,
        session.currency,
        session.description,
        session.created_at,
        session.expires_at,
        session.success_url,
        session.cancel_url,
        session.customer_email,
        session.client_reference_id,
        session.submit_type,
        session.locale,
        session.metadata,
        session.intent_metadata,
        session.intent_description
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sessions, newest first, of one payment or in one state.
pub(super) async fn list(
    sandbox: &Sandbox,
    conn: &mut PgConnection,
    params: &mut Params,
) -> Result<Value, Fault> {
    let page = list::Page::take(params)?;
    let status = params.one_of("status", &["open", "complete", "expired"])?;
    let after = match &page.starting_after {
        None => None,
        Some(id) => Some(
            sqlx::query_scalar!(
                "select sequence from sandbox.checkout_session where id = $1",
                id
            )
            .fetch_optional(&mut *conn)
            .await?
            .ok_or_else(|| Fault::missing("checkout.session", id, "starting_after"))?,
        ),
    };
    let ids = sqlx::query_scalar!(
        "
        select s.id from sandbox.checkout_session s
        left join sandbox.payment_intent i on i.checkout_session_id = s.id
        where ($1::bigint is null or s.sequence < $1)
          and ($2::text is null or i.id = $2)
          and ($3::text is null or s.status = $3)
        order by s.sequence desc
        limit $4
        ",
        after,
        params.take("payment_intent"),
        status,
        page.limit + 1
    )
    .fetch_all(&mut *conn)
    .await?;
    let (ids, has_more) = page.cut(ids);
    let mut data = Vec::with_capacity(ids.len());
    for id in ids {
        let session = Session::find(conn, &id).await?;
        data.extend(session.map(|session| session.json(&sandbox.checkout_url(&id))));
    }
    Ok(list::json("/v1/checkout/sessions", &data, has_more))
}

/// Expires a session that is open; any other is refused (<https://docs.stripe.com/api/checkout/sessions/expire>).
pub(super) async fn expire(
    sandbox: &Sandbox,
    conn: &mut PgConnection,
    call: &Call,
    id: &str,
) -> Result<Value, Fault> {
    let session = Session::lock(conn, id)
        .await?
        .ok_or_else(|| Fault::missing("checkout.session", id, "session").status(404))?;
    if session.status != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `{}`.",
            session.status
        );
        return Err(Fault::invalid(None, message).executed());
    }
    close(sandbox, conn, call, session).await
}

/// Expires every session whose time is over.
pub(super) async fn expire_due(
    sandbox: &Sandbox,
    conn: &mut PgConnection,
    call: &Call,
) -> Result<(), Fault> {
    let due = sqlx::query_scalar!(
        "
        select id from sandbox.checkout_session
        where status = 'open' and expires_at <= $1
        order by expires_at
        limit 100
        for update skip locked
        ",
        call.now
    )
    .fetch_all(&mut *conn)
    .await?;
    for id in due {
        if let Some(session) = Session::find(conn, &id).await? {
            close(sandbox, conn, call, session).await?;
        }
    }
    Ok(())
}

/// Ends a locked, open session without money; a payment that was tried is cancelled with it.
async fn close(
    sandbox: &Sandbox,
    conn: &mut PgConnection,
    call: &Call,
    mut session: Session,
) -> Result<Value, Fault> {
    sqlx::query!(
        "update sandbox.checkout_session set status = 'expired' where id = $1",
        session.id
    )
    .execute(&mut *conn)
    .await?;
    "expired".clone_into(&mut session.status);
    if let Some(intent) = &session.payment_intent {
        sqlx::query!(
            "update sandbox.payment_intent set status = 'canceled', canceled_at = $2 where id = $1",
            intent,
            call.now
        )
        .execute(&mut *conn)
        .await?;
        let intent = intent_json(conn, intent).await?;
        event::record(conn, call, "payment_intent.canceled", &intent).await?;
    }
    let object = session.json(&sandbox.checkout_url(&session.id));
    event::record(conn, call, "checkout.session.expired", &object).await?;
    Ok(object)
}

/// A payment with its latest charge, or null when there is none.
pub(super) async fn intent_json(conn: &mut PgConnection, id: &str) -> Result<Value, Fault> {
    let latest = Charge::latest(conn, id).await?;
    let intent = Intent::find(conn, id).await?;
    Ok(intent.map_or(Value::Null, |intent| intent.json(latest.as_ref())))
}
