//! A booking as its mails tell it, and whether that is still so when they leave.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::booking::ChoiceOption;
use crate::document::{Baggage, Document, DocumentKind, DocumentStatus};
use crate::entitlement::Entitlement;
use crate::ids::{AccountId, BookingId, RefundId};
use crate::money::Money;
use crate::outbox::MailKind;
use crate::trade::{DefaultChoice, DisruptionKind, DisruptionStatus};

/// A booking as its mails tell it.
#[derive(Clone, Debug)]
pub struct MailContent {
    /// The booking.
    pub booking_id: BookingId,
    /// Its six-character reference.
    pub booking_ref: String,
    /// Whose booking it is.
    pub account_id: AccountId,
    /// Where the mail goes: the booking's contact.
    pub to: String,
    /// Whether that address may be anybody's, and who typed it unknown: it has never paid for a booking, and is not the
    /// verified one of the account.
    pub is_stranger: bool,
    /// The contact's phone, in E.164.
    pub phone: String,
    /// Everybody who flies, in the order of the booking; two people may have the same name.
    pub passengers: Vec<MailPassenger>,
    /// Everybody else of the booking: whoever was cancelled on every flight. Title and all names.
    pub former_passengers: Vec<String>,
    /// The flights that are still booked, in order.
    pub flights: Vec<MailFlight>,
    /// The flights of the directions that were cancelled, in order.
    pub cancelled_flights: Vec<MailFlight>,
    /// What each direction's fare includes.
    pub included: Vec<MailBaggage>,
    /// Who bought extra checked baggage.
    pub bags: Vec<MailBag>,
    /// Who sells, in one line: name and, once it is set, address.
    pub seller: String,
    /// The price of everything.
    pub total: Money,
    /// Money on its way back because it came too late.
    pub refunded: Option<Money>,
    /// What another aircraft changed since the tickets that the traveller has.
    pub moves: Vec<MailMove>,
    /// What goes back, or has gone, of the booking's payments; none that failed.
    pub returns: Vec<MailReturn>,
    /// What of it was cancelled after it was paid, in the order in which that happened.
    pub cancellations: Vec<MailCancellation>,
    /// Which other flights were asked for after it was paid, in the order in which that happened.
    pub changes: Vec<MailChange>,
    /// Who has a corrected name on the tickets since those that the traveller has: title and all names.
    pub renamed: Vec<String>,
    /// Who has a booking of their own since, in the order in which that happened.
    pub splits: Vec<MailSplit>,
    /// The booking that all of its passengers were in before, when it has come of a division.
    pub split_from: Option<String>,
    /// The changes of seats that ended because nobody paid them in time.
    pub unpaid_seat_changes: Vec<Uuid>,
    /// How its contact changed after it was paid, in the order in which that happened.
    pub contact_changes: Vec<MailContactChange>,
    /// What the airline has done to its flights, in the order in which that happened.
    pub disruptions: Vec<MailDisruption>,
    /// When it has to be paid.
    pub payment_due_at: DateTime<Utc>,
    /// The tickets, one document per validating airline, and the invoices.
    pub(super) documents: Vec<Document>,
    /// When the tickets were last made anew.
    pub(super) changed_at: Option<DateTime<Utc>>,
    pub(super) status: String,
    pub(super) late_payment_resolution: Option<String>,
}

/// What another aircraft did to a passenger's seat.
#[derive(Clone, Debug)]
pub struct MailMove {
    /// First name.
    pub first_name: String,
    /// `AI 161`
    pub flight: String,
    /// The aircraft that was to fly: `Airbus A320neo`
    pub from_aircraft: String,
    /// The one that flies.
    pub to_aircraft: String,
    /// `12A`
    pub from_seat: String,
    /// None where no seat was free: at check-in.
    pub to_seat: Option<String>,
    /// What goes back of the seat's fee.
    pub refund: Option<Money>,
}

/// Money that goes back.
#[derive(Clone, Debug)]
pub struct MailReturn {
    /// The refund.
    pub id: RefundId,
    /// Why.
    pub cause: ReturnCause,
    /// What was paid.
    pub paid: Money,
    /// What of it goes back.
    pub amount: Money,
    /// Whether the bank has it.
    pub is_paid: bool,
    /// Brand of the card that it goes back to, when Stripe told.
    pub card_brand: Option<String>,
    /// Last four digits of that card, when Stripe told.
    pub card_last4: Option<String>,
    /// Whether staff paid it by bank transfer instead.
    pub is_bank_transfer: bool,
}

/// Some or all of a booking that was cancelled.
#[derive(Clone, Debug)]
pub struct MailCancellation {
    /// The cancellation.
    pub id: Uuid,
    /// The departing direction first.
    pub items: Vec<MailCancelled>,
    /// What is charged once a booking and does not come back.
    pub fees_kept: Money,
    /// What is charged once a booking and comes back.
    pub fees_back: Money,
    /// What goes back in all.
    pub refund: Money,
    /// Whether the airline's doing is why.
    pub is_by_airline: bool,
}

/// A flight that the airline has cancelled or moved.
#[derive(Clone, Debug)]
pub struct MailDisruption {
    /// The disruption.
    pub id: Uuid,
    /// What the airline has done.
    pub kind: DisruptionKind,
    /// Where the booking stands in it.
    pub status: DisruptionStatus,
    /// Why, as staff wrote it.
    pub reason: String,
    /// `AI 161`
    pub flight: String,
    /// When it was to fly.
    pub before: MailTimes,
    /// When it flies, if it was moved.
    pub after: Option<MailTimes>,
    /// Whether a connection is missed.
    pub connection_broken: bool,
    /// Until when something can be chosen, by the clocks where the flight begins.
    pub decide_by: DateTime<chrono::FixedOffset>,
    /// What happens without an answer.
    pub default_choice: DefaultChoice,
    /// What can be chosen now.
    pub options: Vec<ChoiceOption>,
    /// What the law gives each passenger.
    pub entitlements: Vec<Entitlement>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
}

/// From where to where, and when.
#[derive(Clone, Debug)]
pub struct MailTimes {
    /// Where and when it leaves.
    pub departure: MailStop,
    /// Where and when it lands.
    pub arrival: MailStop,
}

/// A change of the contact of a paid booking.
#[derive(Clone, Debug)]
pub struct MailContactChange {
    /// The change.
    pub id: Uuid,
    /// The address before; `None` when it is the same.
    pub from_email: Option<String>,
}

/// A passenger who was cancelled in a direction.
#[derive(Clone, Debug)]
pub struct MailCancelled {
    /// First and last name.
    pub name: String,
    /// `departing` or `returning`.
    pub direction: String,
    /// What was paid for it.
    pub paid: Money,
    /// What comes back of it.
    pub refund: Money,
    /// The rule that decided, as a sentence.
    pub rule: String,
}

/// Other flights for a paid booking.
#[derive(Clone, Debug)]
pub struct MailChange {
    /// The change.
    pub id: Uuid,
    /// When the flights changed: it was paid, or nothing was to pay. None until then.
    pub done_at: Option<DateTime<Utc>>,
    /// Until when it is held, while it waits for its money.
    pub held_until: Option<DateTime<Utc>>,
    /// Whether it ended because nobody paid it in time.
    pub is_unpaid: bool,
    /// The flights that were asked for, each in one line.
    pub wanted: Vec<String>,
    /// The flights that are not flown any more, each in one line: `AI 161 from Delhi to Mumbai on 20 December`.
    pub former: Vec<String>,
    /// What was to pay when positive, what goes back when negative.
    pub amount: Money,
    /// Chosen seats that the new flights do not have: `Asha Verma, 12A`.
    pub lost_seats: Vec<String>,
}

/// Why money goes back, as the traveller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnCause {
    /// Another amount, currency or page than what was asked for.
    NotAskedFor,
    /// The booking was paid already.
    PaidTwice,
    /// Other seats, which could not be had any more.
    SeatsGone,
    /// Other flights, which could not be had any more.
    FlightsGone,
    /// Chosen seats that could not be had.
    SeatFees,
    /// The booking has ended, or has another price now.
    NotOwed,
}

/// Somebody who flies.
#[derive(Clone, Debug)]
pub struct MailPassenger {
    /// What a greeting says: the first name, or the one that there is.
    pub first_name: String,
    /// Title and all names.
    pub name: String,
    /// `adult`, `child` or `infant`.
    pub passenger_type: String,
    /// Which of the mail's flights they fly, by [`MailFlight::id`]; the others of the party may fly more.
    pub flights: Vec<Uuid>,
    /// The seat on each flight that has one: `AI 161 21A`.
    pub seats: Vec<String>,
}

/// Passengers who were taken out of a booking into one of their own.
#[derive(Clone, Debug)]
pub struct MailSplit {
    /// Their booking.
    pub new_booking_id: BookingId,
    /// Its six-character reference.
    pub new_booking_ref: String,
    /// Who they are: first and last names.
    pub names: Vec<String>,
    /// Whether the tickets that the traveller has do not know it yet.
    pub is_new: bool,
}

/// What everybody with a seat may bring in one direction.
#[derive(Clone, Debug)]
pub struct MailBaggage {
    /// `departing` or `returning`.
    pub direction: String,
    /// What the fare includes.
    pub baggage: Baggage,
}

/// Extra checked baggage of one passenger in one direction.
#[derive(Clone, Debug)]
pub struct MailBag {
    /// First name.
    pub first_name: String,
    /// `departing` or `returning`.
    pub direction: String,
    /// Kilograms.
    pub kg: i16,
}

/// One flight of a mail.
#[derive(Clone, Debug)]
pub struct MailFlight {
    /// The flight as it was booked; the same after a change of seats.
    pub id: Uuid,
    /// `departing` or `returning`
    pub direction: String,
    /// 0 or 1.
    pub direction_ordinal: i16,
    /// `Air India`
    pub airline: String,
    /// `AI 161`
    pub number: String,
    /// Where and when it leaves.
    pub departure: MailStop,
    /// Where and when it lands.
    pub arrival: MailStop,
}

/// An airport and the time on its clocks.
#[derive(Clone, Debug)]
pub struct MailStop {
    /// `New Delhi`
    pub city: String,
    /// `IN`
    pub country: String,
    /// `DEL`
    pub iata: String,
    /// `Asia/Kolkata`
    pub time_zone: String,
    /// In the airport's zone.
    pub local: DateTime<chrono::FixedOffset>,
}

impl MailContent {
    /// Whether the booking is still what the mail would say it is.
    pub fn is_still_true(&self, mail: MailKind, now: DateTime<Utc>) -> bool {
        let is_paid = self.is_paid();
        match mail {
            MailKind::BookingHeld | MailKind::BookingChanged { .. } => {
                self.status == "pending_payment" && self.payment_due_at > now
            }
            MailKind::BookingCancelled => self.status == "cancelled",
            MailKind::BookingConfirmed
            | MailKind::DocumentsAgain { .. }
            | MailKind::SeatsNotChanged { .. } => is_paid,
            MailKind::FlightsHeld { change_id } => {
                let held = self.change(change_id).and_then(|change| change.held_until);
                is_paid && held.is_some_and(|until| until > now)
            }
            MailKind::FlightsNotChanged { change_id } => {
                let change = self.change(change_id);
                is_paid && change.is_none_or(|change| change.done_at.is_none())
            }
            // A newer change has a mail of its own.
            MailKind::FlightsChanged { change_id } => {
                let mut done = self
                    .changes
                    .iter()
                    .rev()
                    .filter(|change| change.done_at.is_some());
                is_paid && done.next().is_some_and(|newest| newest.id == change_id)
            }
            MailKind::BookingExpired => {
                self.status == "expired" && self.late_payment_resolution.is_none()
            }
            // A newer change has a mail of its own.
            MailKind::ContactChanged { change_id } => {
                let newest = self.contact_changes.last();
                is_paid && newest.is_some_and(|change| change.id == change_id)
            }
            MailKind::ContactReplaced { .. } => !self.goes_to(mail).eq_ignore_ascii_case(&self.to),
            // A newer revision has a mail of its own.
            MailKind::TicketsChanged { revision } => {
                is_paid && self.tickets().all(|ticket| ticket.revision <= revision)
            }
            MailKind::DepartureReminder { direction } => {
                let first = self.of_direction(direction).next();
                is_paid && first.is_some_and(|flight| flight.departure.local > now)
            }
            MailKind::LatePaymentRefunded => {
                self.late_payment_resolution.as_deref() == Some("refunded")
            }
            MailKind::MoneyReturned { refund_id } => self.returned(refund_id).is_some(),
            MailKind::RefundPaid { refund_id } => self
                .returned(refund_id)
                .is_some_and(|returned| returned.is_paid),
            MailKind::CancellationConfirmed { cancellation_id } => {
                self.cancellation(cancellation_id).is_some()
            }
            MailKind::BookingSplit { new_booking_id } => self.split(new_booking_id).is_some(),
            // What was chosen, or came of its own, is told by another mail.
            MailKind::FlightCancelled { disruption_id }
            | MailKind::FlightRetimed { disruption_id } => self
                .disruption(disruption_id)
                .is_some_and(|told| told.status == DisruptionStatus::Open),
        }
    }

    /// Whether it is paid and somebody flies still.
    pub fn is_paid(&self) -> bool {
        matches!(self.status.as_str(), "confirmed" | "partially_cancelled")
    }

    /// The address that a mail goes to: the contact's, but for the mail to the one that was left.
    pub fn goes_to(&self, mail: MailKind) -> &str {
        let left = match mail {
            MailKind::ContactReplaced { change_id } => {
                let mut changes = self.contact_changes.iter();
                let change = changes.find(|change| change.id == change_id);
                change.and_then(|change| change.from_email.as_deref())
            }
            MailKind::BookingHeld
            | MailKind::BookingChanged { .. }
            | MailKind::BookingCancelled
            | MailKind::BookingConfirmed
            | MailKind::BookingExpired
            | MailKind::ContactChanged { .. }
            | MailKind::TicketsChanged { .. }
            | MailKind::DocumentsAgain { .. }
            | MailKind::DepartureReminder { .. }
            | MailKind::LatePaymentRefunded
            | MailKind::MoneyReturned { .. }
            | MailKind::RefundPaid { .. }
            | MailKind::CancellationConfirmed { .. }
            | MailKind::SeatsNotChanged { .. }
            | MailKind::FlightsChanged { .. }
            | MailKind::FlightsHeld { .. }
            | MailKind::FlightsNotChanged { .. }
            | MailKind::BookingSplit { .. }
            | MailKind::FlightCancelled { .. }
            | MailKind::FlightRetimed { .. } => None,
        };
        left.unwrap_or(&self.to)
    }

    /// Whether a flight leaves one country for another.
    pub fn crosses_border(&self) -> bool {
        let mut flights = self.flights.iter();
        flights.any(|flight| flight.departure.country != flight.arrival.country)
    }

    /// Money that goes back, unless that failed.
    pub fn returned(&self, id: RefundId) -> Option<&MailReturn> {
        self.returns.iter().find(|returned| returned.id == id)
    }

    /// A cancellation of the booking.
    pub fn cancellation(&self, id: Uuid) -> Option<&MailCancellation> {
        self.cancellations
            .iter()
            .find(|cancellation| cancellation.id == id)
    }

    /// A change of flights of the booking.
    pub fn change(&self, id: Uuid) -> Option<&MailChange> {
        self.changes.iter().find(|change| change.id == id)
    }

    /// The booking that some of its passengers have now.
    pub fn split(&self, new_booking_id: BookingId) -> Option<&MailSplit> {
        let mut splits = self.splits.iter();
        splits.find(|split| split.new_booking_id == new_booking_id)
    }

    /// A disruption of the booking.
    pub fn disruption(&self, id: Uuid) -> Option<&MailDisruption> {
        self.disruptions.iter().find(|told| told.id == id)
    }

    /// Whether the flights have changed with the tickets that are made now: those have new numbers.
    pub fn has_new_flights(&self) -> bool {
        let mut done = self.changes.iter().filter_map(|change| change.done_at);
        done.any(|done_at| Some(done_at) >= self.changed_at)
    }

    /// The new times that were accepted with the tickets that are made now.
    pub fn accepted_now(&self) -> impl Iterator<Item = &MailDisruption> {
        self.disruptions.iter().filter(|told| {
            told.status == DisruptionStatus::Accepted && told.decided_at >= self.changed_at
        })
    }

    /// The ticket documents that are good for something, one per validating airline.
    pub fn tickets(&self) -> impl Iterator<Item = &Document> {
        self.documents
            .iter()
            .filter(|document| document.kind == DocumentKind::Ticket)
            .filter(|document| document.status != DocumentStatus::Void)
    }

    /// The documents that go with a mail.
    ///
    /// To a change of tickets belongs the invoice that was numbered with it, if the change cost something.
    pub fn enclosed(&self, mail: MailKind) -> Vec<&Document> {
        let since = match mail {
            MailKind::RefundPaid { refund_id } => {
                let receipts = self.documents.iter();
                return receipts
                    .filter(|document| document.refund_id == Some(refund_id))
                    .collect();
            }
            MailKind::BookingConfirmed | MailKind::DocumentsAgain { .. } => None,
            MailKind::TicketsChanged { .. } => self.changed_at,
            MailKind::BookingHeld
            | MailKind::BookingChanged { .. }
            | MailKind::BookingCancelled
            | MailKind::BookingExpired
            | MailKind::ContactChanged { .. }
            | MailKind::ContactReplaced { .. }
            | MailKind::DepartureReminder { .. }
            | MailKind::LatePaymentRefunded
            | MailKind::MoneyReturned { .. }
            | MailKind::CancellationConfirmed { .. }
            | MailKind::SeatsNotChanged { .. }
            | MailKind::FlightsChanged { .. }
            | MailKind::FlightsHeld { .. }
            | MailKind::FlightsNotChanged { .. }
            | MailKind::BookingSplit { .. }
            | MailKind::FlightCancelled { .. }
            | MailKind::FlightRetimed { .. } => return Vec::new(),
        };
        let enclosed = self
            .documents
            .iter()
            .filter(|document| match document.kind {
                DocumentKind::Ticket => document.status != DocumentStatus::Void,
                DocumentKind::Invoice => since.is_none_or(|since| document.created_at >= since),
                DocumentKind::RefundReceipt => false,
            });
        enclosed.collect()
    }

    /// The flights of the first (0) or second (1) direction that are still booked.
    pub fn of_direction(&self, ordinal: i16) -> impl Iterator<Item = &MailFlight> {
        self.flights
            .iter()
            .filter(move |flight| flight.direction_ordinal == ordinal)
    }
}
