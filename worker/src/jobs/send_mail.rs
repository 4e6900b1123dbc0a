//! Send one mail about a booking to its contact.
use crate::{Ctx, JobError};
use flightdesk_core::outbox::{Lease, SendMail};

/// Sends it.
pub async fn run(_ctx: &Ctx, _job: SendMail, _lease: &Lease) -> Result<(), JobError> {
    Err(JobError::fail("x"))
}
