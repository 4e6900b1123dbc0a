//! The worker against real PostgreSQL, Redis and SMTP servers.

mod clock;
mod faults;
mod mail;
mod metrics;
mod relay;
mod send_mail;
mod support;
//! The worker's jobs and documents on real PostgreSQL, read back by other people's programs.

mod render_document;
mod s3;
mod support;
mod ticket_pdf;
