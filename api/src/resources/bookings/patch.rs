//! The body that changes a booking, of a paid one the contact alone; its operation stands with the others of a booking.

use flightdesk_core::booking::{BookingPatch, Contact, CouponChange, ExpectedTotal};
use flightdesk_core::error::Error;
use poem_openapi::Object;

use super::forms::{ContactView, PassengerForm};
use crate::app::App;
use crate::http::body::{Checked, Rules};
use crate::openapi::raw::{FromRaw, Raw};
use crate::resources::holds::SeatWishView;
use crate::views::MoneyView;

/// Fields to change; omitted fields are unchanged
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PatchBooking {
    /// `offer_id` of offers for the same party, for a round trip two, departing first
    #[oai(validator(min_items = 1, max_items = 2))]
    offers: Option<Vec<String>>,
    /// With `offers`: whether the return may leave from or end at another place
    open_jaw: Option<bool>,
    /// Everybody who flies, with their baggage. Who keeps names and date of birth keeps `id` and seats
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Option<Vec<PassengerForm>>,
    contact: Option<ContactView>,
    /// All exact seats; an empty list gives them back. Without it, seats stay with those who stay on their flights
    #[oai(validator(max_items = 60))]
    seats: Option<Vec<SeatWishView>>,
    /// A coupon's code, or `null` to use none
    #[oai(validator(min_length = 1, max_length = 64))]
    coupon: Option<String>,
    /// What the booking shall cost then. Needed when the price changes; any other price is refused
    expected_total: Option<MoneyView>,
}

impl From<Checked<PatchBooking>> for BookingPatch {
    fn from(body: Checked<PatchBooking>) -> Self {
        let dropped = body.is_null("coupon").then_some(CouponChange::Drop);
        let patch = Self::from(body.into_inner());
        Self {
            coupon: patch.coupon.or(dropped),
            ..patch
        }
    }
}

impl From<PatchBooking> for BookingPatch {
    fn from(body: PatchBooking) -> Self {
        let passengers = body.passengers.map(|all| all.into_iter().map(Into::into));
        let seats = body.seats.map(|all| all.into_iter().map(Into::into));
        Self {
            offers: body.offers,
            open_jaw: body.open_jaw,
            passengers: passengers.map(Iterator::collect),
            contact: body.contact.map(Contact::from),
            seats: seats.map(Iterator::collect),
            coupon: body.coupon.map(CouponChange::Use),
            expected_total: body.expected_total.map(|total| ExpectedTotal {
                amount: total.amount,
                currency: total.currency,
            }),
        }
    }
}

impl FromRaw for MoneyView {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            amount: raw.text("amount"),
            currency: raw.text("currency"),
        }
    }
}

impl FromRaw for PatchBooking {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            offers: raw.list("offers"),
            open_jaw: raw.flag("open_jaw"),
            passengers: raw.list("passengers"),
            contact: raw.optional_object("contact"),
            seats: raw.list("seats"),
            coupon: raw.optional_text("coupon"),
            expected_total: raw.optional_object("expected_total"),
        }
    }
}

impl Rules for PatchBooking {
    fn rules(self, app: &App) -> Result<(), Error> {
        BookingPatch::from(self).rules(&app.clock)
    }
}
