//! The resources of the API, each with its views.

pub mod accounts;
pub mod admin_bookings;
pub mod admin_flights;
pub mod admin_jobs;
pub mod api_keys;
pub mod audit;
pub mod booking_events;
pub mod bookings;
pub mod calendar;
pub mod cancellations;
pub mod catalogue;
pub mod changes;
pub mod coupons;
pub mod disruptions;
pub mod documents;
pub mod exports;
pub mod flights;
pub mod health;
pub mod holds;
pub mod invariants;
pub mod jobs;
pub mod ledger;
pub mod money_issues;
pub mod name_corrections;
pub mod no_shows;
pub mod passwords;
pub mod payments;
pub mod places;
pub mod refunds;
pub mod return_link;
pub mod search;
pub mod seats;
pub mod second_factor;
pub mod sessions;
pub mod users;
pub mod webhook_endpoints;

use crate::app::App;
use crate::error::ApiError;
use crate::http::page;
use crate::openapi::raw::Raw;

/// Runs the rules that an operation has for its query over the parameters that fit the schema. It does nothing else for
/// the request, and operations without such rules accept every such query.
///
/// Errors: 422 with every wrong parameter.
pub async fn check_query(app: &App, operation_id: &str, query: Raw<'_>) -> Result<(), ApiError> {
    match operation_id {
        "search_flights" | "get_calendar" => search::check_query(app, query).await,
        "get_seat_map" => seats::check_query(app, query).await,
        "list_bookings" => bookings::check_query(query),
        "find_bookings_of_everybody" => admin_bookings::check_query(query),
        "list_api_key_requests"
        | "list_api_keys"
        | "list_audit_entries"
        | "list_booking_events"
        | "list_catalogue_flights"
        | "list_catalogue_schedules"
        | "list_flight_loads"
        | "list_jobs"
        | "list_money_issues"
        | "list_sessions"
        | "list_users"
        | "list_webhook_deliveries" => page::check_query(query),
        id if id.starts_with("list_catalogue_") => page::check_key_query(query),
        _ => Ok(()),
    }
}
