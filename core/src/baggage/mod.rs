//! Extra checked baggage, prepaid for each passenger and direction (rules.md "Baggage"). What the fare includes is the
//! fare family's.
//!
//! **The tariff of extra baggage is frozen with the fare's conditions.** A hold and a booking charge what the hold
//! showed, and need no table of today. One weight for each passenger and direction, so the heaviest rate is the
//! most that anybody can add. A bag is a line with the passenger's id: two people of one name carry their own. It
//! is refundable, because a direction that is not flown carries nothing.
//!
//! **Every family has the same price table of bags, but its own allowance.** Economy's allowance is the rules'
//! table; the cabins above it allow more, and a test holds every cell of `fare_families.json` against the rules.

mod check;
mod model;

pub(crate) use check::check;
pub use model::{Bag, BookedBag, NewBag, RateRow, SoldBag};
