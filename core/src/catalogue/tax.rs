//! Taxes, charges and fees of the tariff.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::check::{self, items};
use super::{Noun, Pick, document};
use crate::Result;
use crate::error::Violations;

/// Who pays one.
const PASSENGER_TYPES: [&str; 3] = ["adult", "child", "infant"];
/// How often it is due.
const APPLIES_TO: [&str; 3] = ["flight", "first_departure", "booking"];

/// A tax, charge or fee.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tax {
    /// Country of departure (ISO 3166).
    pub country: String,
    /// Its code on the receipt: `GST`.
    pub code: String,
    /// In which cabins.
    pub cabins: Vec<String>,
    /// What it is called.
    pub name: String,
    /// Percent of the base fare: `5`. Either this or `amount_minor`.
    pub percent: Option<String>,
    /// Each, in minor units of `currency`.
    pub amount_minor: Option<i64>,
    /// The currency of `amount_minor` (ISO 4217).
    pub currency: Option<String>,
    /// For whom.
    pub passenger_types: Vec<String>,
    /// How often: on each `flight`, on the `first_departure` of a direction, once a `booking`.
    pub applies_to: String,
    /// Whether it comes back when the flight is not flown.
    pub refundable: bool,
}

impl Noun for Tax {
    const NAME: &'static str = "tax";
    const KEY: &'static [&'static str] = &["country", "code", "cabins"];

    fn key(&self) -> String {
        format!("{}.{}.{}", self.country, self.code, self.cabins.join("."))
    }

    fn check(&self, wrong: &mut Violations) {
        check::country(wrong, "country", &self.country);
        let is_letter = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit();
        if !(2..=8).contains(&self.code.len()) || !self.code.bytes().all(is_letter) {
            let message = "must have 2 to 8 capital letters or digits";
            wrong.add("code", "format", message);
        }
        check::name(wrong, "name", &self.name, 100);
        for (field, list) in [
            ("cabins", &self.cabins),
            ("passenger_types", &self.passenger_types),
        ] {
            if list.is_empty() {
                wrong.add(field, "min_items", "must have at least one");
            }
            check::distinct(wrong, field, list);
        }
        for (field, cabin) in items("cabins", &self.cabins) {
            check::cabin(wrong, &field, cabin);
        }
        for (field, of) in items("passenger_types", &self.passenger_types) {
            check::word(wrong, &field, of, &PASSENGER_TYPES);
        }
        check::word(wrong, "applies_to", &self.applies_to, &APPLIES_TO);
        match (&self.percent, self.amount_minor) {
            (Some(percent), None) => {
                check::decimal(wrong, "percent", percent, (0, 100));
                if self.currency.is_some() {
                    wrong.add("currency", "contradicts", "must be absent beside `percent`");
                }
            }
            (None, Some(minor)) => {
                check::amount(wrong, "amount_minor", minor, 0);
                match &self.currency {
                    Some(currency) => check::currency(wrong, "currency", currency),
                    None => wrong.add("currency", "required", "must say what the amount is in"),
                }
            }
            (None, None) => {
                wrong.add(
                    "percent",
                    "required",
                    "needs a value, or `amount_minor` does",
                );
            }
            (Some(_), Some(_)) => {
                let message = "must be absent beside `percent`";
                wrong.add("amount_minor", "contradicts", message);
            }
        }
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select country, code, cabins, name, case kind when 'percent' then trim_scale(amount)::text end as percent,
                case kind when 'fixed' then amount::bigint end as amount_minor, currency, passenger_types, applies_to, refundable
            from tax_rule, lateral (select country || '.' || code || '.' || array_to_string(cabins, '.') as key) as named
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
            insert into tax_rule as kept (code, country, name, kind, amount, currency, cabins, passenger_types, applies_to, refundable)
            select code, country, name, case when percent is null then 'fixed' else 'percent' end, coalesce(percent, amount_minor),
                currency, cabins, passenger_types, applies_to, refundable
            from jsonb_to_recordset($1) as row (code text, country text, name text, percent numeric(14, 4),
                amount_minor numeric(14, 4), currency text, cabins text[], passenger_types text[], applies_to text,
                refundable boolean)
            on conflict on constraint tax_rule_pkey do update set
                name = excluded.name, kind = excluded.kind, amount = excluded.amount, currency = excluded.currency,
                passenger_types = excluded.passenger_types, applies_to = excluded.applies_to, refundable = excluded.refundable
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
            "delete from tax_rule where country = $1 and code = $2 and cabins = $3",
            self.country,
            self.code,
            &self.cabins,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
