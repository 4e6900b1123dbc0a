//! The catalogue, for staff: what is sold and by which rules.
//!
//! Forms and views have the members of core's rows, so that both pass as JSON: what is checked, hashed for the `ETag`,
//! and recorded is one and the same.

pub mod aircraft;
pub mod airlines;
pub mod airports;
pub mod bag_fees;
pub mod connection_times;
pub mod coupons;
pub mod fare_families;
mod flight_forms;
pub mod flights;
pub mod interline;
pub mod metro_areas;
mod operations;
pub mod schedules;
pub mod seat_fees;
mod seat_rows;
pub mod taxes;

use flightdesk_core::Error;
use flightdesk_core::catalogue::{self, Noun, Version};
use flightdesk_core::error::Violations;
use poem_openapi::ApiResponse;
use poem_openapi::types::{ParseFromJSON, ToJSON};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use crate::error::ApiError;

/// The answer to a deletion
#[derive(ApiResponse)]
pub enum Deleted {
    /// It is gone
    #[oai(status = 204)]
    NoContent,
}

/// The rules of a noun over a form of it.
fn rules<N: Noun>(form: &impl ToJSON) -> Result<(), Error> {
    let Ok(row) = serde_json::from_value::<N>(form.to_json().unwrap_or_default()) else {
        // What does not read the schema has reported.
        return Ok(());
    };
    let mut wrong = Violations::new();
    row.check(&mut wrong);
    wrong.into_result()
}

/// A form as a row of core's.
fn row_of<N: Noun>(form: &impl ToJSON) -> Result<N, ApiError> {
    serde_json::from_value(form.to_json().unwrap_or_default()).map_err(ApiError::internal)
}

/// The members that a change names, those among them that it says to be `null`.
fn patch_of(form: &impl ToJSON, nulls: &[String]) -> Map<String, Value> {
    let mut patch = match form.to_json() {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    patch.extend(nulls.iter().map(|name| (name.clone(), Value::Null)));
    patch
}

/// Rows as they are shown.
async fn views<N: Noun, V: ParseFromJSON>(
    conn: &mut PgConnection,
    rows: &[N],
) -> Result<Vec<V>, ApiError> {
    let facts = catalogue::facts(conn, rows).await?;
    rows.iter()
        .zip(facts)
        .map(|(row, facts)| view(row, facts))
        .collect()
}

/// One row as it is shown, with its version.
async fn tagged<N: Noun, V: ParseFromJSON>(
    conn: &mut PgConnection,
    row: N,
) -> Result<(V, Version), ApiError> {
    let version = Version::of(&row)?;
    let mut views = views(conn, std::slice::from_ref(&row)).await?;
    let view = views
        .pop()
        .ok_or_else(|| ApiError::internal("a row has no view"))?;
    Ok((view, version))
}

fn view<N: Noun, V: ParseFromJSON>(row: &N, facts: Map<String, Value>) -> Result<V, ApiError> {
    let mut members = match serde_json::to_value(row).map_err(ApiError::internal)? {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    // A member that is absent is left out, whatever core writes for it.
    members.retain(|_, member| !member.is_null());
    members.insert("id".to_owned(), row.key().into());
    members.extend(facts);
    V::parse_from_json(Some(Value::Object(members)))
        .map_err(|error| ApiError::internal(error.into_message()))
}

/// What is said of a change can be judged when it is known what is changed.
macro_rules! without_rules {
    ($form:ident) => {
        impl crate::openapi::raw::FromRaw for $form {
            fn from_raw(_: crate::openapi::raw::Raw<'_>) -> Self {
                Self::default()
            }
        }

        impl crate::http::body::Rules for $form {}
    };
}
use without_rules;
