//! Autosuggest: every place in memory, found by the beginning of its words.
//!
//! People type a letter at a time, so this is asked more often than anything else. The catalogue is small (eight
//! thousand places) and hardly ever changes: each process keeps an index of its own and asks the database for a new
//! one every five minutes, instead of a trigram search on the primary for every key press.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::Duration;
use sqlx::{PgConnection, PgPool};

use super::names::{country_name, country_words, fold};
use super::states;
use crate::Result;
use crate::clock::Clock;
use crate::db;
use crate::fresh::Fresh;

/// How old an index may be.
const FRESH: Duration = Duration::minutes(5);
/// Words of fewer letters must be typed right.
const TYPO_FROM: usize = 4;
/// A city with several airports is greater than each of them.
const METRO_SIZE: u8 = 16;

/// A place that somebody may have meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// IATA code of the airport or metro area.
    pub code: String,
    /// What the code stands for.
    pub kind: SuggestionKind,
    /// The airport's name, or the city's for a metro area.
    pub name: String,
    /// The city.
    pub city: String,
    /// ISO 3166 code.
    pub country: String,
    /// The airports of a metro area; the airport itself otherwise.
    pub airports: Vec<String>,
}

/// What a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuggestionKind {
    /// One airport.
    Airport,
    /// All airports of a city.
    Metro,
}

/// All places with an index of their words.
#[derive(Debug)]
pub struct Directory {
    places: Vec<Indexed>,
    /// Places by word; the words are in order, so those with one beginning stand together.
    words: BTreeMap<String, Vec<(usize, Field)>>,
}

#[derive(Debug)]
struct Indexed {
    suggestion: Suggestion,
    icao: Option<String>,
    city: String,
    /// Whether airlines fly there by schedule: what cannot be booked comes last among what fits as well.
    served: bool,
    /// The greater, the earlier among equals.
    size: u8,
}

/// Where a word stands; the earlier, the better a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Code,
    City,
    Name,
    Country,
}

/// How well a word of the query fits; the smaller, the better.
type Fit = (bool, Field);

impl Directory {
    /// Reads all airports and metro areas.
    pub async fn load(conn: &mut PgConnection) -> Result<Self> {
        let rows = sqlx::query_as!(
            AirportRow,
            r#"
            select iata, icao, name, city, subdivision, country, kind, scheduled, search_text,
                exists (select from airline_hub where airline_hub.iata = airport.iata) as "is_hub!"
            from airport order by iata
            "#
        )
        .fetch_all(&mut *conn)
        .await?;
        let metros = sqlx::query!(
            r#"
            select code, city, country,
                array(select iata from metro_area_airport as member where member.code = metro_area.code order by iata) as "airports!"
            from metro_area order by code
            "#
        )
        .fetch_all(conn)
        .await?;
        let mut directory = Self {
            places: Vec::new(),
            words: BTreeMap::new(),
        };
        for row in &rows {
            let size = match row.kind.as_str() {
                "large" => 3,
                "medium" => 2,
                _ => 1,
            };
            let suggestion = Suggestion {
                airports: vec![row.iata.clone()],
                code: row.iata.clone(),
                kind: SuggestionKind::Airport,
                name: row.name.clone(),
                city: row.city.clone(),
                country: row.country.clone(),
            };
            let size = size * 2 + u8::from(row.is_hub);
            let about = About {
                icao: row.icao.clone(),
                states: row.state_words(),
                served: row.scheduled,
                size,
            };
            directory.insert(suggestion, about, &row.search_text);
        }
        for row in metros {
            let suggestion = Suggestion {
                airports: row.airports,
                code: row.code,
                kind: SuggestionKind::Metro,
                name: row.city.clone(),
                city: row.city,
                country: row.country,
            };
            let shared = shared_words(&rows, &suggestion.airports);
            let members = rows
                .iter()
                .filter(|row| suggestion.airports.contains(&row.iata));
            let about = About {
                icao: None,
                states: members
                    .map(AirportRow::state_words)
                    .collect::<Vec<_>>()
                    .join(" "),
                served: true,
                size: METRO_SIZE,
            };
            directory.insert(suggestion, about, &shared);
        }
        Ok(directory)
    }

    // A word that is neither code, name nor country is another name of the city.
    fn insert(&mut self, suggestion: Suggestion, about: About, search_text: &str) {
        let place = self.places.len();
        let city = fold(&suggestion.city);
        let mut fields: HashMap<String, Field> = HashMap::new();
        let mut note = |text: &str, field| {
            for word in text.split(' ').filter(|word| !word.is_empty()) {
                for spelling in spellings(word) {
                    let known = fields.entry(spelling.to_owned()).or_insert(field);
                    *known = field.min(*known);
                }
            }
        };
        note(&fold(&suggestion.code), Field::Code);
        note(
            &fold(about.icao.as_deref().unwrap_or_default()),
            Field::Code,
        );
        note(&city, Field::City);
        // `St. John's` is typed `st johns`.
        note(&fold(&without_apostrophes(&suggestion.city)), Field::City);
        // `newyork`, `saopaulo`: a blank forgotten is a typo, and one that people make often.
        note(&city.replace(' ', ""), Field::City);
        note(&fold(&suggestion.name), Field::Name);
        note(&fold(&without_apostrophes(&suggestion.name)), Field::Name);
        note(&fold(&suggestion.country), Field::Country);
        note(&fold(country_name(&suggestion.country)), Field::Country);
        note(&fold(country_words(&suggestion.country)), Field::Country);
        for word in search_text.split(' ').filter(|word| !word.is_empty()) {
            fields.entry(word.to_owned()).or_insert(Field::City);
        }
        for word in fold(&about.states)
            .split(' ')
            .filter(|word| !word.is_empty())
        {
            fields.entry(word.to_owned()).or_insert(Field::Country);
        }
        for (word, field) in fields {
            self.words.entry(word).or_default().push((place, field));
        }
        self.places.push(Indexed {
            suggestion,
            icao: about.icao,
            city,
            served: about.served,
            size: about.size,
        });
    }

    /// The places that fit what was typed, the likeliest first: an exact code, then what needs no correction, then
    /// city before name before country, what is flown to before what is not, whole cities before beginnings, greater
    /// before smaller.
    ///
    /// Every word must begin a word of the place, accents aside; one typo is forgiven in a word of four letters or
    /// more, and a blank too many when nothing else fits. Nothing typed fits nothing.
    pub fn suggest(&self, query: &str, limit: usize) -> Vec<Suggestion> {
        let query = fold(query);
        let found = self.ranked(&query, limit);
        if found.is_empty() && query.contains(' ') {
            return self.ranked(&query.replace(' ', ""), limit);
        }
        found
    }

    fn ranked(&self, query: &str, limit: usize) -> Vec<Suggestion> {
        let mut found: Option<HashMap<usize, Fit>> = None;
        for word in query.split(' ').filter(|word| !word.is_empty()) {
            let hits = self.hits(word);
            found = Some(match found {
                None => hits,
                Some(before) => before
                    .into_iter()
                    .filter_map(|(place, fit)| Some((place, fit.max(*hits.get(&place)?))))
                    .collect(),
            });
        }
        let mut ranked: Vec<_> = found
            .into_iter()
            .flatten()
            .map(|(index, fit)| {
                let place = &self.places[index];
                let icao = place.icao.as_deref().unwrap_or_default();
                let is_code = [place.suggestion.code.as_str(), icao]
                    .iter()
                    .any(|code| code.eq_ignore_ascii_case(query));
                let is_city = place.city == query;
                let code = place.suggestion.code.as_str();
                (
                    (
                        !is_code,
                        fit,
                        !place.served,
                        !is_city,
                        u8::MAX - place.size,
                        code,
                    ),
                    index,
                )
            })
            .collect();
        ranked.sort_unstable();
        ranked
            .into_iter()
            .take(limit)
            .map(|(_, index)| self.places[index].suggestion.clone())
            .collect()
    }

    fn hits(&self, word: &str) -> HashMap<usize, Fit> {
        let mut hits: HashMap<usize, Fit> = HashMap::new();
        let mut note = |places: &[(usize, Field)], corrected| {
            for (place, field) in places {
                let fit = (corrected, *field);
                let known = hits.entry(*place).or_insert(fit);
                *known = fit.min(*known);
            }
        };
        let beginning = self.words.range(word.to_owned()..);
        for (found, places) in beginning.take_while(|(found, _)| found.starts_with(word)) {
            // `del` is Delhi's code and the beginning of Delaware; `de` is no code's beginning that anyone means.
            let is_code = |field: &Field| *field != Field::Code || found == word;
            let places: Vec<_> = places
                .iter()
                .filter(|(_, field)| is_code(field))
                .copied()
                .collect();
            note(&places, false);
        }
        // `lszh` is Zurich's ICAO code, not a beginning of Lashio: a code is typed right, and four letters are too few to
        // be the beginning of another word and wrong.
        let is_code =
            |places: &Vec<(usize, Field)>| places.iter().any(|(_, field)| *field == Field::Code);
        if word.len() >= TYPO_FROM && !self.words.get(word).is_some_and(is_code) {
            let longest = if word.len() == TYPO_FROM {
                TYPO_FROM + 1
            } else {
                usize::MAX
            };
            for (found, places) in &self.words {
                if (TYPO_FROM..=longest.saturating_add(1)).contains(&(found.len() + 1))
                    && begins_with_one_typo(found, word)
                {
                    let names = places.iter().filter(|(_, field)| *field != Field::Code);
                    note(&names.copied().collect::<Vec<_>>(), true);
                }
            }
        }
        hits
    }
}

/// What a place is found by and ranked by besides its names.
struct About {
    icao: Option<String>,
    states: String,
    served: bool,
    size: u8,
}

// Saint and its short forms are one word.
fn spellings(word: &str) -> Vec<&str> {
    match word {
        "saint" | "st" => vec!["saint", "st"],
        "sainte" | "ste" => vec!["sainte", "ste", "saint", "st"],
        "sankt" | "sint" => vec![word, "saint", "st"],
        _ => vec![word],
    }
}

fn without_apostrophes(name: &str) -> String {
    name.replace(['\'', '’', 'ʻ'], "")
}

struct AirportRow {
    iata: String,
    icao: Option<String>,
    name: String,
    city: String,
    subdivision: Option<String>,
    country: String,
    kind: String,
    scheduled: bool,
    search_text: String,
    is_hub: bool,
}

impl AirportRow {
    // The state's name, and the letters that stand for it.
    fn state_words(&self) -> String {
        let state = self.subdivision.as_deref().unwrap_or_default();
        format!("{state} {}", states::letters(&self.country, state))
    }
}

// What all airports of a metro area are found by, but for the words of their own names: the city's other names.
fn shared_words(airports: &[AirportRow], members: &[String]) -> String {
    let members: Vec<_> = airports
        .iter()
        .filter(|row| members.contains(&row.iata))
        .collect();
    let has = |text: &str, word: &str| text.split(' ').any(|other| other == word);
    let names: Vec<String> = members.iter().map(|row| fold(&row.name)).collect();
    let words = members.first().map(|row| row.search_text.split(' '));
    words
        .into_iter()
        .flatten()
        .filter(|word| members.iter().all(|row| has(&row.search_text, word)))
        .filter(|word| !names.iter().any(|name| has(name, word)))
        .collect::<Vec<_>>()
        .join(" ")
}

// Whether `typed` is a beginning of `word` but for one letter too many, too few, wrong or swapped. ASCII by folding.
fn begins_with_one_typo(word: &str, typed: &str) -> bool {
    let (word, typed) = (word.as_bytes(), typed.as_bytes());
    let same = word.iter().zip(typed).take_while(|(a, b)| a == b).count();
    if same == typed.len() {
        return true;
    }
    let (word, typed) = (&word[same..], &typed[same..]);
    let rest = |from: usize| word.get(from..).unwrap_or_default();
    let swapped = word.len() > 1
        && typed.len() > 1
        && (word[0], word[1]) == (typed[1], typed[0])
        && rest(2).starts_with(&typed[2..]);
    swapped
        || (!word.is_empty() && rest(1).starts_with(&typed[1..]))
        || rest(0).starts_with(&typed[1..])
        || (!word.is_empty() && rest(1).starts_with(typed))
}

/// The directory of this process, about five minutes old.
#[derive(Clone, Debug)]
pub struct DirectoryCache(Fresh<Directory>);

impl Default for DirectoryCache {
    fn default() -> Self {
        Self(Fresh::new(FRESH, FRESH * 2))
    }
}

impl DirectoryCache {
    /// The directory, refreshed over `background` behind the requests; one without a place is not kept. For who has
    /// no connection: the first calls of a process wait for the first reading.
    pub async fn fresh(&self, background: &PgPool, clock: &Clock) -> Result<Arc<Directory>> {
        let read = || {
            let pool = background.clone();
            async move {
                let read = async { Directory::load(&mut *pool.acquire().await?).await };
                Box::pin(db::while_open(&pool, read)).await
            }
        };
        let directory = self.0.get(clock, read).await?;
        if directory.places.is_empty() {
            self.0.forget();
        }
        Ok(directory)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use sqlx::PgPool;

    use super::*;
    use crate::fixtures;

    async fn directory(pool: &PgPool) -> Directory {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        let fixtures = fixtures::read(&folder).unwrap();
        let mut conn = pool.acquire().await.unwrap();
        fixtures::load(&mut conn, &fixtures, |_| ()).await.unwrap();
        Directory::load(&mut conn).await.unwrap()
    }

    #[sqlx::test(migrator = "crate::db::MIGRATOR")]
    async fn what_people_type_finds_what_they_mean(pool: PgPool) {
        let directory = directory(&pool).await;
        let codes = |query: &str, limit| -> Vec<String> {
            let found = directory.suggest(query, limit);
            found.into_iter().map(|place| place.code).collect()
        };
        let mut wrong = Vec::new();
        for (typed, meant) in [
            ("DEL", "DEL"),
            ("del", "DEL"),
            ("new del", "DEL"),
            ("london", "LON"),
            ("lon", "LON"),
            ("heathrow", "LHR"),
            ("heathrwo", "LHR"),
            ("munchen", "MUC"),
            ("München", "MUC"),
            ("sao paolo", "SAO"),
            ("São Paulo", "SAO"),
            ("bombay", "BOM"),
            ("mumbay", "BOM"),
            ("tokio", "TYO"),
            ("kathmandu", "KTM"),
            ("john f kennedy", "JFK"),
            ("zurich", "ZRH"),
            ("zurihc", "ZRH"),
            ("sao paulo", "SAO"),
            ("saopaulo", "SAO"),
            ("frankfrut", "FRA"),
            ("frankfurt", "FRA"),
            ("bangalor", "BLR"),
            ("bengaluru", "BLR"),
            ("banglore", "BLR"),
            ("newyork", "NYC"),
            ("new yrok", "NYC"),
            ("heath row", "LHR"),
            ("muenchen", "MUC"),
            ("Zürich", "ZRH"),
            ("genf", "GVA"),
            ("köln", "CGN"),
            ("kopenhagen", "CPH"),
            ("københavn", "CPH"),
            ("singapur", "SIN"),
            ("singapoer", "SIN"),
            ("amsterdm", "AMS"),
            ("barcelna", "BCN"),
            ("los angelas", "LAX"),
            ("san francisco", "SFO"),
            ("san fransisco", "SFO"),
            ("charles de gaulle", "CDG"),
            ("indira gandhi", "DEL"),
            ("changi", "SIN"),
            ("hongkong", "HKG"),
            ("istambul", "IST"),
            ("chatham islands", "CHT"),
            ("lord howe", "LDH"),
            ("madras", "MAA"),
            ("calcutta", "CCU"),
            ("ktm", "KTM"),
            ("lhr", "LHR"),
            ("paris france", "PAR"),
            ("delhi india", "DEL"),
            ("EGLL", "LHR"),
            ("lszh", "ZRH"),
            ("vidp", "DEL"),
            ("london uk", "LON"),
            ("london on", "YXU"),
            ("washington dc", "WAS"),
            ("new york ny", "NYC"),
            ("portland or", "PDX"),
            ("portland maine", "PWM"),
            ("dubai uae", "DXB"),
            ("abu dhabi uae", "AUH"),
            ("istanbul turkey", "IST"),
            ("miami usa", "MIA"),
            ("saint petersburg", "LED"),
            ("st petersburg", "LED"),
            ("sankt peterburg", "LED"),
            ("st louis", "STL"),
            ("saint louis", "STL"),
            ("st johns canada", "YYT"),
            ("saint john's canada", "YYT"),
            ("ohare", "ORD"),
            ("o'hare", "ORD"),
            ("toronto pearson", "YYZ"),
            ("nagpur", "NAG"),
            ("mopa", "GOX"),
            ("navi mumbai", "NMI"),
            ("noida", "DXN"),
            ("angkor", "SAI"),
            ("xian", "XIY"),
            ("macau", "MFM"),
        ] {
            if codes(typed, 1) != [meant] {
                wrong.push(format!("{typed}: {:?}, not {meant}", codes(typed, 5)));
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
        let london = codes("london", 6);
        for airport in ["LHR", "LGW", "STN", "LTN", "LCY"] {
            assert!(london.contains(&airport.to_owned()), "{london:?}");
        }
        assert!(codes("india", 50).contains(&"DEL".to_owned()));
        // The greater before the smaller: whole cities, then their airports and the others.
        assert_eq!(codes("japan", 4), ["NGO", "OSA", "SPK", "TYO"]);
        // A code is no beginning of a word with a typo.
        assert_eq!(codes("LSZH", 5), ["ZRH"]);
        assert_eq!(codes("LSZQ", 5), Vec::<String>::new());
        assert_eq!(codes("qqqqqq", 5), Vec::<String>::new());
        assert_eq!(codes(" ?! ", 5), Vec::<String>::new());
        assert_eq!(directory.suggest("LON", 1)[0].kind, SuggestionKind::Metro);
    }

    #[test]
    fn one_typo_is_forgiven_and_two_are_not() {
        for typed in [
            "heathrow",
            "heatrow",
            "heathhrow",
            "haethrow",
            "heathriw",
            "heathriws",
        ] {
            let two = typed == "heathriws";
            assert_eq!(begins_with_one_typo("heathrow", typed), !two, "{typed}");
        }
        assert!(begins_with_one_typo("heathrow", "haet"));
        assert!(!begins_with_one_typo("ab", "abxyz"));
    }
}
