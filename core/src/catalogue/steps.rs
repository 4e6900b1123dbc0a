//! The factors on the base fare, which `loaddata` writes.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::document;
use crate::Result;

/// What the base fare is multiplied with from a load of the cabin on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadStep {
    /// The share of the cabin that is sold: `0.5`.
    pub from_load: String,
    /// The factor: `1.15`.
    pub factor: String,
}

/// What a passenger pays of the adult base fare.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PassengerFactor {
    /// `adult`, `child` or `infant`.
    pub passenger_type: String,
    /// The factor: `0.75`.
    pub factor: String,
}

/// Writes the steps: how many were new or different.
pub async fn write_load_steps(conn: &mut PgConnection, steps: &[LoadStep]) -> Result<u64> {
    let written = sqlx::query!(
        "
        insert into load_step as kept (from_load, factor)
        select from_load, factor from jsonb_to_recordset($1) as row (from_load numeric(5, 4), factor numeric(6, 4))
        on conflict on constraint load_step_pkey do update set factor = excluded.factor
        where kept.factor <> excluded.factor
        ",
        document(steps)?,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected())
}

/// Writes the factors: how many were new or different.
pub async fn write_passenger_factors(
    conn: &mut PgConnection,
    factors: &[PassengerFactor],
) -> Result<u64> {
    let written = sqlx::query!(
        "
        insert into passenger_factor as kept (passenger_type, factor)
        select passenger_type, factor from jsonb_to_recordset($1) as row (passenger_type text, factor numeric(6, 4))
        on conflict on constraint passenger_factor_pkey do update set factor = excluded.factor
        where kept.factor <> excluded.factor
        ",
        document(factors)?,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected())
}
