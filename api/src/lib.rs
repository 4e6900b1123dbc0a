//! The HTTP API of Flightdesk: everything that the system can be asked to do, on one screen.
//!
//! To add a resource: write its `#[OpenApi] impl` in a file of its own (paths in full, `/v1/…`, an
//! `operation_id` on each operation) and name it once in `operations`. Routing, documentation, the checks of
//! queries and `Allow` all follow from that. A page or an endpoint outside the document goes into [`app()`].

pub mod app;
pub mod auth;
mod cache;
mod cookies;
pub mod error;
pub mod http;
pub mod limits;
pub mod metrics;
mod middleware;
mod openapi;
mod pages;
pub mod resources;
pub mod routes;
pub mod sandbox;
pub mod streams;
pub mod views;

pub use app::App;
pub use error::ApiError;
pub use limits::LimitSettings;

use std::sync::Arc;

use poem::{Endpoint, Route, get, post};
use poem_openapi::{OpenApi, OpenApiService};

use openapi::query;
use pages::{docs, problems};
use resources::{
    accounts, admin_bookings, admin_flights, admin_jobs, api_keys, audit, booking_events, bookings,
    calendar, cancellations, catalogue, changes, coupons, disruptions, documents, exports, flights,
    health, holds, invariants, jobs, ledger, money_issues, name_corrections, no_shows, passwords,
    payments, places, refunds, search, seats, second_factor, sessions, users, webhook_endpoints,
};

/// Every resource.
fn operations() -> impl OpenApi {
    (
        (
            accounts::Accounts,
            sessions::Sessions,
            passwords::Passwords,
            second_factor::SecondFactors,
        ),
        api_keys::ApiKeys,
        places::Places,
        search::Searches,
        calendar::Calendars,
        flights::Flights,
        holds::Holds,
        (
            bookings::Bookings,
            cancellations::Cancellations,
            changes::Changes,
            name_corrections::NameCorrections,
            disruptions::Disruptions,
        ),
        seats::Seats,
        coupons::Coupons,
        payments::Payments,
        (
            ledger::Ledgers,
            booking_events::BookingEvents,
            refunds::Refunds,
            webhook_endpoints::WebhookEndpoints,
        ),
        jobs::Jobs,
        documents::Documents,
        health::Health,
        // For staff.
        (
            users::Users,
            invariants::Invariants,
            admin_bookings::AdminBookings,
            admin_flights::AdminFlights,
            exports::Exports,
            audit::AuditLog,
            admin_jobs::AdminJobs,
            cancellations::AdminCancellations,
            no_shows::NoShows,
            name_corrections::AdminNameCorrections,
            money_issues::MoneyIssues,
            disruptions::AdminDisruptions,
            // For staff who look after the catalogue.
            (
                (
                    catalogue::flights::CatalogueFlights,
                    catalogue::schedules::Schedules,
                    catalogue::coupons::CatalogueCoupons,
                    catalogue::fare_families::FareFamilies,
                    catalogue::taxes::Taxes,
                    catalogue::seat_fees::SeatFees,
                    catalogue::bag_fees::BagFees,
                ),
                (
                    catalogue::airports::CatalogueAirports,
                    catalogue::metro_areas::MetroAreas,
                    catalogue::airlines::CatalogueAirlines,
                    catalogue::interline::InterlineAgreements,
                    catalogue::connection_times::ConnectionTimes,
                    catalogue::aircraft::AircraftTypes,
                ),
            ),
        ),
    )
}

/// The whole service as one endpoint.
///
/// Errors: a document that cannot be read back, which is a mistake in a type of the API.
pub fn app(app: App) -> anyhow::Result<impl Endpoint> {
    let service = service();
    let document = openapi_json();
    let operations = query::Operations::of(&contract()).map_err(anyhow::Error::msg)?;
    let docs = docs::page(&service.swagger_ui_html(), &service.spec(), &document);
    let api = Arc::new(poem::IntoEndpoint::into_endpoint(service));
    let mut routes = Route::new()
        .nest_no_strip("/v1", api.clone())
        .nest_no_strip("/health", api)
        .at("/docs", get(docs))
        .at("/openapi.json", get(docs::document(document)))
        .at("/problems", get(problems::list))
        .at("/problems/:code", get(problems::page))
        .at("/booking", get(pages::booking::show))
        .at("/booking/pay", post(pages::booking::pay))
        .at("/booking/disruption", post(pages::disruption::choose))
        .at(
            "/verify-email",
            get(pages::verification::show).post(pages::verification::verify),
        )
        .at("/verify-email/again", post(pages::verification::send_again))
        .at(
            "/reset-password",
            get(pages::password_reset::show).post(pages::password_reset::set),
        )
        .at("/return", get(pages::payment_return::paid))
        .at("/return/cancelled", get(pages::payment_return::given_up))
        .at("/", get(docs::index));
    if let Some(sandbox) = &app.sandbox {
        routes = routes.nest("/sandbox", sandbox.routes());
    }
    Ok(middleware::around(routes, app, operations))
}

/// The OpenAPI document, as `api/openapi.json` holds it.
pub fn openapi_json() -> String {
    let mut document = contract();
    openapi::describe(&mut document);
    openapi::publish(&mut document);
    format!("{document:#}\n")
}

/// All routes, as `api/routes.txt` holds them.
pub fn routes() -> String {
    routes::table(&contract())
}

/// The part of the document that requests are checked against.
fn contract() -> serde_json::Value {
    let mut document = serde_json::from_str(&service().spec()).unwrap_or_default();
    openapi::finish(&mut document);
    document
}

fn service() -> OpenApiService<impl OpenApi, ()> {
    OpenApiService::new(operations(), "Flightdesk", env!("CARGO_PKG_VERSION"))
        .description("Search flights, hold seats, book, pay, and get the tickets. Errors are RFC 9457 problem details with a stable `code`; holding, booking and cancelling take an `Idempotency-Key`, and paying opens one page however often it is asked for.")
        .contact(poem_openapi::ContactObject::new().name("Flightdesk"))
        .license(poem_openapi::LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server("/")
}
