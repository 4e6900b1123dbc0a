//! The HTTP API of Flightdesk: everything that the system can be asked to do, on one screen.
//!
//! To add a resource: write its `#[OpenApi] impl` in a file of its own (paths in full, `/v1/…`, an
//! `operation_id` on each operation) and name it once in [`operations`]. Routing, documentation, the checks of
//! queries and `Allow` all follow from that. A page or an endpoint outside the document goes into [`app`].

pub mod accounts;
pub mod answer;
pub mod api_keys;
pub mod app;
pub mod auth;
pub mod body;
mod catch;
mod docs;
pub mod documents;
pub mod error;
pub mod health;
pub mod idempotency;
pub mod limits;
pub mod page;
mod query;
mod schema;
mod serve;
pub mod tags;
pub mod views;

pub use app::App;
pub use error::ApiError;
pub use limits::LimitSettings;

use std::sync::Arc;

use poem::{Endpoint, Route, get};
use poem_openapi::{OpenApi, OpenApiService};

/// Every resource.
fn operations() -> impl OpenApi {
    (
        accounts::Accounts,
        api_keys::ApiKeys,
        documents::Documents,
        health::Health,
    )
}

/// The whole service as one endpoint.
///
/// Errors: a document that cannot be read back, which is a mistake in a type of the API.
pub fn app(app: App) -> anyhow::Result<impl Endpoint> {
    let service = service();
    let document = openapi_json();
    let operations =
        query::Operations::of(&serde_json::from_str(&document)?).map_err(anyhow::Error::msg)?;
    let docs = docs::page(service.swagger_ui());
    let api = Arc::new(poem::IntoEndpoint::into_endpoint(service));
    let routes = Route::new()
        .nest_no_strip("/v1", api.clone())
        .nest_no_strip("/health", api)
        .nest("/docs", docs)
        .at("/openapi.json", get(docs::document(document)))
        .at("/", get(docs::index));
    Ok(serve::Serve::new(routes, app, operations))
}

/// The OpenAPI document, as `api/openapi.json` holds it.
pub fn openapi_json() -> String {
    service().spec()
}

fn service() -> OpenApiService<impl OpenApi, ()> {
    OpenApiService::new(operations(), "Flightdesk", env!("CARGO_PKG_VERSION"))
        .description("Search flights, hold seats, book, pay, and get the tickets. Errors are RFC 9457 problem details with a stable `code`; every POST that creates or charges takes an `Idempotency-Key`.")
        .license(poem_openapi::LicenseObject::new("Apache-2.0").url("https://www.apache.org/licenses/LICENSE-2.0"))
        .server("/")
}
