//! Payments: a Checkout Session at Stripe for a booking, and refunds. What money means for the booking is settled in
//! [`crate::settlement`].
//!
//! No call to Stripe happens inside a database transaction (invariant 5): [`crate::settlement::start`] commits a row, the caller asks
//! Stripe with a key made of that row, [`attach`] commits the answer.

mod card;
pub(crate) mod disputes;
mod external_refunds;
mod issues;
pub(crate) mod mismatch;
mod model;
pub(crate) mod open;
mod reconcile;
mod refund_list;
pub(crate) mod refunds;
mod retry;
mod shares;
pub mod stripe;

pub use card::{Cardless, list_cardless, record_card};
pub use disputes::{CHARGE_DISPUTED, Dispute, LOST_DISPUTE, list_disputes, match_dispute};
pub(crate) use issues::STUCK;
pub use issues::{IssueFilter, IssueKind, MoneyIssue, list_issues};
pub use mismatch::{Mismatch, list_mismatches};
pub use model::{CheckoutState, Payment, PaymentStatus, ReturnUrls, Settlement, Started};
pub use open::{abandon, ask_to_expire, attach, can_start, find, get_by_session, lapse, refuse};
pub use reconcile::{
    close_needless_questions, number_missing_receipt, promise_questions, promise_refund_questions,
};
pub use refund_list::{Refund, RefundReceipt, list_refunds};
pub use refunds::{
    PendingRefund, find_refund, record_refund, refund_failed, refund_waits, settle_refund,
};
pub(crate) use refunds::{give_back_cancelled, give_back_changed, give_back_seat_swap};
pub use retry::{RefundNotOwed, SettledBy, StaffRefund, retry_refund, settle_failed_refund};
pub(crate) use shares::shares_kept;

#[cfg(test)]
mod receipt_tests;
