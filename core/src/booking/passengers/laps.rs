//! Whose lap an infant sits on (rules.md "Passengers").

use super::{NewPassenger, type_of};
use crate::error::Violations;
use crate::trade::PassengerType;

/// The infant on each passenger's lap: where it was asked for, else on the first that is free. Laps are those of
/// passengers of 18 or more on the last flight, and hold one infant.
pub(super) fn assign(
    wrong: &mut Violations,
    ages: &[i32],
    input: &[NewPassenger],
) -> Vec<Option<usize>> {
    let is_grown = |index: usize| ages.get(index).is_some_and(|age| *age >= 18);
    let is_a = |kind, index: &usize| type_of(ages[*index]) == kind;
    let everybody = 0..ages.len();
    let has_others = !everybody
        .clone()
        .all(|index| is_a(PassengerType::Adult, &index));
    if has_others && !everybody.clone().any(is_grown) {
        wrong.add(
            "passengers",
            "no_guardian",
            "children and infants travel with a passenger of 18 or more: add one to the booking",
        );
    }
    let mut laps: Vec<Option<usize>> = vec![None; ages.len()];
    for (index, passenger) in input.iter().enumerate() {
        let path = format!("passengers[{index}].adult_index");
        let Some(adult) = passenger
            .adult_index
            .and_then(|adult| usize::try_from(adult).ok())
        else {
            continue;
        };
        if !is_a(PassengerType::Infant, &index) {
            wrong.add(path, "not_an_infant", "leave `adult_index` out: only infants (under 2 on the day of the last flight) sit on a lap");
        } else if !is_grown(adult) {
            wrong.add(
                path,
                "not_an_adult",
                "write the index, from 0, of a passenger who is 18 or older on the day of the last flight",
            );
        } else if laps[adult].is_some() {
            wrong.add(
                path,
                "lap_taken",
                "this passenger already has an infant on the lap: write the index of another adult",
            );
        } else {
            laps[adult] = Some(index);
        }
    }
    let mut infants = everybody
        .clone()
        .filter(|index| is_a(PassengerType::Infant, index));
    for infant in infants
        .by_ref()
        .filter(|infant| input[*infant].adult_index.is_none())
    {
        let mut free = everybody.clone().filter(|adult| laps[*adult].is_none());
        match free.find(|adult| is_grown(*adult)) {
            Some(adult) => laps[adult] = Some(infant),
            None => wrong.add(
                format!("passengers[{infant}]"),
                "no_lap",
                "each infant needs the lap of a passenger of 18 or more, and there are more infants than laps",
            ),
        }
    }
    laps
}
