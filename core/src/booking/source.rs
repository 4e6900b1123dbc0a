//! What a booking is made of: seats held before, or offers that are held in the same transaction.

use crate::Result;
use crate::error::Violations;
use crate::hold::{NewHold, SeatWish};
use crate::ids::HoldId;

/// What a booking shall be made of, as the caller wrote it.
#[derive(Clone, Debug, Default)]
pub struct SourceWish {
    /// An open hold of the account.
    pub hold_id: Option<HoldId>,
    /// Offers instead of a hold, one a direction.
    pub offers: Option<Vec<String>>,
    /// With offers: whether the return may leave from or end at another place.
    pub open_jaw: Option<bool>,
    /// With offers: exact seats.
    pub seats: Vec<SeatWish>,
}

/// What a booking is made of.
#[derive(Clone, Debug)]
pub enum Source {
    /// An open hold of the account.
    Hold(HoldId),
    /// Offers and, if any, exact seats.
    Offers(NewHold),
}

impl Source {
    /// Reads a wish: either a hold, which says everything, or offers.
    ///
    /// Errors: [`crate::Error::Invalid`] with every field that does not go with the others.
    pub fn parse(wish: &SourceWish) -> Result<Self> {
        let mut wrong = Violations::new();
        let source = match (wish.hold_id, &wish.offers) {
            (Some(hold), None) => {
                if !wish.seats.is_empty() {
                    let message = "name the seats when you hold them";
                    wrong.add("seats", "not_with_hold", message);
                }
                if wish.open_jaw.is_some() {
                    let message = "say so when you hold the offers";
                    wrong.add("open_jaw", "not_with_hold", message);
                }
                Self::Hold(hold)
            }
            (None, Some(offers)) => Self::Offers(NewHold {
                offers: offers.clone(),
                open_jaw: wish.open_jaw.unwrap_or_default(),
                seats: wish.seats.clone(),
            }),
            (Some(_), Some(_)) | (None, None) => {
                wrong.add("hold_id", "one_of", "either hold_id or offers");
                return Err(wrong.into_error());
            }
        };
        wrong.into_result()?;
        Ok(source)
    }
}
