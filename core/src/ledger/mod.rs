//! The ledger: every movement of money on a booking, posted in the transaction of its cause.
//!
//! An entry is a debit, a credit and one amount, so that neither an entry nor any sum of them can be out of balance.
//! The traveller is the account `customer`: what is sold debits it, money that comes credits it, a promised refund
//! debits it again; a booking that is settled leaves it at zero.
//!
//! **An entry of the ledger has a debit, a credit and one amount.** The other way, signed rows that must sum to
//! zero, needs a deferred trigger that reads them all again at every commit, and has a moment in which it does not
//! hold. A row that carries both sides cannot be out of balance at all; the view `ledger_line` shows the two sides
//! to those who sum. Which entries there should be is another question, and `ledger_true` asks it.

mod model;
mod movement;
mod post;
mod queries;

pub use model::{Account, Entry, Kind, Ledger, Total};
pub use movement::{Movement, sold};
pub(crate) use post::{
    MoneyCame, SoldLine, dispute_reinstated, dispute_withdrawn, money_came, payment_split,
    refund_by_dispute, refund_failed, refund_paid, refund_promised, refund_settled, sale,
    sale_of_lines, sale_split,
};
pub use queries::get;

#[cfg(test)]
mod tests;
