//! Promised jobs: which wait, which are dead, and how a dead one comes back.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use flightdesk_core::config::Settings;
use flightdesk_core::ids::{BookingRef, JobId};
use flightdesk_core::outbox::{self, JobFilter, JobStatus, Kind, StaffJob};
use flightdesk_core::{Clock, Error};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{connect, output};

/// Which jobs.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    command: Option<JobCommand>,

    #[command(flatten)]
    filter: Filter,
}

#[derive(Subcommand)]
enum JobCommand {
    /// Give dead jobs as many attempts again as their kind has, beginning now
    ///
    /// Name them by their ids, or choose them by `--kind`, `--booking` or `--all`. What is not dead stays as it is.
    Retry {
        /// Ids, as `manage jobs` lists them
        #[arg(required_unless_present_any = ["kind", "booking", "all"])]
        ids: Vec<Uuid>,

        /// All dead jobs of this kind
        #[arg(long, value_parser = parse_kind, conflicts_with = "ids")]
        kind: Option<Kind>,

        /// All dead jobs about this booking
        #[arg(long, value_parser = parse_booking, value_name = "REFERENCE", conflicts_with = "ids")]
        booking: Option<BookingRef>,

        /// All dead jobs
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

#[derive(Args)]
struct Filter {
    /// Only jobs that stand so: waiting, queued, running, done, dead [default: all but done]
    #[arg(long, value_parser = parse_status)]
    state: Option<JobStatus>,

    /// Only jobs of this kind: render_document, send_mail, create_refund, …
    #[arg(long, value_parser = parse_kind)]
    kind: Option<Kind>,

    /// Only jobs about this booking
    #[arg(long, value_parser = parse_booking, value_name = "REFERENCE")]
    booking: Option<BookingRef>,

    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    limit: u16,
}

/// Lists jobs, or brings dead ones back; fails when one that was named cannot be.
pub(crate) async fn run(
    settings: &Settings,
    clock: &Clock,
    jobs: Jobs,
) -> anyhow::Result<ExitCode> {
    let mut conn = connect::database(settings).await?;
    match jobs.command {
        None => list(&mut conn, &jobs.filter).await,
        Some(JobCommand::Retry {
            ids,
            kind,
            booking,
            all: _,
        }) => {
            let ids = if ids.is_empty() {
                let dead = JobFilter {
                    status: Some(JobStatus::Dead),
                    kind,
                    booking_ref: booking.map(|booking| booking.to_string()),
                    limit: i64::MAX,
                    ..JobFilter::default()
                };
                let found = outbox::list_for_staff(&mut conn, &dead).await?;
                found.into_iter().map(|job| job.id).collect()
            } else {
                ids.into_iter().map(JobId).collect()
            };
            retry(&mut conn, clock, ids).await
        }
    }
}

async fn list(conn: &mut PgConnection, filter: &Filter) -> anyhow::Result<ExitCode> {
    for outage in outbox::outages(conn).await? {
        output::problem(&format!("{outage}; {}", outage.last_error));
    }
    let chosen = JobFilter {
        status: filter.state,
        kind: filter.kind,
        booking_ref: filter.booking.as_ref().map(ToString::to_string),
        limit: i64::from(filter.limit),
        ..JobFilter::default()
    };
    for job in outbox::list_for_staff(conn, &chosen).await? {
        output::line(&described(&job));
    }
    Ok(ExitCode::SUCCESS)
}

async fn retry(
    conn: &mut PgConnection,
    clock: &Clock,
    ids: Vec<JobId>,
) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        let mut tx = conn.begin().await?;
        match outbox::retry_dead(&mut tx, clock, id).await {
            Ok(job) => {
                tx.commit().await?;
                output::line(&described(&job));
            }
            Err(Error::NotFound(_)) => {
                output::problem(&format!("no dead job has the id {id}"));
                code = ExitCode::FAILURE;
            }
            Err(other) => return Err(other.into()),
        }
    }
    // The commits are through: idle workers may look.
    outbox::hint(conn).await?;
    Ok(code)
}

/// One line: id, state, kind, booking, attempts, when it was promised, and what went wrong.
fn described(job: &StaffJob) -> String {
    format!(
        "{}  {:7}  {:19}  {:6}  {:>3}/{:<3}  {}  {}",
        job.id,
        job.status.as_str(),
        job.kind,
        job.booking_ref.as_deref().unwrap_or("-"),
        job.attempts,
        job.max_attempts,
        job.created_at.format("%Y-%m-%d %H:%M:%S"),
        job.last_error.as_deref().unwrap_or(""),
    )
    .trim_end()
    .to_owned()
}

fn parse_status(raw: &str) -> Result<JobStatus, String> {
    let known = JobStatus::ALL.iter().copied();
    known
        .clone()
        .find(|status| status.as_str() == raw)
        .ok_or_else(|| format!("must be one of {}", names(known.map(JobStatus::as_str))))
}

fn parse_kind(raw: &str) -> Result<Kind, String> {
    let known = Kind::ALL.iter().copied();
    Kind::parse(raw).ok_or_else(|| format!("must be one of {}", names(known.map(Kind::as_str))))
}

fn parse_booking(raw: &str) -> Result<BookingRef, String> {
    BookingRef::parse(raw).ok_or_else(|| "is no booking reference".to_owned())
}

fn names(known: impl Iterator<Item = &'static str>) -> String {
    known.collect::<Vec<_>>().join(", ")
}
