//! Airports.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{Noun, Pick, check, document};
use crate::error::Violations;
use crate::{Result, place, zone};

/// How large an airport is.
const KINDS: [&str; 3] = ["small", "medium", "large"];

/// An airport.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Airport {
    /// IATA code: `DEL`.
    pub iata: String,
    /// ICAO code: `VIDP`.
    pub icao: Option<String>,
    /// Name.
    pub name: String,
    /// City as people know it.
    pub city: String,
    /// State or province.
    pub subdivision: Option<String>,
    /// ISO 3166 country.
    pub country: String,
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// IANA zone.
    pub time_zone: String,
    /// `small`, `medium` or `large`.
    pub kind: String,
    /// Whether airlines fly there by schedule.
    pub scheduled: bool,
    /// Words that it is found by beside its code, names and country.
    pub search_words: String,
}

impl Airport {
    /// All words that it is found by, without accents and in lower case.
    pub fn search_text(&self) -> String {
        let words = [
            self.iata.as_str(),
            &self.city,
            &self.name,
            &self.search_words,
            &self.country,
            place::country_name(&self.country),
            place::country_words(&self.country),
        ];
        place::fold(&words.join(" "))
    }
}

/// As the table has it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    airport: &'a Airport,
    search_text: String,
}

impl Noun for Airport {
    const NAME: &'static str = "airport";
    const KEY: &'static [&'static str] = &["iata"];

    fn key(&self) -> String {
        self.iata.clone()
    }

    fn check(&self, wrong: &mut Violations) {
        check::code(wrong, "iata", &self.iata, 3, false);
        if let Some(icao) = &self.icao {
            let is_code = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
            if icao.len() != 4 || !icao.bytes().all(is_code) {
                wrong.add("icao", "format", "must have 4 capital letters or digits");
            }
        }
        check::name(wrong, "name", &self.name, 100);
        check::name(wrong, "city", &self.city, 100);
        if let Some(subdivision) = &self.subdivision {
            check::name(wrong, "subdivision", subdivision, 100);
        }
        check::country(wrong, "country", &self.country);
        if !(-90.0..=90.0).contains(&self.lat) {
            wrong.add("lat", "out_of_range", "must be -90 to 90");
        }
        if !(-180.0..=180.0).contains(&self.lon) {
            wrong.add("lon", "out_of_range", "must be -180 to 180");
        }
        if zone::parse(&self.time_zone).is_none() {
            let message = "must be a zone of the IANA database, such as Asia/Kolkata";
            wrong.add("time_zone", "unknown", message);
        }
        check::word(wrong, "kind", &self.kind, &KINDS);
        if !self.search_words.is_empty() {
            check::name(wrong, "search_words", &self.search_words, 300);
        }
    }

    async fn allow(
        &self,
        conn: &mut PgConnection,
        clock: &crate::Clock,
        after: &Self,
    ) -> Result<()> {
        if (&self.time_zone, &self.country) == (&after.time_zone, &after.country) {
            return Ok(());
        }
        // Their instants were computed with the zone, and their taxes with the country.
        let flights = sqlx::query_scalar!(
            r#"select count(*) as "flights!" from flight where $1 in (origin, destination) and departs_at > $2"#,
            self.iata,
            clock.now(),
        )
        .fetch_one(conn)
        .await?;
        if flights > 0 {
            return Err(super::InUse {
                noun: Self::NAME,
                key: self.key(),
                by: vec![(flights, "flights")],
                remedy: Some("its country and its zone can change when none of them is to come"),
            }
            .into());
        }
        Ok(())
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select iata, icao, name, city, subdivision, country, lat, lon, time_zone, kind, scheduled, search_words
            from airport
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
        let rows: Vec<Row<'_>> = rows
            .iter()
            .map(|airport| Row {
                airport,
                search_text: airport.search_text(),
            })
            .collect();
        let written = sqlx::query!(
            "
            insert into airport as kept (iata, icao, name, city, subdivision, country, lat, lon, time_zone, kind, scheduled,
                search_text, search_words)
            select iata, icao, name, city, subdivision, country, lat, lon, time_zone, kind, scheduled, search_text, search_words
            from jsonb_to_recordset($1) as row (iata text, icao text, name text, city text, subdivision text, country text,
                lat double precision, lon double precision, time_zone text, kind text, scheduled boolean, search_text text,
                search_words text)
            on conflict on constraint airport_pkey do update set
                icao = excluded.icao, name = excluded.name, city = excluded.city, subdivision = excluded.subdivision,
                country = excluded.country, lat = excluded.lat, lon = excluded.lon, time_zone = excluded.time_zone,
                kind = excluded.kind, scheduled = excluded.scheduled, search_text = excluded.search_text,
                search_words = excluded.search_words
            where kept is distinct from excluded
            ",
            document(&rows)?,
        )
        .execute(conn)
        .await?;
        Ok(written.rows_affected())
    }

    async fn uses(&self, conn: &mut PgConnection) -> Result<Vec<(i64, &'static str)>> {
        let used = sqlx::query!(
            r#"
            select (select count(*) from schedule where $1 in (origin, destination)) as "schedules!",
                (select count(*) from flight where $1 in (origin, destination)) as "flights!",
                (select count(*) from airline_hub where iata = $1) as "airlines!",
                (select count(*) from metro_area_airport where iata = $1) as "areas!",
                (select count(*) from connection_time where airport = $1) as "times!"
            "#,
            self.iata,
        )
        .fetch_one(conn)
        .await?;
        Ok(vec![
            (used.schedules, "schedules"),
            (used.flights, "flights"),
            (used.airlines, "airlines"),
            (used.areas, "metro areas"),
            (used.times, "connection times"),
        ])
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!("delete from airport where iata = $1", self.iata)
            .execute(conn)
            .await?;
        Ok(())
    }
}
