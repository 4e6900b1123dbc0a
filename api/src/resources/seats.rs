//! Seats: the map of a flight, and other seats for a paid booking.

use flightdesk_core::booking::{self, NewSeat};
use flightdesk_core::error::{Error, FieldError, Violations};
use flightdesk_core::fare::Tariff;
use flightdesk_core::flight;
use flightdesk_core::ids::{FlightId, PassengerId};
use flightdesk_core::money::Currency;
use flightdesk_core::seat::{self, SeatOnFlight};
use flightdesk_core::trade::Cabin;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::Done;
use crate::http::body::{Checked, Rules};
use crate::http::idempotency::Once;
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::{BookingView, reference};
use crate::views::MoneyView;

/// Seats.
pub struct Seats;

/// The seats of a flight
#[derive(Debug, Object)]
pub struct SeatMap {
    flight_id: Uuid,
    /// Name of the aircraft type
    aircraft: String,
    /// What `price` is for: `light`, `standard` or `flex`
    fare_family: String,
    cabins: Vec<CabinMap>,
}

/// The seats of one cabin
#[derive(Debug, Object)]
#[oai(rename = "SeatMapCabin")]
pub struct CabinMap {
    /// `economy`, `premium_economy`, `business` or `first`
    cabin: String,
    rows: Vec<RowMap>,
}

/// One row, from the left to the right
#[derive(Debug, Object)]
#[oai(rename = "SeatMapRow")]
pub struct RowMap {
    row: i16,
    /// From 15 years and without an infant
    exit: bool,
    seats: Vec<SeatInMap>,
}

/// One seat
#[derive(Debug, Object)]
#[oai(rename = "SeatMapSeat")]
pub struct SeatInMap {
    /// Row and letter: `12A`
    seat: String,
    /// `window`, `middle` or `aisle`
    position: String,
    /// `standard`, `preferred` (in the cabin's first rows) or `exit`
    kind: String,
    /// `free`, `held`, `taken` or `blocked`
    status: String,
    /// Whether it is in an exit row
    exit: bool,
    /// What choosing it costs one passenger
    price: MoneyView,
}

/// Other seats for passengers of a paid booking
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeSeats {
    #[oai(validator(min_items = 1, max_items = 60))]
    seats: Vec<NewSeatView>,
}

impl From<ChangeSeats> for Vec<NewSeat> {
    fn from(body: ChangeSeats) -> Self {
        body.seats.into_iter().map(NewSeat::from).collect()
    }
}

impl FromRaw for ChangeSeats {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            seats: raw.list("seats").unwrap_or_default(),
        }
    }
}

impl Rules for ChangeSeats {
    fn rules(self, _app: &App) -> Result<(), Error> {
        booking::seat_rules(&Vec::from(self))
    }
}

/// A seat that a passenger would rather have
#[derive(Debug, Object)]
#[oai(rename = "NewSeat", deny_unknown_fields)]
pub struct NewSeatView {
    passenger_id: Uuid,
    flight_id: Uuid,
    /// Row and letter: `12A`
    #[oai(validator(min_length = 2, max_length = 4))]
    seat: String,
}

impl FromRaw for NewSeatView {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            passenger_id: raw.id("passenger_id").unwrap_or_default(),
            flight_id: raw.id("flight_id").unwrap_or_default(),
            seat: raw.text("seat"),
        }
    }
}

impl From<NewSeatView> for NewSeat {
    fn from(view: NewSeatView) -> Self {
        Self {
            passenger_id: PassengerId(view.passenger_id),
            flight_id: FlightId(view.flight_id),
            seat: view.seat,
        }
    }
}

#[OpenApi(prefix_path = "/v1")]
impl Seats {
    /// A flight's seats
    ///
    /// Every seat of the aircraft with what choosing it costs under a fare family. A free seat can be named in the hold.
    #[oai(
        path = "/flights/:flight_id/seat-map",
        method = "get",
        operation_id = "get_seat_map",
        tag = "Tag::Flights"
    )]
    async fn map(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
        Path(flight_id): Path<Uuid>,
        /// One cabin alone: `economy`, `premium_economy`, `business` or `first`
        Query(cabin): Query<Option<String>>,
        /// `light`, `standard` (default) or `flex`
        Query(fare_family): Query<Option<String>>,
    ) -> Result<Json<SeatMap>, ApiError> {
        let (tariff, _) = app.catalogue().await?;
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let cabin = check_map(&tariff, cabin.as_deref(), fare_family.as_deref())?;
        let flight = flight::list_by_id(&mut conn, &[FlightId(flight_id)]).await?;
        let seats = seat::list(&mut conn, &[(FlightId(flight_id), cabin)]).await?;
        let family = fare_family.unwrap_or_else(|| "standard".to_owned());
        Ok(Json(SeatMap {
            flight_id,
            aircraft: flight.iter().map(|flight| &*flight.aircraft).collect(),
            cabins: cabins(&tariff, app.settings.sales.sale_currency, &family, &seats)?,
            fare_family: family,
        }))
    }

    /// Change seats
    ///
    /// Of a paid booking, until check-in closes. A seat that costs no more is changed at once and the ticket documents
    /// are made anew; a cheaper one gives nothing back. A dearer one is held as `seat_change` until `POST …/payment` has
    /// opened a page and its difference is paid.
    #[oai(
        path = "/bookings/:booking_ref/seats",
        method = "put",
        operation_id = "change_seats",
        tag = "Tag::Bookings"
    )]
    async fn change(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<ChangeSeats>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let (account, wishes) = (principal.account_id, Vec::from(body.into_inner()));
        let (tariff, _) = app.catalogue().await?;
        once.run(app, &principal, digest, async |tx| {
            let shop = app.shop(&tariff);
            booking::change_seats(tx, shop, account, &reference, &wishes).await?;
            let booking = booking::get(tx, account, &reference).await?;
            Ok((booking, app).into())
        })
        .await
    }
}

/// Checks the readable parameters of a seat map whose query does not fit its schema. Errors: 422.
pub async fn check_query(app: &App, query: Raw<'_>) -> Result<(), ApiError> {
    let (tariff, _) = app.catalogue().await?;
    let (cabin, family) = (
        query.optional_text("cabin"),
        query.optional_text("fare_family"),
    );
    check_map(&tariff, cabin.as_deref(), family.as_deref())?;
    Ok(())
}

/// The cabin, if one alone is asked for; the fare family must be one of some cabin.
fn check_map(
    tariff: &Tariff,
    cabin: Option<&str>,
    family: Option<&str>,
) -> Result<Option<Cabin>, Error> {
    let mut wrong = Violations::new();
    let only = cabin.and_then(Cabin::parse);
    if cabin.is_some() && only.is_none() {
        let message = "one of economy, premium_economy, business, first";
        wrong.add("cabin", "unknown", message);
    }
    let is_known = |family| {
        Cabin::ALL
            .iter()
            .any(|cabin| tariff.family(family, *cabin).is_some())
    };
    if let Some(family) = family.filter(|family| !is_known(family)) {
        let message = format!("there is no fare family {family:?}");
        wrong.add("fare_family", "unknown", message);
    }
    wrong.into_result()?;
    Ok(only)
}

fn cabins(
    tariff: &Tariff,
    currency: Currency,
    family: &str,
    seats: &[SeatOnFlight],
) -> Result<Vec<CabinMap>, ApiError> {
    let chunks = seats.chunk_by(|a, b| a.cabin == b.cabin);
    chunks
        .map(|seats| {
            let cabin = seats[0].cabin;
            let family = tariff.family(family, cabin).ok_or_else(|| {
                let message = format!("there is no fare family {family:?} in this cabin");
                Error::Invalid(vec![FieldError {
                    field: "fare_family".to_owned(),
                    code: "unknown",
                    message,
                }])
            })?;
            let seat = |seat: &SeatOnFlight| {
                let row = seat.row_of_cabin;
                let kind = tariff.seat_fees.kind(cabin, seat.place.exit_row, row);
                let choice = family.conditions.seat_choice;
                let price = tariff.seat_fees.fee(currency, cabin, kind, choice)?;
                Ok(SeatInMap {
                    seat: seat.place.seat.to_string(),
                    position: seat.place.position.as_str().to_owned(),
                    kind: kind.as_str().to_owned(),
                    status: seat.status.as_str().to_owned(),
                    exit: seat.place.exit_row,
                    price: price.into(),
                })
            };
            let row = |seats: &[SeatOnFlight]| {
                Ok(RowMap {
                    row: seats[0].place.seat.row,
                    exit: seats[0].place.exit_row,
                    seats: seats.iter().map(seat).collect::<Result<_, Error>>()?,
                })
            };
            let rows = seats.chunk_by(|a, b| a.place.seat.row == b.place.seat.row);
            Ok(CabinMap {
                cabin: cabin.as_str().to_owned(),
                rows: rows.map(row).collect::<Result<_, Error>>()?,
            })
        })
        .collect()
}
