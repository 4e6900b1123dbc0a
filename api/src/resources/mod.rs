//! The resources of the API, each with its views.

pub mod accounts;
pub mod admin_jobs;
pub mod api_keys;
pub mod bookings;
pub mod calendar;
pub mod coupons;
pub mod documents;
pub mod flights;
pub mod health;
pub mod holds;
pub mod invariants;
pub mod jobs;
pub mod ledger;
pub mod payments;
pub mod places;
pub mod return_link;
pub mod search;
pub mod seats;
