//! The worker against real PostgreSQL, Redis and SMTP servers.

mod clock;
mod faults;
mod mail;
mod metrics;
mod relay;
mod send_mail;
mod support;
