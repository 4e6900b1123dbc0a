//! What the law gives a passenger whose flight the airline cancels or moves, beside the refund: Regulation (EC) 261/2004, the
//! same as retained in the United Kingdom, and India's CAR section 3, series M, part IV.
//!
//! **It is information and moves no money.** Whether the airline owes it depends on what we do not know: extraordinary
//! circumstances, how a passenger was re-routed, when they really arrived. So each answer names its source and its
//! reason, and nothing here is paid by itself.
//!
//! **A journey is one direction of a booking.** Distance is that from the first airport to the last, and delay that at the
//! last (Court of Justice, C-559/16 and C-11/11): connecting flights of one booking are one unit.

mod europe;
mod india;
mod model;

pub use model::{Change, Compensation, Country, Entitlement, Journey, Place, Regulation};

/// What each regulation gives one passenger, in a fixed order, those that do not apply too.
pub fn of(journey: &Journey, change: Change) -> Vec<Entitlement> {
    vec![
        europe::EU.entitlement(journey, change),
        europe::UK.entitlement(journey, change),
        india::entitlement(journey, change),
    ]
}

#[cfg(test)]
mod tests;
