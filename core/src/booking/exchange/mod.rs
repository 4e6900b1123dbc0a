//! Other flights for a paid booking (rules.md "Change"): a quote says every amount and why, confirming it moves everybody at
//! once, or holds the new seats until the difference is paid.
//!
//! **The old flights stand until the new ones are sold.** What is to pay is held beside them. Money that comes too late, or
//! for flights that do not leave any more, goes back, and the booking is as it was.
//!
//! **A direction keeps its row.** Its flights, cabin and conditions are others; who is cancelled in it, its bags and its place
//! in the booking stay. Tickets are exchanged: the coupons of the old one name their flights themselves, and the new one
//! has a coupon for every flight that is not flown.
//!
//! **Who changes alone is divided first.** When others keep their flights, those who change get a booking of their own
//! ([`super::split`]), and the change is that booking's: every later step knows one kind of change only.
//!
//! **What was paid counts.** A coupon's discount stays on the fare, as far as the new fare is not less than it. A fare that
//! is not refundable gives nothing back when the new one is cheaper: the difference is kept, and the quote says so. A tax
//! that is not refundable pays the same tax of the new flights.

mod confirm;
mod model;
mod offers;
mod price;
mod quote;
mod seats;
mod settle;
mod swap;

pub use confirm::{ChangeOutdated, change};
pub use model::{
    ChangeContent, ChangeItem, ChangeLine, ChangeQuote, ChangeRequest, ChangedDirection,
    ChangedSeat,
};
pub(super) use quote::can_change;
pub use quote::{ChangeNotAllowed, get_change_quote, list_changes, quote_change};
pub(crate) use settle::settle;

#[cfg(test)]
mod tests;
