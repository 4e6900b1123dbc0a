//! What happens by the clock: silence is answered, and who was missed is told.

use chrono::Duration;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::model::{Choosing, RefundScope};
use super::refusal::ChoiceUnavailable;
use super::{affected, decide, notify, queries};
use crate::booking_lock;
use crate::clock::Clock;
use crate::config::Disruptions;
use crate::ids::BookingId;
use crate::trade::{DefaultChoice, DisruptionStatus};
use crate::{Error, Result, fault};

/// How long after a disruption a booking that was made before may still be confirmed, by late money too.
const STRAGGLERS: Duration = Duration::days(2);

/// Does what silence means for every booking whose time to choose is over, each in its own transaction, tells those that
/// were confirmed after the others were told, and returns how many bookings it changed.
///
/// Any number of processes may do it at once. A booking that fails is left for the next sweep and hinders no other; the
/// first such error is returned at the end.
pub async fn sweep_disruptions(pool: &PgPool, clock: &Clock, policy: &Disruptions) -> Result<u64> {
    let mut conn = pool.acquire().await?;
    sweep_disruptions_with(&mut conn, clock, policy).await
}

/// As [`sweep_disruptions`], on a connection of the caller's.
pub(crate) async fn sweep_disruptions_with(
    conn: &mut PgConnection,
    clock: &Clock,
    policy: &Disruptions,
) -> Result<u64> {
    let now = clock.now();
    let (mut swept, mut failed) = (0, None);
    for id in affected::list_with_untold(conn, now, now - STRAGGLERS).await? {
        match notify::notify_disrupted(conn, clock, policy, id).await {
            Ok(told) => swept += told,
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }
    let due = sqlx::query!(
        r#"
        select id, booking_id as "booking_id: BookingId" from disrupted_booking
        where status = 'open' and decide_by <= $1 order by decide_by limit 500
        "#,
        now,
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in due {
        match sweep(conn, clock, row.booking_id, row.id).await {
            Ok(is_decided) => swept += u64::from(is_decided),
            Err(error) => {
                tracing::error!(booking_id = %row.booking_id, %error, "the default of a disruption cannot be applied");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(swept), Err)
}

/// Whether it was this call that decided.
async fn sweep(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    id: Uuid,
) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let booking = booking_lock::lock(&mut tx, booking_id).await?;
    let all = queries::list_of_booking(&mut tx, booking_id, clock.now()).await?;
    let is_due = |one: &&Choosing| {
        one.id == id
            && one.status == DisruptionStatus::Open
            && one.decide_by <= clock.now()
            // The newer one's job comes to it.
            && !one.is_superseded
    };
    let Some(choosing) = all.iter().find(is_due) else {
        return Ok(false);
    };
    match choosing.default_choice {
        DefaultChoice::Accept => decide::accept(&mut tx, clock, &booking, choosing, true).await?,
        DefaultChoice::Nothing => decide::lapse(&mut tx, clock, &booking, choosing).await?,
        DefaultChoice::Refund if !decide::is_paid(booking.status) => {
            decide::lapse(&mut tx, clock, &booking, choosing).await?;
        }
        DefaultChoice::Refund => {
            let scope = RefundScope::Direction;
            match decide::refund(&mut tx, clock, &booking, choosing, scope).await {
                Err(error) if is_for_staff(&error) => {
                    decide::lapse(&mut tx, clock, &booking, choosing).await?;
                }
                refunded => {
                    refunded?;
                }
            }
        }
    }
    fault::point("disruption_defaulted");
    tx.commit().await?;
    fault::point("disruption_default_committed");
    Ok(true)
}

/// Whether a refund cannot be made because the journey has begun.
fn is_for_staff(error: &Error) -> bool {
    error.refusal::<ChoiceUnavailable>().is_some()
}
