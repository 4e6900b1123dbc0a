//! Airlines and their hubs.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::check::{self, Codes, items};
use super::{Noun, Pick, document};
use crate::Result;
use crate::error::Violations;

/// An airline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Airline {
    /// IATA code: `AI`.
    pub iata: String,
    /// ICAO code: `AIC`.
    pub icao: Option<String>,
    /// Name.
    pub name: String,
    /// ISO 3166 country.
    pub country: String,
    /// IATA's three digits, with which e-ticket numbers begin; without them nothing of it is sold.
    pub accounting_code: Option<String>,
    /// Its airports, the main one first.
    pub hubs: Vec<String>,
}

impl Noun for Airline {
    const NAME: &'static str = "airline";
    const KEY: &'static [&'static str] = &["iata"];

    fn key(&self) -> String {
        self.iata.clone()
    }

    fn check(&self, wrong: &mut Violations) {
        check::code(wrong, "iata", &self.iata, 2, true);
        check::optional_code(wrong, "icao", self.icao.as_deref(), 3, true);
        check::name(wrong, "name", &self.name, 100);
        check::country(wrong, "country", &self.country);
        let is_number = |code: &str| code.len() == 3 && code.bytes().all(|c| c.is_ascii_digit());
        if self
            .accounting_code
            .as_deref()
            .is_some_and(|code| !is_number(code))
        {
            wrong.add("accounting_code", "format", "must have 3 digits");
        }
        check::distinct(wrong, "hubs", &self.hubs);
    }

    async fn check_known(&self, conn: &mut PgConnection, wrong: &mut Violations) -> Result<()> {
        check::known(conn, wrong, Codes::Airports, &items("hubs", &self.hubs)).await
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select iata, icao, name, country, accounting_code,
                array(select h.iata from airline_hub h where h.airline = a.iata order by h.ordinal) as "hubs!"
            from airline a
            where ($1::text is null or iata = $1) and ($2::text is null or iata collate "C" > $2)
            order by iata collate "C" limit $3
            "#,
            one,
            after,
            limit,
        );
        Ok(rows.fetch_all(conn).await?)
    }

    async fn write(conn: &mut PgConnection, rows: &[Self]) -> Result<u64> {
        let rows = document(rows)?;
        let airlines = sqlx::query!(
            "
            insert into airline as kept (iata, icao, name, country, accounting_code)
            select iata, icao, name, country, accounting_code
            from jsonb_to_recordset($1) as row (iata text, icao text, name text, country text, accounting_code text)
            on conflict on constraint airline_pkey do update set
                icao = excluded.icao, name = excluded.name, country = excluded.country, accounting_code = excluded.accounting_code
            where kept is distinct from excluded
            ",
            &rows,
        )
        .execute(&mut *conn)
        .await?;
        let gone = sqlx::query!(
            "
            delete from airline_hub
            where airline in (select row ->> 'iata' from jsonb_array_elements($1) as row)
              and (airline, iata) not in (
                select row ->> 'iata', jsonb_array_elements_text(row -> 'hubs') from jsonb_array_elements($1) as row)
            ",
            &rows,
        )
        .execute(&mut *conn)
        .await?;
        let hubs = sqlx::query!(
            "
            insert into airline_hub as kept (airline, iata, ordinal)
            select row ->> 'iata', hub, ordinal::smallint
            from jsonb_array_elements($1) as row, jsonb_array_elements_text(row -> 'hubs') with ordinality as hubs (hub, ordinal)
            on conflict on constraint airline_hub_pkey do update set ordinal = excluded.ordinal
            where kept.ordinal <> excluded.ordinal
            ",
            &rows,
        )
        .execute(conn)
        .await?;
        Ok(airlines.rows_affected() + gone.rows_affected() + hubs.rows_affected())
    }

    async fn uses(&self, conn: &mut PgConnection) -> Result<Vec<(i64, &'static str)>> {
        let used = sqlx::query!(
            r#"
            select (select count(*) from schedule where airline = $1) as "schedules!",
                (select count(*) from flight where airline = $1) as "flights!",
                (select count(*) from interline_agreement where $1 in (airline, partner)) as "agreements!",
                (select count(*) from coupon where $1 = any(airlines)) as "coupons!"
            "#,
            self.iata,
        )
        .fetch_one(conn)
        .await?;
        Ok(vec![
            (used.schedules, "schedules"),
            (used.flights, "flights"),
            (used.agreements, "interline agreements"),
            (used.coupons, "coupons"),
        ])
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!("delete from airline where iata = $1", self.iata)
            .execute(conn)
            .await?;
        Ok(())
    }
}
