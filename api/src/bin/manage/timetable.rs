//! Schedules and their flights.

use std::time::Instant;

use flightdesk_core::Clock;
use flightdesk_core::config::Settings;
use flightdesk_core::schedule::{self, Followed, Horizon, Rezoned};
use uuid::Uuid;

use crate::catalogue::{note_currency, require_migrated};
use crate::connect;
use crate::output::{self, Progress};

/// Generates a timetable and fills its horizon with flights.
pub(crate) async fn generate(
    settings: &Settings,
    clock: &Clock,
    horizon: Horizon,
) -> anyhow::Result<()> {
    let mut conn = connect::database(settings).await?;
    require_migrated(&mut conn).await?;
    note_currency(settings);
    let began = Instant::now();
    let mut bar = Progress::new(u64::from(horizon.days));
    let filled = schedule::fill(&mut conn, clock, horizon, |progress| bar.show(progress)).await;
    bar.done();
    let filled = filled?;
    output::line(&format!(
        "{} schedules · {} flights added, {} kept · {:.1} s",
        filled.schedules,
        filled.added,
        filled.kept,
        began.elapsed().as_secs_f64()
    ));
    if filled.numbers_in_use > 0 {
        output::problem(&format!(
            "{} schedules were left out: their flight numbers belong to others (a timetable of another seed?)",
            filled.numbers_in_use
        ));
    }
    Ok(())
}

/// Makes the flights of schedules, and of one schedule alone when its id is given.
pub(crate) async fn materialise(
    settings: &Settings,
    clock: &Clock,
    days: Option<u32>,
    only: Option<Uuid>,
    rezone: bool,
) -> anyhow::Result<()> {
    let mut conn = connect::database(settings).await?;
    require_migrated(&mut conn).await?;
    let began = Instant::now();
    if rezone {
        report_rezoned(&schedule::rezone(&mut conn, clock).await?);
    }
    let days = days.unwrap_or(settings.timetable.schedule_days_ahead);
    let mut bar = Progress::new(u64::from(days));
    let only = only.map(|id| [id]);
    let only = only.as_ref().map(<[Uuid; 1]>::as_slice);
    let made =
        schedule::materialise(&mut conn, clock, days, only, |progress| bar.show(progress)).await;
    bar.done();
    let made = made?;
    made.rezoned
        .as_ref()
        .inspect(|rezoned| report_rezoned(rezoned));
    report_amended(&made.amended);
    output::line(&format!(
        "{} flights added, {} found · {:.1} s",
        made.added,
        made.found,
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn report_rezoned(rezoned: &Rezoned) {
    output::line(&format!(
        "zone data {} ─► {}: {} of {} flights moved, {} bookings with them",
        rezoned.before.as_deref().unwrap_or("unknown"),
        flightdesk_core::zone::release(),
        rezoned.moved,
        rezoned.flights,
        rezoned.bookings
    ));
}

fn report_amended(amended: &Followed) {
    if *amended == Followed::default() {
        return;
    }
    output::line(&format!(
        "amended schedules: {} flights added, {} moved, {} cancelled, {} kept for their passengers",
        amended.added,
        amended.moved,
        amended.cancelled,
        amended.kept.len()
    ));
    for kept in &amended.kept {
        output::line(&format!(
            "  {} on {}: {} seats held or sold, {} · {}",
            kept.designator,
            kept.departure_date,
            kept.seats,
            if kept.still_flown {
                "keeps its time and aircraft"
            } else {
                "is no longer in the schedule"
            },
            kept.flight_id
        ));
    }
}
