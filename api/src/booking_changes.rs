//! Changing a booking that is not paid.

use flightdesk_core::account::Scope;
use flightdesk_core::booking::{self, BookingPatch, Contact, CouponChange, ExpectedTotal};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};

use crate::answer::Done;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Checked;
use crate::bookings::{BookingView, ContactView, PassengerForm, reference, wrong_field};
use crate::error::ApiError;
use crate::holds::SeatWishView;
use crate::idempotency::{Begun, Once};
use crate::tags::Tag;
use crate::views::MoneyView;

/// Changes of unpaid bookings.
pub struct BookingChanges;

/// What of an unpaid booking shall be another; what is absent stays
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PatchBooking {
    /// `offer_id` of offers for the same party, for a round trip two, outbound first
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

impl TryFrom<Checked<PatchBooking>> for BookingPatch {
    type Error = ApiError;

    fn try_from(body: Checked<PatchBooking>) -> Result<Self, ApiError> {
        let drops_coupon = body.is_null("coupon");
        let body = body.into_inner();
        if body.open_jaw.is_some() && body.offers.is_none() {
            let message = "says something of offers";
            return Err(wrong_field("open_jaw", "only_with_offers", message));
        }
        let dropped = drops_coupon.then_some(CouponChange::Drop);
        let passengers = body.passengers.map(|all| all.into_iter().map(Into::into));
        let seats = body.seats.map(|all| all.into_iter().map(Into::into));
        Ok(Self {
            offers: body.offers,
            open_jaw: body.open_jaw.unwrap_or_default(),
            passengers: passengers.map(Iterator::collect),
            contact: body.contact.map(Contact::from),
            seats: seats.map(Iterator::collect),
            coupon: body.coupon.map(CouponChange::Use).or(dropped),
            expected_total: body.expected_total.map(|total| ExpectedTotal {
                amount: total.amount,
                currency: total.currency,
            }),
        })
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl BookingChanges {
    /// Change a booking that is not paid
    ///
    /// All of it or nothing: other flights, other people, contact, seats, coupon. Seats are given back and taken in the
    /// same step, the deadline stays. The price is made anew: when it is not `expected_total` or, without that, the
    /// price before, the answer is 409 `price_changed` with the new `price`. An open checkout of another price is closed.
    #[oai(
        path = "/bookings/:booking_ref",
        method = "patch",
        operation_id = "patch_booking"
    )]
    async fn patch(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<PatchBooking>,
    ) -> Result<Done<BookingView>, ApiError> {
        caller.require(Scope::Bookings)?;
        let reference = reference(&booking_ref)?;
        let mut tx = app.db.begin().await?;
        let first = match once.begin(&mut tx, app, &caller, body.digest()).await? {
            Begun::Replay(answer) => return Ok(answer),
            Begun::First(first) => first,
        };
        let tariff = app.tariff.get(&mut tx, &app.clock).await?;
        let (shop, patch) = (app.shop(&tariff), body.try_into()?);
        let booking = booking::patch(&mut tx, shop, caller.account_id, &reference, &patch).await?;
        let answer = first.answer(&mut tx, app, booking.into()).await?;
        tx.commit().await?;
        Ok(answer)
    }
}
