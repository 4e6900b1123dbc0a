//! Why staff or an owner are refused.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::Refusal;
use crate::trade::{DefaultChoice, DisruptionStatus};

/// The flight is cancelled already.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the flight is cancelled already")]
pub struct FlightIsCancelled;

impl Refusal for FlightIsCancelled {
    fn code(&self) -> &'static str {
        "flight_cancelled"
    }
}

/// Something was decided already, or the time to choose is over.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("{}", said(self.status, self.decide_by, self.default_choice))]
pub struct DisruptionDecided {
    /// Of which disruption.
    pub disruption_id: Uuid,
    /// What was decided; [`DisruptionStatus::Open`] when the time is over and nothing was written yet.
    pub status: DisruptionStatus,
    /// Until when something could be chosen.
    pub decide_by: DateTime<Utc>,
    /// What happens without an answer.
    pub default_choice: DefaultChoice,
}

impl Refusal for DisruptionDecided {
    fn code(&self) -> &'static str {
        "disruption_decided"
    }
}

fn said(status: DisruptionStatus, decide_by: DateTime<Utc>, default: DefaultChoice) -> String {
    let by = decide_by.format("%Y-%m-%dT%H:%M:%SZ");
    match status {
        DisruptionStatus::Accepted => "the new times are accepted already".to_owned(),
        DisruptionStatus::Refunded => {
            "the direction is cancelled already and everything that was paid for it is refunded"
                .to_owned()
        }
        DisruptionStatus::Rebooked => "the direction has other flights already".to_owned(),
        DisruptionStatus::Lapsed => format!("it could be chosen until {by}"),
        DisruptionStatus::Superseded => {
            "the flight was changed again: read the booking's disruption and choose again"
                .to_owned()
        }
        DisruptionStatus::Open => match default {
            DefaultChoice::Accept => {
                format!(
                    "it could be chosen until {by}; without an answer the new times are accepted"
                )
            }
            DefaultChoice::Refund => {
                format!("it could be chosen until {by}; without an answer everything is refunded")
            }
            DefaultChoice::Nothing => format!("it could be chosen until {by}"),
        },
    }
}

/// No flight of the booking was cancelled or moved.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the airline has neither cancelled nor moved anything of this booking: there is nothing to choose"
)]
pub struct NotDisrupted;

impl Refusal for NotDisrupted {
    fn code(&self) -> &'static str {
        "not_disrupted"
    }
}

/// This cannot be chosen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceUnavailable {
    /// A cancelled flight has no times to accept.
    #[error("a cancelled flight cannot be accepted: choose other flights or the refund")]
    DoesNotFly,
    /// The connection is missed at the new times.
    #[error("a connection is missed at the new times: they cannot be accepted")]
    ConnectionBroken,
    /// A flight of the direction has left.
    #[error("the journey has begun: our staff help with the rest of it")]
    HasBegun,
    /// The other direction is on another ticket, does not fly any more or has begun.
    #[error("there is no other direction on the same ticket that could be refunded too")]
    NoOtherDirection,
}

impl Refusal for ChoiceUnavailable {
    fn code(&self) -> &'static str {
        "choice_unavailable"
    }
}
