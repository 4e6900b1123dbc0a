//! The dates of a search. A date is an airport's: what two dates of two airports mean is compared as instants.
//!
//! **Two dates of two airports are compared as instants.** A return may be dated the day before the departure (over
//! the date line); it is refused when no airliner could have landed by the end of that day at the destination.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};

use super::input::Search;
use crate::clock::{Clock, parse_date};
use crate::error::Violations;
use crate::reference::{Airport, Reference};
use crate::zone;

/// No airliner covers ground faster, whatever the wind.
const FASTEST_KM_AN_HOUR: f64 = 1_200.0;

/// The local date of departure at the origin and that of the way back at the destination; wrong ones are noted.
pub(super) fn check(
    wrong: &mut Violations,
    clock: &Clock,
    reference: &Reference,
    input: &Search,
    (origins, destinations): (&[String], &[String]),
) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let fields = [
        (
            "departure_date",
            Some(input.departure_date.as_str()),
            origins,
        ),
        ("return_date", input.return_date.as_deref(), destinations),
    ];
    let [leaves, returns] = fields.map(|(field, raw, airports)| {
        let date = parse_date(raw?);
        match date {
            None => wrong.add(field, "date", "an ISO 8601 date, such as 2026-12-20"),
            Some(date) if has_passed(clock, reference, date, airports) => {
                wrong.add(field, "in_the_past", "the date has passed");
            }
            Some(_) => {}
        }
        date
    });
    if let (Some(leaves), Some(returns)) = (leaves, returns) {
        let pairs = origins.iter().flat_map(|from| {
            destinations
                .iter()
                .map(move |to| (from.as_str(), to.as_str()))
        });
        let mut possible = pairs
            .filter_map(|pair| can_return(reference, pair, leaves, returns))
            .peekable();
        let is_refused = match possible.peek() {
            // Unknown airports are refused as such; two dates say little without them.
            None => returns + Duration::days(1) < leaves,
            Some(_) => !possible.any(|can| can),
        };
        if is_refused {
            let message = "the return is before the departure";
            wrong.add("return_date", "before_departure", message);
        }
    }
    (leaves, returns)
}

/// Whether it is past a date at all of the airports; without any, everywhere on Earth.
fn has_passed(clock: &Clock, reference: &Reference, date: NaiveDate, airports: &[String]) -> bool {
    let now = clock.now();
    let mut known = airports
        .iter()
        .filter_map(|iata| reference.airport(iata))
        .peekable();
    if known.peek().is_none() {
        return date < (now - Duration::hours(12)).date_naive();
    }
    known.all(|airport| date < zone::local(now, airport.time_zone).date_naive())
}

/// Whether one can land at the destination on a flight of one date and leave it again on another; `None` when
/// an airport is unknown. Over the date line the local date of the return may be the earlier one.
fn can_return(
    reference: &Reference,
    (from, to): (&str, &str),
    leaves: NaiveDate,
    returns: NaiveDate,
) -> Option<bool> {
    let (origin, destination) = (reference.airport(from)?, reference.airport(to)?);
    let hours = reference.distance_km(from, to)? / FASTEST_KM_AN_HOUR;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "no place is further than 20,100 km"
    )]
    let flown = Duration::seconds((hours * 3600.0) as i64);
    let landed = midnight(origin, leaves) + flown;
    Some(landed < midnight(destination, returns.succ_opt()?))
}

fn midnight(airport: &Airport, date: NaiveDate) -> DateTime<Utc> {
    zone::materialise(date.and_time(NaiveTime::MIN), airport.time_zone)
}
