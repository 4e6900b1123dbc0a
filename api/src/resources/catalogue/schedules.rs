//! Schedules, for staff.

use chrono::NaiveDate;
use flightdesk_core::Error;
use flightdesk_core::catalogue::{self, Schedule, SchedulePatch, Version};
use flightdesk_core::schedule::Followed;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use super::Deleted;
use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::body::{Checked, Rules};
use crate::http::etag::{IfMatch, Tagged};
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;

/// Schedules.
pub struct Schedules;

/// A flight that repeats
#[derive(Debug, Object)]
#[oai(rename = "Schedule", skip_serializing_if_is_none)]
pub struct ScheduleView {
    id: Uuid,
    /// IATA code
    airline: String,
    /// Without the airline: `101`
    flight_number: String,
    /// IATA code
    origin: String,
    /// IATA code
    destination: String,
    /// Local days at the origin: `135` is Monday, Wednesday, Friday
    weekdays: String,
    /// By the clocks at the origin: `08:30`
    departs_local: String,
    /// Minutes from gate to gate
    block_minutes: i32,
    /// IATA code of the aircraft type
    aircraft: String,
    /// The first local date
    effective_from: NaiveDate,
    /// The last local date
    effective_until: NaiveDate,
    /// Economy's base fare for one adult, in minor units of the sale currency
    base_fare_minor: i64,
    /// Premium economy's; economy's and a factor when absent, as of the two below
    premium_economy_fare_minor: Option<i64>,
    /// Business's
    business_fare_minor: Option<i64>,
    /// First's
    first_fare_minor: Option<i64>,
    /// After a change: flights that were made
    flights_added: Option<u64>,
    /// After a change: flights that have another time or aircraft, or came back
    flights_moved: Option<u64>,
    /// After a change: flights of days that are no longer flown
    flights_cancelled: Option<u64>,
    /// After a change: flights that stay as they were, because somebody has a seat on them. Cancel or move them by
    /// `POST /v1/admin/flights/{flight_id}/disruptions`
    flights_kept: Option<Vec<Uuid>>,
}

/// A new schedule
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateSchedule {
    /// IATA code
    #[oai(validator(max_length = 2))]
    airline: String,
    /// One to four digits and at most one letter: `101`
    #[oai(validator(max_length = 5))]
    flight_number: String,
    /// IATA code
    #[oai(validator(max_length = 3))]
    origin: String,
    /// IATA code
    #[oai(validator(max_length = 3))]
    destination: String,
    /// Local days at the origin: `135` is Monday, Wednesday, Friday
    #[oai(validator(max_length = 7))]
    weekdays: String,
    /// By the clocks at the origin: `08:30`
    #[oai(validator(max_length = 5))]
    departs_local: String,
    /// Minutes from gate to gate
    #[oai(validator(minimum(value = "1"), maximum(value = "1440")))]
    block_minutes: i32,
    /// IATA code of the aircraft type
    #[oai(validator(max_length = 3))]
    aircraft: String,
    /// The first local date
    effective_from: NaiveDate,
    /// The last local date
    effective_until: NaiveDate,
    /// Economy's base fare for one adult, in minor units of the sale currency
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    base_fare_minor: i64,
    /// Premium economy's; economy's and a factor when absent, as of the two below
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    premium_economy_fare_minor: Option<i64>,
    /// Business's
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    business_fare_minor: Option<i64>,
    /// First's
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    first_fare_minor: Option<i64>,
}

/// What shall be different; what is left out stays, and a fare that is `null` is economy's and a factor
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields)]
pub struct ChangeSchedule {
    /// Local days at the origin: `135` is Monday, Wednesday, Friday
    #[oai(validator(max_length = 7))]
    weekdays: Option<String>,
    /// By the clocks at the origin: `08:30`
    #[oai(validator(max_length = 5))]
    departs_local: Option<String>,
    /// Minutes from gate to gate
    #[oai(validator(minimum(value = "1"), maximum(value = "1440")))]
    block_minutes: Option<i32>,
    /// IATA code of the aircraft type
    #[oai(validator(max_length = 3))]
    aircraft: Option<String>,
    /// The first local date
    effective_from: Option<NaiveDate>,
    /// The last local date
    effective_until: Option<NaiveDate>,
    /// Economy's base fare for one adult, in minor units of the sale currency
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    base_fare_minor: Option<i64>,
    /// Premium economy's
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    premium_economy_fare_minor: Option<i64>,
    /// Business's
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    business_fare_minor: Option<i64>,
    /// First's
    #[oai(validator(minimum(value = "1"), maximum(value = "1000000000000")))]
    first_fare_minor: Option<i64>,
}

impl FromRaw for CreateSchedule {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            airline: raw.text("airline"),
            flight_number: raw.text("flight_number"),
            origin: raw.text("origin"),
            destination: raw.text("destination"),
            weekdays: raw.text("weekdays"),
            departs_local: raw.text("departs_local"),
            block_minutes: raw.integer("block_minutes").unwrap_or_default(),
            aircraft: raw.text("aircraft"),
            effective_from: NaiveDate::default(),
            effective_until: NaiveDate::default(),
            base_fare_minor: raw.integer("base_fare_minor").unwrap_or_default(),
            premium_economy_fare_minor: raw.integer("premium_economy_fare_minor"),
            business_fare_minor: raw.integer("business_fare_minor"),
            first_fare_minor: raw.integer("first_fare_minor"),
        }
    }
}

impl Rules for CreateSchedule {
    fn rules(self, _app: &App) -> Result<(), Error> {
        Schedule::from(self).check_texts()
    }
}

super::without_rules!(ChangeSchedule);

impl From<CreateSchedule> for Schedule {
    fn from(body: CreateSchedule) -> Self {
        Self {
            id: Uuid::nil(),
            airline: body.airline,
            flight_number: body.flight_number,
            origin: body.origin,
            destination: body.destination,
            weekdays: body.weekdays,
            departs_local: body.departs_local,
            block_minutes: body.block_minutes,
            aircraft: body.aircraft,
            effective_from: body.effective_from,
            effective_until: body.effective_until,
            base_fare_minor: body.base_fare_minor,
            premium_economy_fare_minor: body.premium_economy_fare_minor,
            business_fare_minor: body.business_fare_minor,
            first_fare_minor: body.first_fare_minor,
        }
    }
}

impl ChangeSchedule {
    fn patch(self, nulls: &[String]) -> SchedulePatch {
        let fare = |name: &str, fare: Option<i64>| {
            let is_null = nulls.iter().any(|null| null == name);
            (is_null || fare.is_some()).then_some(fare)
        };
        SchedulePatch {
            weekdays: self.weekdays,
            departs_local: self.departs_local,
            block_minutes: self.block_minutes,
            aircraft: self.aircraft,
            effective_from: self.effective_from,
            effective_until: self.effective_until,
            base_fare_minor: self.base_fare_minor,
            premium_economy_fare_minor: fare(
                "premium_economy_fare_minor",
                self.premium_economy_fare_minor,
            ),
            business_fare_minor: fare("business_fare_minor", self.business_fare_minor),
            first_fare_minor: fare("first_fare_minor", self.first_fare_minor),
        }
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Catalogue")]
impl Schedules {
    /// List schedules
    ///
    /// In the order of their ids. Needs the scope `catalogue`.
    #[oai(
        path = "/schedules",
        method = "get",
        operation_id = "list_catalogue_schedules"
    )]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        /// Only of this airline
        #[oai(validator(max_length = 2))]
        airline: Query<Option<String>>,
        /// Entries of a page, 1 to 100
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<ScheduleView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let (airline, limit) = (airline.0.as_deref(), i64::from(page.rows()));
        let schedules = catalogue::list_schedules(&mut conn, airline, page.after(), limit).await?;
        Ok(Json(page.page(schedules, |schedule| schedule.id)))
    }

    /// Read a schedule
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    #[oai(
        path = "/schedules/:id",
        method = "get",
        operation_id = "get_catalogue_schedule"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        Path(id): Path<Uuid>,
    ) -> Result<Tagged<ScheduleView, 200>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let schedule = catalogue::get_schedule(&mut conn, id).await?;
        let version = Version::of(&schedule)?;
        Ok(Tagged::<_, 200>::new(schedule.into(), version))
    }

    /// Add a schedule
    ///
    /// Its flights of the days that are on sale are made at once. Doing it again is answered by 422: the number is taken.
    /// Needs the scope `catalogue`.
    #[oai(path = "/schedules", method = "post", operation_id = "create_schedule")]
    async fn create(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        body: Checked<CreateSchedule>,
    ) -> Result<Tagged<ScheduleView, 201>, ApiError> {
        let mut tx = app.db.begin().await?;
        access.principal(&mut tx, app).await?;
        let days = app.settings.timetable.schedule_days_ahead;
        let new = body.into_inner().into();
        let (schedule, followed) =
            catalogue::create_schedule(&mut tx, &app.clock, days, &new).await?;
        tx.commit().await?;
        let (version, path) = (
            Version::of(&schedule)?,
            format!("/v1/admin/schedules/{}", schedule.id),
        );
        let view = ScheduleView::new(schedule, followed);
        Ok(Tagged::<_, 201>::created(view, version, path))
    }

    /// Change a schedule
    ///
    /// Its flights of the days that are on sale follow at once, but for those that somebody has a seat on: `flights_kept`
    /// names them. New fares hold for all of them. Needs `If-Match`: of two who have read the same version one is answered
    /// 412, and nothing is lost. Needs the scope `catalogue`.
    #[oai(
        path = "/schedules/:id",
        method = "patch",
        operation_id = "change_schedule"
    )]
    async fn change(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        Path(id): Path<Uuid>,
        #[oai(name = "If-Match")] if_match: IfMatch,
        body: Checked<ChangeSchedule>,
    ) -> Result<Tagged<ScheduleView, 200>, ApiError> {
        let mut tx = app.db.begin().await?;
        access.principal(&mut tx, app).await?;
        let expected = if_match.expected()?;
        let nulls = body.nulls().to_vec();
        let patch = body.into_inner().patch(&nulls);
        let days = app.settings.timetable.schedule_days_ahead;
        let (schedule, followed) =
            catalogue::change_schedule(&mut tx, &app.clock, days, id, &expected, &patch).await?;
        tx.commit().await?;
        let version = Version::of(&schedule)?;
        Ok(Tagged::<_, 200>::new(
            ScheduleView::new(schedule, followed),
            version,
        ))
    }

    /// Delete a schedule
    ///
    /// Only one that never had a flight: 409 `in_use` otherwise. To end it, set `effective_until`. Needs `If-Match` and the
    /// scope `catalogue`.
    #[oai(
        path = "/schedules/:id",
        method = "delete",
        operation_id = "delete_schedule"
    )]
    async fn delete(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Catalogue>,
        Path(id): Path<Uuid>,
        #[oai(name = "If-Match")] if_match: IfMatch,
    ) -> Result<Deleted, ApiError> {
        let mut tx = app.db.begin().await?;
        access.principal(&mut tx, app).await?;
        let expected = if_match.expected()?;
        catalogue::delete_schedule(&mut tx, &app.clock, id, &expected).await?;
        tx.commit().await?;
        Ok(Deleted::NoContent)
    }
}

impl From<Schedule> for ScheduleView {
    fn from(schedule: Schedule) -> Self {
        Self {
            id: schedule.id,
            airline: schedule.airline,
            flight_number: schedule.flight_number,
            origin: schedule.origin,
            destination: schedule.destination,
            weekdays: schedule.weekdays,
            departs_local: schedule.departs_local,
            block_minutes: schedule.block_minutes,
            aircraft: schedule.aircraft,
            effective_from: schedule.effective_from,
            effective_until: schedule.effective_until,
            base_fare_minor: schedule.base_fare_minor,
            premium_economy_fare_minor: schedule.premium_economy_fare_minor,
            business_fare_minor: schedule.business_fare_minor,
            first_fare_minor: schedule.first_fare_minor,
            flights_added: None,
            flights_moved: None,
            flights_cancelled: None,
            flights_kept: None,
        }
    }
}

impl ScheduleView {
    fn new(schedule: Schedule, followed: Followed) -> Self {
        let kept = followed.kept.into_iter().map(|kept| kept.flight_id.0);
        Self {
            flights_added: Some(followed.added),
            flights_moved: Some(followed.moved),
            flights_cancelled: Some(followed.cancelled),
            flights_kept: Some(kept.collect()),
            ..schedule.into()
        }
    }
}
