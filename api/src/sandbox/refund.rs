//! Refunds (<https://docs.stripe.com/api/refunds>, <https://docs.stripe.com/refunds>).

use chrono::Duration;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::fault::Fault;
use super::form::Params;
use super::object::{Charge, Refund};
use super::{Call, control, currency, dispute, event, list, new_id};

/// Gives money back: never more than what is left of the charge.
pub(super) async fn create(
    conn: &mut PgConnection,
    call: &Call,
    params: &mut Params,
) -> Result<Value, Fault> {
    let intent = params.take("payment_intent");
    let charge = params.take("charge");
    let amount = params.integer("amount")?;
    if amount.is_some_and(|amount| amount < 1) {
        let message = "This value must be greater than or equal to 1.";
        return Err(Fault::invalid("amount", message).code("parameter_invalid_integer"));
    }
    let reason = params.one_of(
        "reason",
        &["duplicate", "fraudulent", "requested_by_customer"],
    )?;
    let metadata = params.metadata("metadata")?;
    let expand = params.list("expand");
    params.clone().finish()?;
    let charge = lock_charge(conn, intent, charge).await?;
    let left = charge.amount - charge.amount_refunded;
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(Fault::invalid(None, message)
            .code("charge_already_refunded")
            .executed());
    }
    let amount = amount.unwrap_or(left);
    dispute::refuse_refund(conn, &charge, amount).await?;
    if amount > left {
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            currency::display(amount, &charge.currency),
            currency::display(left, &charge.currency)
        );
        return Err(Fault::invalid("amount", message)
            .code("amount_too_large")
            .executed());
    }
    let id = insert(conn, call, &charge, amount, reason, metadata).await?;
    let mut answer = find_json(conn, &id).await?;
    let before = json!({"amount_refunded": charge.amount_refunded});
    if let Some(charge) = Charge::find(conn, &charge.id).await? {
        event::record_change(conn, call, "charge.refunded", &charge.json(), Some(&before)).await?;
    }
    event::record(conn, call, "refund.created", &answer).await?;
    super::expand(conn, &mut answer, &expand).await?;
    Ok(answer)
}

/// The succeeded charge that one of both names, locked until the transaction ends.
async fn lock_charge(
    conn: &mut PgConnection,
    intent: Option<String>,
    charge: Option<String>,
) -> Result<Charge, Fault> {
    let id = match (intent, charge) {
        (Some(intent), None) => {
            let known = sqlx::query_scalar!(
                "select id from sandbox.payment_intent where id = $1",
                intent
            )
            .fetch_optional(&mut *conn)
            .await?;
            if known.is_none() {
                return Err(Fault::missing("payment_intent", &intent, "payment_intent"));
            }
            sqlx::query_scalar!(
                "select id from sandbox.charge where payment_intent_id = $1 and failure_code is null for update",
                intent
            )
            .fetch_optional(&mut *conn)
            .await?
            .ok_or_else(|| {
                let message = format!("This PaymentIntent ({intent}) does not have a successful charge to refund.");
                Fault::invalid(None, message)
            })?
        }
        (None, Some(charge)) => sqlx::query_scalar!(
            "select id from sandbox.charge where id = $1 and failure_code is null for update",
            charge
        )
        .fetch_optional(&mut *conn)
        .await?
        .ok_or_else(|| Fault::missing("charge", &charge, "charge"))?,
        (None, None) => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(Fault::invalid(None, message).code("parameter_missing"));
        }
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: payment_intent, charge.";
            return Err(Fault::invalid(None, message));
        }
    };
    // Read after the lock, so that what a refund before us took is counted.
    Charge::find(conn, &id).await?.ok_or_else(Fault::internal)
}

async fn insert(
    conn: &mut PgConnection,
    call: &Call,
    charge: &Charge,
    amount: i64,
    reason: Option<String>,
    metadata: Value,
) -> Result<String, Fault> {
    let behaviour = control::Behaviour::load(conn).await?;
    let (status, outcome) = match behaviour.refund_outcome.as_str() {
        "pending_then_succeed" => ("pending", Some("succeeded")),
        "pending_then_fail" => ("pending", Some("failed")),
        _ => ("succeeded", None),
    };
    let outcome_at = call.now + Duration::milliseconds(i64::from(behaviour.refund_after_ms));
    let id = new_id("re_3");
    sqlx::query!(
        "
        insert into sandbox.refund (id, charge_id, amount, status, reason, metadata, created_at, outcome, outcome_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ",
        id,
        charge.id,
        amount,
        status,
        reason,
        metadata,
        call.now,
        outcome,
        outcome.map(|_| outcome_at)
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update sandbox.charge set amount_refunded = amount_refunded + $2 where id = $1",
        charge.id,
        amount
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// Ends the pending refunds whose time has come. One that fails leaves its money refundable again
/// (<https://docs.stripe.com/refunds#failed-refunds>).
pub(super) async fn end_due(conn: &mut PgConnection, call: &Call) -> Result<(), Fault> {
    let due = sqlx::query!(
        r#"
        select id, charge_id, amount, outcome as "outcome!" from sandbox.refund
        where status = 'pending' and outcome_at <= $1
        order by outcome_at
        limit 100
        for update skip locked
        "#,
        call.now
    )
    .fetch_all(&mut *conn)
    .await?;
    for refund in due {
        let failed = refund.outcome == "failed";
        sqlx::query!(
            "update sandbox.refund set status = $2, failure_reason = $3 where id = $1",
            refund.id,
            refund.outcome,
            failed.then_some("expired_or_canceled_card")
        )
        .execute(&mut *conn)
        .await?;
        if failed {
            sqlx::query!(
                "update sandbox.charge set amount_refunded = amount_refunded - $2 where id = $1",
                refund.charge_id,
                refund.amount
            )
            .execute(&mut *conn)
            .await?;
        }
        let object = find_json(conn, &refund.id).await?;
        let before = json!({"status": "pending"});
        event::record_change(conn, call, "refund.updated", &object, Some(&before)).await?;
        event::record_change(conn, call, "charge.refund.updated", &object, Some(&before)).await?;
        if failed {
            event::record(conn, call, "refund.failed", &object).await?;
        }
    }
    Ok(())
}

/// Refunds, newest first, of one payment or charge (<https://docs.stripe.com/api/refunds/list>).
pub(super) async fn list(conn: &mut PgConnection, params: &mut Params) -> Result<Value, Fault> {
    let page = list::Page::take(params)?;
    let after = match &page.starting_after {
        None => None,
        Some(id) => Some(
            sqlx::query_scalar!("select sequence from sandbox.refund where id = $1", id)
                .fetch_optional(&mut *conn)
                .await?
                .ok_or_else(|| Fault::missing("refund", id, "starting_after"))?,
        ),
    };
    let ids = sqlx::query_scalar!(
        "
        select r.id from sandbox.refund r join sandbox.charge c on c.id = r.charge_id
        where ($1::bigint is null or r.sequence < $1)
          and ($2::text is null or c.payment_intent_id = $2)
          and ($3::text is null or c.id = $3)
        order by r.sequence desc
        limit $4
        ",
        after,
        params.take("payment_intent"),
        params.take("charge"),
        page.limit + 1
    )
    .fetch_all(&mut *conn)
    .await?;
    let (ids, has_more) = page.cut(ids);
    let mut data = Vec::with_capacity(ids.len());
    for id in ids {
        data.push(find_json(conn, &id).await?);
    }
    Ok(list::json("/v1/refunds", &data, has_more))
}

async fn find_json(conn: &mut PgConnection, id: &str) -> Result<Value, Fault> {
    let refund = Refund::find(conn, id).await?.ok_or_else(Fault::internal)?;
    Ok(refund.json())
}
