//! Fare families: what a brand of fare costs, includes and allows in a cabin.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;

use super::{Noun, Pick, check, document};
use crate::error::Violations;
use crate::trade::{FareRules, SeatChoice};
use crate::{Error, Result};

/// A fare family in a cabin. What was sold keeps the conditions that it was sold with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FareFamily {
    /// `light`, `standard`, `flex`.
    pub code: String,
    /// The cabin.
    pub cabin: String,
    /// Its name for people.
    pub name: String,
    /// Factor on the base fare: `1.20`.
    pub multiplier: String,
    /// Cabin baggage in words.
    pub cabin_bag: String,
    /// Pieces of checked baggage.
    pub checked_pieces: i16,
    /// Kilograms of checked baggage in all.
    pub checked_kg: i16,
    /// Which seats can be chosen without a fee.
    pub seat_choice: String,
    /// What cancelling and changing cost, as [`FareRules`] reads it.
    pub conditions: Value,
}

impl Noun for FareFamily {
    const NAME: &'static str = "fare family";
    const KEY: &'static [&'static str] = &["code", "cabin"];

    fn key(&self) -> String {
        format!("{}.{}", self.code, self.cabin)
    }

    fn check(&self, wrong: &mut Violations) {
        let is_letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        let begins = self
            .code
            .starts_with(|first: char| first.is_ascii_lowercase());
        if !begins || self.code.len() > 30 || !self.code.bytes().all(is_letter) {
            let message = "must begin with a small letter and have up to 30 small letters, digits or underscores";
            wrong.add("code", "format", message);
        }
        check::cabin(wrong, "cabin", &self.cabin);
        check::name(wrong, "name", &self.name, 40);
        check::decimal(wrong, "multiplier", &self.multiplier, (0, 99));
        check::name(wrong, "cabin_bag", &self.cabin_bag, 100);
        check::range(wrong, "checked_pieces", self.checked_pieces.into(), 0, 10);
        check::range(wrong, "checked_kg", self.checked_kg.into(), 0, 320);
        if (self.checked_pieces == 0) != (self.checked_kg == 0) {
            let message = "must be 0 without pieces, and more with some";
            wrong.add("checked_kg", "contradicts", message);
        }
        let choices = SeatChoice::ALL.map(SeatChoice::as_str);
        check::word(wrong, "seat_choice", &self.seat_choice, &choices);
        if let Err(error) = serde_json::from_value::<FareRules>(self.conditions.clone()) {
            wrong.add(
                "conditions",
                "format",
                format!("must be the rules of a fare: {error}"),
            );
        }
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select code, cabin, name, trim_scale(multiplier)::text as "multiplier!", cabin_bag, checked_pieces, checked_kg,
                seat_choice, conditions
            from fare_family, lateral (select code || '.' || cabin as key) as named
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
        // In the one form in which they are read again, whatever order a person wrote them in.
        let canonical =
            |row: &Self| match serde_json::from_value::<FareRules>(row.conditions.clone()) {
                Ok(rules) => Ok(Self {
                    conditions: document(&rules)?,
                    ..row.clone()
                }),
                Err(error) => Err(Error::Catalogue(format!("{}: {error}", row.key()))),
            };
        let rows: Vec<Self> = rows.iter().map(canonical).collect::<Result<_>>()?;
        let written = sqlx::query!(
            "
            insert into fare_family as kept (code, cabin, name, multiplier, cabin_bag, checked_pieces, checked_kg, seat_choice, conditions)
            select code, cabin, name, multiplier, cabin_bag, checked_pieces, checked_kg, seat_choice, conditions
            from jsonb_to_recordset($1) as row (code text, cabin text, name text, multiplier numeric(6, 4), cabin_bag text,
                checked_pieces smallint, checked_kg smallint, seat_choice text, conditions jsonb)
            on conflict on constraint fare_family_pkey do update set
                name = excluded.name, multiplier = excluded.multiplier, cabin_bag = excluded.cabin_bag,
                checked_pieces = excluded.checked_pieces, checked_kg = excluded.checked_kg,
                seat_choice = excluded.seat_choice, conditions = excluded.conditions
            where kept is distinct from excluded
            ",
            document(&rows)?,
        )
        .execute(conn)
        .await?;
        Ok(written.rows_affected())
    }

    /// Bookings that are not over may be changed to other flights in it.
    async fn uses(&self, conn: &mut PgConnection) -> Result<Vec<(i64, &'static str)>> {
        let bookings = sqlx::query_scalar!(
            r#"
            select count(distinct b.id) as "bookings!"
            from booking b join direction d on d.booking_id = b.id
            where d.fare_family = $1 and d.cabin = $2 and b.status in ('pending_payment', 'confirmed', 'partially_cancelled')
            "#,
            self.code,
            self.cabin,
        )
        .fetch_one(conn)
        .await?;
        Ok(vec![(bookings, "bookings")])
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!(
            "delete from fare_family where code = $1 and cabin = $2",
            self.code,
            self.cabin,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
