//! Every job the system can be asked to do, and what happens when one is given up.

pub mod create_refund;
pub mod deliver_webhook;
pub mod expire_checkout;
pub mod materialise_flights;
pub mod notify_disrupted;
pub mod reconcile_payment;
pub mod render_document;
pub mod send_endpoint_disabled;
pub mod send_mail;
pub mod send_password_reset;
pub mod send_sms;
pub mod send_verification;

use flightdesk_core::outbox::{DeliverWebhook, Job, Kind, Lease, RenderDocument};
use flightdesk_core::{document, webhook};
use sqlx::PgConnection;

use crate::{Ctx, JobError};

/// Runs one attempt of a job. The job commits its effect and `outbox::finish` in one transaction of its own.
pub async fn run(
    ctx: &Ctx,
    kind: Kind,
    payload: &serde_json::Value,
    lease: &Lease,
) -> Result<(), JobError> {
    match kind {
        Kind::SendMail => send_mail::run(ctx, read(payload)?, lease).await,
        Kind::SendSms => send_sms::run(ctx, read(payload)?, lease).await,
        Kind::SendPasswordReset => send_password_reset::run(ctx, read(payload)?, lease).await,
        Kind::SendVerification => send_verification::run(ctx, read(payload)?, lease).await,
        Kind::CreateRefund => create_refund::run(ctx, read(payload)?, lease).await,
        Kind::ExpireCheckout => expire_checkout::run(ctx, read(payload)?, lease).await,
        Kind::ReconcilePayment => reconcile_payment::run(ctx, read(payload)?, lease).await,
        Kind::MaterialiseFlights => materialise_flights::run(ctx, read(payload)?, lease).await,
        Kind::NotifyDisrupted => notify_disrupted::run(ctx, read(payload)?, lease).await,
        Kind::RenderDocument => render_document::run(ctx, read(payload)?, lease).await,
        Kind::DeliverWebhook => deliver_webhook::run(ctx, read(payload)?, lease).await,
        Kind::SendEndpointDisabled => send_endpoint_disabled::run(ctx, read(payload)?, lease).await,
    }
}

/// What else changes when a job is given up, in the transaction that declares it dead.
pub async fn on_dead(
    conn: &mut PgConnection,
    kind: Kind,
    payload: &serde_json::Value,
) -> flightdesk_core::Result<()> {
    match kind {
        // The dead row is what staff see; what the job was about can still be settled by hand or by the reconciler.
        Kind::RenderDocument => match read::<RenderDocument>(payload) {
            Ok(job) => document::mark_failed(conn, job.document_id, job.revision).await,
            // An unreadable payload names no document.
            Err(_) => Ok(()),
        },
        Kind::DeliverWebhook => match read::<DeliverWebhook>(payload) {
            Ok(job) => webhook::release_dead(conn, job.delivery_id).await,
            Err(_) => Ok(()),
        },
        Kind::SendMail
        | Kind::SendEndpointDisabled
        | Kind::SendPasswordReset
        | Kind::SendVerification
        | Kind::SendSms
        | Kind::CreateRefund
        | Kind::ExpireCheckout
        | Kind::ReconcilePayment
        | Kind::MaterialiseFlights
        | Kind::NotifyDisrupted => Ok(()),
    }
}

fn read<J: Job>(payload: &serde_json::Value) -> Result<J, JobError> {
    J::deserialize(payload).map_err(|error| {
        JobError::fail(format!(
            "the payload is not that of a {}: {error}",
            J::KIND.as_str()
        ))
    })
}
