//! The api over HTTP, on real PostgreSQL and Redis.

mod accounts;
mod api_keys;
mod documents;
mod errors;
mod faults;
mod idempotency;
mod limits;
mod support;
