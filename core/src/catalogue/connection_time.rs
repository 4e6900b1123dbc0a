//! How long connections take.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::check::{self, Codes};
use super::{Noun, Pick, document};
use crate::Result;
use crate::error::Violations;

/// Which flights meet, the one that lands first; the least time to another airport of a metro area; the longest layover.
const KINDS: [&str; 6] = [
    "domestic_domestic",
    "domestic_international",
    "international_domestic",
    "international_international",
    "airport_change",
    "longest",
];

/// Minutes between two flights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionTime {
    /// At which airport; everywhere else when absent.
    pub airport: Option<String>,
    /// Between which flights.
    pub kind: String,
    /// Minutes.
    pub minutes: i32,
}

impl Noun for ConnectionTime {
    const NAME: &'static str = "connection time";
    const KEY: &'static [&'static str] = &["airport", "kind"];

    fn key(&self) -> String {
        format!("{}.{}", self.airport.as_deref().unwrap_or("any"), self.kind)
    }

    fn check(&self, wrong: &mut Violations) {
        check::word(wrong, "kind", &self.kind, &KINDS);
        check::range(wrong, "minutes", self.minutes.into(), 0, 2_880);
    }

    async fn check_known(&self, conn: &mut PgConnection, wrong: &mut Violations) -> Result<()> {
        let airport = self.airport.as_deref();
        let fields: Vec<_> = airport
            .map(|iata| ("airport".to_owned(), iata))
            .into_iter()
            .collect();
        check::known(conn, wrong, Codes::Airports, &fields).await
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select airport, kind, minutes
            from connection_time, lateral (select coalesce(airport, 'any') || '.' || kind as key) as named
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
            insert into connection_time as kept (airport, kind, minutes)
            select airport, kind, minutes from jsonb_to_recordset($1) as row (airport text, kind text, minutes integer)
            on conflict on constraint connection_time_once do update set minutes = excluded.minutes
            where kept.minutes <> excluded.minutes
            ",
            document(rows)?,
        )
        .execute(conn)
        .await?;
        Ok(written.rows_affected())
    }

    /// The rule for everywhere is what every connection without one of its own goes by.
    async fn uses(&self, conn: &mut PgConnection) -> Result<Vec<(i64, &'static str)>> {
        if self.airport.is_some() {
            return Ok(Vec::new());
        }
        let airports = sqlx::query_scalar!(r#"select count(*) as "airports!" from airport"#)
            .fetch_one(conn)
            .await?;
        Ok(vec![(airports, "airports")])
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!(
            "delete from connection_time where airport is not distinct from $1 and kind = $2",
            self.airport,
            self.kind,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
