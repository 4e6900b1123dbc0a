//! The workers of Flightdesk: what runs promised jobs, and the jobs themselves.
//!
//! A job travels `outbox row → relay → Redis → apalis → attempt → one commit`. Redis and apalis are a transport:
//! whether a job is wanted, how often it was tried and what became of it is known by PostgreSQL alone, so that
//! whatever Redis loses, doubles or delays changes nothing but the time it takes.

pub mod attempt;
pub mod clockwork;
pub mod ctx;
pub mod error;
pub mod health;
pub mod hint;
pub mod jobs;
pub mod mail;
pub mod metrics;
pub mod outcome;
pub mod pdf;
pub mod pushed;
pub mod settings;
pub mod shutdown;
pub mod sms;
pub mod transport;
pub mod webhooks;

pub use ctx::Ctx;
pub use error::JobError;
pub use mail::Mailer;
pub use sms::Texter;
pub use webhooks::WebhookClient;
