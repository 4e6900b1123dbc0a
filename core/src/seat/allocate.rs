//! Who sits where: a pure function of the free seats and the party (rules.md "Seats").
//!
//! Every free seat is tried as the corner of the party with the seats nearest to it. The best of these groups wins: in
//! as few pieces and rows as can be, around those who have a seat already. Within the group people change places
//! until children sit beside adults and as many wishes as possible are met.

use std::cmp::Reverse;

use super::model::{Place, Reason, Sitter};
use crate::ids::PassengerId;
use crate::inventory::Seat;

/// Groups that are looked at closely, the most compact first.
const CLOSER_LOOK: usize = 24;

/// A seat for everybody of the party who has none, with the reason.
///
/// Exit rows go to those who may sit there, and only when nothing else is left. Who finds no seat at all is left out.
/// The same input gives the same seats.
pub fn allocate(free: &[Place], party: &[Sitter]) -> Vec<(PassengerId, Seat, Reason)> {
    let unseated: Vec<&Sitter> = party.iter().filter(|sitter| sitter.has.is_none()).collect();
    let anchors: Vec<Seat> = party.iter().filter_map(|sitter| sitter.has).collect();
    let ordinary: Vec<Place> = free.iter().copied().filter(|p| !p.exit_row).collect();
    let found = [ordinary.as_slice(), free]
        .into_iter()
        .find_map(|places| seat_all(places, &unseated, &anchors, party));
    let Some(places) = found else {
        return seat_some(free, &unseated, party);
    };
    reasons(&unseated, &places, party)
}

/// The best seats for all of them, in their order; `None` when they do not all fit.
fn seat_all(
    places: &[Place],
    unseated: &[&Sitter],
    anchors: &[Seat],
    party: &[Sitter],
) -> Option<Vec<Place>> {
    if unseated.is_empty() || places.len() < unseated.len() {
        return unseated.is_empty().then(Vec::new);
    }
    if let ([alone], []) = (unseated, anchors) {
        return alone_in(places, alone).map(|place| vec![place]);
    }
    let mut groups: Vec<_> = places
        .iter()
        .filter_map(|corner| group(places, *corner, unseated))
        .map(|group| (compactness(&group, anchors), group))
        .collect();
    groups.sort_by(|a, b| a.0.cmp(&b.0));
    groups.dedup_by(|a, b| a.1 == b.1);
    groups
        .into_iter()
        .take(CLOSER_LOOK)
        .filter_map(|(compactness, group)| {
            let (unrest, seated) = settle(group, unseated, party)?;
            Some(((unrest.0, compactness, unrest.1), seated))
        })
        .min_by(|a, b| a.0.cmp(&b.0))
        .map(|(_, seated)| seated)
}

/// When not even the exit rows make room for all: those who are barred from them first, the others after.
fn seat_some(
    free: &[Place],
    unseated: &[&Sitter],
    party: &[Sitter],
) -> Vec<(PassengerId, Seat, Reason)> {
    let mut left = free.to_vec();
    let mut order: Vec<&Sitter> = unseated.to_vec();
    order.sort_by_key(|sitter| sitter.may_sit_at_exit);
    let mut seated = Vec::new();
    for sitter in order {
        if let Some(place) = alone_in(&left, sitter) {
            left.retain(|other| other.seat != place.seat);
            seated.push((sitter, place));
        }
    }
    let (sitters, places): (Vec<_>, Vec<_>) = seated.into_iter().unzip();
    reasons(&sitters, &places, party)
}

/// The foremost seat that is as they like it, else the foremost; an exit row last.
fn alone_in(places: &[Place], sitter: &Sitter) -> Option<Place> {
    let unlike = |place: &Place| sitter.preference.is_some_and(|wish| wish != place.position);
    places
        .iter()
        .filter(|place| sitter.may_sit_at_exit || !place.exit_row)
        .min_by_key(|place| (place.exit_row, unlike(place), place.seat))
        .copied()
}

/// The seats nearest to a corner, one for each; enough of them outside exit rows for those who are barred.
fn group(places: &[Place], corner: Place, unseated: &[&Sitter]) -> Option<Vec<Place>> {
    let barred = unseated
        .iter()
        .filter(|sitter| !sitter.may_sit_at_exit)
        .count();
    let mut nearest = places.to_vec();
    nearest.sort_by_key(|place| (distance(corner.seat, place.seat), place.seat));
    let mut room_at_exits = unseated.len() - barred;
    nearest.retain(|place| {
        let fits = !place.exit_row || room_at_exits > 0;
        room_at_exits -= usize::from(place.exit_row && fits);
        fits
    });
    nearest.truncate(unseated.len());
    nearest.sort_by_key(|place| place.seat);
    (nearest.len() == unseated.len()).then_some(nearest)
}

/// Steps between two seats; a row away is further than anything in the same row.
fn distance(a: Seat, b: Seat) -> u32 {
    let rows = u32::from(a.row.abs_diff(b.row));
    let letters = u32::from(a.letter).abs_diff(u32::from(b.letter));
    rows * 12 + letters
}

/// Pieces of seats side by side, rows, and how far apart everybody is; the smaller, the better.
fn compactness(group: &[Place], anchors: &[Seat]) -> (usize, usize, u32, Seat) {
    let mut seats: Vec<Seat> = group.iter().map(|place| place.seat).collect();
    let first = seats[0];
    seats.extend(anchors);
    seats.sort_unstable();
    let pieces = 1 + seats
        .windows(2)
        .filter(|pair| !beside(pair[0], pair[1]))
        .count();
    let mut rows: Vec<i16> = seats.iter().map(|seat| seat.row).collect();
    rows.dedup();
    let spread = seats
        .iter()
        .flat_map(|a| seats.iter().map(move |b| distance(*a, *b)))
        .sum();
    (pieces, rows.len(), spread, first)
}

/// Whether two seats are next to each other with no aisle between. Layouts leave letters out, never more than one.
pub fn beside(a: Seat, b: Seat) -> bool {
    // Between aisles: A to C, D to G, H to K.
    let block = |seat: Seat| match seat.letter {
        'A'..='C' => 0,
        'D'..='G' => 1,
        _ => 2,
    };
    let letters = u32::from(a.letter).abs_diff(u32::from(b.letter));
    a.row == b.row && block(a) == block(b) && (1..=2).contains(&letters)
}

/// Whether somebody who sits in one is with somebody who sits in the other: the same row, or the next one.
fn adjoins(a: Seat, b: Seat) -> bool {
    let letters = u32::from(a.letter).abs_diff(u32::from(b.letter));
    match a.row.abs_diff(b.row) {
        0 => beside(a, b) || letters <= 2,
        1 | 2 => letters <= 1,
        _ => false,
    }
}

/// What is wrong with a seating: children who sit beside no adult, and wishes that are not met.
type Unrest = (usize, usize);

/// Lets people of a group change places until nothing gets better; `None` when somebody barred has to sit at an exit.
fn settle(
    group: Vec<Place>,
    unseated: &[&Sitter],
    party: &[Sitter],
) -> Option<(Unrest, Vec<Place>)> {
    let mut places = group;
    // Exit rows to those who may sit there, first of all.
    let mut order: Vec<usize> = (0..unseated.len()).collect();
    order.sort_by_key(|index| Reverse(unseated[*index].may_sit_at_exit));
    let mut by_exit = places.clone();
    by_exit.sort_by_key(|place| (Reverse(place.exit_row), place.seat));
    for (index, place) in order.iter().zip(by_exit) {
        places[*index] = place;
    }
    let allowed = |sitter: &Sitter, place: Place| sitter.may_sit_at_exit || !place.exit_row;
    if !unseated.iter().zip(&places).all(|(s, p)| allowed(s, *p)) {
        return None;
    }
    let mut best = unrest(unseated, &places, party);
    loop {
        let mut better = None;
        for a in 0..places.len() {
            for b in a + 1..places.len() {
                if !allowed(unseated[a], places[b]) || !allowed(unseated[b], places[a]) {
                    continue;
                }
                places.swap(a, b);
                let now = unrest(unseated, &places, party);
                if now < best {
                    best = now;
                    better = Some((a, b));
                }
                places.swap(a, b);
            }
        }
        match better {
            Some((a, b)) => places.swap(a, b),
            None => return Some((best, places)),
        }
    }
}

fn unrest(unseated: &[&Sitter], places: &[Place], party: &[Sitter]) -> Unrest {
    let seated = |adult: bool| {
        let now = unseated
            .iter()
            .zip(places)
            .map(|(s, p)| (s.is_child, p.seat));
        let before = party.iter().filter_map(|s| Some((s.is_child, s.has?)));
        now.chain(before)
            .filter(move |(is_child, _)| *is_child != adult)
            .map(|(_, seat)| seat)
    };
    let lonely = seated(false)
        .filter(|child| !seated(true).any(|adult| beside(adult, *child)))
        .count();
    let unmet = unseated
        .iter()
        .zip(places)
        .filter(|(sitter, place)| sitter.preference.is_some_and(|wish| wish != place.position))
        .count();
    (lonely, unmet)
}

fn reasons(
    sitters: &[&Sitter],
    places: &[Place],
    party: &[Sitter],
) -> Vec<(PassengerId, Seat, Reason)> {
    let all: Vec<Seat> = places
        .iter()
        .map(|place| place.seat)
        .chain(party.iter().filter_map(|sitter| sitter.has))
        .collect();
    sitters
        .iter()
        .zip(places)
        .map(|(sitter, place)| {
            let is_with = all
                .iter()
                .any(|seat| *seat != place.seat && adjoins(*seat, place.seat));
            let reason = if party.len() > 1 && !is_with {
                Reason::Separated
            } else if sitter.preference == Some(place.position) {
                Reason::Preference
            } else if party.len() > 1 {
                Reason::Together
            } else {
                Reason::Assigned
            };
            (sitter.passenger_id, place.seat, reason)
        })
        .collect()
}

#[cfg(test)]
mod tests {
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
}
