//! Schedules and their flights.

use std::time::Instant;

use flightdesk_core::Clock;
use flightdesk_core::audit::{self, Act};
use flightdesk_core::config::Settings;
use flightdesk_core::schedule::{self, Followed, Horizon, Rezoned};
use serde_json::{Value, json};
use sqlx::PgConnection;
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
    let after = json!({
        "seed": horizon.seed,
        "days": horizon.days,
        "per_day": horizon.per_day,
        "schedules": filled.schedules,
        "flights_added": filled.added,
    });
    record(&mut conn, clock, "timetable_generated", after).await?;
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
        let rezoned = schedule::rezone(&mut conn, clock).await?;
        let after = json!({ "flights_moved": rezoned.moved, "bookings": rezoned.bookings });
        record(&mut conn, clock, "timetable_rezoned", after).await?;
        report_rezoned(&rezoned);
    }
    let days = days.unwrap_or(settings.timetable.schedule_days_ahead);
    let mut bar = Progress::new(u64::from(days));
    let schedule = only;
    let only = only.map(|id| [id]);
    let only = only.as_ref().map(<[Uuid; 1]>::as_slice);
    let made =
        schedule::materialise(&mut conn, clock, days, only, |progress| bar.show(progress)).await;
    bar.done();
    let made = made?;
    let after = json!({
        "days": days,
        "schedule_id": schedule,
        "flights_added": made.added,
        "flights_moved": made.amended.moved,
        "flights_cancelled": made.amended.cancelled,
    });
    record(&mut conn, clock, "flights_materialised", after).await?;
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

/// Files what was done to the timetable. It has committed by itself, some days at a time: the entry follows it.
async fn record(
    conn: &mut PgConnection,
    clock: &Clock,
    action: &str,
    after: Value,
) -> anyhow::Result<()> {
    let act = Act {
        action,
        object_kind: "timetable",
        object_id: "timetable".to_owned(),
        before: None,
        after: Some(after),
    };
    Ok(audit::record(conn, clock, &act).await?)
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
