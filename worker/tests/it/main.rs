//! The worker against real PostgreSQL, Redis, SMTP and S3 servers; what it makes is read by other people's programs.

mod booked;
mod clock;
#[path = "../../../api/tests/it/consistent.rs"]
mod consistent;
mod e2e;
mod faults;
mod mail;
mod materialise_flights;
mod metrics;
mod papers;
mod relay;
mod render_document;
mod s3;
#[path = "../../examples/ticket/sample.rs"]
mod sample;
mod send_mail;
mod support;
mod ticket_pdf;
