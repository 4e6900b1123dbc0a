//! How webhook endpoints and deliveries look.

use std::collections::BTreeMap;

use flightdesk_core::webhook::{
    Delivery, DeliveryStatus, DisabledReason, Endpoint, EndpointStatus, Replayed, WebhookSecret,
};
use poem_openapi::{Enum, Object};
use serde_json::Value;
use uuid::Uuid;

use crate::http::answer::{Resource, member_path};
use crate::views::Instant;

/// Where an account is told of events
#[derive(Debug, Object)]
#[oai(rename = "WebhookEndpoint", skip_serializing_if_is_none)]
pub struct EndpointView {
    id: Uuid,
    url: String,
    /// What it is for, in your words
    description: Option<String>,
    /// The types that are told; none: all of them
    events: Vec<String>,
    status: EndpointStatusView,
    /// Why we disabled it; absent when you did
    disabled_reason: Option<DisabledReasonView>,
    disabled_at: Option<Instant>,
    /// Since when every delivery has failed; after three days it is disabled
    failing_since: Option<Instant>,
    created_at: Instant,
    /// Until when the secret before the present one is good too
    previous_secret_until: Option<Instant>,
    /// What messages are signed with: shown once, when it is made
    secret: Option<String>,
}

/// Whether anything is delivered
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "WebhookEndpointStatus", rename_all = "snake_case")]
pub enum EndpointStatusView {
    /// It is
    Enabled,
    /// What was promised waits, and nothing new is promised
    Disabled,
}

/// Why an endpoint was disabled
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "WebhookDisabledReason", rename_all = "snake_case")]
pub enum DisabledReasonView {
    /// Every delivery has failed for three days
    Failing,
    /// It answered 410
    Gone,
}

/// Every webhook endpoint of an account
#[derive(Debug, Object)]
#[oai(rename = "WebhookEndpointList")]
pub struct EndpointList {
    /// Oldest first
    pub data: Vec<EndpointView>,
}

/// What became of telling an endpoint of an event
#[derive(Debug, Object)]
#[oai(rename = "WebhookDelivery", skip_serializing_if_is_none)]
pub struct DeliveryView {
    id: Uuid,
    /// The header `webhook-id`: of a booking's event its id in `GET /v1/bookings/{booking_ref}/events`
    event_id: Uuid,
    /// What is told
    event_type: String,
    created_at: Instant,
    status: DeliveryStatusView,
    /// Attempts since it was promised, or asked for again
    attempts: u32,
    /// When it is tried next
    next_attempt_at: Option<Instant>,
    /// The last attempt
    last_attempt: Option<DeliveryAttemptView>,
}

/// Where a delivery stands
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "WebhookDeliveryStatus", rename_all = "snake_case")]
pub enum DeliveryStatusView {
    /// It is tried when its time has come, while the endpoint is enabled
    Pending,
    /// The endpoint answered 2xx
    Delivered,
    /// It is not tried again unless you ask for it
    Failed,
}

/// An attempt to deliver
#[derive(Debug, Object)]
#[oai(rename = "WebhookAttempt", skip_serializing_if_is_none)]
pub struct DeliveryAttemptView {
    attempted_at: Instant,
    /// The headers that were sent, of Standard Webhooks
    request_headers: BTreeMap<String, String>,
    /// The body that was sent
    request_body: String,
    /// The HTTP status of the answer, when there was one
    response_status: Option<u16>,
    /// The first 4 KiB of the answer
    response_body: Option<String>,
    duration_ms: u32,
    /// Why it failed, when the status does not say it
    error: Option<String>,
}

/// What a range of time came to
#[derive(Debug, Object)]
#[oai(rename = "WebhookReplay", skip_serializing_if_is_none)]
pub struct RangeReplayView {
    /// How many events are delivered again, or for the first time
    events: u32,
    /// Where to go on, when there are more
    next_from: Option<Instant>,
}

impl Resource for EndpointView {
    fn path(answer: &Value) -> String {
        member_path("/v1/webhook-endpoints", &answer["id"])
    }
}

impl EndpointView {
    /// With the secret that was made for it.
    pub fn with_secret(endpoint: Endpoint, secret: &WebhookSecret) -> Self {
        Self {
            secret: Some(secret.expose()),
            ..endpoint.into()
        }
    }
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id.0,
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events,
            status: endpoint.status.into(),
            disabled_reason: endpoint.disabled_reason.map(DisabledReasonView::from),
            disabled_at: endpoint.disabled_at.map(Instant),
            failing_since: endpoint.failing_since.map(Instant),
            created_at: endpoint.created_at.into(),
            previous_secret_until: endpoint.previous_secret_until.map(Instant),
            secret: None,
        }
    }
}

impl From<EndpointStatus> for EndpointStatusView {
    fn from(status: EndpointStatus) -> Self {
        match status {
            EndpointStatus::Enabled => Self::Enabled,
            EndpointStatus::Disabled => Self::Disabled,
        }
    }
}

impl From<EndpointStatusView> for EndpointStatus {
    fn from(status: EndpointStatusView) -> Self {
        match status {
            EndpointStatusView::Enabled => Self::Enabled,
            EndpointStatusView::Disabled => Self::Disabled,
        }
    }
}

impl From<DisabledReason> for DisabledReasonView {
    fn from(reason: DisabledReason) -> Self {
        match reason {
            DisabledReason::Failing => Self::Failing,
            DisabledReason::Gone => Self::Gone,
        }
    }
}

impl From<DeliveryStatus> for DeliveryStatusView {
    fn from(status: DeliveryStatus) -> Self {
        match status {
            DeliveryStatus::Pending => Self::Pending,
            DeliveryStatus::Delivered => Self::Delivered,
            DeliveryStatus::Failed => Self::Failed,
        }
    }
}

impl From<DeliveryStatusView> for DeliveryStatus {
    fn from(status: DeliveryStatusView) -> Self {
        match status {
            DeliveryStatusView::Pending => Self::Pending,
            DeliveryStatusView::Delivered => Self::Delivered,
            DeliveryStatusView::Failed => Self::Failed,
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let headers = delivery.request_headers.as_ref().and_then(Value::as_object);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let headers = headers.into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), text(value)));
        let last_attempt = delivery.attempted_at.map(|at| DeliveryAttemptView {
            attempted_at: at.into(),
            request_headers: headers.collect(),
            request_body: delivery.request_body.unwrap_or_default(),
            response_status: delivery
                .response_status
                .and_then(|status| status.try_into().ok()),
            response_body: delivery.response_body,
            duration_ms: delivery.duration_ms.unwrap_or_default().unsigned_abs(),
            error: delivery.error,
        });
        Self {
            id: delivery.id.0,
            event_id: delivery.event_id,
            event_type: delivery.event_type,
            created_at: delivery.created_at.into(),
            status: delivery.status.into(),
            attempts: delivery.attempts.unsigned_abs(),
            next_attempt_at: delivery.next_attempt_at.map(Instant),
            last_attempt,
        }
    }
}

impl From<Replayed> for RangeReplayView {
    fn from(replayed: Replayed) -> Self {
        Self {
            events: u32::try_from(replayed.events).unwrap_or(u32::MAX),
            next_from: replayed.next_from.map(Instant),
        }
    }
}
