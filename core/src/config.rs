//! Settings: every one is an environment variable and a flag, and `--help` is the manual.
//!
//! Defaults suit a fresh machine. With `FLIGHTDESK_ENV=production` the processes refuse to start on any default
//! that takes real money, keeps secrets that can be guessed, or writes to local folders ([`Settings::refusals`]).

#![expect(
    clippy::doc_markdown,
    reason = "these docstrings are printed by --help, where backticks are noise"
)]

use std::path::PathBuf;

use chrono::Duration;
use clap::{Args, ValueEnum};
use secrecy::SecretString;

use crate::money::{self, Currency};

/// What is logged unless `RUST_LOG` says otherwise: our own words, and of the libraries only trouble.
pub const DEFAULT_LOG_FILTER: &str = "info,sqlx=warn,hyper=warn,aws=warn,apalis=warn";

/// The signing secret of a machine that nobody configured.
pub const DEVELOPMENT_SECRET: &str = "development-only-secret-key-do-not-deploy";
/// The sender of a machine that nobody configured; its domain can never exist (RFC 2606).
pub const DEVELOPMENT_MAIL_FROM: &str = "Flightdesk <tickets@flightdesk.example>";
/// The webhook secret that the sandbox signs with unless told otherwise.
pub const SANDBOX_WEBHOOK_SECRET: &str = "whsec_development_only_do_not_deploy";

/// Everything that can be set, a struct a section.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// What this deployment is for; production refuses development defaults
    #[arg(long, env = "FLIGHTDESK_ENV", default_value = "development")]
    pub environment: Environment,

    /// Signs offers, cursors and download links; at least 32 characters, the same in every process
    #[arg(long, env = "SECRET_KEY", default_value = DEVELOPMENT_SECRET, hide_default_value = true, hide_env_values = true)]
    pub secret_key: SecretString,

    /// Ask staff and admins for a second factor: without one a session of theirs may do what a traveller's may
    #[arg(long, env = "REQUIRE_SECOND_FACTOR", action = clap::ArgAction::Set, default_value_t = false, value_name = "true|false")]
    pub require_second_factor: bool,

    /// The address under which people reach the api, for links in mails and return pages
    #[arg(long, env = "PUBLIC_URL", default_value = "http://127.0.0.1:8000")]
    pub public_url: String,

    /// Say that PostgreSQL and Redis are reached over a network where nobody can read: production then demands no TLS of them
    #[arg(long, env = "TRUSTED_NETWORK")]
    pub trusted_network: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub database: Database,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub redis: Redis,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub sales: Sales,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub timetable: Timetable,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub disruptions: Disruptions,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub stripe: Stripe,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub storage: Storage,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub mail: Mail,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub sms: Sms,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub webhooks: Webhooks,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub logs: Logs,
}

/// What a deployment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// A developer's machine or a test.
    Development,
    /// Real travellers.
    Production,
}

/// PostgreSQL, the only truth.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "PostgreSQL")]
pub struct Database {
    /// Where PostgreSQL is
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "postgres://flightdesk@127.0.0.1:5432/flightdesk",
        hide_env_values = true
    )]
    pub database_url: SecretString,

    /// PostgreSQL past any pooler, for migrations and other commands of `manage` that need a session of their own; default: DATABASE_URL
    #[arg(long, env = "DIRECT_DATABASE_URL", hide_env_values = true)]
    pub direct_database_url: Option<SecretString>,

    /// Certificate authority in PEM that PostgreSQL's certificate must be of; with it and without `sslmode` in the address the certificate and the host's name are checked (`verify-full`)
    #[arg(long, env = "DATABASE_CA_FILE")]
    pub database_ca_file: Option<PathBuf>,

    /// Connections this process keeps at most; 4 to 16 are enough on two cores
    #[arg(long, env = "DATABASE_MAX_CONNECTIONS", default_value_t = 10)]
    pub database_max_connections: u32,

    /// Seconds a request waits for a free connection before it answers 503
    #[arg(long, env = "DATABASE_ACQUIRE_SECONDS", default_value_t = 3)]
    pub database_acquire_seconds: u64,

    /// Seconds that a process waits for PostgreSQL when it starts; then it ends with exit code 69
    #[arg(long, env = "DATABASE_START_SECONDS", default_value_t = 60)]
    pub database_start_seconds: u64,

    /// Milliseconds after which PostgreSQL gives up on a statement
    #[arg(long, env = "DATABASE_STATEMENT_TIMEOUT_MS", default_value_t = 10_000)]
    pub database_statement_timeout_ms: u32,
}

/// Redis: queue and rate limits. Losing all of it loses nothing.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Redis")]
pub struct Redis {
    /// Where Redis is
    #[arg(
        long,
        env = "REDIS_URL",
        default_value = "redis://127.0.0.1:6379",
        hide_env_values = true
    )]
    pub redis_url: SecretString,

    /// Certificate authority in PEM that Redis' certificate must be of, instead of the public ones; for rediss:// addresses
    #[arg(long, env = "REDIS_CA_FILE")]
    pub redis_ca_file: Option<PathBuf>,

    /// Take any certificate of Redis, as the self-signed ones of Heroku: encrypted, but nobody knows with whom
    #[arg(long, env = "REDIS_TLS_INSECURE", action = clap::ArgAction::Set, default_value_t = false, value_name = "true|false")]
    pub redis_tls_insecure: bool,
}

/// The policy of the sale.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Sales")]
pub struct Sales {
    /// The one currency this deployment sells in (ISO 4217)
    #[arg(long, env = "SALE_CURRENCY", default_value = "INR", value_parser = parse_currency)]
    pub sale_currency: Currency,

    /// Days around a flight that the airline cancels or moves in which another flight of the route is free
    #[arg(long, env = "DISRUPTION_REBOOK_DAYS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=60))]
    pub disruption_rebook_days: u32,

    /// Minutes an offer can be held or booked
    #[arg(long, env = "OFFER_MINUTES", default_value_t = 15)]
    pub offer_minutes: u32,

    /// Minutes seats stay held for a party
    #[arg(long, env = "HOLD_MINUTES", default_value_t = 15)]
    pub hold_minutes: u32,

    /// Seated passengers a booking may have
    #[arg(long, env = "MAX_PASSENGERS", default_value_t = 10)]
    pub max_passengers: u32,

    /// Open holds an account may have
    #[arg(long, env = "MAX_OPEN_HOLDS", default_value_t = 20)]
    pub max_open_holds: u32,

    /// Unpaid seats an account may have on one flight, in holds and bookings together; 0: no limit
    #[arg(long, env = "MAX_HELD_SEATS", default_value_t = 20)]
    pub max_held_seats: u32,

    /// Unpaid seats an account may have on all flights together, in holds and bookings; 0: no limit
    #[arg(long, env = "MAX_UNPAID_SEATS", default_value_t = 120)]
    pub max_unpaid_seats: u32,

    /// The same for all accounts together that were opened from one address (IPv6: /64) within a day; 0: no limit
    #[arg(long, env = "MAX_UNPAID_SEATS_OF_ADDRESS", default_value_t = 60)]
    pub max_unpaid_seats_of_network: u32,

    /// Percent of a cabin that may be unpaid, whoever's the seats are, before accounts younger than a day get no more; 100: no limit
    #[arg(long, env = "MAX_UNPAID_PERCENT_FOR_NEW_ACCOUNTS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub max_unpaid_percent_for_new_accounts: u32,

    /// Ask for a verified e-mail address before an account's first hold: sign-up mails a link; whoever has paid for a booking, and staff, count as verified
    #[arg(long, env = "REQUIRE_VERIFIED_EMAIL", action = clap::ArgAction::Set, default_value_t = false, value_name = "true|false")]
    pub require_verified_email: bool,

    /// Minutes before departure at which a flight's sales close
    #[arg(long, env = "SALES_CLOSE_MINUTES", default_value_t = 120)]
    pub sales_close_minutes: u32,

    /// Hours after booking within which travellers may correct each passenger's name once; staff may later
    #[arg(long, env = "NAME_CORRECTION_HOURS", default_value_t = 24)]
    pub name_correction_hours: u32,

    /// Letters in which a name that a traveller has corrected may differ; the order of its words may always
    #[arg(long, env = "NAME_CORRECTION_LETTERS", default_value_t = 3)]
    pub name_correction_letters: u32,

    /// What a minute of travel weighs when a search is sorted by `best`, per seated passenger, in minor units of SALE_CURRENCY
    #[arg(long, env = "BEST_MINUTE_MINOR", default_value_t = 500)]
    pub best_minute_minor: u32,

    /// What a stop weighs when a search is sorted by `best`, per seated passenger, in minor units of SALE_CURRENCY
    #[arg(long, env = "BEST_STOP_MINOR", default_value_t = 50_000)]
    pub best_stop_minor: u32,
}

impl Sales {
    /// How long an offer is valid.
    pub fn offer_time(&self) -> Duration {
        Duration::minutes(i64::from(self.offer_minutes))
    }

    /// How long a hold lasts.
    pub fn hold_time(&self) -> Duration {
        Duration::minutes(i64::from(self.hold_minutes))
    }

    /// How long before departure a flight leaves the shop.
    pub fn sales_close(&self) -> Duration {
        Duration::minutes(i64::from(self.sales_close_minutes))
    }
}

/// How schedules become flights.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Timetable")]
pub struct Timetable {
    /// Days ahead for which schedules are made into flights, every day
    #[arg(long, env = "SCHEDULE_DAYS_AHEAD", default_value_t = 330, value_parser = clap::value_parser!(u32).range(1..=730))]
    pub schedule_days_ahead: u32,
}

/// What bookings get whose flight the airline cancels or moves.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Disruptions")]
pub struct Disruptions {
    /// Hours that the owner of a booking has to choose when its flight is cancelled or moved; less when it leaves sooner
    #[arg(long, env = "DISRUPTION_ANSWER_HOURS", default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub disruption_answer_hours: u32,

    /// What happens to a booking of a cancelled flight without an answer
    #[arg(long, env = "DISRUPTION_CANCEL_DEFAULT", default_value = "refund")]
    pub disruption_cancel_default: CancelDefault,

    /// What happens to a booking of a moved flight without an answer
    #[arg(long, env = "DISRUPTION_RETIME_DEFAULT", default_value = "accept")]
    pub disruption_retime_default: RetimeDefault,

    /// Hours by which a flight may move and count as accepted without an answer; beyond them, and when a connection is missed, silence is a refund
    #[arg(long, env = "DISRUPTION_ACCEPT_HOURS", default_value_t = 3)]
    pub disruption_accept_hours: u32,
}

/// What silence means when a flight is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CancelDefault {
    /// Everything goes back.
    Refund,
    /// Staff look at it.
    Nothing,
}

/// What silence means when a flight is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RetimeDefault {
    /// The new times count as accepted, within DISRUPTION_ACCEPT_HOURS.
    Accept,
    /// Everything goes back.
    Refund,
    /// Staff look at it.
    Nothing,
}

/// Stripe, or the sandbox that speaks like it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Payments")]
pub struct Stripe {
    /// Stripe's secret key; without it the sandbox inside the api takes its place
    #[arg(long, env = "STRIPE_SECRET_KEY", hide_env_values = true)]
    pub stripe_secret_key: Option<SecretString>,

    /// The secret that Stripe signs its webhooks with
    #[arg(long, env = "STRIPE_WEBHOOK_SECRET", default_value = SANDBOX_WEBHOOK_SECRET, hide_default_value = true, hide_env_values = true)]
    pub stripe_webhook_secret: SecretString,

    /// Base address of the Stripe API; default: Stripe's own with a key, the sandbox under PUBLIC_URL without
    #[arg(long, env = "STRIPE_API_BASE")]
    pub stripe_api_base: Option<String>,

    /// Origins a caller's success_url and cancel_url may point to, separated by commas; PUBLIC_URL always may
    #[arg(long, env = "RETURN_URL_ORIGINS", value_delimiter = ',')]
    pub return_url_origins: Vec<String>,
}

/// Where documents are kept: a directory, or any S3-compatible store when S3_BUCKET is set.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Documents")]
pub struct Storage {
    /// Folder for documents when no S3_BUCKET is set
    #[arg(long, env = "DOCUMENTS_DIR", default_value = ".local/documents")]
    pub documents_dir: PathBuf,

    /// Bucket for documents; setting it chooses S3
    #[arg(long, env = "S3_BUCKET")]
    pub s3_bucket: Option<String>,

    /// Region of the bucket
    #[arg(long, env = "S3_REGION", default_value = "us-east-1")]
    pub s3_region: String,

    /// Endpoint of an S3-compatible store, as this process reaches it; default: AWS
    #[arg(long, env = "S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,

    /// Endpoint as the traveller's browser reaches it, for download links; default: S3_ENDPOINT
    #[arg(long, env = "S3_PUBLIC_ENDPOINT")]
    pub s3_public_endpoint: Option<String>,

    /// Access key of the store
    #[arg(long, env = "S3_ACCESS_KEY_ID", hide_env_values = true)]
    pub s3_access_key_id: Option<SecretString>,

    /// Secret key of the store
    #[arg(long, env = "S3_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub s3_secret_access_key: Option<SecretString>,
}

/// How mail leaves: a directory of .eml files, or SMTP when SMTP_URL is set.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Mail")]
pub struct Mail {
    /// Folder for .eml files when no SMTP_URL is set
    #[arg(long, env = "MAIL_DIR", default_value = ".local/mail")]
    pub mail_dir: PathBuf,

    /// `smtps://user:password@host:465`, `smtp://user:password@host:587?tls=required`, or plain `smtp://127.0.0.1:1025` on loopback
    #[arg(long, env = "SMTP_URL", hide_env_values = true)]
    pub smtp_url: Option<SecretString>,

    /// Certificate authority in PEM that the mail server's certificate may be of, besides the public ones
    #[arg(long, env = "SMTP_CA_FILE")]
    pub smtp_ca_file: Option<PathBuf>,

    /// Sender of every mail
    #[arg(long, env = "MAIL_FROM", default_value = DEVELOPMENT_MAIL_FROM)]
    pub mail_from: String,

    /// Where answers to mails go; without it to MAIL_FROM
    #[arg(long, env = "MAIL_REPLY_TO")]
    pub mail_reply_to: Option<String>,

    /// Hours that a link which verifies an e-mail address works
    #[arg(long, env = "VERIFICATION_LINK_HOURS", default_value_t = 48, value_parser = clap::value_parser!(u32).range(1..=720))]
    pub verification_link_hours: u32,

    /// Mails about unpaid bookings, to a contact that was just named, and with links that verify an address, that one address which has never paid gets in an hour; more are not sent
    #[arg(long, env = "MAILS_TO_STRANGER_PER_HOUR", default_value_t = 20)]
    pub mails_to_stranger_per_hour: u16,
}

/// Text messages with the confirmation.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "SMS")]
pub struct Sms {
    /// Where text messages go: the log has what they say, never the number
    #[arg(long, env = "SMS_BACKEND", default_value = "log")]
    pub sms_backend: SmsBackend,
}

/// Where text messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SmsBackend {
    /// Into the log of the worker, without the number.
    Log,
    /// Nowhere.
    Off,
}

/// Where events of bookings are told to programs of accounts.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Webhooks")]
pub struct Webhooks {
    /// Deliver to this machine too, and there over plain HTTP: for tests of endpoints, never in production
    #[arg(long, env = "WEBHOOK_ALLOW_LOOPBACK", action = clap::ArgAction::Set, default_value_t = false, value_name = "true|false")]
    pub webhook_allow_loopback: bool,
}

/// What is logged, and how. Lines go to standard error.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs")]
pub struct Logs {
    /// What is logged: levels (error, warn, info, debug, trace, off), for all or by part, `info,flightdesk_worker=debug,sqlx=warn`
    #[arg(long = "log", env = "RUST_LOG", value_name = "FILTER", default_value = DEFAULT_LOG_FILTER)]
    pub log_filter: String,

    /// Form of a line; `auto` is text on a terminal and JSON elsewhere
    #[arg(long, env = "LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,
}

/// The form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// One object a line, for programs.
    Json,
}

impl Settings {
    /// Whether payments go to the sandbox inside the api.
    pub fn uses_sandbox(&self) -> bool {
        self.environment == Environment::Development && self.stripe.stripe_secret_key.is_none()
    }

    /// Base address of the Stripe API to call.
    pub fn stripe_base(&self) -> String {
        match &self.stripe.stripe_api_base {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None if self.uses_sandbox() => {
                format!("{}/sandbox/stripe", self.public_url.trim_end_matches('/'))
            }
            None => "https://api.stripe.com".to_owned(),
        }
    }
}

fn parse_currency(raw: &str) -> Result<Currency, String> {
    money::currency(raw).ok_or_else(|| format!("{raw:?} is no ISO 4217 currency code"))
}
