use proptest::prelude::*;

use super::*;
use crate::booking::SeatPreference;

/// Rows of six with one aisle; those listed are taken, the rows listed are exits.
fn cabin(rows: i16, taken: &[&str], exits: &[i16]) -> Vec<Place> {
    let taken: Vec<Seat> = taken.iter().filter_map(|raw| Seat::parse(raw)).collect();
    (1..=rows)
        .flat_map(|row| "ABCDEF".chars().map(move |letter| Seat { row, letter }))
        .filter(|seat| !taken.contains(seat))
        .map(|seat| Place {
            seat,
            position: match seat.letter {
                'A' | 'F' => SeatPreference::Window,
                'B' | 'E' => SeatPreference::Middle,
                _ => SeatPreference::Aisle,
            },
            exit_row: exits.contains(&seat.row),
        })
        .collect()
}

fn adult() -> Sitter {
    Sitter {
        passenger_id: PassengerId::new(),
        is_child: false,
        may_sit_at_exit: true,
        preference: None,
        has: None,
    }
}

fn child() -> Sitter {
    Sitter {
        is_child: true,
        may_sit_at_exit: false,
        ..adult()
    }
}

fn likes(preference: SeatPreference) -> Sitter {
    Sitter {
        preference: Some(preference),
        ..adult()
    }
}

fn shown(seated: &[(PassengerId, Seat, Reason)]) -> Vec<String> {
    seated
        .iter()
        .map(|(_, seat, reason)| format!("{seat} {}", reason.as_str()))
        .collect()
}

#[test]
fn a_party_sits_side_by_side_where_a_row_has_room() {
    let free = cabin(3, &["1B", "1E", "2A"], &[]);
    let seated = allocate(&free, &[adult(), adult(), adult()]);
    assert_eq!(
        shown(&seated),
        ["2D together", "2E together", "2F together"]
    );
}

#[test]
fn a_preference_is_met_where_a_seat_is_free_and_else_the_foremost_is_assigned() {
    let free = cabin(2, &["1A", "1C", "1D", "1F", "2C", "2D"], &[]);
    let like = |wish| shown(&allocate(&free, &[likes(wish)]));
    assert_eq!(like(SeatPreference::Window), ["2A preference"]);
    assert_eq!(like(SeatPreference::Aisle), ["1B assigned"]);
}

#[test]
fn a_child_sits_beside_an_adult_and_wishes_are_met_within_that() {
    let free = cabin(1, &["1D", "1E", "1F"], &[]);
    let party = [likes(SeatPreference::Aisle), adult(), child()];
    assert_eq!(
        shown(&allocate(&free, &party)),
        ["1C preference", "1B together", "1A together"]
    );
}

#[test]
fn two_children_sit_on_both_sides_of_the_one_adult() {
    let free = cabin(4, &[], &[]);
    let party = [child(), adult(), child()];
    let seated = allocate(&free, &party);
    assert!(beside(seated[0].1, seated[1].1) && beside(seated[2].1, seated[1].1));
}

#[test]
fn those_without_a_seat_join_the_one_who_named_theirs() {
    let free = cabin(30, &["20D"], &[]);
    let party = [
        Sitter {
            has: Seat::parse("20D"),
            ..adult()
        },
        adult(),
        adult(),
    ];
    assert_eq!(
        shown(&allocate(&free, &party)),
        ["20E together", "20F together"]
    );
}

#[test]
fn exit_rows_are_given_last_and_never_to_those_who_are_barred() {
    let full = ["2A", "2B", "2C", "2D", "2E"];
    let free = cabin(2, &full, &[1]);
    let party = [adult(), child()];
    let seated = allocate(&free, &party);
    assert_eq!(seated[1].1.to_string(), "2F");
    assert_eq!(seated[0].1.row, 1);
    assert_eq!(allocate(&cabin(1, &[], &[1]), &[child()]), []);
    assert_eq!(
        shown(&allocate(&cabin(2, &[], &[1]), &[adult()])),
        ["2A assigned"]
    );
}

#[test]
fn where_none_adjoin_they_get_the_nearest_and_are_told() {
    let mut free = cabin(9, &[], &[]);
    free.retain(|place| ["1A", "9F"].contains(&place.seat.to_string().as_str()));
    let seated = allocate(&free, &[adult(), adult()]);
    assert_eq!(shown(&seated), ["1A separated", "9F separated"]);
}

#[test]
fn a_party_of_ten_fills_neighbouring_rows() {
    let free = cabin(30, &[], &[]);
    let party: Vec<_> = (0..10).map(|_| adult()).collect();
    let seated = allocate(&free, &party);
    let rows: Vec<i16> = seated.iter().map(|(_, seat, _)| seat.row).collect();
    assert_eq!((rows.iter().min(), rows.iter().max()), (Some(&1), Some(&2)));
    assert!(
        seated
            .iter()
            .all(|(.., reason)| *reason == Reason::Together)
    );
}

proptest! {
    #[test]
    fn everybody_who_fits_sits_once_on_a_free_seat_that_they_may_have(
        taken in proptest::collection::hash_set((1_i16..=6, 0_u8..6), 0..34),
        kinds in proptest::collection::vec((any::<bool>(), 0_u8..4), 1..10),
    ) {
        let mut free = cabin(6, &[], &[3]);
        free.retain(|p| !taken.contains(&(p.seat.row, p.seat.letter as u8 - b'A')));
        let party: Vec<Sitter> = kinds.into_iter().map(|(is_child, wish)| {
            let preference = [None, Some(SeatPreference::Window), Some(SeatPreference::Middle), Some(SeatPreference::Aisle)][usize::from(wish)];
            Sitter { preference, ..if is_child { child() } else { adult() } }
        }).collect();
        let seated = allocate(&free, &party);
        let mut seats: Vec<Seat> = seated.iter().map(|(_, seat, _)| *seat).collect();
        seats.sort_unstable();
        seats.dedup();
        prop_assert_eq!(seats.len(), seated.len());
        for (id, seat, _) in &seated {
            let place = free.iter().find(|place| place.seat == *seat).expect("a free seat");
            let sitter = party.iter().find(|sitter| sitter.passenger_id == *id).expect("of the party");
            prop_assert!(sitter.may_sit_at_exit || !place.exit_row);
        }
        let barred = party.iter().filter(|sitter| !sitter.may_sit_at_exit).count();
        let ordinary = free.iter().filter(|place| !place.exit_row).count();
        if barred <= ordinary && party.len() <= free.len() {
            prop_assert_eq!(seated.len(), party.len());
        }
    }
}
