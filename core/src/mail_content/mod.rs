//! What a mail about a booking says, read when it is sent.

mod after_sale;
mod load;
mod model;

pub use model::{
    MailBag, MailBaggage, MailCancellation, MailCancelled, MailChange, MailContactChange,
    MailContent, MailDisruption, MailFlight, MailMove, MailPassenger, MailReturn, MailSplit,
    MailStop, MailTimes, ReturnCause,
};
