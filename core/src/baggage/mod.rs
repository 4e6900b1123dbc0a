//! Extra checked baggage, prepaid for each passenger and direction (rules.md "Baggage"). What the fare includes is the
//! fare family's.

mod check;
mod model;
mod queries;

pub(crate) use check::check;
pub use model::{Bag, BookedBag, NewBag, RateRow, SoldBag};
pub(crate) use queries::insert;
