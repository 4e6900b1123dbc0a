//! Rows of baggage.

use sqlx::PgConnection;

use super::model::{Bag, BaggageRate, ExtraBaggage};
use crate::ids::BookingId;
use crate::{Result, money};

/// Today's tariff, in every currency that it is in.
pub(crate) async fn tariff(conn: &mut PgConnection) -> Result<ExtraBaggage> {
    let rows = sqlx::query!(
        "select channel, kg, currency, amount_minor from baggage_rate order by currency, kg"
    )
    .fetch_all(conn)
    .await?;
    let mut tariff = ExtraBaggage::default();
    for row in rows {
        let currency = money::known_currency(&row.currency)?;
        let rate = BaggageRate {
            kg: u16::try_from(row.kg).unwrap_or_default(),
            currency,
            amount_minor: row.amount_minor,
        };
        match row.channel.as_str() {
            "airport" => tariff.airport.push(rate),
            _ => tariff.prepaid.push(rate),
        }
    }
    Ok(tariff)
}

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
