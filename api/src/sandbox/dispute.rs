//! Disputes (<https://docs.stripe.com/api/disputes>): opened by the cards that Stripe documents for it, decided by what is sent as
//! evidence (<https://docs.stripe.com/testing#disputes>).

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::fault::Fault;
use super::form::Params;
use super::object::Charge;
use super::{Call, event, list, new_id};

/// How long a bank waits for evidence.
const PATIENCE: Duration = Duration::days(9);

/// What the holder of a test card says as soon as they have paid.
#[derive(Debug)]
pub(super) struct Claim {
    pub reason: &'static str,
    /// Whether the bank only asks at first.
    pub is_inquiry: bool,
}

/// A row of `sandbox.dispute`, with its charge.
#[derive(Debug)]
struct Dispute {
    id: String,
    charge_id: String,
    payment_intent_id: String,
    brand: String,
    currency: String,
    amount: i64,
    status: String,
    reason: String,
    created_at: DateTime<Utc>,
    due_by: DateTime<Utc>,
    evidence: Option<String>,
}

impl Dispute {
    async fn find(conn: &mut PgConnection, id: &str) -> Result<Option<Self>, Fault> {
        Ok(sqlx::query_as!(
            Self,
            "
            select d.id, d.charge_id, c.payment_intent_id, c.brand, c.currency, d.amount, d.status, d.reason, d.created_at, d.due_by,
                   d.evidence
            from sandbox.dispute d join sandbox.charge c on c.id = d.charge_id
            where d.id = $1
            ",
            id
        )
        .fetch_optional(conn)
        .await?)
    }

    fn is_inquiry(&self) -> bool {
        self.status.starts_with("warning_")
    }

    fn is_open(&self) -> bool {
        !matches!(self.status.as_str(), "won" | "lost" | "warning_closed")
    }

    /// <https://docs.stripe.com/api/disputes/object>
    fn json(&self) -> Value {
        let taken = (!self.is_inquiry()).then(|| self.movement("withdrawal", -self.amount));
        let returned = (self.status == "won").then(|| self.movement("reversal", self.amount));
        let has_evidence = self.evidence.is_some();
        let case_type = if self.is_inquiry() {
            "inquiry"
        } else {
            "chargeback"
        };
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": taken.into_iter().chain(returned).collect::<Vec<_>>(),
            "charge": self.charge_id,
            "created": self.created_at.timestamp(),
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": {"enhanced_evidence": {}, "uncategorized_text": self.evidence},
            "evidence_details": {
                "due_by": self.due_by.timestamp(), "enhanced_eligibility": {}, "has_evidence": has_evidence, "past_due": false,
                "submission_count": i32::from(has_evidence),
            },
            "is_charge_refundable": self.is_inquiry(),
            "livemode": false,
            "metadata": {},
            "network_reason_code": null,
            "payment_intent": self.payment_intent_id,
            "payment_method_details": {
                "type": "card",
                "card": {"brand": self.brand, "case_type": case_type, "network": self.brand, "network_reason_code": null},
            },
            "reason": self.reason,
            "status": self.status,
        })
    }

    /// <https://docs.stripe.com/api/balance_transactions/object>
    fn movement(&self, what: &str, amount: i64) -> Value {
        json!({
            "id": format!("txn_{}_{what}", self.id),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": self.created_at.timestamp(),
            "balance_type": "payments",
            "created": self.created_at.timestamp(),
            "currency": self.currency,
            "description": format!("Chargeback {what} for {}", self.charge_id),
            "exchange_rate": null,
            "fee": 0,
            "fee_details": [],
            "net": amount,
            "reporting_category": "dispute",
            "source": self.id,
            "status": "available",
            "type": "adjustment",
        })
    }
}

/// Opens a dispute of a whole charge.
pub(super) async fn open(
    conn: &mut PgConnection,
    call: &Call,
    charge: &Charge,
    claim: &Claim,
) -> Result<(), Fault> {
    let id = new_id("du_1");
    let status = if claim.is_inquiry {
        "warning_needs_response"
    } else {
        "needs_response"
    };
    sqlx::query!(
        "
        insert into sandbox.dispute (id, charge_id, amount, status, reason, created_at, due_by)
        values ($1, $2, $3, $4, $5, $6, $7)
        ",
        id,
        charge.id,
        charge.amount,
        status,
        claim.reason,
        call.now,
        call.now + PATIENCE
    )
    .execute(&mut *conn)
    .await?;
    let object = get(conn, &id).await?;
    event::record(conn, call, "charge.dispute.created", &object).await?;
    if !claim.is_inquiry {
        event::record(conn, call, "charge.dispute.funds_withdrawn", &object).await?;
    }
    Ok(())
}

/// Sends evidence to the bank. Stripe's words for it decide at once: `winning_evidence`, `losing_evidence`, and
/// `escalate_inquiry_evidence`, by which an inquiry becomes a chargeback. Any other is looked at, without an end.
pub(super) async fn submit(
    conn: &mut PgConnection,
    call: &Call,
    id: &str,
    params: &mut Params,
) -> Result<Value, Fault> {
    let evidence = params.require("evidence[uncategorized_text]")?;
    let expand = params.list("expand");
    params.clone().finish()?;
    let dispute = lock_open(conn, id).await?;
    let status = match (evidence.as_str(), dispute.is_inquiry()) {
        ("winning_evidence", false) => "won",
        ("losing_evidence", false) => "lost",
        ("winning_evidence" | "losing_evidence", true) => "warning_closed",
        ("escalate_inquiry_evidence", true) => "needs_response",
        (_, false) => "under_review",
        (_, true) => "warning_under_review",
    };
    let mut answer = move_to(conn, call, &dispute, status, Some(&evidence)).await?;
    super::expand(conn, &mut answer, &expand).await?;
    Ok(answer)
}

/// Accepts what the cardholder says: the dispute is lost (<https://docs.stripe.com/api/disputes/close>).
pub(super) async fn close(conn: &mut PgConnection, call: &Call, id: &str) -> Result<Value, Fault> {
    let dispute = lock_open(conn, id).await?;
    let status = if dispute.is_inquiry() {
        "warning_closed"
    } else {
        "lost"
    };
    move_to(conn, call, &dispute, status, None).await
}

/// The open dispute of an id, whose charge is locked: refunds of it wait.
async fn lock_open(conn: &mut PgConnection, id: &str) -> Result<Dispute, Fault> {
    sqlx::query!(
        "select id from sandbox.charge where id = (select charge_id from sandbox.dispute where id = $1) for update",
        id
    )
    .fetch_optional(&mut *conn)
    .await?;
    let found = Dispute::find(conn, id).await?;
    let dispute = found.ok_or_else(|| Fault::missing("dispute", id, "id").status(404))?;
    if !dispute.is_open() {
        return Err(Fault::invalid(None, "This dispute is already closed").executed());
    }
    Ok(dispute)
}

async fn move_to(
    conn: &mut PgConnection,
    call: &Call,
    dispute: &Dispute,
    status: &str,
    evidence: Option<&str>,
) -> Result<Value, Fault> {
    sqlx::query!(
        "update sandbox.dispute set status = $2, evidence = coalesce($3, evidence) where id = $1",
        dispute.id,
        status,
        evidence
    )
    .execute(&mut *conn)
    .await?;
    let object = get(conn, &dispute.id).await?;
    let before = json!({"status": dispute.status});
    let kinds: &[&str] = match status {
        "won" => &["charge.dispute.closed", "charge.dispute.funds_reinstated"],
        "lost" | "warning_closed" => &["charge.dispute.closed"],
        "needs_response" => &["charge.dispute.updated", "charge.dispute.funds_withdrawn"],
        _ => &["charge.dispute.updated"],
    };
    for kind in kinds {
        event::record_change(conn, call, kind, &object, Some(&before)).await?;
    }
    Ok(object)
}

/// A dispute by its own address.
pub(super) async fn get(conn: &mut PgConnection, id: &str) -> Result<Value, Fault> {
    let found = Dispute::find(conn, id).await?;
    let dispute = found.ok_or_else(|| Fault::missing("dispute", id, "id").status(404))?;
    Ok(dispute.json())
}

/// Disputes, newest first, of one payment or charge (<https://docs.stripe.com/api/disputes/list>).
pub(super) async fn list(conn: &mut PgConnection, params: &mut Params) -> Result<Value, Fault> {
    let page = list::Page::take(params)?;
    let after = match &page.starting_after {
        None => None,
        Some(id) => Some(
            sqlx::query_scalar!("select sequence from sandbox.dispute where id = $1", id)
                .fetch_optional(&mut *conn)
                .await?
                .ok_or_else(|| Fault::missing("dispute", id, "starting_after"))?,
        ),
    };
    let ids = sqlx::query_scalar!(
        "
        select d.id from sandbox.dispute d join sandbox.charge c on c.id = d.charge_id
        where ($1::bigint is null or d.sequence < $1)
          and ($2::text is null or c.payment_intent_id = $2)
          and ($3::text is null or c.id = $3)
        order by d.sequence desc
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
        data.push(get(conn, &id).await?);
    }
    Ok(list::json("/v1/disputes", &data, has_more))
}

/// Refuses to refund a charge that is charged back: while the bank decides any of it, afterwards what was lost.
pub(super) async fn refuse_refund(
    conn: &mut PgConnection,
    charge: &Charge,
    amount: i64,
) -> Result<(), Fault> {
    let disputed = sqlx::query!(
        r#"
        select coalesce(bool_or(status in ('needs_response', 'under_review')), false) as "is_open!",
               coalesce(sum(amount) filter (where status = 'lost'), 0)::bigint as "lost!"
        from sandbox.dispute where charge_id = $1
        "#,
        charge.id
    )
    .fetch_one(conn)
    .await?;
    let left = charge.amount - charge.amount_refunded - disputed.lost;
    if disputed.is_open || (disputed.lost > 0 && amount > left) {
        let message = format!(
            "Charge {} has been charged back; cannot issue a refund.",
            charge.id
        );
        return Err(Fault::invalid(None, message)
            .code("charge_disputed")
            .executed());
    }
    Ok(())
}
