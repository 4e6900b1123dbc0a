//! Make the flights of the days to come, once a day.

use flightdesk_core::outbox::{self, Lease, MaterialiseFlights};
use flightdesk_core::schedule;
use tracing::{info, warn};

use crate::{Ctx, JobError};

/// Makes what is missing. It commits by itself, some days at a time, so a run that is killed is finished by the next attempt.
pub async fn run(ctx: &Ctx, job: MaterialiseFlights, lease: &Lease) -> Result<(), JobError> {
    let mut conn = ctx.db.acquire().await?;
    let made = schedule::materialise(&mut conn, &ctx.clock, job.days, None, |_| ()).await?;
    drop(conn);
    if let Some(rezoned) = &made.rezoned {
        info!(
            before = rezoned.before,
            flights = rezoned.flights,
            moved = rezoned.moved,
            bookings = rezoned.bookings,
            "instants were computed again with newer zone data"
        );
    }
    let amended = &made.amended;
    for kept in &amended.kept {
        warn!(
            flight_id = %kept.flight_id,
            flight = kept.designator,
            date = %kept.departure_date,
            seats = kept.seats,
            still_flown = kept.still_flown,
            "a flight with passengers does not follow its amended schedule"
        );
    }
    info!(
        added = made.added + amended.added,
        found = made.found,
        moved = amended.moved,
        cancelled = amended.cancelled,
        kept = amended.kept.len(),
        "the timetable is complete"
    );
    let mut tx = ctx.db.begin().await?;
    outbox::finish(&mut tx, &ctx.clock, lease).await?;
    tx.commit().await?;
    Ok(())
}
