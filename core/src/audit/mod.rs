//! What staff do, and what owners of accounts do to their keys: one row for each act, written in its transaction and never
//! changed (`audit_entry_stays`).
//!
//! **An act says what it did, the task says who and from where.** Functions of the domain call [`record`] with an
//! [`Act`]; the actor, the address and the request id are those of the task ([`crate::actor`], [`within`],
//! [`crate::telemetry`]). What changes nothing says so by [`nothing_done`].
//!
//! **No act can be forgotten.** The api asks after every operation for staff that succeeded whether it
//! [`is_accounted_for`], and tests fail where it is not.
//!
//! `before` and `after` hold ids, states and amounts, and names only where a name is what was changed.

mod model;
mod queries;
mod record;

pub use model::{Act, AuditFilter, Entry};
pub use queries::list;
pub use record::{is_accounted_for, nothing_done, record, within};
