//! Cancelling a paid booking, whole or in part (rules.md "Cancel and refund"): a quote says every amount and why, confirming it
//! frees the seats, closes the ticket coupons and promises the refund in one transaction.
//!
//! **A quote is computed again when it is confirmed.** It is compared with what it said: a tier that has begun since, a
//! seat that was paid since or a passenger who was cancelled since make another quote, and the answer is that one.
//! Nothing is frozen but what the traveller saw, and nothing changes silently.
//!
//! **A cancellation is lines beside the sale's.** The invoice stays as it was issued. What comes back are negative lines,
//! what is kept of the fare is a fee, and the total of the booking is what the airline has earned: the sum of all lines.

mod confirm;
pub(in crate::booking) mod load;
mod model;
mod places;
pub(in crate::booking) mod price;
mod quote;
mod rule;

pub(super) use confirm::give_back_disrupted;
pub use confirm::{QuoteOutdated, cancel};
pub(super) use load::{Subject, Trip, TripDirection, TripPassenger, trip};
pub use model::{
    CancellationQuote, CancellationScope, Canceller, Content as CancellationContent, Decision,
    QuoteItem, QuoteLine, QuoteRequest, RuleName,
};
pub(super) use places::check_party;
pub(super) use quote::compute;
pub use quote::{get_quote, list_cancellations, quote};
pub(super) use rule::disruption_sentence;

#[cfg(test)]
pub(in crate::booking) mod tests;
