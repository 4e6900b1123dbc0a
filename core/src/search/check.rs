//! From what a caller wrote to what is searched for: every wrong field is named at once.

use super::input::Search;
use super::model::{DirectionQuery, Filters, Sort, Window};
use super::{check_dates, check_filters};
use crate::clock::Clock;
use crate::config::Sales;
use crate::error::Violations;
use crate::fare::{FareFamily, Tariff};
use crate::reference::Reference;
use crate::trade::{Cabin, Party};
use crate::{Error, Result};

/// A search whose every field is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The departing direction.
    pub departing: DirectionQuery,
    /// The returning direction of a round trip.
    pub returning: Option<DirectionQuery>,
}

/// Reads a search. Errors: [`Error::Invalid`] with every wrong field, those that contradict each other among them.
pub fn check(
    clock: &Clock,
    sales: &Sales,
    tariff: &Tariff,
    reference: &Reference,
    input: &Search,
) -> Result<Checked> {
    let mut wrong = Violations::new();
    let (origins, destinations) = check_route(&mut wrong, reference, input);
    let ends = (origins.as_slice(), destinations.as_slice());
    let (date, return_date) = check_dates::check(&mut wrong, clock, reference, input, ends);
    check_party(&mut wrong, sales, input.party);
    let family = check_family(&mut wrong, tariff, input);
    let filters = check_filters::check(&mut wrong, sales, reference, input);
    let back = check_return_windows(&mut wrong, input);
    let sort = input.sort.as_deref().map_or(Some(Sort::Price), Sort::parse);
    if sort.is_none() {
        let message = "one of price, duration, departure, arrival, best";
        wrong.add("sort", "unknown", message);
    }
    wrong.into_result()?;
    let (Some(date), Some(family), Some(sort)) = (date, family, sort) else {
        return Err(Error::Internal("a wrong search was not refused".to_owned()));
    };
    let departing = DirectionQuery {
        origins,
        destinations,
        date,
        party: input.party,
        cabin: family.cabin,
        family: family.code.clone(),
        other_cabins: other_cabins(tariff, input, family.cabin),
        filters,
        sort,
    };
    let returning = return_date.map(|date| DirectionQuery {
        origins: departing.destinations.clone(),
        destinations: departing.origins.clone(),
        date,
        filters: Filters {
            departure_window: back.0,
            arrival_window: back.1,
            ..departing.filters.clone()
        },
        ..departing.clone()
    });
    Ok(Checked {
        departing,
        returning,
    })
}

fn check_route(
    wrong: &mut Violations,
    reference: &Reference,
    input: &Search,
) -> (Vec<String>, Vec<String>) {
    let ends = [
        ("origin", &input.origin, &input.origin_type),
        ("destination", &input.destination, &input.destination_type),
    ];
    let [origins, destinations] = ends.map(|(field, code, kind)| {
        let airport_only = match kind.as_deref() {
            None | Some("metro") => false,
            Some("airport") => true,
            Some(_) => {
                let message = "airport, or metro (default where both have the code)";
                wrong.add(format!("{field}_type"), "unknown", message);
                false
            }
        };
        let airports = reference.airports_of(&folded(code), airport_only);
        if airports.is_empty() {
            let message = format!("{code:?} is no IATA airport or metro code");
            wrong.add(field, "unknown_airport", message);
        }
        airports
    });
    if reference.share_an_area(&origins, &destinations) {
        let message = "the destination is the origin, or in the same metro area";
        wrong.add("destination", "same_as_origin", message);
    }
    (origins, destinations)
}

/// What rules.md "Passengers" asks of the counts of a search.
fn check_party(wrong: &mut Violations, sales: &Sales, party: Party) {
    if party.adults == 0 {
        wrong.add("adults", "too_few", "at least one adult");
    }
    let seated = u32::from(party.adults) + u32::from(party.children);
    if seated > sales.max_passengers {
        let message = format!("at most {} seated passengers", sales.max_passengers);
        wrong.add("adults", "too_many", message);
    }
    if party.infants > party.adults {
        wrong.add("infants", "too_many", "at most one infant per adult");
    }
}

fn check_family<'a>(
    wrong: &mut Violations,
    tariff: &'a Tariff,
    input: &Search,
) -> Option<&'a FareFamily> {
    let name = input.cabin.as_deref();
    let Some(cabin) = name.map_or(Some(Cabin::Economy), Cabin::parse) else {
        let message = "one of economy, premium_economy, business, first";
        wrong.add("cabin", "unknown", message);
        return None;
    };
    let refundable = input.refundable.unwrap_or(false);
    let checked_bag = input.checked_bag.unwrap_or(false);
    let Some(code) = input.fare_family.as_deref() else {
        let family = tariff.family_with(cabin, refundable, checked_bag);
        if family.is_none() {
            let field = if refundable {
                "refundable"
            } else if checked_bag {
                "checked_bag"
            } else {
                "cabin"
            };
            wrong.add(field, "unknown", "no fare family of this cabin is so");
        }
        return family;
    };
    let family = tariff.family(&code.to_ascii_lowercase(), cabin);
    let Some(family) = family else {
        let message = format!("there is no fare family {code:?} in this cabin");
        wrong.add("fare_family", "unknown", message);
        return None;
    };
    if refundable && !family.conditions.is_refundable() {
        let message = format!("the fare family {code:?} gives nothing of the base fare back");
        wrong.add("refundable", "contradicts", message);
    }
    if checked_bag && family.conditions.checked_pieces == 0 {
        let message = format!("the fare family {code:?} includes no checked baggage");
        wrong.add("checked_bag", "contradicts", message);
    }
    Some(family)
}

/// Every other cabin that the same question could be asked for, with the family that it would get.
fn other_cabins(tariff: &Tariff, input: &Search, asked: Cabin) -> Vec<(Cabin, String)> {
    let refundable = input.refundable.unwrap_or(false);
    let checked_bag = input.checked_bag.unwrap_or(false);
    let family = |cabin: Cabin| match input.fare_family.as_deref() {
        None => tariff.family_with(cabin, refundable, checked_bag),
        Some(code) => tariff
            .family(&code.to_ascii_lowercase(), cabin)
            .filter(|family| {
                (!refundable || family.conditions.is_refundable())
                    && (!checked_bag || family.conditions.checked_pieces > 0)
            }),
    };
    let others = Cabin::ALL.into_iter().filter(|cabin| *cabin != asked);
    others
        .filter_map(|cabin| Some((cabin, family(cabin)?.code.clone())))
        .collect()
}

fn check_return_windows(
    wrong: &mut Violations,
    input: &Search,
) -> (Option<Window>, Option<Window>) {
    let windows = [
        ("return_departure_window", &input.return_departure_window),
        ("return_arrival_window", &input.return_arrival_window),
    ];
    let [leaves, lands] = windows.map(|(field, raw)| {
        if raw.is_some() && input.return_date.is_none() {
            wrong.add(field, "contradicts", "there is no return_date");
        }
        check_filters::window(wrong, field, raw.as_deref())
    });
    (leaves, lands)
}

/// A code in capitals.
pub(super) fn folded(code: &str) -> String {
    code.trim().to_ascii_uppercase()
}
