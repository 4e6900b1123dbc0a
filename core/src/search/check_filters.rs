//! The filters of a search: each readable, and none against another.

use super::check::folded;
use super::input::Search;
use super::model::{Filters, Window};
use super::words;
use crate::config::Sales;
use crate::error::Violations;
use crate::money::Money;
use crate::reference::Reference;

/// Connections at most; as many unless said.
pub(super) const MOST_STOPS: u8 = 2;

pub(super) fn check(
    wrong: &mut Violations,
    sales: &Sales,
    reference: &Reference,
    input: &Search,
) -> Filters {
    let (airlines, exclude_airlines, flight_number) = airlines(wrong, reference, input);
    let max_stops = number(wrong, "max_stops", input.max_stops, 0..=2);
    let price =
        |wrong: &mut Violations, field: &'static str, raw: &Option<String>| -> Option<i64> {
            let price = Money::parse(raw.as_deref()?.trim(), sales.sale_currency);
            let minor = price.ok().map(Money::minor).filter(|minor| *minor >= 0);
            if minor.is_none() {
                let code = sales.sale_currency.code();
                wrong.add(field, "amount", format!("an amount in {code}"));
            }
            minor
        };
    let departure_window = window(wrong, "departure_window", input.departure_window.as_deref());
    let arrival_window = window(wrong, "arrival_window", input.arrival_window.as_deref());
    let (via, avoid) = connections(wrong, reference, input);
    let filters = Filters {
        airlines,
        exclude_airlines,
        flight_number,
        max_stops: max_stops
            .and_then(|stops| u8::try_from(stops).ok())
            .unwrap_or(MOST_STOPS),
        max_duration: number(wrong, "max_duration", input.max_duration, 1..=100_000),
        departure_window,
        arrival_window,
        min_price: price(wrong, "min_price", &input.min_price),
        max_price: price(wrong, "max_price", &input.max_price),
        min_layover: number(wrong, "min_layover", input.min_layover, 0..=1440),
        max_layover: number(wrong, "max_layover", input.max_layover, 0..=1440),
        via,
        avoid,
    };
    contradictions(wrong, &filters);
    filters
}

fn contradictions(wrong: &mut Violations, filters: &Filters) {
    let exceeds = |least: Option<i64>, most: Option<i64>| {
        least.zip(most).is_some_and(|(least, most)| least > most)
    };
    if exceeds(filters.min_price, filters.max_price) {
        wrong.add("max_price", "contradicts", "less than min_price");
    }
    if exceeds(filters.min_layover, filters.max_layover) {
        wrong.add("max_layover", "contradicts", "less than min_layover");
    }
    if filters.max_stops == 0 {
        let message = "with max_stops 0 there is no connection";
        if filters.min_layover.is_some() {
            wrong.add("min_layover", "contradicts", message);
        }
        if !filters.via.is_empty() {
            wrong.add("via", "contradicts", message);
        }
    }
}

fn number(
    wrong: &mut Violations,
    field: &'static str,
    value: Option<i64>,
    range: std::ops::RangeInclusive<i64>,
) -> Option<i64> {
    let value = value?;
    if !range.contains(&value) {
        let message = format!("from {} to {}", range.start(), range.end());
        wrong.add(field, "out_of_range", message);
    }
    Some(value)
}

/// A window of local time; a wrong one is noted.
pub(super) fn window(wrong: &mut Violations, field: &str, raw: Option<&str>) -> Option<Window> {
    let window = Window::parse(raw?);
    if window.is_none() {
        let message = "such as 05:00-11:00 (the first minute inside, the first outside), or early, morning, afternoon, evening, night";
        wrong.add(field, "window", message);
    }
    window
}

type Airlines = (Vec<String>, Vec<String>, Option<(Option<String>, String)>);

fn airlines(wrong: &mut Violations, reference: &Reference, input: &Search) -> Airlines {
    let mut lists = [&input.airlines, &input.exclude_airlines].map(|list| codes(list));
    let flight_number = match input.flight_number.as_deref() {
        None => None,
        Some(raw) => {
            let number = words::flight_number(raw);
            if number.is_none() {
                wrong.add("flight_number", "flight_number", "such as AI101 or 101");
            }
            number
        }
    };
    let named: Option<&String> = flight_number
        .as_ref()
        .and_then(|(airline, _)| airline.as_ref());
    let fields = ["airlines", "exclude_airlines"].into_iter().zip(&lists);
    for (field, list) in fields.chain([("flight_number", &named.cloned().into_iter().collect())]) {
        if let Some(unknown) = list
            .iter()
            .find(|code| reference.airline(code.as_str()).is_none())
        {
            let message = format!("there is no airline {unknown:?}");
            wrong.add(field, "unknown", message);
        }
    }
    let [only, never] = &mut lists;
    if only.iter().any(|airline| never.contains(airline)) {
        let message = "an airline is asked for and excluded";
        wrong.add("exclude_airlines", "contradicts", message);
    }
    if let Some(airline) = named
        && (never.contains(airline) || !only.is_empty() && !only.contains(airline))
    {
        let message = "its airline is excluded or not among airlines";
        wrong.add("flight_number", "contradicts", message);
    }
    (std::mem::take(only), std::mem::take(never), flight_number)
}

fn connections(
    wrong: &mut Violations,
    reference: &Reference,
    input: &Search,
) -> (Vec<String>, Vec<String>) {
    let lists = [("via", &input.via), ("avoid", &input.avoid)];
    let [via, avoid] = lists.map(|(field, list)| {
        let mut airports = Vec::new();
        for code in codes(list) {
            let found = reference.airports_of(&code, false);
            if found.is_empty() {
                let message = format!("{code:?} is no IATA airport or metro code");
                wrong.add(field, "unknown_airport", message);
            }
            airports.extend(found);
        }
        airports.sort();
        airports.dedup();
        airports
    });
    let named_twice = codes(&input.via)
        .iter()
        .any(|code| codes(&input.avoid).contains(code));
    if named_twice || !via.is_empty() && via.iter().all(|airport| avoid.contains(airport)) {
        let message = "a connection is asked for and to be avoided";
        wrong.add("avoid", "contradicts", message);
    }
    let ends = ends(reference, input);
    if !via.is_empty()
        && via
            .iter()
            .all(|airport| reference.share_an_area(std::slice::from_ref(airport), &ends))
    {
        let message = "no connection is made where the journey begins or ends";
        wrong.add("via", "contradicts", message);
    }
    (via, avoid)
}

/// Every airport that the journey may begin or end at.
fn ends(reference: &Reference, input: &Search) -> Vec<String> {
    let kinds = [
        (&input.origin, &input.origin_type),
        (&input.destination, &input.destination_type),
    ];
    let airports = kinds.into_iter().flat_map(|(code, kind)| {
        reference.airports_of(&folded(code), kind.as_deref() == Some("airport"))
    });
    airports.collect()
}

// In capitals, sorted, each once.
fn codes(list: &[String]) -> Vec<String> {
    let mut codes: Vec<String> = list.iter().map(|code| folded(code)).collect();
    codes.sort();
    codes.dedup();
    codes
}
