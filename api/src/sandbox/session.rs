//! Checkout Sessions: made, listed, expired (<https://docs.stripe.com/api/checkout/sessions>).

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use url::Url;

use super::fault::Fault;
use super::form::Params;
use super::object::{Charge, Intent, Session};
use super::{Call, Sandbox, currency, event, list, new_id};

/// The first version that refuses `payment_method_types`
/// (<https://docs.stripe.com/changelog/endive/2026-09-30/remove-payment-method-types-checkout-sessions>).
const ENDIVE: &str = "2026-09-30";

/// Makes a session, with everything that `create` documents for a hosted page in payment mode and cards.
pub(super) async fn create(
    sandbox: &Sandbox,
    conn: &mut PgConnection,
    call: &Call,
    params: &mut Params,
) -> Result<Value, Fault> {
    check_kind(call, params)?;
    let (amount, currency, description) = line_items(params)?;
    let success_url = params
        .require("success_url")
        .and_then(|url| absolute(url, "success_url"))?;
    let cancel_url = params
        .take("cancel_url")
        .map(|url| absolute(url, "cancel_url"))
        .transpose()?;
    let customer_email = params.take("customer_email").map(email).transpose()?;
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
    let expires_at = expiry(call, params)?;
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

/// Refuses every mode, page and payment method the sandbox does not play.
fn check_kind(call: &Call, params: &mut Params) -> Result<(), Fault> {
    if params.has("payment_method_types") && call.version.as_str() >= ENDIVE {
        let message = "The `payment_method_types` parameter is no longer supported in this API version. Use \
                       `allowed_payment_method_types` or dynamic payment methods instead.";
        return Err(Fault::invalid("payment_method_types", message)
            .code("payment_method_types_no_longer_supported"));
    }
    let mut methods = params.list("allowed_payment_method_types");
    methods.extend(params.list("payment_method_types"));
    if let Some(other) = methods.iter().find(|method| *method != "card") {
        let message =
            format!("The payment method type {other} is not one the sandbox plays: it takes cards");
        return Err(Fault::invalid("allowed_payment_method_types", message));
    }
    let mode = params.require("mode")?;
    if mode != "payment" {
        let message = format!("Invalid mode: {mode}. The sandbox plays `payment`");
        return Err(Fault::invalid("mode", message));
    }
    params.one_of("ui_mode", &["hosted_page"])?;
    Ok(())
}

/// The total of 1 to 100 lines in one currency, and what is bought.
fn line_items(params: &mut Params) -> Result<(i64, String, String), Fault> {
    let mut total = 0_i64;
    let mut currencies = Vec::new();
    let mut names = Vec::new();
    for index in 0..100 {
        let line = format!("line_items[{index}]");
        if !params.has(&line) {
            break;
        }
        let currency_param = format!("{line}[price_data][currency]");
        let code = params.require(&currency_param)?;
        currency::check(&code, &currency_param)?;
        names.push(params.require(&format!("{line}[price_data][product_data][name]"))?);
        let _ = params.take(&format!("{line}[price_data][product_data][description]"));
        let at_least = |name: String, least: i64, params: &mut Params| {
            let value = params.integer(&name)?.ok_or_else(|| {
                Fault::invalid(None, format!("Missing required param: {name}."))
                    .code("parameter_missing")
                    .about(&name)
            })?;
            if value < least {
                let message = format!("This value must be greater than or equal to {least}.");
                return Err(Fault::invalid(None, message)
                    .code("parameter_invalid_integer")
                    .about(name));
            }
            Ok(value)
        };
        let unit = at_least(format!("{line}[price_data][unit_amount]"), 0, params)?;
        let quantity = at_least(format!("{line}[quantity]"), 1, params)?;
        // What overflows is too large all the same.
        total = total.saturating_add(unit.saturating_mul(quantity));
        currencies.push(code);
    }
    let Some(first) = currencies.first().cloned() else {
        return Err(
            Fault::invalid("line_items", "Missing required param: line_items.")
                .code("parameter_missing"),
        );
    };
    if currencies.iter().any(|code| *code != first) {
        return Err(Fault::invalid(
            "line_items",
            "All line items must have the same currency",
        ));
    }
    currency::check_total(total, &first)?;
    Ok((total, first, names.join(", ")))
}

/// "Not a valid URL" unless it is absolute, and http or https.
fn absolute(url: String, param: &'static str) -> Result<String, Fault> {
    // The placeholder's braces are fine in a query and need not be encoded for that.
    match Url::parse(&url) {
        Ok(parsed)
            if matches!(parsed.scheme(), "http" | "https")
                && parsed.has_host()
                && url.len() <= 5000 =>
        {
            Ok(url)
        }
        _ => Err(Fault::invalid(param, "Not a valid URL").code("url_invalid")),
    }
}

fn email(address: String) -> Result<String, Fault> {
    let valid = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !address.contains(char::is_whitespace)
    });
    if valid && address.len() <= 512 {
        return Ok(address);
    }
    Err(Fault::invalid("customer_email", "Invalid email address").code("email_invalid"))
}

/// From 30 minutes to 24 hours after creation, in whole seconds; 24 hours unless given.
fn expiry(call: &Call, params: &mut Params) -> Result<DateTime<Utc>, Fault> {
    let created = call.now.timestamp();
    let day = Duration::hours(24).num_seconds();
    let at = params.integer("expires_at")?.unwrap_or(created + day);
    let refuse = |message| Err(Fault::invalid("expires_at", message));
    if at < created + Duration::minutes(30).num_seconds() {
        return refuse(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
        );
    }
    if at > created + day {
        return refuse(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
        );
    }
    match DateTime::from_timestamp(at, 0) {
        Some(at) => Ok(at),
        None => refuse("Invalid timestamp"),
    }
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
