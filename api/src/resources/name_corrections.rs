//! Corrected names on paid bookings: a typo by the traveller, whatever is needed by staff.

use flightdesk_core::booking::{self, Corrector, NameCorrection};
use flightdesk_core::error::{Error, Violations};
use flightdesk_core::ids::{BookingRef, PassengerId};
use flightdesk_core::text;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{Object, OpenApi};
use sqlx::PgConnection;
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

/// Most characters of a reason.
const LONGEST_REASON: usize = 300;

/// Corrections of names by travellers.
pub struct NameCorrections;

/// Corrections of names by staff.
pub struct AdminNameCorrections;

/// Whose names are corrected
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CorrectNames {
    /// Each passenger once
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Vec<NameCorrectionForm>,
}

/// Whose names are corrected, and why
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CorrectNamesForTraveller {
    /// Each passenger once
    #[oai(validator(min_items = 1, max_items = 20))]
    passengers: Vec<NameCorrectionForm>,
    /// Why, as it is kept
    #[oai(validator(min_length = 3, max_length = 300))]
    reason: String,
}

/// The right names of a passenger; omitted fields are unchanged
#[derive(Debug, Object)]
#[oai(rename = "NameCorrection", deny_unknown_fields)]
pub struct NameCorrectionForm {
    /// The passenger's `id`
    passenger_id: Uuid,
    /// `mr`, `ms`, `mrs`, `mx`, `dr`, `mstr` or `miss`
    title: Option<String>,
    /// 1-40 Latin letters as in the passport; an empty text takes it away
    #[oai(validator(max_length = 160))]
    first_name: Option<String>,
    /// 1-40 letters; an empty text takes it away
    #[oai(validator(max_length = 160))]
    middle_name: Option<String>,
    /// 1-40 letters
    #[oai(validator(max_length = 160))]
    last_name: Option<String>,
}

impl FromRaw for NameCorrectionForm {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            passenger_id: raw.id("passenger_id").unwrap_or_default(),
            title: raw.optional_text("title"),
            first_name: raw.optional_text("first_name"),
            middle_name: raw.optional_text("middle_name"),
            last_name: raw.optional_text("last_name"),
        }
    }
}

impl From<NameCorrectionForm> for NameCorrection {
    fn from(form: NameCorrectionForm) -> Self {
        Self {
            passenger_id: PassengerId(form.passenger_id),
            title: form.title,
            first_name: form.first_name,
            middle_name: form.middle_name,
            last_name: form.last_name,
        }
    }
}

fn corrections(passengers: Vec<NameCorrectionForm>) -> Vec<NameCorrection> {
    passengers.into_iter().map(NameCorrection::from).collect()
}

impl FromRaw for CorrectNames {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            passengers: raw.list("passengers").unwrap_or_default(),
        }
    }
}

impl Rules for CorrectNames {
    fn rules(self, _app: &App) -> Result<(), Error> {
        booking::name_rules(&corrections(self.passengers))
    }
}

impl FromRaw for CorrectNamesForTraveller {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            passengers: raw.list("passengers").unwrap_or_default(),
            reason: raw.text("reason"),
        }
    }
}

impl CorrectNamesForTraveller {
    /// The names, and who corrects them. Errors: [`Error::Invalid`] with every field that is wrong by itself.
    fn parse(self) -> Result<(Corrector, Vec<NameCorrection>), Error> {
        let names = corrections(self.passengers);
        let mut wrong = Violations::new();
        wrong.note(booking::name_rules(&names))?;
        let reason = text::one_line(&self.reason, LONGEST_REASON)
            .map_err(|(code, message)| wrong.add("reason", code, message));
        match reason {
            Ok(reason) if wrong.is_empty() => Ok((Corrector::Staff { reason }, names)),
            Ok(_) | Err(()) => Err(wrong.into_error()),
        }
    }
}

impl Rules for CorrectNamesForTraveller {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.parse().map(drop)
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl NameCorrections {
    /// Correct names of a paid booking
    ///
    /// A typo of at most three letters, or the order of the names: free, once for each passenger, within 24 hours of booking and
    /// before they have flown. New tickets with the same numbers follow by mail. What goes further is for staff: the answer
    /// says so. All passengers are corrected or none. Before the booking is paid, `PATCH /v1/bookings/{booking_ref}` changes
    /// its passengers.
    #[oai(
        path = "/bookings/:booking_ref/name-corrections",
        method = "post",
        operation_id = "correct_names"
    )]
    async fn correct(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<CorrectNames>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let owner = Corrector::Owner(principal.account_id);
        let names = corrections(body.into_inner().passengers);
        once.run(app, &principal, digest, async |tx| {
            corrected(tx, app, &owner, &reference, &names).await
        })
        .await
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl AdminNameCorrections {
    /// Correct names for a traveller
    ///
    /// On any account's paid booking, at any time while the passenger still has a flight to fly, as often and in as many letters
    /// as it takes; `reason` says why and is kept. Needs the scope `admin`.
    #[oai(
        path = "/bookings/:booking_ref/name-corrections",
        method = "post",
        operation_id = "correct_names_for_traveller"
    )]
    async fn correct(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        Path(booking_ref): Path<String>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<CorrectNamesForTraveller>,
    ) -> Result<Done<BookingView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let digest = body.digest();
        let (staff, names) = body.into_inner().parse()?;
        once.run(app, &principal, digest, async |tx| {
            corrected(tx, app, &staff, &reference, &names).await
        })
        .await
    }
}

/// Corrects the names and reads the booking.
async fn corrected(
    tx: &mut PgConnection,
    app: &App,
    who: &Corrector,
    reference: &BookingRef,
    names: &[NameCorrection],
) -> Result<BookingView, ApiError> {
    let sales = &app.settings.sales;
    let id = booking::correct_names(tx, &app.clock, sales, who, reference, names).await?;
    let booking = booking::get_by_id(tx, id).await?;
    Ok((booking, app).into())
}
