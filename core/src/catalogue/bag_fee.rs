//! What extra checked baggage costs.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{Noun, Pick, check, document};
use crate::Result;
use crate::error::Violations;

/// Where it is sold.
const CHANNELS: [&str; 2] = ["prepaid", "airport"];

/// What so many kilograms cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BagFee {
    /// `prepaid`: a weight that is sold with a booking. `airport`: each kilogram at the desk, shown and not sold.
    pub channel: String,
    /// Kilograms.
    pub kg: i16,
    /// ISO 4217.
    pub currency: String,
    /// In minor units of `currency`.
    pub amount_minor: i64,
}

impl Noun for BagFee {
    const NAME: &'static str = "bag fee";
    const KEY: &'static [&'static str] = &["channel", "kg", "currency"];

    fn key(&self) -> String {
        format!("{}.{}.{}", self.channel, self.kg, self.currency)
    }

    fn check(&self, wrong: &mut Violations) {
        check::word(wrong, "channel", &self.channel, &CHANNELS);
        check::range(wrong, "kg", self.kg.into(), 1, 100);
        if self.channel == "airport" && self.kg != 1 {
            wrong.add(
                "kg",
                "contradicts",
                "must be 1 at the airport: each is paid there",
            );
        }
        check::currency(wrong, "currency", &self.currency);
        check::amount(wrong, "amount_minor", self.amount_minor, 0);
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select channel, kg, currency, amount_minor
            from baggage_rate, lateral (select channel || '.' || kg || '.' || currency as key) as named
            where ($1::text is null or key = $1) and ($2::text is null or key collate "C" > $2)
            order by key collate "C" limit $3
            "#,
            one,
            after,
            limit,
        );
        Ok(rows.fetch_all(conn).await?)
    }

    async fn write(conn: &mut PgConnection, rows: &[Self]) -> Result<u64> {
        let written = sqlx::query!(
            "
            insert into baggage_rate as kept (channel, kg, currency, amount_minor)
            select channel, kg, currency, amount_minor
            from jsonb_to_recordset($1) as row (channel text, kg smallint, currency text, amount_minor bigint)
            on conflict on constraint baggage_rate_pkey do update set amount_minor = excluded.amount_minor
            where kept.amount_minor <> excluded.amount_minor
            ",
            document(rows)?,
        )
        .execute(conn)
        .await?;
        Ok(written.rows_affected())
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!(
            "delete from baggage_rate where channel = $1 and kg = $2 and currency = $3",
            self.channel,
            self.kg,
            self.currency,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
