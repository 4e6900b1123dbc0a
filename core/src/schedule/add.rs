//! A schedule as a person types it in.

use sqlx::PgConnection;

use super::amend::check;
use super::follow::{self, Followed};
use super::model::Schedule;
use super::queries::Ground;
use super::{materialise, single};
use crate::Result;
use crate::clock::Clock;
use crate::error::{OnConstraint, Violations};

/// Adds a schedule and makes its flights of the next `days` days.
///
/// Errors: [`crate::Error::Invalid`] with every wrong field.
pub async fn add(
    conn: &mut PgConnection,
    clock: &Clock,
    days: u32,
    schedule: &Schedule,
) -> Result<Followed> {
    materialise::lock(conn).await?;
    let ground = Ground::load(conn).await?;
    let mut wrong = Violations::new();
    check(&mut wrong, &ground, schedule);
    single::check_identity(conn, &mut wrong, &ground, schedule).await?;
    wrong.into_result()?;
    let mut taken = Violations::new();
    let message = "the airline has a schedule of this number from there that begins on this day";
    taken.add("flight_number", "taken", message);
    single::insert(conn, schedule)
        .await
        .on_constraint("schedule_number_unique", taken.into_error())?;
    follow::follow(conn, clock, days, schedule.id).await
}
