//! Whether a party may be split: on neither side a child or infant flies without an adult.

use std::collections::HashSet;

use crate::booking::cancel::{Trip, check_party};
use crate::error::Violations;
use crate::ids::PassengerId;

/// Adds to `wrong`, by name, whoever could not fly with those who go or with those who stay (rules.md "Passengers").
pub(in crate::booking) fn check(wrong: &mut Violations, trip: &Trip, named: &HashSet<PassengerId>) {
    for direction in trip.live() {
        let way = direction.direction.as_str();
        for goes in [true, false] {
            let party: Vec<_> = (trip.passengers.iter())
                .filter(|one| trip.flies(one.id, direction) && named.contains(&one.id) == goes)
                .collect();
            check_party(
                wrong,
                trip,
                direction,
                &party,
                |infant, adult| {
                    format!(
                        "{infant} sits on the lap of {adult} on the {way} direction: name both or neither"
                    )
                },
                |child| {
                    let whose = if goes {
                        "those who change"
                    } else {
                        "those who stay"
                    };
                    format!(
                        "{child} would fly the {way} direction with {whose}, and without a passenger of 18 or more"
                    )
                },
            );
        }
    }
}
