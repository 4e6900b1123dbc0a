//! Disputes: a bank takes money back because whoever paid says so, and decides whose it is.
//!
//! **A dispute and a refund never both give the money back.** Stripe refunds nothing of a payment while the bank decides
//! about it. Neither do we: a refund is promised as ever and waits (`PendingRefund::is_disputed`). When the dispute is won its job is
//! promised again. When it is lost the traveller has the money, and what refunds of that payment owe ends as
//! `lost_dispute`, up to the amount that was lost; the rest is promised anew. An inquiry takes no money and stops nothing.
//!
//! **A dispute only moves on.** Events come late, twice and in any order: [`crate::trade::DisputeStatus::moved_to`] says which of two
//! statuses is the later one, and what was closed stays as it was closed. Entries and events follow from where the row stood
//! and where it stands.
//!
//! **A dispute may be known before its payment.** A test card is disputed at the moment in which it pays. Such a
//! dispute is filed by Stripe's payment, and [`match_dispute`] finds ours a little later.

mod cover;
mod list;
mod record;

pub(in crate::payment) use cover::{cover, lost_of};
pub use list::{Dispute, list_disputes};
pub use record::match_dispute;
pub(crate) use record::record;

/// Stripe's word for a payment that it does not refund because of a dispute (<https://docs.stripe.com/error-codes>).
pub const CHARGE_DISPUTED: &str = "charge_disputed";
/// Why a refund ended that nobody owes any more.
pub const LOST_DISPUTE: &str = "lost_dispute";
