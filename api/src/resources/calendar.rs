//! The cheapest day to fly.

use std::sync::Arc;

use flightdesk_core::money::{Currency, Money};
use flightdesk_core::search::{self, CalendarDay, Checked, QueryKey, Search, Timetable};
use flightdesk_core::trade::Party;
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::{Object, OpenApi};
use serde::Serialize;

use crate::app::App;
use crate::auth::{Access, need};
use crate::cache::search::Computed;
use crate::error::ApiError;
use crate::http::cached::Cached;
use crate::openapi::tags::Tag;
use crate::resources::search::{check, list, one};
use crate::views::MoneyView;

/// Calendars.
pub struct Calendars;

/// The lowest price of each day
#[derive(Debug, Object, Serialize)]
#[oai(rename = "Calendar")]
pub struct CalendarView {
    /// `one_way` or `round_trip`
    trip_type: String,
    days: Vec<CalendarDayView>,
}

/// A day of the calendar
#[derive(Debug, Object, Serialize)]
#[oai(rename = "CalendarDay")]
pub struct CalendarDayView {
    /// Local date at the origin
    departure_date: String,
    /// Local date of the returning direction: the length of stay is the same for all days; `null` for one way
    return_date: Option<String>,
    /// The party's lowest total, of a round trip for both directions; `null` where nothing can be bought
    price: Option<MoneyView>,
}

impl CalendarDayView {
    fn new(day: CalendarDay, currency: Currency) -> Self {
        let price = |minor| Money::new(minor, currency).into();
        Self {
            departure_date: day.departure_date.to_string(),
            return_date: day.return_date.map(|date| date.to_string()),
            price: day.lowest_minor.map(price),
        }
    }
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Flights")]
impl Calendars {
    /// The cheapest day to fly
    ///
    /// The lowest price of each day from 15 days before `departure_date` to 15 days after it, direct or with one
    /// connection, as it was within the last five minutes; of a round trip the length of stay is kept. Days that have
    /// passed are left out. A list is written with commas.
    #[oai(
        path = "/flights/calendar",
        method = "get",
        operation_id = "get_calendar"
    )]
    #[expect(clippy::too_many_arguments, reason = "a parameter each")]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Search>,
        /// IATA airport or metro code: `DEL`, `LON`
        Query(origin): Query<String>,
        /// IATA airport or metro code
        Query(destination): Query<String>,
        /// `airport` where the code of `origin` is one of a metro area too and the airport is meant
        Query(origin_type): Query<Option<String>>,
        /// The same for `destination`
        Query(destination_type): Query<Option<String>>,
        /// The day in the middle, a local date at the origin
        Query(departure_date): Query<String>,
        /// Local date of the returning direction when leaving on the day in the middle; without it the trip is one way
        Query(return_date): Query<Option<String>>,
        /// Passengers from 12 years
        #[oai(
            default = "one",
            validator(minimum(value = "1"), maximum(value = "99"))
        )]
        Query(adults): Query<u16>,
        /// Passengers from 2 to 11 years
        #[oai(default, validator(maximum(value = "99")))]
        Query(children): Query<u16>,
        /// Infants under 2, on laps
        #[oai(default, validator(maximum(value = "99")))]
        Query(infants): Query<u16>,
        /// `economy` (default), `premium_economy`, `business` or `first`
        Query(cabin): Query<Option<String>>,
        /// `light`, `standard` or `flex`; `standard` unless `refundable` or `checked_bag` need another
        Query(fare_family): Query<Option<String>>,
        /// Every flight is of one of these airlines: `AI,BA`
        Query(airlines): Query<Option<String>>,
        /// No flight is of one of these airlines
        Query(exclude_airlines): Query<Option<String>>,
        /// Connections at most: 0, or 1 (default)
        #[oai(validator(minimum(value = "0"), maximum(value = "1")))]
        Query(max_stops): Query<Option<i64>>,
        /// Whether cancelling must give something of the base fare back
        Query(refundable): Query<Option<bool>>,
        /// Whether the fare must include checked baggage
        Query(checked_bag): Query<Option<bool>>,
    ) -> Result<Cached<CalendarView>, ApiError> {
        access.look_up(app).await?;
        let search = Search {
            origin,
            destination,
            origin_type,
            destination_type,
            departure_date,
            return_date,
            party: Party {
                adults,
                children,
                infants,
            },
            cabin,
            fare_family,
            airlines: list(airlines.as_deref()),
            exclude_airlines: list(exclude_airlines.as_deref()),
            max_stops: max_stops.or(Some(1)),
            refundable,
            checked_bag,
            ..Search::default()
        };
        let checked = check(app, &search).await?;
        let (days, hit) = days(app, &checked).await?;
        let currency = app.settings.sales.sale_currency;
        let day = |day| CalendarDayView::new(day, currency);
        let trip_type = checked
            .returning
            .as_ref()
            .map_or("one_way", |_| "round_trip");
        let view = CalendarView {
            trip_type: trip_type.to_owned(),
            days: days.into_iter().map(day).collect(),
        };
        Cached::new(&view, hit)
    }
}

/// The days of a calendar, and whether they were known.
async fn days(app: &App, checked: &Checked) -> Result<(Vec<CalendarDay>, bool), ApiError> {
    let key = QueryKey::of(&(&checked.departing, &checked.returning))?;
    let (edition, timetable) = app.edition().await?;
    let compute = || Box::pin(compute(app, timetable, checked));
    let key = format!("calendar:{edition}:{key}");
    let cached = Box::pin(app.search_cache.get_or_compute(&key, None, compute)).await?;
    let days = serde_json::from_slice(&cached.answer).map_err(ApiError::internal)?;
    Ok((days, cached.hit))
}

async fn compute(
    app: &App,
    timetable: Option<Arc<Timetable>>,
    checked: &Checked,
) -> Result<Computed, ApiError> {
    let timetable = match timetable {
        Some(known) => known,
        None => app.timetable().await?,
    };
    let (tariff, _) = app.catalogue().await?;
    let shop = app.shop(&tariff);
    let (departing, returning) = (&checked.departing, checked.returning.as_ref());
    let days = search::calendar(&app.db, shop, &timetable, departing, returning).await?;
    Ok(Computed {
        answer: serde_json::to_vec(&days).map_err(ApiError::internal)?,
        parts: Vec::new(),
    })
}
