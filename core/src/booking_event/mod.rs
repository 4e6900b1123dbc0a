//! What happens to a booking: one row for each change, written in its transaction. A booking's timeline is these rows.
//!
//! **One event for each change; what is told of it is derived.** Who changes a booking calls [`record`] with an
//! [`Event`] and nothing else: the mail, the text message and whatever else is told are worked out of the event, in
//! one exhaustive match (`Event::notice`). Nothing outside of this module promises a mail about a booking.
//!
//! **The last event that changes the status says it.** `events_tell_the_status` compares both (`core/src/invariants/`).
//!
//! To add a kind: a variant of [`Event`] and of [`Kind`]; the compiler asks for its name, its details, the status that a
//! booking has by it, what is told, and the type of its webhook. Its name stands in `api/src/openapi/enums.json`, what its
//! webhook says in `webhooks.json` beside it, and a test that drives the
//! product to it in `api/tests/it/booking_events.rs`.

mod model;
mod published;
mod queries;
mod record;

pub use model::{
    Before, ChangeLost, Event, FlightsMoved, Kind, PartOfBooking, RefundCause, SeatMoved,
};
pub use published::{PUBLISHED_VERSION, published};
pub use queries::{Recorded, booking_of, find, is_of, list, newest};
pub use record::record;
pub(crate) use record::{Jobs, Row};
