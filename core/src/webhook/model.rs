//! Endpoints and deliveries as their account sees them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::ids::{WebhookDeliveryId, WebhookEndpointId};

/// The type of a delivery that its owner asked for to see whether the endpoint works.
pub const TEST_TYPE: &str = "webhook.test";

/// Where an account is told of events.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The endpoint.
    pub id: WebhookEndpointId,
    /// Where deliveries go.
    pub url: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// The types that it wants; none: all of them.
    pub events: Vec<String>,
    /// Whether anything is delivered.
    pub status: EndpointStatus,
    /// Why we disabled it.
    pub disabled_reason: Option<DisabledReason>,
    /// Since when.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Since when every delivery has failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when deliveries are signed with the secret before the present one too.
    pub previous_secret_until: Option<DateTime<Utc>>,
}

/// Whether anything is delivered to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum EndpointStatus {
    /// It is.
    Enabled,
    /// What was promised waits, and nothing new is promised.
    Disabled,
}

impl EndpointStatus {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

/// Why we disabled an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DisabledReason {
    /// Every delivery has failed for three days.
    Failing,
    /// It answered 410 Gone.
    Gone,
}

impl DisabledReason {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

/// What became of telling an endpoint of an event.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The delivery.
    pub id: WebhookDeliveryId,
    /// The header `webhook-id`: of a booking's event its own.
    pub event_id: Uuid,
    /// What is told.
    pub event_type: String,
    /// When it was promised first.
    pub created_at: DateTime<Utc>,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts since it was promised, or asked for again.
    pub attempts: i32,
    /// When it is tried next.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was tried last.
    pub attempted_at: Option<DateTime<Utc>>,
    /// What was sent then: the headers that tell webhooks apart and prove them.
    pub request_headers: Option<Value>,
    /// What was sent then.
    pub request_body: Option<String>,
    /// The HTTP status of the answer.
    pub response_status: Option<i16>,
    /// The beginning of the answer.
    pub response_body: Option<String>,
    /// How long that took.
    pub duration_ms: Option<i32>,
    /// Why it failed, when there was no answer that says it.
    pub error: Option<String>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is tried when its time has come and the endpoint is enabled.
    Pending,
    /// The endpoint has answered 2xx.
    Delivered,
    /// It is not tried again unless somebody asks for it.
    Failed,
}

impl DeliveryStatus {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}
