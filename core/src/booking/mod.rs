//! Bookings: seats that were held become somebody's, for a price that has to be paid by a deadline.

mod aboard;
mod actions;
mod cancel;
pub(crate) mod change_seats;
mod confirm;
mod correct_names;
mod create;
mod disruption;
mod end;
pub(crate) mod exchange;
mod insert;
mod link;
mod load;
mod model;
mod passengers;
mod patch;
pub(crate) mod pending;
mod price;
mod queries;
mod rules;
mod seat_money;
pub(crate) mod seating;
mod source;
mod split;
mod staff;
mod swap_aircraft;
mod traveller;
mod try_coupon;

pub use cancel::{
    CancellationContent, CancellationQuote, CancellationScope, Canceller, Decision, QuoteItem,
    QuoteLine, QuoteOutdated, QuoteRequest, RuleName, cancel, get_quote, list_cancellations, quote,
};
pub use change_seats::{FlightDoesNotFly, NewSeat, change_seats};
pub(crate) use confirm::{PaidBy, confirm, reclaim};
pub use correct_names::{
    CorrectionTooLate, CorrectionUnavailable, Corrector, NameCorrection, correct_names, name_rules,
};
pub use create::create;
#[cfg(test)]
pub(crate) use disruption::sweep_disruptions_with;
pub use disruption::{
    Announced, Answer, BookingDisruption, ChoiceOption, ChoiceUnavailable, DisruptionDecided,
    FlightChange, FlightIsCancelled, FlightTimes, Impact, NewDisruption, NotDisrupted,
    OpenDisruption, RefundScope, decide_disruption, disrupt, disruption_progress, get_disruption,
    list_disruptions, mark_disruption_told, notify_disrupted, preview_disruption, rebook_disrupted,
    sweep_disruptions,
};
pub use end::{cancel_unpaid, expire, sweep_due};
pub use exchange::{
    ChangeContent, ChangeItem, ChangeLine, ChangeNotAllowed, ChangeOutdated, ChangeQuote,
    ChangeRequest, ChangedDirection, ChangedSeat, change, get_change_quote, list_changes,
    quote_change,
};
pub use link::{BookingLinks, LinkedBooking};
pub use model::{
    BookedDirection, BookedPassenger, BookedSeat, Booking, Contact, NewBooking, PaymentSummary,
};
pub use passengers::{
    Gender, NewPassenger, NewTravelDocument, PassengerName, TravelDocument, parse_name,
};
pub use patch::{BookingPatch, CouponChange, ExpectedTotal, PriceChanged, patch};
#[cfg(test)]
pub(crate) use pending::sweep_changes_with;
pub use pending::{ChangeKind, PendingChange, sweep_changes};
pub use queries::{BookingFilter, get, get_by_id, list};
pub use rules::seat_rules;
pub use source::{Source, SourceWish};
pub use staff::{
    BookingProblem, Dossier, Resent, ResentEnough, SearchWords, StaffBooking, StaffFilter,
    StaffMail, StaffPayment, get_for_staff, resend_documents, search_for_staff,
};
pub use swap_aircraft::{Swapped, find_flight, swap_aircraft};
pub use try_coupon::try_coupon;
