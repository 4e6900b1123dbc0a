//! What can be said of a booking's fields before anything is asked of the database. The operations say the same beside
//! what they find out about flights and seats; alone it is for those whose request cannot be read whole.

use super::change_seats::{self, NewSeat};
use super::model::NewBooking;
use super::passengers;
use super::patch::BookingPatch;
use super::source::Source;
use crate::Result;
use crate::clock::Clock;
use crate::error::Violations;
use crate::hold;

impl NewBooking {
    /// [`crate::Error::Invalid`] with every field that is wrong whatever the hold or the offers are.
    pub fn rules(&self, clock: &Clock) -> Result<()> {
        let mut wrong = Violations::new();
        wrong.note(Source::parse(&self.source))?;
        self.rules_beside_source(&mut wrong, clock);
        wrong.into_result()
    }

    pub(super) fn rules_beside_source(&self, wrong: &mut Violations, clock: &Clock) {
        hold::seat_rules(wrong, &self.source.seats);
        passengers::rules(wrong, &self.passengers, clock.now());
        passengers::check_contact(wrong, &self.contact);
    }
}

impl BookingPatch {
    /// [`crate::Error::Invalid`] with every field that is wrong whatever the booking is.
    pub fn rules(&self, clock: &Clock) -> Result<()> {
        let mut wrong = Violations::new();
        self.rules_of_members(&mut wrong);
        self.rules_of_party(&mut wrong, clock);
        if let Some(expected) = &self.expected_total {
            expected.rules(&mut wrong);
        }
        wrong.into_result()
    }

    /// Contact, and whether what stands beside each other may.
    pub(super) fn rules_of_members(&self, wrong: &mut Violations) {
        if self.open_jaw.is_some() && self.offers.is_none() {
            wrong.add("open_jaw", "only_with_offers", "says something of offers");
        }
        if let Some(contact) = &self.contact {
            passengers::check_contact(wrong, contact);
        }
    }

    /// Passengers and seats as far as their flights do not matter.
    pub(super) fn rules_of_party(&self, wrong: &mut Violations, clock: &Clock) {
        let people = self.passengers.as_deref().unwrap_or_default();
        passengers::rules(wrong, people, clock.now());
        hold::seat_rules(wrong, self.seats.as_deref().unwrap_or_default());
    }
}

/// What can be said of seats that passengers would rather have: each is readable, and nobody and nothing named twice on
/// a flight. [`crate::Error::Invalid`] with every wrong field.
pub fn seat_rules(wishes: &[NewSeat]) -> Result<()> {
    let mut wrong = Violations::new();
    change_seats::rules(&mut wrong, wishes);
    wrong.into_result()
}
