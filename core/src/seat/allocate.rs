//! Who sits where: a pure function of the map and the party (rules.md "Seats").
//!
//! Children beside an adult of the party wherever seats allow it at all (`plan.rs`, exactly); among those seatings
//! the one that leaves fewest people apart, in one row, else in neighbouring rows, else the nearest; within it as many
//! wishes as possible. The first is proved to be the best, the rest is looked for around the best plans.
//!
//! **Children beside adults are planned exactly, the rest is improved step by step.** A row is a path of
//! neighbours, so a table over the seats of the map (`seat/plan.rs`) finds the fewest children without an adult,
//! exactly, for parties of any size, in the time of a few statements; brute force agrees (`allocate_tests.rs`). How
//! near the others sit, and wishes, improve from there by single moves: an optimum is not worth a search while the
//! cabin's row is locked.

use super::map::{CabinMap, Link};
use super::model::{Place, Reason, Sitter};
use super::plan::{Needs, Planner, Role, Seating, Stand};
use crate::ids::PassengerId;
use crate::inventory::Seat;
use crate::trade::SeatPreference;

/// Plans that are looked at closely, the best first.
const CLOSER_LOOK: usize = 8;

/// Moves that a plan is bettered by, at most.
const MOST_MOVES: usize = 20;

/// A seat for everybody of the party who has none, with the reason.
///
/// Exit rows go to those who may sit there, and only when nothing else is left. Who finds no seat at all is left out.
/// The same input gives the same seats.
pub fn allocate(map: &CabinMap, party: &[Sitter]) -> Vec<(PassengerId, Seat, Reason)> {
    let unseated: Vec<&Sitter> = party.iter().filter(|sitter| sitter.has.is_none()).collect();
    let ordinary = count(map, false);
    let all = ordinary + count(map, true);
    let (unseated, exits) = if unseated.len() <= ordinary {
        (unseated, false)
    } else {
        (those_who_fit(&unseated, ordinary, all), true)
    };
    let seats = match unseated.as_slice() {
        [] => return Vec::new(),
        [alone] if party.len() == 1 => alone_in(map, alone).into_iter().collect(),
        _ => Company {
            map,
            party,
            unseated: &unseated,
            exits,
        }
        .seats(),
    };
    let taken = seats.iter().map(|index| map.place(*index).seat);
    let had = party.iter().filter_map(|sitter| sitter.has);
    let together: Vec<Seat> = taken.chain(had).collect();
    unseated
        .iter()
        .zip(&seats)
        .map(|(sitter, index)| {
            let place = map.place(*index);
            let reason = reason(map, sitter, place, &together, party.len());
            (sitter.passenger_id, place.seat, reason)
        })
        .collect()
}

fn count(map: &CabinMap, exit_row: bool) -> usize {
    let seats = map.seats().iter();
    seats
        .filter(|seat| seat.is_free && seat.place.exit_row == exit_row)
        .count()
}

/// When there is not room for all: those who are barred from exit rows first, the others after, in their order.
fn those_who_fit<'a>(unseated: &[&'a Sitter], ordinary: usize, all: usize) -> Vec<&'a Sitter> {
    let barred = unseated.iter().filter(|sitter| !sitter.may_sit_at_exit);
    let barred = barred.count().min(ordinary);
    let mut room = [barred, all - barred];
    let fits = |sitter: &&&Sitter| {
        let room = &mut room[usize::from(sitter.may_sit_at_exit)];
        let fits = *room > 0;
        *room = room.saturating_sub(1);
        fits
    };
    unseated.iter().filter(fits).copied().collect()
}

/// The foremost seat that is as they like it, else the foremost; an exit row last.
fn alone_in(map: &CabinMap, sitter: &Sitter) -> Option<usize> {
    let seats = map.seats().iter().enumerate();
    seats
        .filter(|(_, seat)| seat.is_free && may_sit(sitter, seat.place))
        .min_by_key(|(index, seat)| {
            let unlike = sitter
                .preference
                .is_some_and(|wish| wish != seat.place.position);
            (seat.place.exit_row, unlike, *index)
        })
        .map(|(index, _)| index)
}

fn may_sit(sitter: &Sitter, place: Place) -> bool {
    sitter.may_sit_at_exit || !place.exit_row
}

/// Why somebody has a seat when the party has these seats, their own among them: true of what was assigned.
pub fn reason(
    map: &CabinMap,
    sitter: &Sitter,
    place: Place,
    party_seats: &[Seat],
    party: usize,
) -> Reason {
    let adjoins = |other: &Seat| match (map.index(*other), map.index(place.seat)) {
        (Some(a), Some(b)) => map.link_at(a, b) > Link::Apart || map.is_in_front(a, b),
        _ => false,
    };
    if party > 1 && !party_seats.iter().any(adjoins) {
        Reason::Separated
    } else if sitter.preference == Some(place.position) {
        Reason::Preference
    } else if party > 1 {
        Reason::Together
    } else {
        Reason::Assigned
    }
}

/// A party for whom there is room.
struct Company<'a> {
    map: &'a CabinMap,
    party: &'a [Sitter],
    unseated: &'a [&'a Sitter],
    /// Whether exit rows are needed.
    exits: bool,
}

/// What is wrong with a seating, the worst first; the smaller, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Flaws {
    lonely_children: usize,
    children_across: usize,
    /// Who sits neither beside, across the aisle from, in front of nor behind anybody of the party.
    apart: usize,
    /// 0 in one row, 1 in two neighbouring ones, 2 in more.
    rows: usize,
    /// Pieces of the party, half as many across the aisle.
    pieces: usize,
    span: usize,
    at_exits: usize,
    spread: usize,
    unmet: usize,
    /// Nobody wants a child at the aisle, where the trolley passes.
    children_inside: usize,
    first: usize,
    /// Pairs of people whose seats are in another order than they are.
    swapped: usize,
}

impl Company<'_> {
    /// Seats by index, in the order of the unseated.
    fn seats(&self) -> Vec<usize> {
        let stands = self.stands();
        let planner = Planner::new(self.map, &stands, self.needs());
        let Some(least) = planner.least() else {
            return Vec::new();
        };
        let mut plans: Vec<_> = planner
            .seatings(least)
            .iter()
            .map(|seating| self.people_on(seating))
            .map(|seats| (self.flaws(&seats), seats))
            .collect();
        plans.sort_by_key(|(flaws, _)| *flaws);
        plans.dedup();
        plans
            .into_iter()
            .take(CLOSER_LOOK)
            .map(|(flaws, seats)| self.bettered(flaws, seats, &stands))
            .min_by_key(|(flaws, _)| *flaws)
            .map(|(_, seats)| seats)
            .unwrap_or_default()
    }

    fn stands(&self) -> Vec<Stand> {
        let stand = |seat: &super::map::MapSeat| {
            let has = |sitter: &&Sitter| sitter.has == Some(seat.place.seat);
            match self.party.iter().find(has) {
                Some(sitter) if sitter.is_child => Stand::Child,
                Some(_) => Stand::Adult,
                None if !seat.is_free => Stand::Closed,
                None if !seat.place.exit_row => Stand::Open,
                None if self.exits => Stand::OpenAtExit,
                None => Stand::Closed,
            }
        };
        self.map.seats().iter().map(stand).collect()
    }

    fn role(&self, sitter: &Sitter) -> Role {
        if sitter.is_child {
            Role::Child
        } else if sitter.may_sit_at_exit || !self.exits {
            Role::Adult
        } else {
            Role::BarredAdult
        }
    }

    fn needs(&self) -> Needs {
        let count = |role| {
            let of_role = |sitter: &&&Sitter| self.role(sitter) == role;
            self.unseated.iter().filter(of_role).count()
        };
        Needs {
            adults: count(Role::Adult),
            barred_adults: count(Role::BarredAdult),
            children: count(Role::Child),
        }
    }

    /// People on the seats of their role, as many as possible where they would like to sit.
    fn people_on(&self, seating: &Seating) -> Vec<usize> {
        let mut left = seating.seats.clone();
        let mut seats: Vec<Option<usize>> = vec![None; self.unseated.len()];
        for wishes in [true, false] {
            for (sitter, seat) in self.unseated.iter().zip(&mut seats) {
                if seat.is_some() {
                    continue;
                }
                let fits = |(index, role): &(usize, Role)| {
                    *role == self.role(sitter)
                        && (!wishes || sitter.preference == Some(self.map.place(*index).position))
                };
                let at = left.iter().position(fits);
                *seat = at.map(|at| left.remove(at).0);
            }
        }
        seats.into_iter().flatten().collect()
    }

    /// Lets people move to free seats around and change places until nothing gets better.
    fn bettered(
        &self,
        mut flaws: Flaws,
        mut seats: Vec<usize>,
        stands: &[Stand],
    ) -> (Flaws, Vec<usize>) {
        for _ in 0..MOST_MOVES {
            let mut best: Option<(Flaws, Vec<usize>)> = None;
            for changed in self.changes(&seats, stands) {
                let now = self.flaws(&changed);
                let best_now = best.as_ref().map_or(flaws, |(best, _)| *best);
                if now < best_now {
                    best = Some((now, changed));
                }
            }
            match best {
                Some((now, changed)) => (flaws, seats) = (now, changed),
                None => break,
            }
        }
        (flaws, seats)
    }

    /// Every seating that one move or one change of places makes, in the rows of the party and those next to them.
    fn changes(&self, seats: &[usize], stands: &[Stand]) -> Vec<Vec<usize>> {
        let rows = seats.iter().map(|index| self.map.row_of(*index));
        let first = rows.clone().min().unwrap_or_default().saturating_sub(1);
        let last = (rows.max().unwrap_or_default() + 1).min(self.map.row_count() - 1);
        let around = self.map.row(first).start..self.map.row(last).end;
        let mut changes = Vec::new();
        for (person, sitter) in self.unseated.iter().enumerate() {
            for index in around.clone() {
                let open = matches!(stands[index], Stand::Open | Stand::OpenAtExit);
                if open && !seats.contains(&index) && may_sit(sitter, self.map.place(index)) {
                    let mut moved = seats.to_vec();
                    moved[person] = index;
                    changes.push(moved);
                }
            }
            for other in person + 1..seats.len() {
                let (a, b) = (self.map.place(seats[other]), self.map.place(seats[person]));
                if may_sit(sitter, a) && may_sit(self.unseated[other], b) {
                    let mut moved = seats.to_vec();
                    moved.swap(person, other);
                    changes.push(moved);
                }
            }
        }
        changes
    }

    fn flaws(&self, seats: &[usize]) -> Flaws {
        let new = self.unseated.iter().zip(seats);
        let had = self.party.iter().filter_map(|sitter| {
            let index = self.map.index(sitter.has?)?;
            Some((index, sitter.is_child))
        });
        let mut all: Vec<(usize, bool)> = new
            .clone()
            .map(|(sitter, index)| (*index, sitter.is_child))
            .chain(had)
            .collect();
        all.sort_unstable();
        let link = |a: &(usize, bool), b: &(usize, bool)| self.map.link_at(a.0, b.0);
        let mut flaws = Flaws {
            lonely_children: 0,
            children_across: 0,
            apart: 0,
            rows: 0,
            pieces: 0,
            span: 0,
            at_exits: 0,
            spread: 0,
            unmet: 0,
            children_inside: 0,
            first: all.first().map_or(0, |(index, _)| *index),
            swapped: 0,
        };
        for (at, one) in all.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| &all[before]);
            let left = before.map_or(Link::Apart, |before| link(before, one));
            flaws.pieces += match left {
                Link::Apart => 2,
                Link::Aisle => 1,
                Link::Side => 0,
            };
            let right = all
                .get(at + 1)
                .map_or(Link::Apart, |after| link(one, after));
            let in_front = || all.iter().any(|other| self.map.is_in_front(other.0, one.0));
            flaws.apart += usize::from(left == Link::Apart && right == Link::Apart && !in_front());
            if one.1 {
                let adults = all.iter().filter(|(_, is_child)| !is_child);
                match adults.map(|adult| link(adult, one)).max() {
                    Some(Link::Side) => {}
                    Some(Link::Aisle) => flaws.children_across += 1,
                    Some(Link::Apart) | None => flaws.lonely_children += 1,
                }
            }
            let place = self.map.place(one.0).seat;
            for other in &all[at + 1..] {
                let seat = self.map.place(other.0).seat;
                let letters = u32::from(place.letter).abs_diff(u32::from(seat.letter));
                let rows = self.map.row_of(one.0).abs_diff(self.map.row_of(other.0));
                flaws.spread += rows * 12 + usize::try_from(letters).unwrap_or_default();
            }
        }
        if let (Some(first), Some(last)) = (all.first(), all.last()) {
            flaws.span = self.map.row_of(last.0) - self.map.row_of(first.0);
            flaws.rows = flaws.span.min(2);
        }
        for (person, index) in seats.iter().enumerate() {
            let after = seats[person + 1..].iter();
            flaws.swapped += after.filter(|other| *other < index).count();
        }
        for (sitter, index) in new {
            let place = self.map.place(*index);
            flaws.at_exits += usize::from(place.exit_row);
            let wish = sitter.preference;
            flaws.unmet += usize::from(wish.is_some_and(|wish| wish != place.position));
            let inside = sitter.is_child && wish.is_none();
            flaws.children_inside += match place.position {
                SeatPreference::Aisle if inside => 2,
                SeatPreference::Middle if inside => 1,
                _ => 0,
            };
        }
        flaws
    }
}

#[cfg(test)]
#[path = "allocate_tests.rs"]
mod tests;
