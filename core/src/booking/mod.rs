//! Bookings: seats that were held become somebody's, for a price that has to be paid by a deadline.

mod confirm;
mod create;
mod end;
mod insert;
mod lock;
mod model;
mod passengers;
mod price;
mod queries;
mod reference;
mod seating;

pub use confirm::{confirm, reclaim};
pub use create::create;
pub use end::{cancel_unpaid, expire, sweep_due};
pub use lock::{LockedBooking, lock, lock_of_account};
pub use model::{
    BookedDirection, BookedPassenger, BookedSeat, Booking, BookingStatus, Contact, Direction,
    LatePayment, NewBooking, PaymentSummary, Source,
};
pub use passengers::{
    Gender, NewPassenger, NewTravelDocument, PassengerName, SeatPreference, TravelDocument,
    parse_name, request_words,
};
pub use queries::{get, get_by_id, list};
pub use reference::BookingRef;
