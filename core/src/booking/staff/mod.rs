//! Bookings as staff find and see them: those of every account.

mod dossier;
mod resend;
mod search;
mod words;

pub use dossier::{Dossier, StaffMail, StaffPayment, get_for_staff};
pub use resend::{Resent, ResentEnough, resend_documents};
pub use search::{BookingProblem, StaffBooking, StaffFilter, search_for_staff};
pub use words::SearchWords;
