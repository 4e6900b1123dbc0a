//! Aircraft types and where their seats are.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{InUse, Noun, Pick, check, document};
use crate::Result;
use crate::clock::Clock;
use crate::error::Violations;

/// An aircraft type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Aircraft {
    /// IATA code: `32N`.
    pub iata: String,
    /// ICAO code: `A20N`.
    pub icao: Option<String>,
    /// Name.
    pub name: String,
    /// How far it flies, in kilometres.
    pub range_km: i32,
    /// How fast it flies, in kilometres an hour.
    pub cruise_kmh: i32,
    /// Its rows of seats, from the first.
    pub layout: Vec<SeatRow>,
}

/// The seats of one row by where they are, as letters from left to right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeatRow {
    /// Its number.
    pub row: i16,
    /// Its cabin.
    pub cabin: String,
    /// At windows: `AF`.
    pub window: String,
    /// Between two others: `BE`.
    pub middle: String,
    /// At aisles: `CD`.
    pub aisle: String,
    /// Whether it is at an exit.
    pub exit_row: bool,
}

/// A seat as the table has it.
#[derive(Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the columns it goes into"
)]
struct Seat<'a> {
    aircraft: &'a str,
    seat_row: i16,
    letter: char,
    cabin: &'a str,
    position: &'static str,
    exit_row: bool,
}

impl SeatRow {
    fn letters(&self) -> impl Iterator<Item = (char, &'static str)> {
        let of = |letters: &str, position| {
            letters
                .chars()
                .map(move |letter| (letter, position))
                .collect::<Vec<_>>()
        };
        let all = [
            of(&self.window, "window"),
            of(&self.middle, "middle"),
            of(&self.aisle, "aisle"),
        ];
        all.into_iter().flatten()
    }

    fn check(&self, wrong: &mut Violations, field: &str) {
        check::range(wrong, &format!("{field}.row"), self.row.into(), 1, 200);
        check::cabin(wrong, &format!("{field}.cabin"), &self.cabin);
        let mut letters: Vec<char> = self.letters().map(|(letter, _)| letter).collect();
        let count = letters.len();
        letters.sort_unstable();
        letters.dedup();
        let is_letters = letters.iter().all(char::is_ascii_uppercase);
        if letters.len() != count || !is_letters || count == 0 {
            let message = "must have seats, each once, by capital letters: `window` AF, `middle` BE, `aisle` CD";
            wrong.add(field, "format", message);
        }
    }
}

impl Aircraft {
    fn seats(&self) -> impl Iterator<Item = Seat<'_>> {
        self.layout.iter().flat_map(|row| {
            row.letters().map(|(letter, position)| Seat {
                aircraft: &self.iata,
                seat_row: row.row,
                letter,
                cabin: &row.cabin,
                position,
                exit_row: row.exit_row,
            })
        })
    }
}

impl Noun for Aircraft {
    const NAME: &'static str = "aircraft type";
    const KEY: &'static [&'static str] = &["iata"];

    fn key(&self) -> String {
        self.iata.clone()
    }

    fn check(&self, wrong: &mut Violations) {
        check::code(wrong, "iata", &self.iata, 3, true);
        check::optional_code(wrong, "icao", self.icao.as_deref(), 4, true);
        check::name(wrong, "name", &self.name, 100);
        check::range(wrong, "range_km", self.range_km.into(), 100, 25_000);
        check::range(wrong, "cruise_kmh", self.cruise_kmh.into(), 100, 3_000);
        if self.layout.is_empty() {
            wrong.add("layout", "min_items", "must have at least one row of seats");
        }
        let mut known = Vec::new();
        for (index, row) in self.layout.iter().enumerate() {
            let field = format!("layout[{index}]");
            row.check(wrong, &field);
            if known.contains(&row.row) {
                let message = format!("is named before: row {}", row.row);
                wrong.add(format!("{field}.row"), "duplicate", message);
            }
            known.push(row.row);
        }
    }

    /// Who has a seat on a flight to come has it where it is.
    async fn allow(&self, conn: &mut PgConnection, clock: &Clock, after: &Self) -> Result<()> {
        if self.layout == after.layout {
            return Ok(());
        }
        let flights = sqlx::query_scalar!(
            r#"select count(*) as "flights!" from flight where aircraft = $1 and departs_at > $2 and status = 'scheduled'"#,
            self.iata,
            clock.now(),
        )
        .fetch_one(conn)
        .await?;
        if flights == 0 {
            return Ok(());
        }
        Err(InUse {
            noun: Self::NAME,
            key: self.key(),
            by: vec![(flights, "flights")],
            remedy: Some("make a type with the new seats, and give these flights that one"),
        }
        .into())
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let types = sqlx::query!(
            r#"
            select iata, icao, name, range_km, cruise_kmh from aircraft_type
            where ($1::text is null or iata = $1) and ($2::text is null or iata collate "C" > $2)
            order by iata collate "C" limit $3
            "#,
            one,
            after,
            limit,
        )
        .fetch_all(&mut *conn)
        .await?;
        let codes: Vec<String> = types.iter().map(|row| row.iata.clone()).collect();
        let rows = sqlx::query!(
            r#"
            select aircraft, seat_row, cabin, exit_row,
                coalesce(string_agg(letter, '' order by letter) filter (where position = 'window'), '') as "window!",
                coalesce(string_agg(letter, '' order by letter) filter (where position = 'middle'), '') as "middle!",
                coalesce(string_agg(letter, '' order by letter) filter (where position = 'aisle'), '') as "aisle!"
            from seat_layout where aircraft = any($1)
            group by aircraft, seat_row, cabin, exit_row order by aircraft, seat_row, cabin
            "#,
            &codes,
        )
        .fetch_all(conn)
        .await?;
        let mut found: Vec<Self> = types
            .into_iter()
            .map(|row| Self {
                iata: row.iata,
                icao: row.icao,
                name: row.name,
                range_km: row.range_km,
                cruise_kmh: row.cruise_kmh,
                layout: Vec::new(),
            })
            .collect();
        for row in rows {
            let of = found.iter_mut().find(|found| found.iata == row.aircraft);
            if let Some(of) = of {
                of.layout.push(SeatRow {
                    row: row.seat_row,
                    cabin: row.cabin,
                    window: row.window,
                    middle: row.middle,
                    aisle: row.aisle,
                    exit_row: row.exit_row,
                });
            }
        }
        Ok(found)
    }

    async fn write(conn: &mut PgConnection, rows: &[Self]) -> Result<u64> {
        let seats: Vec<Seat<'_>> = rows.iter().flat_map(Self::seats).collect();
        let (rows, seats) = (document(rows)?, document(&seats)?);
        let types = sqlx::query!(
            "
            insert into aircraft_type as kept (iata, icao, name, range_km, cruise_kmh)
            select iata, icao, name, range_km, cruise_kmh
            from jsonb_to_recordset($1) as row (iata text, icao text, name text, range_km integer, cruise_kmh integer)
            on conflict on constraint aircraft_type_pkey do update set
                icao = excluded.icao, name = excluded.name, range_km = excluded.range_km, cruise_kmh = excluded.cruise_kmh
            where kept is distinct from excluded
            ",
            &rows,
        )
        .execute(&mut *conn)
        .await?;
        let gone = sqlx::query!(
            "
            delete from seat_layout
            where aircraft in (select row ->> 'iata' from jsonb_array_elements($1) as row)
              and (aircraft, seat_row, letter) not in (
                select aircraft, seat_row, letter
                from jsonb_to_recordset($2) as seat (aircraft text, seat_row smallint, letter text))
            ",
            &rows,
            &seats,
        )
        .execute(&mut *conn)
        .await?;
        let seats = sqlx::query!(
            "
            insert into seat_layout as kept (aircraft, seat_row, letter, cabin, position, exit_row)
            select aircraft, seat_row, letter, cabin, position, exit_row
            from jsonb_to_recordset($1) as seat (aircraft text, seat_row smallint, letter text, cabin text, position text,
                exit_row boolean)
            on conflict on constraint seat_layout_pkey do update set
                cabin = excluded.cabin, position = excluded.position, exit_row = excluded.exit_row
            where kept is distinct from excluded
            ",
            &seats,
        )
        .execute(conn)
        .await?;
        Ok(types.rows_affected() + gone.rows_affected() + seats.rows_affected())
    }

    async fn uses(&self, conn: &mut PgConnection) -> Result<Vec<(i64, &'static str)>> {
        let used = sqlx::query!(
            r#"
            select (select count(*) from schedule where aircraft = $1) as "schedules!",
                (select count(*) from flight where aircraft = $1) as "flights!"
            "#,
            self.iata,
        )
        .fetch_one(conn)
        .await?;
        Ok(vec![
            (used.schedules, "schedules"),
            (used.flights, "flights"),
        ])
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!("delete from aircraft_type where iata = $1", self.iata)
            .execute(conn)
            .await?;
        Ok(())
    }
}
