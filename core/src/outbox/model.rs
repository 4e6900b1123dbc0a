//! The jobs that can be promised: imperative names, payloads of ids.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::backoff;
use crate::ids::{
    AccountId, BookingId, DocumentId, JobId, PaymentId, RefundId, WebhookDeliveryId,
    WebhookEndpointId,
};

/// A payload that can be promised and run.
pub trait Job: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Which job it is.
    const KIND: Kind;
}

macro_rules! jobs {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? } = $text:literal on $queue:ident, $attempts:literal attempts;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name { $($(#[$field_doc])* pub $field: $type),* }

            impl Job for $name {
                const KIND: Kind = Kind::$name;
            }
        )*

        /// Every kind of job; its text stands in `outbox.kind`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name),* }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name in the database: `render_document`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The queue it waits in.
            pub const fn queue(self) -> Queue {
                match self { $(Self::$name => Queue::$queue),* }
            }

            /// How often it is tried before it is dead. Runs that found a back-end away do not count.
            pub const fn max_attempts(self) -> i32 {
                match self { $(Self::$name => $attempts),* }
            }

            /// The longest wait between two attempts.
            pub(super) fn longest_wait(self) -> Duration {
                match self {
                    // A server that says "later" about one recipient (a full mailbox, greylisting) means hours or days:
                    // <https://www.rfc-editor.org/rfc/rfc5321#section-4.5.4.1> gives up after four to five days.
                    Self::SendMail | Self::SendVerification | Self::SendEndpointDisabled => {
                        Duration::hours(4)
                    },
                    _ => backoff::CAP,
                }
            }

            /// The kind of a name, or `None`.
            pub fn parse(raw: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == raw)
            }
        }
    };
}

jobs! {
    /// Make the PDF of a document's present revision, store it, and promise the mail that carries it.
    RenderDocument {
        /// The document.
        document_id: DocumentId,
        /// The revision that was current when this was promised.
        revision: i32,
    } = "render_document" on Documents, 12 attempts;
    /// Send one mail about a booking to its contact.
    SendMail {
        /// Which mail.
        mail: MailKind,
        /// The booking it is about.
        booking_id: BookingId,
    } = "send_mail" on Mail, 50 attempts;
    /// Send the link that verifies an account's address, unless there is no such account or it is verified.
    SendVerification {
        /// The account.
        account_id: AccountId,
    } = "send_verification" on Mail, 50 attempts;
    /// Send the link that sets another password, unless there is no such account.
    SendPasswordReset {
        /// The account.
        account_id: AccountId,
    } = "send_password_reset" on Mail, 8 attempts;
    /// Send the confirmation of a booking to its contact's phone.
    SendSms {
        /// The booking it is about.
        booking_id: BookingId,
    } = "send_sms" on Mail, 8 attempts;
    /// Ask Stripe for the refund of a row that is pending.
    CreateRefund {
        /// The refund.
        refund_id: RefundId,
    } = "create_refund" on Payments, 20 attempts;
    /// Ask Stripe to expire a Checkout Session whose booking has ended or is due.
    ExpireCheckout {
        /// The payment whose session it is.
        payment_id: PaymentId,
    } = "expire_checkout" on Payments, 20 attempts;
    /// Ask Stripe what became of a payment that stays open.
    ReconcilePayment {
        /// The payment.
        payment_id: PaymentId,
    } = "reconcile_payment" on Payments, 5 attempts;
    /// Make the flights of the days to come out of their schedules.
    MaterialiseFlights {
        /// How many days.
        days: u32,
    } = "materialise_flights" on Timetable, 8 attempts;
    /// Tell every booking of a flight that the airline cancels or moves it.
    NotifyDisrupted {
        /// The disruption.
        disruption_id: Uuid,
    } = "notify_disrupted" on Timetable, 20 attempts;
    /// Make one attempt to deliver an event to an endpoint. Whether it was answered is no matter of the job's: it is done
    /// when the attempt is written down.
    DeliverWebhook {
        /// The delivery.
        delivery_id: WebhookDeliveryId,
    } = "deliver_webhook" on Webhooks, 20 attempts;
    /// Tell an account that its endpoint was disabled, if it still is.
    SendEndpointDisabled {
        /// The endpoint.
        endpoint_id: WebhookEndpointId,
    } = "send_endpoint_disabled" on Mail, 50 attempts;
}

/// Which mail about a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Booked, with the deadline to pay.
    BookingHeld,
    /// Paid and ticketed, with tickets and invoice attached.
    BookingConfirmed,
    /// Changed before it was paid, with what is to pay now.
    BookingChanged {
        /// The change.
        change_id: Uuid,
    },
    /// Cancelled by its owner before it was paid.
    BookingCancelled,
    /// Not paid in time.
    BookingExpired,
    /// Some or all of a paid booking is cancelled: what comes back, and why.
    CancellationConfirmed {
        /// The cancellation.
        cancellation_id: Uuid,
    },
    /// The contact of a paid booking is another: to the new address, or to the one that stays when only the number changed.
    ContactChanged {
        /// The change.
        change_id: Uuid,
    },
    /// The same, to the address that mails do not go to any more.
    ContactReplaced {
        /// The change.
        change_id: Uuid,
    },
    /// Other seats, names or another aircraft, with the new tickets attached.
    TicketsChanged {
        /// The revision of the tickets.
        revision: i32,
    },
    /// Tickets and invoices as they are now, once more, because staff were asked for them.
    DocumentsAgain {
        /// What tells it from the times before.
        resend_id: Uuid,
    },
    /// A day before the first flight of a direction.
    DepartureReminder {
        /// 0 or 1.
        direction: i16,
    },
    /// Paid too late and no seats were left: the money goes back.
    LatePaymentRefunded,
    /// Money that was not asked for, or not needed any more, goes back; the booking is what it was.
    MoneyReturned {
        /// The refund.
        refund_id: RefundId,
    },
    /// The bank has the money that goes back, with the receipt attached.
    RefundPaid {
        /// The refund.
        refund_id: RefundId,
    },
    /// A change of seats that waited for its money has ended: nobody paid in time, or another aircraft does not have them.
    SeatsNotChanged {
        /// The change of seats.
        seat_change_id: Uuid,
    },
    /// Other flights: what they cost or give back, and who sits where.
    FlightsChanged {
        /// The change.
        change_id: Uuid,
    },
    /// Other flights are held until their difference is paid: how much, until when, and where.
    FlightsHeld {
        /// The change.
        change_id: Uuid,
    },
    /// A change of flights that waited for its money has ended: nobody paid in time, or another aircraft does not have the seats.
    FlightsNotChanged {
        /// The change.
        change_id: Uuid,
    },
    /// Some passengers have a booking of their own: under which reference. Older programs promised it; the mail with the new tickets
    /// says it now.
    BookingSplit {
        /// The booking that came of it.
        new_booking_id: BookingId,
    },
    /// The airline cancels a flight: what can be chosen, and until when.
    FlightCancelled {
        /// The disruption.
        disruption_id: Uuid,
    },
    /// The airline moves a flight: old and new times, what can be chosen, and until when.
    FlightRetimed {
        /// The disruption.
        disruption_id: Uuid,
    },
}

impl MailKind {
    /// Whether anybody can cause it, to any address: it is about a booking that nobody has paid, or goes to an address that
    /// somebody has just typed.
    pub const fn is_unasked(self) -> bool {
        match self {
            Self::BookingHeld
            | Self::ContactChanged { .. }
            | Self::BookingChanged { .. }
            | Self::BookingCancelled
            | Self::BookingExpired => true,
            Self::BookingConfirmed
            | Self::ContactReplaced { .. }
            | Self::TicketsChanged { .. }
            | Self::DocumentsAgain { .. }
            | Self::DepartureReminder { .. }
            | Self::LatePaymentRefunded
            | Self::MoneyReturned { .. }
            | Self::RefundPaid { .. }
            | Self::CancellationConfirmed { .. }
            | Self::SeatsNotChanged { .. }
            | Self::FlightsChanged { .. }
            | Self::FlightsHeld { .. }
            | Self::FlightsNotChanged { .. }
            | Self::BookingSplit { .. }
            | Self::FlightCancelled { .. }
            | Self::FlightRetimed { .. } => false,
        }
    }

    /// The name of its kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BookingHeld => "booking_held",
            Self::BookingChanged { .. } => "booking_changed",
            Self::BookingCancelled => "booking_cancelled",
            Self::BookingExpired => "booking_expired",
            Self::ContactChanged { .. } => "contact_changed",
            Self::ContactReplaced { .. } => "contact_replaced",
            Self::TicketsChanged { .. } => "tickets_changed",
            Self::DocumentsAgain { .. } => "documents_again",
            Self::DepartureReminder { .. } => "departure_reminder",
            Self::BookingConfirmed => "booking_confirmed",
            Self::LatePaymentRefunded => "late_payment_refunded",
            Self::MoneyReturned { .. } => "money_returned",
            Self::RefundPaid { .. } => "refund_paid",
            Self::SeatsNotChanged { .. } => "seats_not_changed",
            Self::FlightsChanged { .. } => "flights_changed",
            Self::FlightsHeld { .. } => "flights_held",
            Self::FlightsNotChanged { .. } => "flights_not_changed",
            Self::BookingSplit { .. } => "booking_split",
            Self::CancellationConfirmed { .. } => "cancellation_confirmed",
            Self::FlightCancelled { .. } => "flight_cancelled",
            Self::FlightRetimed { .. } => "flight_retimed",
        }
    }

    /// What tells it from the other mails of its booking, in unique keys and Message-IDs: `tickets_changed.2`.
    pub fn name(self) -> String {
        match self {
            Self::TicketsChanged { revision } => format!("{}.{revision}", self.as_str()),
            Self::DepartureReminder { direction } => format!("{}.{direction}", self.as_str()),
            Self::DocumentsAgain { resend_id } => format!("{}.{resend_id}", self.as_str()),
            Self::BookingChanged { change_id }
            | Self::FlightsChanged { change_id }
            | Self::FlightsHeld { change_id }
            | Self::FlightsNotChanged { change_id }
            | Self::ContactChanged { change_id }
            | Self::ContactReplaced { change_id } => format!("{}.{change_id}", self.as_str()),
            Self::MoneyReturned { refund_id } | Self::RefundPaid { refund_id } => {
                format!("{}.{refund_id}", self.as_str())
            }
            Self::CancellationConfirmed { cancellation_id } => {
                format!("{}.{cancellation_id}", self.as_str())
            }
            Self::BookingSplit { new_booking_id } => {
                format!("{}.{new_booking_id}", self.as_str())
            }
            Self::SeatsNotChanged { seat_change_id } => {
                format!("{}.{seat_change_id}", self.as_str())
            }
            Self::FlightCancelled { disruption_id } | Self::FlightRetimed { disruption_id } => {
                format!("{}.{disruption_id}", self.as_str())
            }
            Self::BookingHeld
            | Self::BookingConfirmed
            | Self::BookingCancelled
            | Self::BookingExpired
            | Self::LatePaymentRefunded => self.as_str().to_owned(),
        }
    }
}

/// One queue per kind of work, so that nothing slow delays the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// PDFs.
    Documents,
    /// Mail.
    Mail,
    /// Calls to Stripe.
    Payments,
    /// Flights out of schedules, and what becomes of the bookings of those that change.
    Timetable,
    /// Calls to the servers of customers.
    Webhooks,
}

impl Queue {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Documents,
        Self::Mail,
        Self::Payments,
        Self::Timetable,
        Self::Webhooks,
    ];

    /// The name in the database and in Redis.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Documents => "documents",
            Self::Mail => "mail",
            Self::Payments => "payments",
            Self::Timetable => "timetable",
            Self::Webhooks => "webhooks",
        }
    }
}

/// Where a job stands: `waiting → queued → running → done | dead`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, Serialize)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Promised; the relay will push it when `run_after` has come.
    Waiting,
    /// Pushed to Redis; pushed again when its lease lapses.
    Queued,
    /// A worker has it; pushed again when its lease lapses.
    Running,
    /// Its effect is committed.
    Done,
    /// Its attempts are used up, or trying again cannot help; staff look at it.
    Dead,
}

impl JobStatus {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Waiting,
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Dead,
    ];

    /// The name in the database: `waiting`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
        }
    }
}

/// What anybody may know of a job they caused.
#[derive(Clone, Debug)]
pub struct JobState {
    /// The job.
    pub id: JobId,
    /// Which job it is: `render_document`.
    pub kind: String,
    /// Where it stands.
    pub status: JobStatus,
    /// Attempts begun so far.
    pub attempts: i32,
    /// Attempts it may have.
    pub max_attempts: i32,
    /// When it was promised.
    pub created_at: DateTime<Utc>,
    /// When it is tried next, or was due.
    pub run_after: DateTime<Utc>,
    /// When it was done or declared dead.
    pub finished_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<String>,
}
