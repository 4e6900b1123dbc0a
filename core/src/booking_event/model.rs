//! The kinds of events, what each says, and what is told of it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::booking_lock::LockedBooking;
use crate::ids::{
    BookingId, BookingRef, DisputeId, DocumentId, FlightId, PassengerId, PaymentId, RefundId,
};
use crate::inventory::Seat;
use crate::money::Money;
use crate::outbox::MailKind;
use crate::trade::{
    BookingStatus, Direction, DisputeStatus, DisruptionKind, DisruptionStatus, LatePayment,
};

/// Of the details of every kind. A field more is no other version; a field that means something else is.
const VERSION: u8 = 1;

/// A change of a booking, with what it was before and is after: ids and amounts, never names or addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Booked: its seats are held until the deadline.
    Held {
        /// What it costs.
        total: Money,
        /// The deadline.
        payment_due_at: DateTime<Utc>,
    },
    /// Paid, or it costs nothing: its seats are sold and ticketed.
    Confirmed {
        /// What it was and cost until then. It costs less afterwards when chosen seats could not be had.
        before: Before,
        /// What it costs.
        total: Money,
        /// Which seats it got, when the money came after the deadline.
        late: Option<LatePayment>,
    },
    /// Cancelled before it was paid.
    Cancelled {
        /// What it was and cost.
        before: Before,
    },
    /// Cancelled after it was paid: some passengers, a direction, or all of it.
    CancelledPaid {
        /// The cancellation.
        cancellation_id: Uuid,
        /// What it was and cost.
        before: Before,
        /// What it costs: what is kept.
        total: Money,
        /// What goes back.
        refund: Money,
        /// Who does not fly in which direction any more.
        places: Vec<(PassengerId, Direction)>,
        /// Whether nobody flies any more.
        is_all: bool,
        /// Why staff waived what the fare would keep.
        waiver: Option<String>,
    },
    /// Staff say who was not aboard a flight.
    NoShow {
        /// The flight.
        flight_id: FlightId,
        /// Who.
        passengers: Vec<PassengerId>,
    },
    /// Nobody paid in time.
    Expired {
        /// What it was and cost.
        before: Before,
    },
    /// Changed before it was paid.
    Changed {
        /// The change.
        change_id: Uuid,
        /// What the client asked to be another.
        parts: Vec<PartOfBooking>,
        /// What it cost.
        from: Money,
        /// What it costs.
        to: Money,
        /// Whether mails go to another address.
        goes_elsewhere: bool,
    },
    /// The contact of a paid booking is another.
    ContactChanged {
        /// The change.
        change_id: Uuid,
        /// Whether mails go to another address.
        email: bool,
        /// Whether text messages go to another number.
        phone: bool,
    },
    /// Names of passengers of a paid booking were corrected.
    NameCorrected {
        /// Whose.
        passengers: Vec<PassengerId>,
    },
    /// Passengers of a paid booking have other seats.
    SeatsChanged {
        /// The change, when it had to be paid, and its price.
        paid: Option<(Uuid, Money)>,
        /// Who sits where now.
        seats: Vec<SeatMoved>,
    },
    /// A change of seats that waited for its money ended: the seats are as they were.
    SeatChangeLost {
        /// The change.
        seat_change_id: Uuid,
        /// Why.
        why: ChangeLost,
    },
    /// Passengers of a paid booking fly other flights.
    FlightsChanged {
        /// The change.
        change_id: Uuid,
        /// What it cost.
        before: Money,
        /// What it costs.
        total: Money,
        /// Which flights.
        flights: Vec<FlightsMoved>,
        /// Whether the booking has come of a division and its first tickets, with which a mail goes, are still to come.
        is_told_with_tickets: bool,
    },
    /// A change of flights waits for its money: the new seats are held.
    FlightChangeHeld {
        /// The change.
        change_id: Uuid,
        /// What is to pay.
        amount: Money,
        /// Until when, unless a page to pay on is opened.
        expires_at: DateTime<Utc>,
    },
    /// A change of flights that waited for its money ended: the flights are as they were.
    FlightChangeLost {
        /// The change.
        change_id: Uuid,
        /// Why.
        why: ChangeLost,
    },
    /// Passengers of a paid booking have a booking of their own from now on.
    SplitInto {
        /// The other booking.
        new_booking_id: BookingId,
        /// Its name outside.
        reference: BookingRef,
        /// Who went.
        passengers: Vec<PassengerId>,
        /// What the booking cost.
        before: Money,
        /// What it costs.
        total: Money,
    },
    /// The same, in the booking that they have now: it begins with it.
    SplitFrom {
        /// The booking that they were in.
        reference: BookingRef,
        /// Who came.
        passengers: Vec<PassengerId>,
        /// Where the new booking stands.
        status: BookingStatus,
        /// What it costs.
        total: Money,
    },
    /// Another aircraft flies, which does not have all seats of this booking as they were.
    AircraftChanged {
        /// The flight.
        flight_id: FlightId,
        /// IATA code of the aircraft that was to fly.
        from: String,
        /// And of the one that does.
        to: String,
        /// Who lost the seat, and where they sit now.
        seats: Vec<SeatMoved>,
    },
    /// All tickets and invoices are ready.
    DocumentsReady {
        /// The newest revision of the tickets.
        revision: i32,
        /// Whether they were all ready before.
        is_again: bool,
        /// The documents.
        documents: Vec<DocumentId>,
    },
    /// Staff have its documents mailed again.
    DocumentsResent {
        /// What tells this mail from the others.
        resend_id: Uuid,
        /// The documents.
        document_ids: Vec<DocumentId>,
    },
    /// Money goes back.
    RefundPromised {
        /// The refund.
        refund_id: RefundId,
        /// The payment that it is of.
        payment_id: PaymentId,
        /// How much.
        amount: Money,
        /// Why.
        cause: RefundCause,
    },
    /// Stripe has paid a refund.
    RefundPaid {
        /// The refund.
        refund_id: RefundId,
        /// How much.
        amount: Money,
    },
    /// A refund cannot be paid, or came back.
    RefundFailed {
        /// The refund.
        refund_id: RefundId,
        /// How much.
        amount: Money,
    },
    /// The receipt of a refund is ready: of one that was paid, or again because it came back.
    ReceiptReady {
        /// The refund.
        refund_id: RefundId,
        /// The receipt.
        document_id: DocumentId,
    },
    /// Whoever paid disputes it at the bank: it asks, or has taken the money. One that first asked and then took the money
    /// is told twice.
    DisputeOpened {
        /// The dispute.
        dispute_id: DisputeId,
        /// The payment that it is of.
        payment_id: PaymentId,
        /// How much.
        amount: Money,
        /// What the cardholder says, in Stripe's word.
        reason: String,
        /// Whether the bank only asks.
        is_inquiry: bool,
    },
    /// The bank has decided.
    DisputeClosed {
        /// The dispute.
        dispute_id: DisputeId,
        /// How much.
        amount: Money,
        /// How it ended.
        outcome: DisputeStatus,
    },
    /// The first flight of a direction leaves within a day.
    DepartureNear {
        /// The direction.
        direction: Direction,
    },
    /// The airline cancels or moves a flight of the booking: its owner may choose.
    Disrupted {
        /// The disruption.
        disruption_id: Uuid,
        /// What the airline does.
        kind: DisruptionKind,
        /// The flight.
        flight_id: FlightId,
        /// The direction that it is of.
        direction: Direction,
        /// Why, as travellers read it.
        reason: String,
        /// When it was to leave.
        departs_at: DateTime<Utc>,
        /// When it leaves, if it is moved.
        new_departs_at: Option<DateTime<Utc>>,
        /// Whether a connection is missed by it.
        connection_broken: bool,
        /// Until when the owner may choose.
        decide_by: DateTime<Utc>,
    },
    /// What became of a disruption of the booking.
    DisruptionDecided {
        /// The disruption.
        disruption_id: Uuid,
        /// The direction.
        direction: Direction,
        /// What was chosen, or came of its own; never open.
        status: DisruptionStatus,
        /// Whether nobody answered in time.
        is_default: bool,
    },
}

/// What a booking was, and cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Where it stood.
    pub status: BookingStatus,
    /// What it cost.
    pub total: Money,
}

impl Before {
    /// What the booking was when it was locked.
    pub const fn of(booking: &LockedBooking) -> Self {
        Self {
            status: booking.status,
            total: booking.total,
        }
    }
}

/// What a change of an unpaid booking may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartOfBooking {
    /// Its offers.
    Offers,
    /// Who flies.
    Passengers,
    /// Whom to write to.
    Contact,
    /// Named seats.
    Seats,
    /// The coupon.
    Coupon,
}

impl PartOfBooking {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offers => "offers",
            Self::Passengers => "passengers",
            Self::Contact => "contact",
            Self::Seats => "seats",
            Self::Coupon => "coupon",
        }
    }
}

/// A passenger's seat on a flight, before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatMoved {
    /// Who.
    pub passenger_id: PassengerId,
    /// On which flight.
    pub flight_id: FlightId,
    /// The seat before.
    pub from: Option<Seat>,
    /// The seat after; none where none was free.
    pub to: Option<Seat>,
}

/// A direction's flights, before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlightsMoved {
    /// Which direction.
    pub direction: Direction,
    /// The flights before, in the order of travel.
    pub from: Vec<FlightId>,
    /// The flights after.
    pub to: Vec<FlightId>,
}

/// Why a change of flights or seats that waited for its money ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeLost {
    /// Another aircraft does not have its seats.
    SeatsGone,
    /// Nobody paid it in time.
    Unpaid,
}

impl ChangeLost {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SeatsGone => "seats_gone",
            Self::Unpaid => "unpaid",
        }
    }
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundCause {
    /// It came when the booking had ended.
    LatePayment,
    /// It pays a price that the booking does not have any more.
    OldPrice,
    /// The other seats that it was for cannot be had any more.
    SeatsGone,
    /// The booking was paid already.
    DuplicatePayment,
    /// It is not what was asked for.
    MismatchedPayment,
    /// The part that was for chosen seats which could not be had.
    SeatFees,
    /// The part that was for chosen seats which another aircraft does not have, or has in a cheaper class.
    SeatSwap,
    /// Staff gave it back in Stripe's dashboard.
    MadeAtStripe,
    /// A part of a paid booking was cancelled, or all of it.
    Cancellation,
    /// Other flights cost less.
    Change,
    /// The other flights that it was for cannot be had any more.
    FlightsGone,
    /// What is left of a refund of ours after one that was made at Stripe, or after a dispute that was lost.
    Remainder,
    /// Staff had one that failed tried again.
    Retry,
    /// Staff paid one that failed otherwise than through Stripe.
    SettledOtherwise,
}

impl RefundCause {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LatePayment => "late_payment",
            Self::OldPrice => "old_price",
            Self::SeatsGone => "seats_gone",
            Self::DuplicatePayment => "duplicate_payment",
            Self::MismatchedPayment => "mismatched_payment",
            Self::SeatFees => "seat_fees",
            Self::SeatSwap => "seat_swap",
            Self::MadeAtStripe => "made_at_stripe",
            Self::Cancellation => "cancellation",
            Self::Change => "change",
            Self::FlightsGone => "flights_gone",
            Self::Remainder => "remainder",
            Self::Retry => "retry",
            Self::SettledOtherwise => "settled_otherwise",
        }
    }
}

/// Which change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the event of its name")]
pub enum Kind {
    Held,
    Confirmed,
    Cancelled,
    PartiallyCancelled,
    NoShow,
    Expired,
    Changed,
    ContactChanged,
    NameCorrected,
    SeatsChanged,
    SeatChangeLost,
    FlightsChanged,
    FlightChangeHeld,
    FlightChangeLost,
    SplitInto,
    SplitFrom,
    AircraftChanged,
    DocumentsReady,
    DocumentsResent,
    RefundPromised,
    RefundPaid,
    RefundFailed,
    ReceiptReady,
    DisputeOpened,
    DisputeClosed,
    DepartureNear,
    Disrupted,
    DisruptionDecided,
}

impl Kind {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Held,
        Self::Confirmed,
        Self::Cancelled,
        Self::PartiallyCancelled,
        Self::NoShow,
        Self::Expired,
        Self::Changed,
        Self::ContactChanged,
        Self::NameCorrected,
        Self::SeatsChanged,
        Self::SeatChangeLost,
        Self::FlightsChanged,
        Self::FlightChangeHeld,
        Self::FlightChangeLost,
        Self::SplitInto,
        Self::SplitFrom,
        Self::AircraftChanged,
        Self::DocumentsReady,
        Self::DocumentsResent,
        Self::RefundPromised,
        Self::RefundPaid,
        Self::RefundFailed,
        Self::ReceiptReady,
        Self::DisputeOpened,
        Self::DisputeClosed,
        Self::DepartureNear,
        Self::Disrupted,
        Self::DisruptionDecided,
    ];

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::PartiallyCancelled => "partially_cancelled",
            Self::NoShow => "no_show",
            Self::Expired => "expired",
            Self::Changed => "changed",
            Self::ContactChanged => "contact_changed",
            Self::NameCorrected => "name_corrected",
            Self::SeatsChanged => "seats_changed",
            Self::SeatChangeLost => "seat_change_lost",
            Self::FlightsChanged => "flights_changed",
            Self::FlightChangeHeld => "flight_change_held",
            Self::FlightChangeLost => "flight_change_lost",
            Self::SplitInto => "split_into",
            Self::SplitFrom => "split_from",
            Self::AircraftChanged => "aircraft_changed",
            Self::DocumentsReady => "documents_ready",
            Self::DocumentsResent => "documents_resent",
            Self::RefundPromised => "refund_promised",
            Self::RefundPaid => "refund_paid",
            Self::RefundFailed => "refund_failed",
            Self::ReceiptReady => "receipt_ready",
            Self::DisputeOpened => "dispute_opened",
            Self::DisputeClosed => "dispute_closed",
            Self::DepartureNear => "departure_near",
            Self::Disrupted => "disrupted",
            Self::DisruptionDecided => "disruption_decided",
        }
    }

    /// Where a booking stands by it; `None` when it stands where it stood. `events_tell_the_status.sql` says the same.
    pub const fn status(self) -> Option<BookingStatus> {
        match self {
            Self::Held => Some(BookingStatus::PendingPayment),
            Self::Confirmed => Some(BookingStatus::Confirmed),
            Self::Cancelled => Some(BookingStatus::Cancelled),
            Self::PartiallyCancelled => Some(BookingStatus::PartiallyCancelled),
            Self::Expired => Some(BookingStatus::Expired),
            Self::Changed
            | Self::NoShow
            | Self::ContactChanged
            | Self::NameCorrected
            | Self::SeatsChanged
            | Self::SeatChangeLost
            | Self::FlightsChanged
            | Self::FlightChangeHeld
            | Self::FlightChangeLost
            | Self::SplitInto
            // It says itself where the new booking stands.
            | Self::SplitFrom
            | Self::AircraftChanged
            | Self::DocumentsReady
            | Self::DocumentsResent
            | Self::RefundPromised
            | Self::RefundPaid
            | Self::RefundFailed
            | Self::ReceiptReady
            | Self::DisputeOpened
            | Self::DisputeClosed
            | Self::DepartureNear
            | Self::Disrupted
            | Self::DisruptionDecided => None,
        }
    }
}

/// What is told of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Notice {
    /// To the contact's address, or to the one that it had.
    pub mails: [Option<MailKind>; 2],
    /// Whether the contact's phone gets the confirmation.
    pub text_message: bool,
}

impl Notice {
    const NOTHING: Self = Self {
        mails: [None, None],
        text_message: false,
    };

    const fn mail(mail: MailKind) -> Self {
        Self {
            mails: [Some(mail), None],
            text_message: false,
        }
    }
}

impl Event {
    /// Which change it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Held { .. } => Kind::Held,
            Self::Confirmed { .. } => Kind::Confirmed,
            Self::Cancelled { .. } | Self::CancelledPaid { is_all: true, .. } => Kind::Cancelled,
            Self::CancelledPaid { .. } => Kind::PartiallyCancelled,
            Self::NoShow { .. } => Kind::NoShow,
            Self::Expired { .. } => Kind::Expired,
            Self::Changed { .. } => Kind::Changed,
            Self::ContactChanged { .. } => Kind::ContactChanged,
            Self::NameCorrected { .. } => Kind::NameCorrected,
            Self::SeatsChanged { .. } => Kind::SeatsChanged,
            Self::SeatChangeLost { .. } => Kind::SeatChangeLost,
            Self::FlightsChanged { .. } => Kind::FlightsChanged,
            Self::FlightChangeHeld { .. } => Kind::FlightChangeHeld,
            Self::FlightChangeLost { .. } => Kind::FlightChangeLost,
            Self::SplitInto { .. } => Kind::SplitInto,
            Self::SplitFrom { .. } => Kind::SplitFrom,
            Self::AircraftChanged { .. } => Kind::AircraftChanged,
            Self::DocumentsReady { .. } => Kind::DocumentsReady,
            Self::DocumentsResent { .. } => Kind::DocumentsResent,
            Self::RefundPromised { .. } => Kind::RefundPromised,
            Self::RefundPaid { .. } => Kind::RefundPaid,
            Self::RefundFailed { .. } => Kind::RefundFailed,
            Self::ReceiptReady { .. } => Kind::ReceiptReady,
            Self::DisputeOpened { .. } => Kind::DisputeOpened,
            Self::DisputeClosed { .. } => Kind::DisputeClosed,
            Self::DepartureNear { .. } => Kind::DepartureNear,
            Self::Disrupted { .. } => Kind::Disrupted,
            Self::DisruptionDecided { .. } => Kind::DisruptionDecided,
        }
    }

    /// What is told of it.
    pub(super) fn notice(&self) -> Notice {
        match self {
            Self::Held { total, .. } if total.minor() > 0 => Notice::mail(MailKind::BookingHeld),
            // The mail waits for the documents.
            Self::Confirmed { .. } => Notice {
                text_message: true,
                ..Notice::NOTHING
            },
            Self::Cancelled { .. } => Notice::mail(MailKind::BookingCancelled),
            Self::CancelledPaid {
                cancellation_id, ..
            } => Notice::mail(MailKind::CancellationConfirmed {
                cancellation_id: *cancellation_id,
            }),
            Self::Expired { .. } => Notice::mail(MailKind::BookingExpired),
            // What was mailed before names another amount, or went to another address.
            Self::Changed {
                change_id,
                from,
                to,
                goes_elsewhere,
                ..
            } if to.minor() > 0 && (*goes_elsewhere || from != to) => {
                Notice::mail(MailKind::BookingChanged {
                    change_id: *change_id,
                })
            }
            // The address that is left hears of it too: it may not know who did it.
            Self::ContactChanged {
                change_id, email, ..
            } => {
                let change_id = *change_id;
                Notice {
                    mails: [
                        Some(MailKind::ContactChanged { change_id }),
                        email.then_some(MailKind::ContactReplaced { change_id }),
                    ],
                    text_message: false,
                }
            }
            Self::SeatChangeLost { seat_change_id, .. } => {
                Notice::mail(MailKind::SeatsNotChanged {
                    seat_change_id: *seat_change_id,
                })
            }
            Self::FlightsChanged {
                change_id,
                is_told_with_tickets: false,
                ..
            } => Notice::mail(MailKind::FlightsChanged {
                change_id: *change_id,
            }),
            Self::FlightChangeHeld { change_id, .. } => Notice::mail(MailKind::FlightsHeld {
                change_id: *change_id,
            }),
            Self::FlightChangeLost { change_id, .. } => Notice::mail(MailKind::FlightsNotChanged {
                change_id: *change_id,
            }),
            Self::DocumentsReady {
                is_again: false, ..
            } => Notice::mail(MailKind::BookingConfirmed),
            Self::DocumentsReady { revision, .. } if *revision > 1 => {
                Notice::mail(MailKind::TicketsChanged {
                    revision: *revision,
                })
            }
            Self::DocumentsResent { resend_id, .. } => Notice::mail(MailKind::DocumentsAgain {
                resend_id: *resend_id,
            }),
            Self::RefundPromised {
                refund_id, cause, ..
            } => told_of_refund(*refund_id, *cause),
            // Once, and not of a void receipt: before it leaves it asks whether the bank still has the money.
            Self::ReceiptReady { refund_id, .. } => Notice::mail(MailKind::RefundPaid {
                refund_id: *refund_id,
            }),
            Self::DepartureNear { direction } => Notice::mail(MailKind::DepartureReminder {
                direction: direction.ordinal().into(),
            }),
            Self::Disrupted {
                disruption_id,
                kind,
                ..
            } => Notice::mail(told_of_disruption(*disruption_id, *kind)),
            // Both bookings get new tickets: the mails with them tell of the division, and of the flights that were changed with it.
            Self::SplitInto { .. }
            | Self::SplitFrom { .. }
            | Self::FlightsChanged { .. }
            // What costs nothing is confirmed in the same transaction; other seats and names are told with the new tickets, and a
            // dispute is between the seller and the bank. New times that were accepted are told with the new tickets too; a
            // refund is told by its cancellation.
            | Self::Held { .. }
            | Self::Changed { .. }
            | Self::NameCorrected { .. }
            | Self::NoShow { .. }
            | Self::SeatsChanged { .. }
            | Self::AircraftChanged { .. }
            | Self::DocumentsReady { .. }
            | Self::RefundPaid { .. }
            | Self::RefundFailed { .. }
            | Self::DisputeOpened { .. }
            | Self::DisputeClosed { .. }
            | Self::DisruptionDecided { .. } => Notice::NOTHING,
        }
    }

    /// What the row says of it, beside its kind. Published as it is: `GET /v1/bookings/{ref}/events`.
    #[expect(
        clippy::too_many_lines,
        reason = "one match with the fields of every kind"
    )]
    pub(super) fn details(&self) -> Value {
        let mut details = match self {
            Self::Held {
                total,
                payment_due_at,
            } => json!({
                "status": { "to": self.status() },
                "total": money(*total),
                "payment_due_at": payment_due_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            }),
            Self::Confirmed {
                before,
                total,
                late,
            } => json!({
                "status": { "from": before.status.as_str(), "to": self.status() },
                "total": { "from": money(before.total), "to": money(*total) },
                "late_payment": late.map(LatePayment::as_str),
            }),
            Self::Cancelled { before } | Self::Expired { before } => json!({
                "status": { "from": before.status.as_str(), "to": self.status() },
                "total": money(before.total),
            }),
            Self::CancelledPaid {
                cancellation_id,
                before,
                total,
                refund,
                places,
                is_all: _,
                waiver,
            } => json!({
                "cancellation_id": cancellation_id,
                "status": { "from": before.status.as_str(), "to": self.status() },
                "total": { "from": money(before.total), "to": money(*total) },
                "refund": money(*refund),
                "places": places.iter().map(|(passenger_id, direction)| json!({
                    "passenger_id": passenger_id,
                    "direction": direction.as_str(),
                })).collect::<Vec<_>>(),
                "waiver": waiver,
            }),
            Self::NoShow {
                flight_id,
                passengers,
            } => json!({ "flight_id": flight_id, "passenger_ids": passengers }),
            Self::Changed {
                change_id,
                parts,
                from,
                to,
                goes_elsewhere: _,
            } => json!({
                "change_id": change_id,
                "parts": parts.iter().map(|part| part.as_str()).collect::<Vec<_>>(),
                "total": { "from": money(*from), "to": money(*to) },
            }),
            Self::ContactChanged {
                change_id,
                email,
                phone,
            } => {
                let parts = [("email", *email), ("phone", *phone)];
                let parts = parts.into_iter().filter(|(_, is_another)| *is_another);
                json!({
                    "change_id": change_id,
                    "parts": parts.map(|(part, _)| part).collect::<Vec<_>>(),
                })
            }
            Self::NameCorrected { passengers } => json!({ "passenger_ids": passengers }),
            Self::SeatsChanged { paid, seats } => json!({
                "seat_change_id": paid.map(|(id, _)| id),
                "amount": paid.map(|(_, amount)| money(amount)),
                "seats": moved(seats),
            }),
            Self::SeatChangeLost {
                seat_change_id,
                why,
            } => json!({ "seat_change_id": seat_change_id, "reason": why.as_str() }),
            Self::FlightsChanged {
                change_id,
                before,
                total,
                flights,
                is_told_with_tickets: _,
            } => json!({
                "change_id": change_id,
                "total": { "from": money(*before), "to": money(*total) },
                "directions": flights.iter().map(|one| json!({
                    "direction": one.direction.as_str(),
                    "flight_ids": { "from": one.from, "to": one.to },
                })).collect::<Vec<_>>(),
            }),
            Self::FlightChangeHeld {
                change_id,
                amount,
                expires_at,
            } => json!({
                "change_id": change_id,
                "amount": money(*amount),
                "expires_at": instant(*expires_at),
            }),
            Self::FlightChangeLost { change_id, why } => {
                json!({ "change_id": change_id, "reason": why.as_str() })
            }
            Self::SplitInto {
                new_booking_id: _,
                reference,
                passengers,
                before,
                total,
            } => json!({
                "booking_ref": reference.as_str(),
                "passenger_ids": passengers,
                "total": { "from": money(*before), "to": money(*total) },
            }),
            Self::SplitFrom {
                reference,
                passengers,
                status,
                total,
            } => json!({
                "status": { "to": status.as_str() },
                "booking_ref": reference.as_str(),
                "passenger_ids": passengers,
                "total": money(*total),
            }),
            Self::AircraftChanged {
                flight_id,
                from,
                to,
                seats,
            } => json!({
                "flight_id": flight_id,
                "aircraft": { "from": from, "to": to },
                "seats": moved(seats),
            }),
            Self::DocumentsReady {
                revision,
                is_again: _,
                documents,
            } => json!({ "revision": revision, "document_ids": documents }),
            Self::DocumentsResent {
                resend_id,
                document_ids,
            } => json!({ "resend_id": resend_id, "document_ids": document_ids }),
            Self::RefundPromised {
                refund_id,
                payment_id,
                amount,
                cause,
            } => json!({
                "refund_id": refund_id,
                "payment_id": payment_id,
                "amount": money(*amount),
                "cause": cause.as_str(),
            }),
            Self::RefundPaid { refund_id, amount } | Self::RefundFailed { refund_id, amount } => {
                json!({ "refund_id": refund_id, "amount": money(*amount) })
            }
            Self::ReceiptReady {
                refund_id,
                document_id,
            } => json!({ "refund_id": refund_id, "document_id": document_id }),
            Self::DisputeOpened {
                dispute_id,
                payment_id,
                amount,
                reason,
                is_inquiry,
            } => json!({
                "dispute_id": dispute_id,
                "payment_id": payment_id,
                "amount": money(*amount),
                "reason": reason,
                "is_inquiry": is_inquiry,
            }),
            Self::DisputeClosed {
                dispute_id,
                amount,
                outcome,
            } => json!({
                "dispute_id": dispute_id,
                "amount": money(*amount),
                "outcome": outcome.as_str(),
            }),
            Self::DepartureNear { direction } => json!({ "direction": direction.as_str() }),
            Self::Disrupted {
                disruption_id,
                kind,
                flight_id,
                direction,
                reason,
                departs_at,
                new_departs_at,
                connection_broken,
                decide_by,
            } => json!({
                "disruption_id": disruption_id,
                "kind": kind.as_str(),
                "flight_id": flight_id,
                "direction": direction.as_str(),
                "reason": reason,
                "departs_at": { "from": instant(*departs_at), "to": new_departs_at.map(instant) },
                "connection_broken": connection_broken,
                "decide_by": instant(*decide_by),
            }),
            Self::DisruptionDecided {
                disruption_id,
                direction,
                status,
                is_default,
            } => json!({
                "disruption_id": disruption_id,
                "direction": direction.as_str(),
                "disruption_status": status.as_str(),
                "is_default": is_default,
            }),
        };
        if let Some(fields) = details.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
            fields.insert("version".to_owned(), VERSION.into());
        }
        details
    }

    fn status(&self) -> Option<&'static str> {
        self.kind().status().map(BookingStatus::as_str)
    }
}

const fn told_of_disruption(disruption_id: Uuid, kind: DisruptionKind) -> MailKind {
    match kind {
        DisruptionKind::Cancelled => MailKind::FlightCancelled { disruption_id },
        DisruptionKind::Retimed => MailKind::FlightRetimed { disruption_id },
    }
}

fn told_of_refund(refund_id: RefundId, cause: RefundCause) -> Notice {
    match cause {
        RefundCause::LatePayment => Notice::mail(MailKind::LatePaymentRefunded),
        RefundCause::OldPrice
        | RefundCause::SeatsGone
        | RefundCause::FlightsGone
        | RefundCause::DuplicatePayment
        | RefundCause::MismatchedPayment
        | RefundCause::SeatFees => Notice::mail(MailKind::MoneyReturned { refund_id }),
        // The mail with the new tickets tells it, that about the cancellation or change, that about the refund which failed, or
        // whoever gave it back at Stripe.
        RefundCause::SeatSwap
        | RefundCause::Cancellation
        | RefundCause::Change
        | RefundCause::MadeAtStripe
        | RefundCause::Remainder
        | RefundCause::Retry
        | RefundCause::SettledOtherwise => Notice::NOTHING,
    }
}

/// As the API writes an instant.
fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// As the API writes an amount.
fn money(money: Money) -> Value {
    json!({ "amount": money.decimal(), "currency": money.currency().code() })
}

fn moved(seats: &[SeatMoved]) -> Vec<Value> {
    let seat = |seat: &Option<Seat>| seat.map(|seat| seat.to_string());
    let one = |moved: &SeatMoved| {
        json!({
            "passenger_id": moved.passenger_id,
            "flight_id": moved.flight_id,
            "from": seat(&moved.from),
            "to": seat(&moved.to),
        })
    };
    seats.iter().map(one).collect()
}
