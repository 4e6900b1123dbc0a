//! The map of a cabin on one flight: who would sit beside whom.

use super::model::Place;
use crate::inventory::Seat;

/// A seat of a cabin's map.
#[derive(Clone, Copy, Debug)]
pub struct MapSeat {
    /// Where it is.
    pub place: Place,
    /// Whether nobody has it and it is for sale.
    pub is_free: bool,
}

/// How two seats lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// A stranger, a wall or a row between.
    Apart,
    /// Only the aisle between.
    Aisle,
    /// Side by side.
    Side,
}

/// Every seat of a cabin, from the front to the back and from the left to the right, those of others too: between two
/// free seats may be one that is not.
#[derive(Clone, Debug)]
pub struct CabinMap {
    seats: Vec<MapSeat>,
    /// How each seat lies to the one before it.
    links: Vec<Link>,
    /// Where each row begins in `seats`, and the end.
    rows: Vec<usize>,
}

impl CabinMap {
    /// The map of these seats, in any order: all that the cabin has.
    pub fn new(mut seats: Vec<MapSeat>) -> Self {
        seats.sort_by_key(|seat| seat.place.seat);
        seats.dedup_by_key(|seat| seat.place.seat);
        let mut links = Vec::with_capacity(seats.len());
        let mut rows = Vec::new();
        for (index, seat) in seats.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| seats[before].place.seat);
            let before = before.filter(|before| before.row == seat.place.seat.row);
            if before.is_none() {
                rows.push(index);
            }
            links.push(before.map_or(Link::Apart, |before| link_in_row(before, seat.place.seat)));
        }
        rows.push(seats.len());
        Self { seats, links, rows }
    }

    /// Whether nobody sits between two seats, or only the aisle lies there.
    pub fn link(&self, a: Seat, b: Seat) -> Link {
        match (self.index(a), self.index(b)) {
            (Some(a), Some(b)) => self.link_at(a, b),
            _ => Link::Apart,
        }
    }

    /// The seat as the map has it, or `None`.
    pub fn find(&self, seat: Seat) -> Option<Place> {
        self.index(seat).map(|index| self.place(index))
    }

    pub(super) fn index(&self, seat: Seat) -> Option<usize> {
        let found = self.seats.binary_search_by_key(&seat, |at| at.place.seat);
        found.ok()
    }

    pub(super) fn seats(&self) -> &[MapSeat] {
        &self.seats
    }

    pub(super) fn place(&self, index: usize) -> Place {
        self.seats[index].place
    }

    pub(super) fn row_count(&self) -> usize {
        self.rows.len() - 1
    }

    /// The seats of the `row`th row, by index.
    pub(super) fn row(&self, row: usize) -> std::ops::Range<usize> {
        self.rows[row]..self.rows[row + 1]
    }

    /// Which row of the cabin a seat is in, from 0: there may be no row 13.
    pub(super) fn row_of(&self, index: usize) -> usize {
        self.rows.partition_point(|start| *start <= index) - 1
    }

    /// How a seat lies to the one before it.
    pub(super) fn link_before(&self, index: usize) -> Link {
        self.links[index]
    }

    pub(super) fn link_at(&self, a: usize, b: usize) -> Link {
        if a.abs_diff(b) == 1 {
            self.links[a.max(b)]
        } else {
            Link::Apart
        }
    }

    /// Whether one seat is right in front of the other.
    pub(super) fn is_in_front(&self, a: usize, b: usize) -> bool {
        let letter = |index: usize| self.seats[index].place.seat.letter;
        letter(a) == letter(b) && self.row_of(a).abs_diff(self.row_of(b)) == 1
    }
}

/// How a seat of a row lies to the next one of its map.
///
/// Aisles lie where the trade's letters have them: A to C, D to G and H to K stand together, whichever of them a layout
/// leaves out. A row without its middle block has two aisles between the windows.
fn link_in_row(a: Seat, b: Seat) -> Link {
    let block = |seat: Seat| match seat.letter {
        ..='C' => 0_u8,
        'D'..='G' => 1,
        _ => 2,
    };
    match block(b) - block(a) {
        0 => Link::Side,
        1 => Link::Aisle,
        _ => Link::Apart,
    }
}
