//! What a traveller means by three letters.

use sqlx::PgConnection;

use crate::Result;

/// An airport or a metro area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The code that was asked for.
    pub code: String,
    /// Its airports: one, or all of the metro area.
    pub airports: Vec<String>,
}

/// The airports of a metro or airport code; the metro area wins where both exist. `None` for no such code.
pub async fn resolve(conn: &mut PgConnection, code: &str) -> Result<Option<Place>> {
    let code = code.trim().to_ascii_uppercase();
    let airports = sqlx::query_scalar!(
        r#"
        select iata as "iata!" from metro_area_airport where code = $1
        union all
        select iata from airport where iata = $1 and not exists (select from metro_area_airport where code = $1)
        order by 1
        "#,
        code,
    )
    .fetch_all(conn)
    .await?;
    Ok((!airports.is_empty()).then_some(Place { code, airports }))
}
