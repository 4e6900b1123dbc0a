//! The worker's jobs and documents on real PostgreSQL, read back by other people's programs.

mod render_document;
mod s3;
#[path = "../../examples/ticket/sample.rs"]
mod sample;
mod support;
mod ticket_pdf;
