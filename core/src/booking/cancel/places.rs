//! Which passengers are cancelled in which directions, and whether those who stay may fly.

use super::load::{Trip, TripDirection, TripPassenger};
use super::model::{CancellationScope, QuoteRequest};
use super::rule;
use crate::booking::passengers::age_on;
use crate::error::Violations;
use crate::ids::PassengerId;
use crate::trade::{Direction, PassengerType};
use crate::{Error, Result};

/// Somebody who is cancelled in a direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub passenger: &'a TripPassenger,
    pub direction: &'a TripDirection,
}

/// The scope and the places that a request asks for, the departing direction first.
///
/// Errors: [`Error::Invalid`] with every wrong field; [`Error::TooLate`] when a direction of the scope leaves too soon or has left.
pub(super) fn find<'a>(
    trip: &'a Trip,
    request: &QuoteRequest,
) -> Result<(CancellationScope, Vec<Place<'a>>)> {
    let mut wrong = Violations::new();
    let scope = scope(&mut wrong, trip, request.scope);
    let people = people(&mut wrong, trip, request.passengers.as_deref());
    let (Some(scope), Some(people)) = (scope, people) else {
        wrong.into_result()?;
        return Err(Error::Internal(
            "a scope is neither right nor wrong".to_owned(),
        ));
    };
    let directions: Vec<_> = trip.live().filter(|one| scope.has(one.direction)).collect();
    let mut places = Vec::new();
    for direction in &directions {
        let own = people
            .iter()
            .filter(|(_, one)| trip.flies(one.id, direction));
        places.extend(own.map(|(_, passenger)| Place {
            passenger,
            direction,
        }));
    }
    // Who was not named may fly in the other direction only.
    let named = people.iter().filter(|_| request.passengers.is_some());
    for (index, passenger) in named {
        if !places
            .iter()
            .any(|place| place.passenger.id == passenger.id)
        {
            let message = format!(
                "{} is cancelled already: leave this passenger out",
                passenger.name
            );
            wrong.add(format!("passengers[{index}]"), "already_cancelled", message);
        }
    }
    for direction in &directions {
        check_left(&mut wrong, trip, direction, &places);
    }
    wrong.into_result()?;
    for direction in directions {
        let mut own = places
            .iter()
            .filter(|place| place.direction.id == direction.id);
        // Who was not aboard gets taxes back after the flight has left.
        let are_no_shows = own.all(|place| trip.was_no_show(place.passenger.id, direction));
        let is_too_late = rule::is_too_late(&direction.conditions, &trip.facts(direction));
        // What the airline does not fly as it was booked can be given back at any time.
        let is_disrupted = trip.disrupted.contains_key(&direction.id);
        if is_too_late && !are_no_shows && !is_disrupted {
            let hours = i64::from(direction.conditions.rules.too_late_hours);
            return Err(Error::TooLate {
                action: match scope {
                    CancellationScope::Both => "cancel both directions",
                    CancellationScope::Departing => "cancel the departing direction",
                    CancellationScope::Returning => "cancel the returning direction",
                },
                ended_at: direction.departs_at - chrono::TimeDelta::hours(hours),
            });
        }
    }
    Ok((scope, places))
}

fn scope(
    wrong: &mut Violations,
    trip: &Trip,
    asked: Option<CancellationScope>,
) -> Option<CancellationScope> {
    let only = |direction| match direction {
        Direction::Departing => CancellationScope::Departing,
        Direction::Returning => CancellationScope::Returning,
    };
    let live: Vec<_> = trip.live().map(|one| one.direction).collect();
    match asked {
        None => {
            if let [direction] = live[..] {
                return Some(only(direction));
            }
            wrong.add(
                "scope",
                "required",
                "say which direction of the round trip: `departing`, `returning` or `both`",
            );
            None
        }
        Some(scope) => {
            let named: Vec<_> = match scope {
                CancellationScope::Both => vec![0, 1],
                CancellationScope::Departing => vec![0],
                CancellationScope::Returning => vec![1],
            };
            for ordinal in named {
                let direction = Direction::from_ordinal(ordinal);
                let known = trip
                    .directions
                    .iter()
                    .find(|one| one.direction == direction);
                match known {
                    None => {
                        let message =
                            format!("the booking has no {} direction", direction.as_str());
                        wrong.add("scope", "not_booked", message);
                        return None;
                    }
                    Some(one) if !one.is_booked => {
                        let message =
                            format!("the {} direction is cancelled already", direction.as_str());
                        wrong.add("scope", "already_cancelled", message);
                        return None;
                    }
                    Some(_) => {}
                }
            }
            Some(scope)
        }
    }
}

/// The passengers with their index in the request.
fn people<'a>(
    wrong: &mut Violations,
    trip: &'a Trip,
    asked: Option<&[PassengerId]>,
) -> Option<Vec<(usize, &'a TripPassenger)>> {
    let Some(asked) = asked else {
        let flying = trip
            .passengers
            .iter()
            .filter(|one| trip.live().any(|direction| trip.flies(one.id, direction)));
        return Some(flying.enumerate().collect());
    };
    let mut people = Vec::new();
    let mut is_good = true;
    for (index, id) in asked.iter().enumerate() {
        let field = format!("passengers[{index}]");
        match trip.passenger(*id) {
            None => {
                let message = "write the `id` of a passenger of this booking";
                wrong.add(field, "unknown", message);
                is_good = false;
            }
            Some(_) if asked[..index].contains(id) => {
                wrong.add(field, "duplicate", "name each passenger once");
                is_good = false;
            }
            Some(passenger) => people.push((index, passenger)),
        }
    }
    is_good.then_some(people)
}

/// Nobody under 12 is left without a passenger of 18 or more, and a lap infant goes with its adult (rules.md
/// "Passengers").
fn check_left(
    wrong: &mut Violations,
    trip: &Trip,
    direction: &TripDirection,
    places: &[Place<'_>],
) {
    let goes = |id: PassengerId| {
        let mut of_direction = places
            .iter()
            .filter(|place| place.direction.id == direction.id);
        of_direction.any(|place| place.passenger.id == id)
    };
    let flying = trip
        .passengers
        .iter()
        .filter(|one| trip.flies(one.id, direction));
    let left: Vec<_> = flying.filter(|one| !goes(one.id)).collect();
    let way = direction.direction.as_str();
    check_party(
        wrong,
        trip,
        direction,
        &left,
        |infant, adult| {
            format!("{infant} sits on the lap of {adult}: cancel both on the {way} direction")
        },
        |child| {
            format!(
                "{child} would fly the {way} direction without a passenger of 18 or more: cancel this child too"
            )
        },
    );
}

/// Whether those who would fly a direction together may: who could not is added to `wrong` by name, in the words of the
/// caller, which are given an infant and its adult, or a child.
pub(in crate::booking) fn check_party(
    wrong: &mut Violations,
    trip: &Trip,
    direction: &TripDirection,
    party: &[&TripPassenger],
    infant_alone: impl Fn(&str, &str) -> String,
    child_alone: impl Fn(&str) -> String,
) {
    let flies = |id: PassengerId| party.iter().any(|one| one.id == id);
    for infant in party.iter().filter(|one| one.kind == PassengerType::Infant) {
        let adult = infant.adult_id.filter(|adult| !flies(*adult));
        if let Some(adult) = adult.and_then(|adult| trip.passenger(adult)) {
            let message = infant_alone(&infant.name, &adult.name);
            wrong.add("passengers", "infant_without_adult", message);
        }
    }
    let is_grown =
        |one: &&&TripPassenger| age_on(one.date_of_birth, direction.last_departure_date) >= 18;
    let has_guardian = party.iter().any(|one| is_grown(&one));
    let child = party.iter().find(|one| one.kind == PassengerType::Child);
    if let Some(child) = child.filter(|_| !has_guardian) {
        wrong.add(
            "passengers",
            "child_without_adult",
            child_alone(&child.name),
        );
    }
}
