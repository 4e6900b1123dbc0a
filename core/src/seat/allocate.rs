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
    groups.sort_by_key(|(compactness, _)| *compactness);
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
#[path = "allocate_tests.rs"]
mod tests;
