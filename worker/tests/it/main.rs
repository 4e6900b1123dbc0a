//! The worker against real PostgreSQL, Redis, SMTP and S3 servers; what it makes is read by other people's programs.

mod after_sale_mails;
mod booked;
mod changed_people;
mod clock;
mod connections;
#[path = "../../../api/tests/it/consistent.rs"]
mod consistent;
mod currency;
mod disruption_mail;
mod e2e;
mod faults;
mod idle;
mod mail;
mod materialise_flights;
mod metrics;
mod outage;
mod papers;
mod readers;
mod relay;
mod render_document;
mod s3;
#[path = "../../examples/ticket/sample.rs"]
mod sample;
mod send_mail;
mod send_password_reset;
mod send_verification;
mod support;
mod ticket_pdf;
mod webhooks;
