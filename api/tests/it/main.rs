//! The api over HTTP, on real PostgreSQL and Redis.

mod accounts;
mod api_keys;
mod binary;
mod consistent;
mod contract;
mod documents;
mod errors;
mod faults;
mod holds;
mod idempotency;
mod invariants;
mod jobs;
mod ledger;
mod limits;
mod payments;
mod places;
mod process;
mod races;
mod sandbox;
mod search;
mod stripe_orders;
mod support;
mod trip;
