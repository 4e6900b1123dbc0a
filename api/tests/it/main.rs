//! The api over HTTP, on real PostgreSQL and Redis.

mod accounts;
mod api_keys;
mod errors;
mod faults;
mod idempotency;
mod jobs;
mod limits;
mod process;
mod support;
