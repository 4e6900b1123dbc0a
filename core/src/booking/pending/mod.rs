//! A change of a paid booking that waits for its money: held, kept a while, and given back. One pipeline for every kind: other
//! seats ([`super::change_seats`]) and other flights ([`super::exchange`]).
//!
//! **What was stays until the money has come.** The new seats are held beside the old ones. A booking has at most one open
//! change; whatever else changes the booking drops it first.

mod open;
mod release;
mod sweep;

pub use open::find_open;
pub(super) use open::list_open;
pub(crate) use open::prolong;
pub(crate) use open::{kind, next_departure};
pub(super) use release::{drop_claims, drop_open, end, lose, release, replace_seats};
pub use sweep::sweep_changes;
#[cfg(test)]
pub(crate) use sweep::sweep_changes_with;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::money::Money;

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum ChangeKind {
    /// Other seats on the same flights.
    Seats,
    /// Other flights.
    Flights,
}

/// A change that waits for its money.
#[derive(Clone, Debug)]
pub struct PendingChange {
    /// The change.
    pub id: Uuid,
    /// What it is about.
    pub kind: ChangeKind,
    /// When what is held for it goes back.
    pub expires_at: DateTime<Utc>,
    /// What is to be paid.
    pub amount: Money,
}
