//! Holds: seats taken out of the inventory for a party, for fifteen minutes.

use flightdesk_core::error::Error;
use flightdesk_core::hold::{self, NewHold, SeatWish, ShownHold};
use flightdesk_core::ids::{FlightId, HoldId};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Created, Resource, member_path};
use crate::http::body::{Checked, Rules};
use crate::http::idempotency::Once;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::views::Instant;
use crate::views::itinerary::{OfferView, PartyView};
use crate::views::prices::PriceView;

/// Holds.
pub struct Holds;

/// Offers to hold
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateHold {
    /// `offer_id` of a search's offer; for a round trip that of the departing direction, then that of the returning one
    #[oai(validator(min_items = 1, max_items = 2))]
    offers: Vec<String>,
    /// Whether the returning direction may leave from, or arrive at, another place than the departing one arrives at or leaves from
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

impl FromRaw for SeatWishView {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            flight_id: raw.id("flight_id").unwrap_or_default(),
            seat: raw.text("seat"),
        }
    }
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

impl FromRaw for CreateHold {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            offers: raw.list("offers").unwrap_or_default(),
            open_jaw: raw.flag("open_jaw"),
            seats: raw.list("seats"),
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
    /// The exact seats that were asked for; who sits where is said when it is booked
    seats: Vec<HeldSeatView>,
    price: PriceView,
}

/// An exact seat of a hold
#[derive(Debug, Object)]
#[oai(rename = "HeldSeat")]
pub struct HeldSeatView {
    flight_id: Uuid,
    /// Row and letter: `12A`
    seat: String,
}

impl From<ShownHold> for HoldView {
    fn from(shown: ShownHold) -> Self {
        let ShownHold {
            hold,
            offers,
            seats,
        } = shown;
        let seats = seats.into_iter().map(|(flight_id, seat)| HeldSeatView {
            flight_id: flight_id.0,
            seat: seat.to_string(),
        });
        Self {
            seats: seats.collect(),
            id: hold.id.0,
            status: hold.status.as_str().to_owned(),
            expires_at: hold.expires_at.into(),
            offers: offers.into_iter().map(OfferView::from).collect(),
            passengers: hold.party.into(),
            price: hold.price.into(),
        }
    }
}

impl Resource for HoldView {
    fn path(answer: &Value) -> String {
        member_path("/v1/holds", &answer["id"])
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Holds")]
impl Holds {
    /// Hold seats
    ///
    /// Takes the seats of every flight of the offers until `expires_at`, or of none. Two offers are one journey: for the same
    /// party, back from where the departing direction ended to where it began (or `open_jaw`), leaving a legal connection after
    /// the departing direction has landed. An offer that has expired answers 410 with a fresh `offer` inside.
    #[oai(path = "/holds", method = "post", operation_id = "create_hold")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<CreateHold>,
    ) -> Result<Created<HoldView>, ApiError> {
        let principal = access.look_up(app).await?;
        let (tariff, _) = app.catalogue().await?;
        once.run(app, &principal, body.digest(), async |tx| {
            let (shop, new) = (app.shop(&tariff), body.into_inner().into());
            let hold = hold::create(tx, shop, principal.account_id, &new).await?;
            Ok(hold.into())
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
        access: Access<need::Bookings>,
        Path(hold_id): Path<Uuid>,
    ) -> Result<Json<HoldView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let hold = hold::show(&mut conn, principal.account_id, HoldId(hold_id)).await?;
        Ok(Json(hold.into()))
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
        access: Access<need::Bookings>,
        Path(hold_id): Path<Uuid>,
    ) -> Result<Released, ApiError> {
        let principal = access.look_up(app).await?;
        let mut tx = app.db.begin().await?;
        hold::release(&mut tx, principal.account_id, HoldId(hold_id)).await?;
        tx.commit().await?;
        Ok(Released::NoContent)
    }
}
