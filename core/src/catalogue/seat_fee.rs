//! What choosing a seat costs.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{Noun, Pick, check, document};
use crate::Result;
use crate::error::Violations;

/// The price classes of seats.
const KINDS: [&str; 3] = ["standard", "preferred", "exit"];

/// What a seat of a class costs in a cabin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeatFee {
    /// The cabin.
    pub cabin: String,
    /// The class: `standard`, `preferred` or `exit`.
    pub kind: String,
    /// Of `preferred`: how many rows of the cabin, from its first.
    pub first_rows: Option<i16>,
    /// In minor units of `currency`.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
}

impl Noun for SeatFee {
    const NAME: &'static str = "seat fee";
    const KEY: &'static [&'static str] = &["cabin", "kind"];

    fn key(&self) -> String {
        format!("{}.{}", self.cabin, self.kind)
    }

    fn check(&self, wrong: &mut Violations) {
        check::cabin(wrong, "cabin", &self.cabin);
        check::word(wrong, "kind", &self.kind, &KINDS);
        match (self.kind == "preferred", self.first_rows) {
            (true, Some(rows)) => check::range(wrong, "first_rows", rows.into(), 1, 100),
            (true, None) => wrong.add("first_rows", "required", "must say how many rows"),
            (false, Some(_)) => {
                let message = "must be absent for a kind that is not `preferred`";
                wrong.add("first_rows", "contradicts", message);
            }
            (false, None) => {}
        }
        check::amount(wrong, "amount_minor", self.amount_minor, 0);
        check::currency(wrong, "currency", &self.currency);
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select cabin, kind, first_rows, amount_minor, currency
            from seat_fee, lateral (select cabin || '.' || kind as key) as named
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
            insert into seat_fee as kept (cabin, kind, first_rows, amount_minor, currency)
            select cabin, kind, first_rows, amount_minor, currency
            from jsonb_to_recordset($1) as row (cabin text, kind text, first_rows smallint, amount_minor bigint, currency text)
            on conflict on constraint seat_fee_pkey do update set
                first_rows = excluded.first_rows, amount_minor = excluded.amount_minor, currency = excluded.currency
            where kept is distinct from excluded
            ",
            document(rows)?,
        )
        .execute(conn)
        .await?;
        Ok(written.rows_affected())
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!(
            "delete from seat_fee where cabin = $1 and kind = $2",
            self.cabin,
            self.kind,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
