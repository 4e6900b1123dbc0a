//! The management commands of Flightdesk.

#![expect(
    clippy::doc_markdown,
    reason = "these docstrings are printed by --help, where backticks are noise"
)]

mod catalogue;
mod check;
mod connect;
mod invariants;
mod jobs;
mod keys;
mod output;
mod seats;
mod seller;
mod superuser;
mod timetable;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use flightdesk_api::LimitSettings;
use flightdesk_core::Clock;
use flightdesk_core::actor::{self, Actor};
use flightdesk_core::config::Settings;

/// Prepares, fills and inspects a Flightdesk deployment.
///
/// Results go to standard output, progress and problems to standard error. The exit code is 0 when all went well, 1
/// when something did not, 2 when the command line could not be understood.
#[derive(Parser)]
#[command(name = "manage", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database to the schema this program was built with
    ///
    /// A lock makes a second run wait for the first, so every new process may call it.
    Migrate,

    /// Load airports, airlines, aircraft, schedules, fares, taxes and coupons
    ///
    /// Rows that differ from the files are made like them, rows that no file names stay. A second run changes nothing.
    Loaddata {
        /// Folder of the files
        #[arg(long, env = "FIXTURES_DIR", default_value = "fixtures")]
        dir: PathBuf,
    },

    /// Generate a timetable and its flights from tomorrow on
    ///
    /// The same seed always makes the same flights; what is there already is kept, so it may run every day.
    Schedule {
        /// Days of departures
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,

        /// Departures a day at most; the least important routes are left out first
        #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=60_000))]
        per_day: u32,

        /// Chooses the timetable
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },

    /// Make the flights of schedules for the days to come, as a worker does every day
    ///
    /// Flights of schedules that were changed follow them, but for those with held or sold seats: they are listed.
    /// What is there already stays; a run that was interrupted goes on where it ended.
    Materialise {
        /// Days of departures [default: SCHEDULE_DAYS_AHEAD]
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=730))]
        days: Option<u32>,

        /// Only this schedule, by its id
        #[arg(long, value_name = "ID")]
        schedule: Option<uuid::Uuid>,

        /// Compute the instants of all flights to come again with this program's zone data, older or newer
        ///
        /// Local times stay. Without it this happens by itself when the zone data is newer than that in use.
        #[arg(long)]
        rezone: bool,
    },

    /// Block seats of a flight, or give it another aircraft
    #[command(subcommand)]
    Seats(seats::SeatCommand),

    /// Say who sells: what invoices print and how they are numbered
    ///
    /// What is not given stays; without any option it prints what there is. Invoices that have a number keep it.
    Seller(seller::NewSeller),

    /// Open an account that may do everything, and print its API key once
    ///
    /// The password is FLIGHTDESK_SUPERUSER_PASSWORD or, without it, the first line of standard input. A key that was
    /// lost is replaced by reset-keys.
    Createsuperuser(superuser::NewSuperuser),

    /// Revoke every API key of an account and print a new one once
    ///
    /// For whoever lost the key or fears that somebody else has it, superusers too. The new key may search and book, and
    /// everything for staff. Programs that use an old key get 401 from then on; bookings stay as they are.
    ResetKeys {
        /// E-mail address of the account
        #[arg(value_name = "EMAIL")]
        email: String,
    },

    /// Change the key that signs access tokens
    #[command(subcommand)]
    Keys(keys::KeyCommand),

    /// Print the OpenAPI document of the API
    Openapi {
        /// Write it to a file instead
        #[arg(long, short)]
        output: Option<PathBuf>,
    },

    /// Print all routes of the API: what each needs, what it is charged to, whether it may be sent again
    Routes,

    /// Ask the whole database whether everything holds that must: seats, money, tickets, coupons, jobs
    ///
    /// Prints each rule and up to ten who break it, by ids; the exit code is 1 when one is broken.
    Invariants,

    /// List promised jobs that are not done, the oldest first; `manage jobs retry` brings dead ones back
    ///
    /// A queue whose back-end is away is named on standard error: what waits for it needs nobody.
    Jobs(jobs::Jobs),

    /// Look at the settings and at everything they lead to
    ///
    /// One line each; what fails says what to do.
    Check {
        /// Judge the settings as production would, whatever FLIGHTDESK_ENV says
        #[arg(long)]
        deploy: bool,

        #[command(flatten)]
        limits: LimitSettings,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Arguments = flightdesk_core::production::parse();
    match Box::pin(actor::within(Actor::COMMAND_LINE, run(arguments))).await {
        Ok(code) => code,
        Err(error) => {
            output::problem(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let settings = &arguments.settings;
    let clock = Clock::system();
    match arguments.command {
        Command::Migrate => catalogue::migrate(settings).await?,
        Command::Loaddata { dir } => catalogue::load(settings, &clock, &dir).await?,
        Command::Schedule {
            days,
            per_day,
            seed,
        } => {
            let horizon = flightdesk_core::schedule::Horizon {
                seed,
                days,
                per_day,
            };
            timetable::generate(settings, &clock, horizon).await?;
        }
        Command::Materialise {
            days,
            schedule,
            rezone,
        } => timetable::materialise(settings, &clock, days, schedule, rezone).await?,
        Command::Seats(command) => seats::run(settings, &clock, command).await?,
        Command::Seller(new) => seller::run(settings, &clock, new).await?,
        Command::Createsuperuser(wish) => superuser::create(settings, &clock, wish).await?,
        Command::ResetKeys { email } => superuser::reset_keys(settings, &clock, &email).await?,
        Command::Keys(command) => keys::run(settings, &clock, command).await?,
        Command::Openapi { output } => catalogue::openapi(output.as_deref())?,
        Command::Routes => output::line(flightdesk_api::routes().trim_end()),
        Command::Jobs(wish) => return jobs::run(settings, &clock, wish).await,
        Command::Invariants => return invariants::check(settings, &clock).await,
        Command::Check { deploy, limits } => return check::run(settings, &limits, deploy).await,
    }
    Ok(ExitCode::SUCCESS)
}
