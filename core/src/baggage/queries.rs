//! Rows of baggage.

use sqlx::PgConnection;

use super::model::Bag;
use crate::Result;
use crate::ids::BookingId;

/// Writes the baggage of a booking whose directions and passengers are written.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    booking_id: BookingId,
    bags: &[Bag],
) -> Result<()> {
    if bags.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        insert into baggage_item (booking_id, passenger_id, direction, kg)
        select $1, passenger, direction, kg from unnest($2::uuid[], $3::smallint[], $4::smallint[]) as t (passenger, direction, kg)
        "#,
        booking_id.0,
        &bags.iter().map(|bag| bag.passenger_id.0).collect::<Vec<_>>(),
        &bags.iter().map(|bag| i16::from(bag.direction)).collect::<Vec<_>>(),
        &bags.iter().map(|bag| i16::try_from(bag.kg).unwrap_or(i16::MAX)).collect::<Vec<_>>(),
    )
    .execute(conn)
    .await?;
    Ok(())
}
