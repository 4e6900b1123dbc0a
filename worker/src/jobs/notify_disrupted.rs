//! Tell every booking of a flight that the airline cancels or moves it.

use flightdesk_core::outbox::{self, Lease, NotifyDisrupted};
use flightdesk_core::{booking, fault};
use tracing::info;

use crate::{Ctx, JobError};

/// Tells those that were not told yet. It commits by itself, a booking at a time, so a run that is killed is finished by the
/// next attempt.
pub async fn run(ctx: &Ctx, job: NotifyDisrupted, lease: &Lease) -> Result<(), JobError> {
    let (clock, policy, id) = (&ctx.clock, &ctx.settings.disruptions, job.disruption_id);
    let mut conn = ctx.db.acquire().await?;
    let told = booking::notify_disrupted(&mut conn, clock, policy, id).await?;
    drop(conn);
    info!(disruption_id = %id, told, "the bookings of a flight are told of its disruption");
    let mut tx = ctx.db.begin().await?;
    booking::mark_disruption_told(&mut tx, clock, id).await?;
    outbox::finish(&mut tx, clock, lease).await?;
    fault::point("disruption_told");
    tx.commit().await?;
    Ok(())
}
