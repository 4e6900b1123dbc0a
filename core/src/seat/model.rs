//! Seats of a cabin and those who are to sit there.

use chrono::NaiveDate;

use crate::ids::PassengerId;
use crate::inventory::Seat;
use crate::trade::SeatPreference;

/// One seat of an aircraft's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Row and letter.
    pub seat: Seat,
    /// At the window, in the middle or at the aisle.
    pub position: SeatPreference,
    /// Whether it is in an exit row: from 15 years, and not with an infant.
    pub exit_row: bool,
}

/// Somebody of a party on one flight.
#[derive(Clone, Copy, Debug)]
pub struct Sitter {
    /// Who.
    pub passenger_id: PassengerId,
    /// Under twelve: sits beside an adult of the party.
    pub is_child: bool,
    /// From 15 years and without an infant.
    pub may_sit_at_exit: bool,
    /// Where they would like to sit.
    pub preference: Option<SeatPreference>,
    /// The seat they have already; it is not changed.
    pub has: Option<Seat>,
}

/// Why somebody has the seat they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// They named it.
    Chosen,
    /// It is what they would like.
    Preference,
    /// Somebody of the party sits beside it, across the aisle, right in front or right behind.
    Together,
    /// They travel alone, and it is not what they would like or they said nothing.
    Assigned,
    /// Nobody of the party sits next to it: it is the nearest that was left.
    Separated,
}

impl Reason {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Preference => "preference",
            Self::Together => "together",
            Self::Assigned => "assigned",
            Self::Separated => "separated",
        }
    }
}

/// Who may sit in an exit row on a day: from the fifteenth birthday on, and without an infant on the lap (rules.md
/// "Seats").
pub fn may_sit_at_exit(born: NaiveDate, departs_on: NaiveDate, has_infant: bool) -> bool {
    !has_infant && departs_on.years_since(born).is_some_and(|age| age >= 15)
}
