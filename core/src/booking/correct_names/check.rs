//! Which corrections may be made, every wrong field at once.

use super::NameCorrection;
use super::load::{Journey, Names, Person};
use super::rule;
use crate::booking::passengers::{self, NewPassenger};
use crate::error::Violations;
use crate::ids::PassengerId;
use crate::{Error, Result};

/// What a traveller who may not do it is told.
const ASK_STAFF: &str = "our staff can do it";

/// A passenger with the names that they get.
#[derive(Clone, Debug)]
pub(super) struct Renamed {
    pub id: PassengerId,
    pub names: Names,
}

/// What can be said of names before anything is asked of the database. [`Error::Invalid`] with every wrong field.
pub fn name_rules(corrections: &[NameCorrection]) -> Result<()> {
    // Names that are wrong beside no others, for those that are not given.
    let unknown = Names {
        title: "mx".to_owned(),
        first_name: Some("X".to_owned()),
        middle_name: None,
        last_name: "X".to_owned(),
    };
    let mut wrong = Violations::new();
    for (index, correction) in corrections.iter().enumerate() {
        read(&mut wrong, corrections, index, correction, &unknown);
    }
    wrong.into_result()
}

/// The names that passengers get. Staff are bound by no number of letters, and correct whoever still flies.
pub(super) fn check(
    people: &[Person],
    corrections: &[NameCorrection],
    most_letters: Option<u32>,
) -> Result<Vec<Renamed>> {
    let mut wrong = Violations::new();
    let mut renamed = Vec::with_capacity(corrections.len());
    for (index, correction) in corrections.iter().enumerate() {
        let Some(person) = people.iter().find(|one| one.id == correction.passenger_id) else {
            let message = "write the `id` of a passenger of this booking";
            wrong.add(path(index, "passenger_id"), "unknown", message);
            continue;
        };
        let names = read(&mut wrong, corrections, index, correction, &person.names);
        let may_be = refuse_closed(&mut wrong, index, person, most_letters.is_some());
        let Some(names) = names else { continue };
        if names == person.names {
            let message = "has these names already: leave this passenger out";
            wrong.add(item(index), "unchanged", message);
        } else if let Some(most) = most_letters.filter(|_| may_be) {
            refuse_another(&mut wrong, index, &person.names, &names, most);
        }
        renamed.push(Renamed {
            id: person.id,
            names,
        });
    }
    wrong.into_result()?;
    Ok(renamed)
}

/// The error of a passenger whom the traveller has corrected before.
pub(super) fn already_corrected() -> Error {
    let mut wrong = Violations::new();
    add_corrected(&mut wrong, 0);
    wrong.into_error()
}

fn item(index: usize) -> String {
    format!("passengers[{index}]")
}

fn path(index: usize, field: &str) -> String {
    format!("passengers[{index}].{field}")
}

/// The names that a correction makes of those before, if all of them can be read.
fn read(
    wrong: &mut Violations,
    corrections: &[NameCorrection],
    index: usize,
    correction: &NameCorrection,
    before: &Names,
) -> Option<Names> {
    let is_duplicate = |other: &NameCorrection| other.passenger_id == correction.passenger_id;
    if corrections.iter().take(index).any(is_duplicate) {
        let message = "name each passenger once";
        wrong.add(path(index, "passenger_id"), "duplicate", message);
    }
    let NameCorrection {
        passenger_id: _,
        title,
        first_name,
        middle_name,
        last_name,
    } = correction;
    let given = [title, first_name, middle_name, last_name];
    if given.into_iter().all(Option::is_none) {
        let message = "needs a `title`, `first_name`, `middle_name` or `last_name` to correct";
        wrong.add(item(index), "nothing_to_correct", message);
        return None;
    }
    let or_before = |given: Option<&str>, before: Option<&str>| match given {
        Some("") => None,
        Some(given) => Some(given.to_owned()),
        None => before.map(str::to_owned),
    };
    let form = NewPassenger {
        title: title.as_ref().unwrap_or(&before.title).clone(),
        first_name: or_before(first_name.as_deref(), before.first_name.as_deref()),
        middle_name: or_before(middle_name.as_deref(), before.middle_name.as_deref()),
        last_name: last_name.as_ref().unwrap_or(&before.last_name).clone(),
        ..NewPassenger::default()
    };
    let (title, names) = passengers::named(wrong, |field| path(index, field), &form)?;
    let text = |name: passengers::PassengerName| name.as_str().to_owned();
    Some(Names {
        title,
        first_name: names.first.map(text),
        middle_name: names.middle.map(text),
        last_name: text(names.last?),
    })
}

/// Refuses whoever's names stay what they are. Whether they may be corrected.
fn refuse_closed(
    wrong: &mut Violations,
    index: usize,
    person: &Person,
    is_traveller: bool,
) -> bool {
    let field = path(index, "passenger_id");
    match person.journey {
        Journey::Cancelled => {
            let message = "is cancelled: leave this passenger out";
            wrong.add(field, "already_cancelled", message);
        }
        Journey::Over => {
            let message = "has flown: the names on a ticket that was used stay";
            wrong.add(field, "already_flown", message);
        }
        Journey::Begun if is_traveller => {
            let message = format!("has flown: {ASK_STAFF} for the flights that are left");
            wrong.add(field, "already_flown", message);
        }
        Journey::Ahead if is_traveller && person.is_corrected => add_corrected(wrong, index),
        Journey::Ahead | Journey::Begun => return true,
    }
    false
}

fn add_corrected(wrong: &mut Violations, index: usize) {
    let message = format!("has been corrected before, which travellers can do once: {ASK_STAFF}");
    wrong.add(path(index, "passenger_id"), "already_corrected", message);
}

fn refuse_another(wrong: &mut Violations, index: usize, before: &Names, after: &Names, most: u32) {
    let letters = rule::letters_between(before, after);
    let is_typo = u32::try_from(letters).is_ok_and(|letters| letters <= most);
    if !is_typo && !rule::has_same_words(before, after) {
        let message = format!(
            "may get a name that differs in at most {most} letters, or in the order of the names, and this differs in {letters}: {ASK_STAFF}"
        );
        wrong.add(item(index), "too_many_letters", message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FieldError;

    fn names(first: &str, last: &str) -> Names {
        Names {
            title: "ms".to_owned(),
            first_name: Some(first.to_owned()),
            middle_name: None,
            last_name: last.to_owned(),
        }
    }

    fn person() -> Person {
        Person {
            id: PassengerId::new(),
            names: names("Asha", "Verma"),
            is_corrected: false,
            journey: Journey::Ahead,
        }
    }

    fn correction(person: &Person, first: Option<&str>, last: Option<&str>) -> NameCorrection {
        NameCorrection {
            passenger_id: person.id,
            title: None,
            first_name: first.map(str::to_owned),
            middle_name: None,
            last_name: last.map(str::to_owned),
        }
    }

    fn codes(checked: Result<Vec<Renamed>>) -> Vec<String> {
        let fields = match checked {
            Ok(_) => Vec::new(),
            Err(error) => error.into_fields().unwrap(),
        };
        let code = |error: &FieldError| format!("{}: {}", error.field, error.code);
        fields.iter().map(code).collect()
    }

    #[test]
    fn what_is_not_given_stays_and_an_empty_name_is_taken_away() {
        let mut person = person();
        person.names.middle_name = Some("Rani".to_owned());
        let mut wish = correction(&person, None, Some("Varma"));
        wish.middle_name = Some(String::new());
        let renamed = check(&[person], &[wish], None).unwrap();
        assert_eq!(renamed[0].names, names("Asha", "Varma"));
    }

    #[test]
    fn staff_may_do_what_a_traveller_may_not() {
        let [free, mut used, mut gone, mut flown, mut landed] = [(); 5].map(|()| person());
        used.is_corrected = true;
        gone.journey = Journey::Cancelled;
        flown.journey = Journey::Begun;
        landed.journey = Journey::Over;
        let people = [free, used, gone, flown, landed];
        let wishes: Vec<_> = people
            .iter()
            .map(|one| correction(one, Some("Ravi"), None))
            .collect();
        assert_eq!(
            codes(check(&people, &wishes, Some(3))),
            [
                "passengers[0]: too_many_letters",
                "passengers[1].passenger_id: already_corrected",
                "passengers[2].passenger_id: already_cancelled",
                "passengers[3].passenger_id: already_flown",
                "passengers[4].passenger_id: already_flown",
            ]
        );
        assert_eq!(
            codes(check(&people, &wishes, None)),
            [
                "passengers[2].passenger_id: already_cancelled",
                "passengers[4].passenger_id: already_flown",
            ]
        );
    }

    #[test]
    fn every_wrong_field_is_named_with_and_without_the_booking() {
        let [one, other] = [(); 2].map(|()| person());
        let mut first = correction(&one, Some("Аша"), Some(""));
        first.title = Some("sir".to_owned());
        let mut second = correction(&other, Some(""), None);
        second.middle_name = Some("Rani".to_owned());
        let nothing = correction(&other, None, None);
        let wishes = [first, second, nothing];
        let expected = [
            "passengers[0].first_name: name_script",
            "passengers[0].last_name: length",
            "passengers[0].title: unknown",
            "passengers[1].middle_name: without_first_name",
            "passengers[2].passenger_id: duplicate",
            "passengers[2]: nothing_to_correct",
        ];
        assert_eq!(codes(check(&[one, other], &wishes, Some(3))), expected);
        let alone = name_rules(&wishes).map(|()| Vec::new());
        assert_eq!(codes(alone), expected);
    }

    #[test]
    fn the_same_name_again_is_no_correction() {
        let person = person();
        let wish = correction(&person, Some(" Asha "), Some("Verma"));
        assert_eq!(
            codes(check(&[person], &[wish], Some(3))),
            ["passengers[0]: unchanged"]
        );
    }
}
