//! Other flights for a paid booking: quoted, then confirmed.

mod views;

use flightdesk_core::booking::{self, ChangeOutdated, ChangeQuote, ChangeRequest};
use flightdesk_core::error::{Error, Violations};
use flightdesk_core::fault;
use flightdesk_core::ids::{AccountId, BookingRef, PassengerId};
use flightdesk_core::trade::Direction;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{Enum, Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Done};
use crate::http::body::{Checked, Rules};
use crate::http::idempotency::Once;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::{BookingView, reference};
use views::ChangeQuoteView;

/// Changes of flights.
pub struct Changes;

/// Which flights a paid booking shall have
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeQuoteRequest {
    /// Which direction `offer` is for; may be left out when only one is left
    direction: Option<WayView>,
    /// `offer_id` of a new search for everybody who flies in the direction, or for `passengers`
    offer: Option<String>,
    /// Instead of one: an offer for each direction of a round trip, the departing one first
    #[oai(validator(min_items = 2, max_items = 2))]
    offers: Option<Vec<String>>,
    /// Who changes, by `id`; everybody who flies in the direction when left out
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Option<Vec<Uuid>>,
}

/// Which direction of a trip
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "ChangedWay", rename_all = "snake_case")]
pub enum WayView {
    /// The departing direction
    Departing,
    /// The returning direction
    Returning,
}

impl From<WayView> for Direction {
    fn from(way: WayView) -> Self {
        match way {
            WayView::Departing => Self::Departing,
            WayView::Returning => Self::Returning,
        }
    }
}

impl From<ChangeQuoteRequest> for ChangeRequest {
    fn from(body: ChangeQuoteRequest) -> Self {
        Self {
            direction: body.direction.map(Direction::from),
            offer: body.offer,
            offers: body.offers,
            passengers: body
                .passengers
                .map(|ids| ids.into_iter().map(PassengerId).collect()),
        }
    }
}

impl FromRaw for ChangeQuoteRequest {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            direction: None,
            offer: raw.optional_text("offer"),
            offers: raw.list("offers"),
            passengers: None,
        }
    }
}

impl Rules for ChangeQuoteRequest {
    fn rules(self, _app: &App) -> Result<(), Error> {
        let mut wrong = Violations::new();
        if self.offer.is_some() == self.offers.is_some() {
            wrong.add("offer", "one_of", "either offer or offers");
        }
        wrong.into_result()
    }
}

/// The quote to confirm
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ConfirmChange {
    /// The newest quote of a change of the booking
    quote_id: Uuid,
}

impl FromRaw for ConfirmChange {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            quote_id: raw.id("quote_id").unwrap_or_default(),
        }
    }
}

impl Rules for ConfirmChange {}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl Changes {
    /// Ask what other flights cost
    ///
    /// Of a paid booking: another date or flight on the same route with the same airline, in one direction or both, for everybody who flies in it.
    /// Search for them first. Nothing changes yet. The quote says for each passenger and direction the fare difference, the
    /// tax difference and the fee of the fare, what becomes of chosen seats, and what is to pay or comes back. It can be
    /// confirmed for ten minutes, as long as its offers hold and no newer one is made.
    ///
    /// With `passengers` only they change, and the offer is for them alone. When others fly in the direction too, `splits` is true: by
    /// confirming, those who change get a booking of their own. On neither side may a child or infant be without an adult.
    #[oai(
        path = "/bookings/:booking_ref/change-quotes",
        method = "post",
        operation_id = "create_change_quote"
    )]
    async fn quote(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<ChangeQuoteRequest>,
    ) -> Result<Created<ChangeQuoteView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let request = body.into_inner().into();
        let (tariff, _) = app.catalogue().await?;
        once.run(app, &principal, digest, async |tx| {
            let shop = app.shop(&tariff);
            let account = principal.account_id;
            let quote = booking::quote_change(tx, shop, account, &reference, &request).await?;
            Ok(ChangeQuoteView::new(&reference, &quote))
        })
        .await
    }

    /// A quote of a change, explained
    ///
    /// As it was made, also after it was confirmed or has expired.
    #[oai(
        path = "/bookings/:booking_ref/change-quotes/:quote_id",
        method = "get",
        operation_id = "get_change_quote"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        Path(quote_id): Path<Uuid>,
    ) -> Result<Json<ChangeQuoteView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let reference = reference(&booking_ref)?;
        let account = principal.account_id;
        let quote = booking::get_change_quote(&mut conn, account, &reference, quote_id).await?;
        Ok(Json(ChangeQuoteView::new(&reference, &quote)))
    }

    /// Change flights
    ///
    /// By the `quote_id` of the newest quote. When nothing is to pay the flights change at once: tickets are exchanged, and what comes back
    /// is on its way. Else the new seats are held as `flight_change` until `POST …/payment` has been paid, and the booking
    /// stays as it is meanwhile. When the change costs another amount by now, the answer is 409 `change_quote_outdated`
    /// with a new `change_quote`, and nothing has changed. Doing it again changes nothing.
    ///
    /// When the quote `splits`, those who change get a booking of their own first, with a new `booking_ref`: it is the answer, and has
    /// the change. Seats, bags, tickets and what was paid for them go along; a fee per booking stays. Each booking names the
    /// other (`split_from`, `split_into`), and each can be changed and cancelled by itself from then on; refunds of both go back to what was paid with. What is to pay is
    /// paid for the new booking. Two bookings stay two also when it never is: both have the old flights then.
    #[oai(
        path = "/bookings/:booking_ref/changes",
        method = "post",
        operation_id = "change_flights"
    )]
    async fn change(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<ConfirmChange>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let quote_id = body.into_inner().quote_id;
        let (tariff, _) = app.catalogue().await?;
        let account = principal.account_id;
        let mut outdated = None;
        let answer = once
            .run(app, &principal, digest, async |tx| {
                let shop = app.shop(&tariff);
                let changed = booking::change(tx, shop, account, &reference, quote_id).await;
                if let Err(error) = &changed {
                    let why = error.refusal::<ChangeOutdated>();
                    outdated = why.map(|why| why.request.clone());
                }
                let booking = booking::get_by_id(tx, changed?).await?;
                Ok((booking, app).into())
            })
            .await;
        match (answer, outdated) {
            (Err(problem), Some(request)) => {
                let fresh = fresh_quote(app, account, &reference, &request).await?;
                let quote = ChangeQuoteView::new(&reference, &fresh).to_json();
                Err(problem.member("change_quote", quote.unwrap_or_default()))
            }
            (answer, _) => {
                fault::point("change_committed");
                answer
            }
        }
    }
}

/// A new quote for what an outdated one was asked for. Its errors are more telling than "outdated": an offer that has
/// expired, or too late by now.
async fn fresh_quote(
    app: &App,
    account: AccountId,
    reference: &BookingRef,
    request: &ChangeRequest,
) -> Result<ChangeQuote, ApiError> {
    let (tariff, _) = app.catalogue().await?;
    let mut tx = app.db.begin().await?;
    let quote =
        booking::quote_change(&mut tx, app.shop(&tariff), account, reference, request).await?;
    tx.commit().await?;
    Ok(quote)
}
