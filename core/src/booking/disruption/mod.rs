//! Flights that the airline cancels or moves, and what each of their bookings gets.
//!
//! **Staff see it first, and then it is one row and one job.** [`preview_disruption`] counts and changes nothing;
//! [`disrupt`] changes the flight, writes the disruption and promises the job in one transaction. The job tells each
//! booking in a transaction of its own, with its event and mail, so it may be killed anywhere: a booking that has its row
//! was told, one that has none is told by the next run.
//!
//! **The last disruption of a flight counts.** A newer one supersedes what is still open of an older one when its job comes
//! to the booking; until then nothing can be chosen on the older terms.
//!
//! **A refund is a cancellation.** Lines, ledger, credit note, tickets, event and mail are those of
//! [`super::cancel`], under a rule that gives everything back. Nothing here moves money.

mod affected;
mod announce;
mod connection;
mod decide;
mod law;
mod model;
mod notify;
mod other_flights;
mod queries;
mod refusal;
mod sweep;
mod terms;

pub use announce::{disrupt, preview_disruption};
pub(super) use decide::{close_cancelled, close_rebooked};
pub use decide::{decide_disruption, rebook_disrupted};
pub(super) use model::ToldDisruption;
pub use model::{
    Announced, Answer, BookingDisruption, ChoiceOption, FlightChange, FlightTimes, Impact,
    NewDisruption, OpenDisruption, RefundScope,
};
pub use notify::{mark_disruption_told, notify_disrupted};
pub use queries::{disruption_progress, get_disruption, list_disruptions};
pub use refusal::{ChoiceUnavailable, DisruptionDecided, FlightIsCancelled, NotDisrupted};
pub use sweep::sweep_disruptions;
#[cfg(test)]
pub(crate) use sweep::sweep_disruptions_with;
