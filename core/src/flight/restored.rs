//! What a restored database says of a future that it has not had.

use sqlx::PgConnection;

use crate::Result;

/// Flights that one statement mends at most.
const BATCH: i64 = 5_000;

/// Forgets which transactions changed up to 5,000 flights, where those are transactions that this database has not begun:
/// it was restored from another that had counted further. Returns how many: call again until it is none.
///
/// Otherwise each of them would count as changed, for no reason, when the database gets so far.
pub async fn mend_restored(conn: &mut PgConnection) -> Result<u64> {
    let mended = sqlx::query!(
        r#"
        update flight set changed_in = null
        where id in (
            select id from flight where changed_in >= pg_snapshot_xmax(pg_current_snapshot()) limit $1
            for update skip locked
        )
        "#,
        BATCH,
    )
    .execute(conn)
    .await?
    .rows_affected();
    if mended > 0 {
        tracing::warn!(
            flights = mended,
            "the database was restored: flights that transactions of the future had changed are mended"
        );
    }
    Ok(mended)
}
