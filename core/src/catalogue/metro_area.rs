//! Metro areas: cities with several airports.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::check::{self, Codes, items};
use super::{Noun, Pick, document};
use crate::Result;
use crate::error::Violations;

/// A metro area.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetroArea {
    /// IATA's code of the city: `LON`.
    pub code: String,
    /// City as people know it.
    pub city: String,
    /// ISO 3166 country.
    pub country: String,
    /// Its airports.
    pub airports: Vec<String>,
}

impl Noun for MetroArea {
    const NAME: &'static str = "metro area";
    const KEY: &'static [&'static str] = &["code"];

    fn key(&self) -> String {
        self.code.clone()
    }

    fn check(&self, wrong: &mut Violations) {
        check::code(wrong, "code", &self.code, 3, false);
        check::name(wrong, "city", &self.city, 100);
        check::country(wrong, "country", &self.country);
        if self.airports.is_empty() {
            wrong.add("airports", "min_items", "must have at least one airport");
        }
        check::distinct(wrong, "airports", &self.airports);
    }

    async fn check_known(&self, conn: &mut PgConnection, wrong: &mut Violations) -> Result<()> {
        let airports = items("airports", &self.airports);
        check::known(conn, wrong, Codes::Airports, &airports).await
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select code, city, country,
                array(select m.iata from metro_area_airport m where m.code = a.code order by m.iata collate "C") as "airports!"
            from metro_area a
            where ($1::text is null or code = $1) and ($2::text is null or code collate "C" > $2)
            order by code collate "C" limit $3
            "#,
            one,
            after,
            limit,
        );
        Ok(rows.fetch_all(conn).await?)
    }

    async fn write(conn: &mut PgConnection, rows: &[Self]) -> Result<u64> {
        let rows = document(rows)?;
        let areas = sqlx::query!(
            "
            insert into metro_area as kept (code, city, country)
            select code, city, country from jsonb_to_recordset($1) as row (code text, city text, country text)
            on conflict on constraint metro_area_pkey do update set city = excluded.city, country = excluded.country
            where kept is distinct from excluded
            ",
            &rows,
        )
        .execute(&mut *conn)
        .await?;
        let gone = sqlx::query!(
            "
            delete from metro_area_airport
            where code in (select row ->> 'code' from jsonb_array_elements($1) as row)
              and (code, iata) not in (
                select row ->> 'code', jsonb_array_elements_text(row -> 'airports') from jsonb_array_elements($1) as row)
            ",
            &rows,
        )
        .execute(&mut *conn)
        .await?;
        let members = sqlx::query!(
            "
            insert into metro_area_airport (code, iata)
            select row ->> 'code', jsonb_array_elements_text(row -> 'airports') from jsonb_array_elements($1) as row
            on conflict on constraint metro_area_airport_pkey do nothing
            ",
            &rows,
        )
        .execute(conn)
        .await?;
        Ok(areas.rows_affected() + gone.rows_affected() + members.rows_affected())
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!("delete from metro_area where code = $1", self.code)
            .execute(conn)
            .await?;
        Ok(())
    }
}
