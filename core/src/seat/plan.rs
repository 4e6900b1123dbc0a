//! Which seats a party takes, as adults and children: exact for what matters most, that children sit beside an adult.
//!
//! A row is a path of neighbours, so the best seats of consecutive rows are found seat by seat: for each number of
//! people placed so far and each kind of person on the last seat the least that is wrong with it.

use super::map::{CabinMap, Link};

/// Who sits on a seat. Adults who may not sit in exit rows are a kind of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Adult,
    BarredAdult,
    Child,
}

/// What stands on the map before anybody is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Somebody else, or nobody may.
    Closed,
    /// Free for everybody.
    Open,
    /// Free for those who may sit at an exit.
    OpenAtExit,
    /// An adult of the party.
    Adult,
    /// A child of the party.
    Child,
}

/// How many of each are to be placed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needs {
    pub adults: usize,
    pub barred_adults: usize,
    pub children: usize,
}

/// Children beside no adult, then children whose adult sits across the aisle, then pieces of the party; the smaller, the
/// better.
pub(super) type Price = u32;

const LONELY: Price = 1 << 20;
const ACROSS: Price = 1 << 10;
const NEW_PIECE: Price = 2;
const PIECE_ACROSS: Price = 1;

/// What of a price is about children.
pub(super) fn about_children(price: Price) -> Price {
    price / ACROSS
}

/// The last seat: nobody of the party, an adult, or a child with the best neighbour that it has so far.
const STATES: usize = 5;
const NOBODY: usize = 0;
const ADULT: usize = 1;
const CHILD: usize = 2;

const UNREACHED: Price = Price::MAX;

/// Seats for everybody in some consecutive rows.
pub(super) struct Seating {
    /// Indexes into the map.
    pub seats: Vec<(usize, Role)>,
}

pub(super) struct Planner<'a> {
    map: &'a CabinMap,
    stands: &'a [Stand],
    needs: Needs,
    /// What is wrong with those who are seated already, by row.
    seated_before: Vec<Price>,
}

/// The least prices after a seat, and how each came about.
struct Step {
    prices: Vec<Price>,
    /// The state before and the role that was placed.
    from: Vec<(u8, Option<Role>)>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(map: &'a CabinMap, stands: &'a [Stand], needs: Needs) -> Self {
        let nobody = Needs {
            adults: 0,
            barred_adults: 0,
            children: 0,
        };
        let mut planner = Self {
            map,
            stands,
            needs: nobody,
            seated_before: vec![0; map.row_count()],
        };
        let rows = 0..map.row_count();
        planner.seated_before = rows
            .map(|row| {
                let mut prices = planner.start();
                for index in map.row(row) {
                    prices = planner.place(&prices, index).prices;
                }
                planner.end(&prices).map_or(0, |(price, _)| price)
            })
            .collect();
        planner.needs = needs;
        planner
    }

    /// The least price of all seatings of the cabin; `None` when there is no room.
    pub(super) fn least(&self) -> Option<Price> {
        let mut prices = self.start();
        for index in 0..self.map.seats().len() {
            prices = self.place(&prices, index).prices;
        }
        self.end(&prices).map(|(price, _)| price)
    }

    /// From each row on, the seatings of the fewest rows that are as good for children as `least`, and of up to two rows
    /// more when that is better.
    pub(super) fn seatings(&self, least: Price) -> Vec<Seating> {
        let mut found: Vec<Seating> = Vec::new();
        for first in 0..self.map.row_count() {
            let start = self.map.row(first).start;
            let mut steps: Vec<Step> = Vec::new();
            let mut prices = self.start();
            let mut best: Option<(Price, usize)> = None;
            for row in first..self.map.row_count() {
                for index in self.map.row(row) {
                    let step = self.place(&prices, index);
                    prices.clone_from(&step.prices);
                    steps.push(step);
                }
                let outside: Price = (0..first)
                    .chain(row + 1..self.map.row_count())
                    .map(|row| self.seated_before[row])
                    .sum();
                if let Some((price, state)) = self.end(&prices) {
                    let price = price + outside;
                    let is_better = best.is_none_or(|(best, _)| price < best);
                    if about_children(price) <= about_children(least) && is_better {
                        best = best.map_or(Some((price, row)), |(_, first)| Some((price, first)));
                        let seats = self.trace(&steps, start, state);
                        if found.last().is_none_or(|last| last.seats != seats) {
                            found.push(Seating { seats });
                        }
                    }
                }
                if best.is_some_and(|(_, since)| row >= since + 2) {
                    break;
                }
            }
            if best.is_none() {
                // Further back is less room still.
                break;
            }
        }
        found
    }

    fn counts(&self) -> usize {
        (self.needs.adults + 1) * (self.needs.barred_adults + 1) * (self.needs.children + 1)
    }

    fn start(&self) -> Vec<Price> {
        let mut prices = vec![UNREACHED; self.counts() * STATES];
        prices[NOBODY] = 0;
        prices
    }

    /// The prices after one more seat of the map.
    fn place(&self, before: &[Price], index: usize) -> Step {
        let mut step = Step {
            prices: vec![UNREACHED; before.len()],
            from: vec![(0, None); before.len()],
        };
        let link = self.map.link_before(index);
        for (state, price) in before.iter().enumerate() {
            if *price == UNREACHED {
                continue;
            }
            let mut reach = |count: usize, role: Option<Role>, is: usize| {
                let (last, price_of_seat) = follow(state % STATES, link, is);
                let to = count * STATES + last;
                let price = price + price_of_seat;
                if price < step.prices[to] {
                    step.prices[to] = price;
                    step.from[to] = (u8::try_from(state % STATES).unwrap_or_default(), role);
                }
            };
            let count = state / STATES;
            match self.stands[index] {
                Stand::Adult => reach(count, None, ADULT),
                Stand::Child => reach(count, None, CHILD),
                Stand::Closed => reach(count, None, NOBODY),
                stand @ (Stand::Open | Stand::OpenAtExit) => {
                    reach(count, None, NOBODY);
                    for role in [Role::Child, Role::BarredAdult, Role::Adult] {
                        let may = role == Role::Adult || stand == Stand::Open;
                        if let Some(count) = self.one_more(count, role).filter(|_| may) {
                            let is = if role == Role::Child { CHILD } else { ADULT };
                            reach(count, Some(role), is);
                        }
                    }
                }
            }
        }
        step
    }

    /// Counts are numbered by children, then barred adults, then adults.
    fn one_more(&self, count: usize, role: Role) -> Option<usize> {
        let children = self.needs.children + 1;
        let barred = self.needs.barred_adults + 1;
        let (now, most, stride) = match role {
            Role::Child => (count % children, self.needs.children, 1),
            Role::BarredAdult => (
                count / children % barred,
                self.needs.barred_adults,
                children,
            ),
            Role::Adult => (
                count / (children * barred),
                self.needs.adults,
                children * barred,
            ),
        };
        (now < most).then_some(count + stride)
    }

    fn one_less(&self, count: usize, role: Role) -> usize {
        let children = self.needs.children + 1;
        count
            - match role {
                Role::Child => 1,
                Role::BarredAdult => children,
                Role::Adult => children * (self.needs.barred_adults + 1),
            }
    }

    /// The least price at the end of a row when everybody is placed, and its state.
    fn end(&self, prices: &[Price]) -> Option<(Price, usize)> {
        let all = (self.counts() - 1) * STATES;
        (0..STATES)
            .filter(|state| prices[all + state] != UNREACHED)
            .map(|state| (prices[all + state] + leave(state), all + state))
            .min()
    }

    /// Who was placed where on the way to a state.
    fn trace(&self, steps: &[Step], start: usize, mut state: usize) -> Vec<(usize, Role)> {
        let mut seats = Vec::new();
        for (at, step) in steps.iter().enumerate().rev() {
            let (last, role) = step.from[state];
            let mut count = state / STATES;
            if let Some(role) = role {
                seats.push((start + at, role));
                count = self.one_less(count, role);
            }
            state = count * STATES + usize::from(last);
        }
        seats.reverse();
        seats
    }
}

/// The state after a seat with somebody of a kind on it, and what the seat adds to the price.
fn follow(last: usize, link: Link, is: usize) -> (usize, Price) {
    let company = match link {
        Link::Apart => 0,
        Link::Aisle => 1,
        Link::Side => 2,
    };
    let piece = match (link, last) {
        (_, NOBODY) | (Link::Apart, _) => NEW_PIECE,
        (Link::Aisle, _) => PIECE_ACROSS,
        (Link::Side, _) => 0,
    };
    match is {
        NOBODY => (NOBODY, leave(last)),
        // A child before finds its adult here.
        ADULT if last >= CHILD => (ADULT, piece + leave(last.max(CHILD + company))),
        ADULT => (ADULT, piece),
        // A child finds an adult before.
        _ if last == ADULT => (CHILD + company, piece),
        _ => (CHILD, piece + leave(last)),
    }
}

/// What a child costs once all its neighbours are known.
fn leave(last: usize) -> Price {
    match last {
        CHILD => LONELY,
        3 => ACROSS,
        _ => 0,
    }
}
