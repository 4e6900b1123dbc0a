//! The places that one search names, read in one statement.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;

use super::input::Search;
use crate::Result;

/// What the codes of a search stand for.
#[derive(Debug, Default)]
pub(super) struct Places {
    metros: BTreeMap<String, BTreeSet<String>>,
    airports: BTreeSet<String>,
    // An airport outside of every metro area is one of its own.
    areas: BTreeMap<String, String>,
}

impl Places {
    pub(super) async fn load(conn: &mut PgConnection, input: &Search) -> Result<Self> {
        let ends = [&input.origin, &input.destination];
        let named = ends.into_iter().chain(&input.via).chain(&input.avoid);
        let codes: Vec<String> = named.map(|code| folded(code)).collect();
        let rows = sqlx::query!(
            r#"
            select code as "code!", iata as "iata!", true as "is_metro!",
                   (select min(area.code) from metro_area_airport as area where area.iata = metro.iata) as area
            from metro_area_airport as metro where code = any($1)
            union all
            select iata, iata, false,
                   (select min(area.code) from metro_area_airport as area where area.iata = airport.iata)
            from airport where iata = any($1)
            "#,
            &codes,
        )
        .fetch_all(conn)
        .await?;
        let mut places = Self::default();
        for row in rows {
            if row.is_metro {
                let airports = places.metros.entry(row.code).or_default();
                airports.insert(row.iata.clone());
            } else {
                places.airports.insert(row.iata.clone());
            }
            let area = row.area.unwrap_or_else(|| row.iata.clone());
            places.areas.insert(row.iata, area);
        }
        Ok(places)
    }

    /// The airports of a code in alphabetical order; none for no such code. The metro area wins unless an airport
    /// is meant.
    pub(super) fn airports(&self, code: &str, airport_only: bool) -> Vec<String> {
        let code = folded(code);
        match self.metros.get(&code) {
            Some(airports) if !airport_only => airports.iter().cloned().collect(),
            _ => self.airports.get(&code).cloned().into_iter().collect(),
        }
    }

    /// Whether some airport of one list is in the metro area of some airport of the other.
    pub(super) fn share_an_area(&self, some: &[String], others: &[String]) -> bool {
        let area = |airport: &String| self.areas.get(airport);
        some.iter()
            .any(|one| area(one).is_some() && others.iter().any(|other| area(one) == area(other)))
    }

    /// Every airport that the journey may begin or end at.
    pub(super) fn ends(&self, input: &Search) -> Vec<String> {
        let kinds = [
            (&input.origin, &input.origin_type),
            (&input.destination, &input.destination_type),
        ];
        kinds
            .into_iter()
            .flat_map(|(code, kind)| self.airports(code, kind.as_deref() == Some("airport")))
            .collect()
    }
}

fn folded(code: &str) -> String {
    code.trim().to_ascii_uppercase()
}
