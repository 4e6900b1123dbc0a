//! The worker against real PostgreSQL, Redis and SMTP servers.

mod backlog;
mod clock;
mod faults;
mod mail;
mod relay;
mod send_mail;
mod support;
