//! Holds: seats taken out of the inventory for a party, for fifteen minutes.

use flightdesk_core::account::Scope;
use flightdesk_core::error::Error;
use flightdesk_core::hold::{self, Hold, NewHold, SeatWish};
use flightdesk_core::ids::{FlightId, HoldId};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::answer::Created;
use crate::app::App;
use crate::auth::Caller;
use crate::body::{Checked, Rules};
use crate::error::ApiError;
use crate::idempotency::Once;
use crate::itinerary::{OfferView, PartyView};
use crate::prices::PriceView;
use crate::tags::Tag;
use crate::views::Instant;

/// Holds.
pub struct Holds;

/// Offers to hold
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateHold {
    /// `offer_id` of a search's offer; for a round trip that of the outbound, then that of the return
    #[oai(validator(min_items = 1, max_items = 2))]
    offers: Vec<String>,
    /// Whether the return may leave from or end at another place than where the outbound ended or began
    open_jaw: Option<bool>,
    /// Exact seats, if any; the others are given when the booking is paid
    #[oai(validator(max_items = 60))]
    seats: Option<Vec<SeatWishView>>,
}

/// An exact seat
#[derive(Debug, Object)]
#[oai(rename = "SeatWish", deny_unknown_fields)]
pub struct SeatWishView {
    flight_id: Uuid,
    /// Row and letter: `12A`
    #[oai(validator(min_length = 2, max_length = 4))]
    seat: String,
}

impl From<SeatWishView> for SeatWish {
    fn from(wish: SeatWishView) -> Self {
        Self {
            flight_id: FlightId(wish.flight_id),
            seat: wish.seat,
        }
    }
}

impl From<CreateHold> for NewHold {
    fn from(body: CreateHold) -> Self {
        Self {
            offers: body.offers,
            open_jaw: body.open_jaw.unwrap_or_default(),
            seats: body
                .seats
                .into_iter()
                .flatten()
                .map(SeatWish::from)
                .collect(),
        }
    }
}

impl Rules for CreateHold {
    fn rules(self, _app: &App) -> Result<(), Error> {
        NewHold::from(self).rules()
    }
}

/// The answer to a release
#[derive(ApiResponse)]
pub enum Released {
    /// The hold has ended
    #[oai(status = 204)]
    NoContent,
}

/// Seats held for a party
#[derive(Debug, Object)]
#[oai(rename = "Hold")]
pub struct HoldView {
    id: Uuid,
    /// `open`, `booked`, `released` or `expired`
    status: String,
    /// When the seats go back; booking does not prolong it
    expires_at: Instant,
    offers: Vec<OfferView>,
    passengers: PartyView,
    price: PriceView,
}

impl HoldView {
    async fn load(conn: &mut PgConnection, hold: Hold) -> Result<Self, ApiError> {
        let offers = hold::offers(conn, &hold).await?;
        Ok(Self {
            id: hold.id.0,
            status: hold.status.as_str().to_owned(),
            expires_at: hold.expires_at.into(),
            offers: offers.into_iter().map(OfferView::from).collect(),
            passengers: hold.party.into(),
            price: hold.price.into(),
        })
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Holds")]
impl Holds {
    /// Hold seats
    ///
    /// Takes the seats of every flight of the offers for 15 minutes, or of none. Two offers are one journey: for the same
    /// party, back from where the outbound ended to where it began (or `open_jaw`), leaving a legal connection after
    /// the outbound has landed. An offer that has expired answers 410 with a fresh `offer` inside.
    #[oai(path = "/holds", method = "post", operation_id = "create_hold")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<CreateHold>,
    ) -> Result<Created<HoldView>, ApiError> {
        caller.require(Scope::Bookings)?;
        once.run(app, &caller, body.digest(), async |tx| {
            let tariff = app.tariff.get(tx, &app.clock).await?;
            let (shop, new) = (app.shop(&tariff), body.into_inner().into());
            let hold = hold::create(tx, shop, caller.account_id, &new).await?;
            HoldView::load(tx, hold).await
        })
        .await
    }

    /// A hold
    ///
    /// Its offers, its price, and until when its seats are kept.
    #[oai(path = "/holds/:hold_id", method = "get", operation_id = "get_hold")]
    async fn get(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        Path(hold_id): Path<Uuid>,
    ) -> Result<Json<HoldView>, ApiError> {
        caller.require(Scope::Bookings)?;
        let mut conn = app.db.acquire().await?;
        let hold = hold::get(&mut conn, caller.account_id, HoldId(hold_id)).await?;
        Ok(Json(HoldView::load(&mut conn, hold).await?))
    }

    /// Give a hold's seats back
    ///
    /// Doing it again changes nothing; a hold that is booked is cancelled with its booking.
    #[oai(
        path = "/holds/:hold_id",
        method = "delete",
        operation_id = "release_hold"
    )]
    async fn release(
        &self,
        Data(app): Data<&App>,
        caller: Caller,
        Path(hold_id): Path<Uuid>,
    ) -> Result<Released, ApiError> {
        caller.require(Scope::Bookings)?;
        let mut tx = app.db.begin().await?;
        hold::release(&mut tx, caller.account_id, HoldId(hold_id)).await?;
        tx.commit().await?;
        Ok(Released::NoContent)
    }
}
