//! Who may fly, and as what.

use proptest::prelude::*;

use super::*;
use crate::Error;

fn day(raw: &str) -> NaiveDate {
    raw.parse().unwrap()
}

fn passenger(born: &str) -> NewPassenger {
    NewPassenger {
        title: "ms".into(),
        first_name: Some("Zoë".into()),
        last_name: "O'Brien-Nguyễn".into(),
        gender: "female".into(),
        date_of_birth: born.into(),
        ..NewPassenger::default()
    }
}

fn checked(input: &[NewPassenger], party: (u16, u16, u16)) -> Result<Vec<Passenger>> {
    let party = Party {
        adults: party.0,
        children: party.1,
        infants: party.2,
    };
    check(input, day("2026-11-20"), day("2026-12-20"), party)
}

fn codes(result: Result<Vec<Passenger>>) -> Vec<(String, &'static str)> {
    match result {
        Err(Error::Invalid(fields)) => fields
            .into_iter()
            .map(|field| (field.field, field.code))
            .collect(),
        other => panic!("expected wrong fields, got {other:?}"),
    }
}

#[test]
fn types_change_on_the_second_and_twelfth_birthday() {
    let types = |born: &str| {
        let kinds = kinds(&[passenger(born)], day("2026-11-20"), day("2026-12-20"));
        kinds[0].unwrap().as_str()
    };
    assert_eq!(types("2014-12-20"), "adult");
    assert_eq!(types("2014-12-21"), "child");
    assert_eq!(types("2024-12-20"), "child");
    assert_eq!(types("2024-12-21"), "infant");
}

#[test]
fn a_party_that_was_not_priced_is_refused() {
    let result = checked(
        &[passenger("1990-01-01"), passenger("2020-01-01")],
        (2, 0, 0),
    );
    assert_eq!(
        codes(result),
        [("passengers".to_owned(), "passenger_type_mismatch")]
    );
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let bad = NewPassenger {
        title: "sir".into(),
        first_name: Some("李".into()),
        gender: String::new(),
        ..passenger("2030-01-01")
    };
    let named = codes(checked(&[bad], (1, 0, 0)));
    let fields: Vec<_> = named
        .iter()
        .map(|(field, code)| (field.trim_start_matches("passengers[0]."), *code))
        .collect();
    assert_eq!(
        fields,
        [
            ("first_name", "name_script"),
            ("title", "unknown"),
            ("gender", "unknown"),
            ("date_of_birth", "in_the_future")
        ]
    );
}

#[test]
fn an_infant_sits_on_the_lap_it_was_given_to() {
    let infant = NewPassenger {
        adult_index: Some(1),
        ..passenger("2026-06-01")
    };
    let party = checked(
        &[passenger("1990-01-01"), passenger("1991-01-01"), infant],
        (2, 0, 1),
    )
    .unwrap();
    assert_eq!(party[2].adult_id, Some(party[1].id));
}

#[test]
fn a_lap_holds_one_infant_and_belongs_to_somebody_of_18() {
    let infant = |adult| NewPassenger {
        adult_index: Some(adult),
        ..passenger("2026-06-01")
    };
    let twice = checked(
        &[
            passenger("1990-01-01"),
            passenger("2010-01-01"),
            infant(0),
            infant(0),
        ],
        (2, 0, 2),
    );
    assert_eq!(
        codes(twice),
        [("passengers[3].adult_index".to_owned(), "lap_taken")]
    );
    let young = checked(
        &[passenger("1990-01-01"), passenger("2010-01-01"), infant(1)],
        (2, 0, 1),
    );
    assert_eq!(
        codes(young),
        [("passengers[2].adult_index".to_owned(), "not_an_adult")]
    );
}

#[test]
fn children_do_not_travel_alone() {
    let result = checked(
        &[passenger("2010-01-01"), passenger("2020-01-01")],
        (1, 1, 0),
    );
    assert_eq!(codes(result), [("passengers".to_owned(), "no_guardian")]);
}

#[test]
fn two_people_of_one_name_stay_two_people() {
    let party = checked(
        &[passenger("1990-01-01"), passenger("1990-01-01")],
        (2, 0, 0),
    )
    .unwrap();
    assert_ne!(party[0].id, party[1].id);
}

proptest! {
    #[test]
    fn no_name_makes_the_reader_panic(raw in "[\\PC\u{c0}-\u{24f}\u{300}-\u{36f}' .-]{0,60}") {
        if let Ok(name) = parse_name(&raw) {
            prop_assert!((1..=40).contains(&name.as_str().chars().count()));
            prop_assert!(!crate::ticket::to_latin_capitals(name.as_str()).is_empty());
            prop_assert_eq!(parse_name(name.as_str()), Ok(name));
        }
    }
}
