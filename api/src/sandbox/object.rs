//! The sandbox's rows, and Stripe's objects made from them (<https://docs.stripe.com/api>, version 2026-09-30).

use chrono::{DateTime, Datelike, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::fault::Fault;

/// The version all objects are of.
pub(super) const API_VERSION: &str = "2026-09-30.endive";

/// A row of `sandbox.checkout_session`, with its payment if one was tried.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub id: String,
    pub status: String,
    pub amount: i64,
    pub currency: String,
    pub description: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub success_url: String,
    pub cancel_url: Option<String>,
    pub customer_email: Option<String>,
    pub client_reference_id: Option<String>,
    pub submit_type: Option<String>,
    pub locale: Option<String>,
    pub metadata: Value,
    pub intent_metadata: Value,
    pub intent_description: Option<String>,
    pub payment_intent: Option<String>,
}

/// A row of `sandbox.payment_intent`.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub id: String,
    pub status: String,
    pub amount: i64,
    pub currency: String,
    pub description: Option<String>,
    pub metadata: Value,
    pub created_at: DateTime<Utc>,
    pub canceled_at: Option<DateTime<Utc>>,
}

/// A row of `sandbox.charge`.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub id: String,
    pub payment_intent_id: String,
    pub amount: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub created_at: DateTime<Utc>,
    pub brand: String,
    pub last4: String,
    pub failure_code: Option<String>,
    pub decline_code: Option<String>,
    pub failure_message: Option<String>,
    pub disputed: bool,
}

/// A row of `sandbox.refund`, with its charge's currency and payment.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub id: String,
    pub charge_id: String,
    pub payment_intent_id: String,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub failure_reason: Option<String>,
    pub reason: Option<String>,
    pub metadata: Value,
    pub created_at: DateTime<Utc>,
}

/// What a session has only with features the sandbox does not play.
const NEVER_SET: [&str; 12] = [
    "adaptive_pricing",
    "after_expiration",
    "allow_promotion_codes",
    "billing_address_collection",
    "client_secret",
    "customer",
    "invoice",
    "payment_link",
    "recovered_from",
    "setup_intent",
    "shipping_cost",
    "subscription",
];

impl Session {
    /// Finds a session.
    pub async fn find(conn: &mut PgConnection, id: &str) -> Result<Option<Self>, Fault> {
        Ok(sqlx::query_as!(
            Self,
            r#"
            select s.id, s.status, s.amount, s.currency, s.description, s.created_at, s.expires_at, s.success_url,
                   s.cancel_url, s.customer_email, s.client_reference_id, s.submit_type, s.locale, s.metadata,
                   s.intent_metadata, s.intent_description, i.id as "payment_intent?"
            from sandbox.checkout_session s
            left join sandbox.payment_intent i on i.checkout_session_id = s.id
            where s.id = $1
            "#,
            id
        )
        .fetch_optional(conn)
        .await?)
    }

    /// Finds a session and keeps everybody else from changing it until the transaction ends.
    pub async fn lock(conn: &mut PgConnection, id: &str) -> Result<Option<Self>, Fault> {
        // The lock first, in a statement of its own: a later one sees what the one before us committed.
        sqlx::query!(
            "select id from sandbox.checkout_session where id = $1 for update",
            id
        )
        .fetch_optional(&mut *conn)
        .await?;
        Self::find(conn, id).await
    }

    /// <https://docs.stripe.com/api/checkout/sessions/object>. The address is there only while the session is open.
    pub fn json(&self, checkout_url: &str) -> Value {
        let paid = self.status == "complete";
        let open = self.status == "open";
        let mut object = json!({
            "id": self.id,
            "object": "checkout.session",
            "amount_subtotal": self.amount,
            "amount_total": self.amount,
            "automatic_tax": {"enabled": false, "liability": null, "provider": null, "status": null},
            "cancel_url": self.cancel_url,
            "client_reference_id": self.client_reference_id,
            "created": self.created_at.timestamp(),
            "currency": self.currency,
            "custom_fields": [],
            "custom_text": {"after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null},
            "customer_creation": "if_required",
            "customer_details": paid.then(|| json!({
                "address": null, "email": self.customer_email, "name": null, "phone": null,
                "tax_exempt": "none", "tax_ids": [],
            })),
            "customer_email": self.customer_email,
            "discounts": [],
            "expires_at": self.expires_at.timestamp(),
            "livemode": false,
            "locale": self.locale,
            "metadata": self.metadata,
            "mode": "payment",
            "payment_intent": self.payment_intent,
            "payment_method_collection": "if_required",
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card"],
            "payment_status": if paid { "paid" } else { "unpaid" },
            "phone_number_collection": {"enabled": false},
            "shipping_options": [],
            "status": self.status,
            "submit_type": self.submit_type,
            "success_url": self.success_url,
            "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
            "ui_mode": "hosted_page",
            "url": open.then_some(checkout_url),
        });
        for name in NEVER_SET {
            object[name] = Value::Null;
        }
        object
    }
}

impl Intent {
    /// Finds a payment.
    pub async fn find(conn: &mut PgConnection, id: &str) -> Result<Option<Self>, Fault> {
        Ok(sqlx::query_as!(
            Self,
            "
            select id, status, amount, currency, description, metadata, created_at, canceled_at
            from sandbox.payment_intent where id = $1
            ",
            id
        )
        .fetch_optional(conn)
        .await?)
    }

    /// <https://docs.stripe.com/api/payment_intents/object>, with its latest charge.
    pub fn json(&self, latest: Option<&Charge>) -> Value {
        let paid = self.status == "succeeded";
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_received": if paid { self.amount } else { 0 },
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": null,
            "canceled_at": self.canceled_at.map(|at| at.timestamp()),
            "cancellation_reason": self.canceled_at.map(|_| "expired"),
            "capture_method": "automatic_async",
            "client_secret": null,
            "confirmation_method": "automatic",
            "created": self.created_at.timestamp(),
            "currency": self.currency,
            "customer": null,
            "description": self.description,
            "last_payment_error": latest.and_then(Charge::error),
            "latest_charge": latest.map(|charge| &charge.id),
            "livemode": false,
            "metadata": self.metadata,
            "next_action": null,
            "payment_method": null,
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card"],
            "processing": null,
            "receipt_email": null,
            "setup_future_usage": null,
            "shipping": null,
            "statement_descriptor": null,
            "status": self.status,
        })
    }
}

impl Charge {
    /// Finds a charge.
    pub async fn find(conn: &mut PgConnection, id: &str) -> Result<Option<Self>, Fault> {
        Ok(sqlx::query_as!(
            Self,
            r#"
            select id, payment_intent_id, amount, amount_refunded, currency, created_at, brand, last4, failure_code,
                   decline_code, failure_message,
                   exists (select from sandbox.dispute d where d.charge_id = charge.id) as "disputed!"
            from sandbox.charge where id = $1
            "#,
            id
        )
        .fetch_optional(conn)
        .await?)
    }

    /// The last attempt to pay.
    pub async fn latest(conn: &mut PgConnection, intent: &str) -> Result<Option<Self>, Fault> {
        let id = sqlx::query_scalar!(
            "select id from sandbox.charge where payment_intent_id = $1 order by sequence desc limit 1",
            intent
        )
        .fetch_optional(&mut *conn)
        .await?;
        match id {
            Some(id) => Self::find(conn, &id).await,
            None => Ok(None),
        }
    }

    /// Why the card was declined (<https://docs.stripe.com/declines/codes>).
    fn error(&self) -> Option<Value> {
        let code = self.failure_code.as_ref()?;
        Some(json!({
            "type": "card_error", "charge": self.id, "code": code, "decline_code": self.decline_code,
            "message": self.failure_message,
        }))
    }

    /// <https://docs.stripe.com/api/charges/object>
    pub fn json(&self) -> Value {
        let paid = self.failure_code.is_none();
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": if paid { self.amount } else { 0 },
            "amount_refunded": self.amount_refunded,
            "balance_transaction": null,
            "billing_details": {"address": null, "email": null, "name": null, "phone": null, "tax_id": null},
            "captured": paid,
            "created": self.created_at.timestamp(),
            "currency": self.currency,
            "customer": null,
            "disputed": self.disputed,
            "failure_code": self.failure_code,
            "failure_message": self.failure_message,
            "livemode": false,
            "metadata": {},
            "outcome": null,
            "paid": paid,
            "payment_intent": self.payment_intent_id,
            "payment_method": null,
            "payment_method_details": {
                "type": "card",
                "card": {
                    "brand": self.brand, "last4": self.last4, "exp_month": 12, "exp_year": self.created_at.year() + 3,
                    "checks": null, "country": "US", "funding": "credit", "network": self.brand, "three_d_secure": null,
                    "wallet": null,
                },
            },
            "receipt_url": null,
            "refunded": paid && self.amount_refunded == self.amount,
            "status": if paid { "succeeded" } else { "failed" },
        })
    }
}

impl Refund {
    /// Finds a refund.
    pub async fn find(conn: &mut PgConnection, id: &str) -> Result<Option<Self>, Fault> {
        Ok(sqlx::query_as!(
            Self,
            "
            select r.id, r.charge_id, c.payment_intent_id, r.amount, c.currency, r.status, r.failure_reason, r.reason,
                   r.metadata, r.created_at
            from sandbox.refund r join sandbox.charge c on c.id = r.charge_id
            where r.id = $1
            ",
            id
        )
        .fetch_optional(conn)
        .await?)
    }

    /// <https://docs.stripe.com/api/refunds/object>
    pub fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": null,
            "charge": self.charge_id,
            "created": self.created_at.timestamp(),
            "currency": self.currency,
            "destination_details": {
                "type": "card", "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            },
            "failure_reason": self.failure_reason,
            "metadata": self.metadata,
            "payment_intent": self.payment_intent_id,
            "pending_reason": (self.status == "pending").then_some("processing"),
            "reason": self.reason,
            "receipt_number": null,
            "status": self.status,
        })
    }
}
