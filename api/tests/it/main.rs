//! The api over HTTP, on real PostgreSQL and Redis.

mod accounts;
mod api_keys;
mod contract;
mod documents;
mod errors;
mod faults;
mod holds;
mod idempotency;
mod jobs;
mod limits;
mod payments;
mod places;
mod process;
mod sandbox;
mod search;
mod support;
mod trip;
