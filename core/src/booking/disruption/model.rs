//! What a disruption is, for staff and for each booking.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::actor::{Actor, Means};
use crate::entitlement::Entitlement;
use crate::flight::Flight;
use crate::ids::{AccountId, DirectionId, FlightId, JobId};
use crate::money::Money;
use crate::trade::{DefaultChoice, Direction, DisruptionChoice, DisruptionKind, DisruptionStatus};

/// What staff do to a flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlightChange {
    /// It does not fly.
    Cancel,
    /// It leaves and lands at other times.
    Retime {
        /// When it leaves.
        departs_at: DateTime<Utc>,
        /// When it lands; as long after departure as before when absent.
        arrives_at: Option<DateTime<Utc>>,
    },
}

/// What staff want to do to a flight, and why.
#[derive(Clone, Debug)]
pub struct NewDisruption {
    /// The flight.
    pub flight_id: FlightId,
    /// What.
    pub change: FlightChange,
    /// Why, as travellers read it: 3 to 300 characters.
    pub reason: String,
}

/// Whom a disruption concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impact {
    /// Paid bookings.
    pub bookings: i32,
    /// Who flies by them, infants too.
    pub passengers: i32,
    /// What goes back if all of them choose the refund of the direction that the flight is of: everything that was paid for it,
    /// and what is charged once for a booking where nothing else of it is left. Charges for earlier changes do not come back.
    pub paid: Money,
    /// Bookings that wait for their money: they end when the flight is cancelled.
    pub unpaid_bookings: i32,
    /// Of the paid bookings, how many miss a connection.
    pub connections_broken: i32,
}

/// A disruption that is made.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// The disruption.
    pub id: Uuid,
    /// The job that tells the bookings.
    pub job_id: JobId,
    /// Whom it concerns.
    pub impact: Impact,
}

/// When a flight leaves and lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlightTimes {
    /// Departure.
    pub departs_at: DateTime<Utc>,
    /// Arrival.
    pub arrives_at: DateTime<Utc>,
}

/// A disruption as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Disruption {
    pub id: Uuid,
    pub flight_id: FlightId,
    pub kind: DisruptionKind,
    pub reason: String,
    pub created_at: DateTime<Utc>,
    pub account_id: Option<AccountId>,
    pub with: Option<Means>,
    pub before: FlightTimes,
    /// None when it is cancelled.
    pub after: Option<FlightTimes>,
    /// Whether the flight has a newer one.
    pub is_superseded: bool,
}

impl Disruption {
    /// Whoever made it.
    pub(super) fn actor(&self) -> Actor {
        Actor::Staff {
            by: self.account_id.zip(self.with),
        }
    }
}

/// A disruption of a booking whose owner may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenDisruption {
    /// The disruption.
    pub id: Uuid,
    /// What the airline does.
    pub kind: DisruptionKind,
    /// Until when the owner may choose.
    pub decide_by: DateTime<Utc>,
}

impl OpenDisruption {
    /// The one to be answered first of those that are told, which come in the order of their deadlines.
    pub(in crate::booking) fn first(told: &[ToldDisruption]) -> Option<Self> {
        let open = told.iter().find(|told| told.is_open && !told.is_superseded);
        open.map(|told| Self {
            id: told.id,
            kind: if told.is_cancelled {
                DisruptionKind::Cancelled
            } else {
                DisruptionKind::Retimed
            },
            decide_by: told.decide_by,
        })
    }
}

/// What a booking was told of a disruption, as far as it says what can be done with the booking.
#[derive(Clone, Copy, Debug, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact that the database knows by itself"
)]
pub(in crate::booking) struct ToldDisruption {
    /// The disruption.
    pub id: Uuid,
    /// The direction that its flight is of.
    pub direction: Direction,
    /// Whether the flight is cancelled; else it was moved.
    pub is_cancelled: bool,
    /// Whether nothing was decided yet.
    pub is_open: bool,
    /// Until when something can be chosen.
    pub decide_by: DateTime<Utc>,
    /// Whether a connection is missed.
    pub connection_broken: bool,
    /// Whether the flight has a newer disruption, which has not come to the booking yet.
    pub is_superseded: bool,
    /// Whether the direction has the flight still.
    pub has_flight: bool,
}

/// What a disruption is for one booking.
#[derive(Clone, Debug)]
pub struct BookingDisruption {
    /// The disruption.
    pub id: Uuid,
    /// What the airline does.
    pub kind: DisruptionKind,
    /// Where the booking stands in it.
    pub status: DisruptionStatus,
    /// Why, as staff wrote it.
    pub reason: String,
    /// When the booking was told.
    pub told_at: DateTime<Utc>,
    /// The direction that the flight is of.
    pub direction: Direction,
    /// The flight as it is now.
    pub flight: Flight,
    /// When it was to leave and land.
    pub before: FlightTimes,
    /// When it leaves and lands, if it was moved.
    pub after: Option<FlightTimes>,
    /// Whether a connection is missed.
    pub connection_broken: bool,
    /// Until when the owner may choose.
    pub decide_by: DateTime<Utc>,
    /// What happens without an answer.
    pub default_choice: DefaultChoice,
    /// What can be chosen now; nothing once it is decided.
    pub options: Vec<ChoiceOption>,
    /// What the law gives each passenger: information.
    pub entitlements: Vec<Entitlement>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// Whether nobody answered in time.
    pub is_default: bool,
}

/// Something that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChoiceOption {
    /// What.
    pub choice: DisruptionChoice,
    /// Of a refund: how much of the booking.
    pub scope: Option<RefundScope>,
    /// Of a refund: what goes back.
    pub refund: Option<Money>,
}

/// How much of a booking a refund is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefundScope {
    /// The direction that the flight is of.
    #[default]
    Direction,
    /// The other direction too, when both are on one airline's ticket.
    Ticket,
}

impl RefundScope {
    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direction => "direction",
            Self::Ticket => "ticket",
        }
    }
}

/// What the owner of a booking chooses.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// What.
    pub choice: DisruptionChoice,
    /// Of a refund.
    pub scope: RefundScope,
    /// Of which disruption; the one that [`super::get_disruption`] shows when absent.
    pub disruption_id: Option<Uuid>,
}

/// Where one booking stands, as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Choosing {
    pub id: Uuid,
    pub disruption_id: Uuid,
    pub direction_id: DirectionId,
    pub direction: Direction,
    pub flight_id: FlightId,
    pub kind: DisruptionKind,
    pub status: DisruptionStatus,
    pub reason: String,
    pub told_at: DateTime<Utc>,
    pub before: FlightTimes,
    pub after: Option<FlightTimes>,
    pub connection_broken: bool,
    pub decide_by: DateTime<Utc>,
    pub default_choice: DefaultChoice,
    pub entitlements: Vec<Entitlement>,
    pub decided_at: Option<DateTime<Utc>>,
    pub is_default: bool,
    /// Whether the flight has a newer disruption, which has not come to the booking yet.
    pub is_superseded: bool,
}

impl Choosing {
    /// Whether the owner may choose at an instant.
    pub(super) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.status == DisruptionStatus::Open && !self.is_superseded && self.decide_by > now
    }
}
