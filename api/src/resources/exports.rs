//! Files for spreadsheets.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use flightdesk_core::audit::{self, Act};
use flightdesk_core::ids::FlightId;
use flightdesk_core::report::{Export, ExportPage, Position};
use flightdesk_core::{Clock, db};
use futures::stream;
use poem::Body;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Binary;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::openapi::tags::Tag;
use crate::resources::admin_flights::check_days;

/// Exports.
pub struct Exports;

/// A file for spreadsheets
#[derive(ApiResponse)]
pub enum CsvAnswer {
    /// The file, in RFC 4180's form: commas, quotes where they are needed, a row of names first
    #[oai(status = 200, content_type = "text/csv; charset=utf-8")]
    Csv(
        Binary<Body>,
        /// The name to save it under
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

#[OpenApi(prefix_path = "/v1/admin/exports", tag = "Tag::Operations")]
impl Exports {
    /// Bookings as a file
    ///
    /// Those that were made on some days of UTC, a row each, the oldest first. A text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage return) has an
    /// apostrophe in front: take it away when you read telephone numbers. The file is written while it is read; what changes
    /// meanwhile is in it as it was when its row was read. That somebody made the file stands in the audit log. Needs the scope `admin`.
    #[oai(
        path = "/bookings.csv",
        method = "get",
        operation_id = "export_bookings"
    )]
    async fn bookings(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Made on this day of UTC or later
        Query(from): Query<NaiveDate>,
        /// Made on this day of UTC or earlier
        Query(until): Query<NaiveDate>,
    ) -> Result<CsvAnswer, ApiError> {
        let (from, until) = days(from, until)?;
        file(app, access, Export::Bookings { from, until }).await
    }

    /// Movements of money as a file
    ///
    /// Every entry of the ledger that was posted on some days of UTC, a row each, in the order of posting: `debit` receives, `credit`
    /// gives. Needs the scope `admin`.
    #[oai(path = "/ledger.csv", method = "get", operation_id = "export_ledger")]
    async fn ledger(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Posted on this day of UTC or later
        Query(from): Query<NaiveDate>,
        /// Posted on this day of UTC or earlier
        Query(until): Query<NaiveDate>,
    ) -> Result<CsvAnswer, ApiError> {
        let (from, until) = days(from, until)?;
        file(app, access, Export::Ledger { from, until }).await
    }

    /// Flights as a file
    ///
    /// Those that leave on some local dates, a row each. At most 366 days. Needs the scope `admin`.
    #[oai(path = "/flights.csv", method = "get", operation_id = "export_flights")]
    async fn flights(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Leaving on this local date or later
        Query(from): Query<NaiveDate>,
        /// Leaving on this local date or earlier
        Query(until): Query<NaiveDate>,
        /// Only of this airline
        #[oai(validator(max_length = 2))]
        Query(airline): Query<Option<String>>,
    ) -> Result<CsvAnswer, ApiError> {
        check_days(from, until)?;
        let airline = airline.map(|iata| iata.to_uppercase());
        let export = Export::Flights {
            from,
            until,
            airline,
        };
        file(app, access, export).await
    }

    /// How full flights are, as a file
    ///
    /// Of each flight a row for each cabin, and a row for what it earns in each currency. At most 366 days. Needs the scope `admin`.
    #[oai(
        path = "/load.csv",
        method = "get",
        operation_id = "export_flight_loads"
    )]
    async fn load(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        /// Leaving on this local date or later
        Query(from): Query<NaiveDate>,
        /// Leaving on this local date or earlier
        Query(until): Query<NaiveDate>,
        /// Only of this airline
        #[oai(validator(max_length = 2))]
        Query(airline): Query<Option<String>>,
    ) -> Result<CsvAnswer, ApiError> {
        check_days(from, until)?;
        let airline = airline.map(|iata| iata.to_uppercase());
        let export = Export::Loads {
            from,
            until,
            airline,
        };
        file(app, access, export).await
    }

    /// Who is on a flight, as a file
    ///
    /// As `GET /v1/admin/flights/{flight_id}/manifest`, a row for each passenger. Needs the scope `admin`.
    #[oai(
        path = "/flights/:flight_id/manifest.csv",
        method = "get",
        operation_id = "export_manifest"
    )]
    async fn manifest(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
        Path(flight_id): Path<Uuid>,
    ) -> Result<CsvAnswer, ApiError> {
        let flight_id = FlightId(flight_id);
        file(app, access, Export::Manifest { flight_id }).await
    }
}

/// The instants between which days of UTC lie.
fn days(from: NaiveDate, until: NaiveDate) -> Result<(DateTime<Utc>, DateTime<Utc>), ApiError> {
    check_days(from, until)?;
    let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
    let end = until.succ_opt().unwrap_or(until);
    Ok((midnight(from), midnight(end)))
}

/// Files that it is made, and writes it. The first page is read before the answer begins, so that what is wrong is told by its
/// status; each page after it has a connection for its own statement alone, and none while the client is slow (invariant 13).
async fn file(
    app: &App,
    access: Access<need::Admin>,
    export: Export,
) -> Result<CsvAnswer, ApiError> {
    access.look_up(app).await?;
    let mut tx = app.db.begin().await?;
    let first = export.page(&mut tx, Position::Start).await?;
    record(&mut tx, &app.clock, &export).await?;
    tx.commit().await?;
    let disposition = format!("attachment; filename=\"{}.csv\"", export.name());
    let pages = Pages {
        db: app.db.clone(),
        export,
    };
    let bytes = stream::try_unfold((pages, Some(Next::Read(first))), Pages::next);
    Ok(CsvAnswer::Csv(
        Binary(Body::from_bytes_stream(bytes)),
        disposition,
    ))
}

async fn record(
    conn: &mut sqlx::PgConnection,
    clock: &Clock,
    export: &Export,
) -> Result<(), ApiError> {
    let act = Act {
        action: "export_made",
        object_kind: "export",
        object_id: export.name().to_owned(),
        before: None,
        after: Some(export.to_json()),
    };
    Ok(audit::record(conn, clock, &act).await?)
}

/// The rest of a file.
struct Pages {
    db: db::Pool,
    export: Export,
}

/// What comes next of a file.
enum Next {
    Read(ExportPage),
    At(Position),
}

type Step = (Vec<u8>, (Pages, Option<Next>));

impl Pages {
    async fn next((pages, next): (Self, Option<Next>)) -> std::io::Result<Option<Step>> {
        let page = match next {
            None => return Ok(None),
            Some(Next::Read(page)) => page,
            Some(Next::At(position)) => pages.read(position).await.map_err(|error| {
                tracing::error!(%error, "a file ended in the middle");
                std::io::Error::other(error)
            })?,
        };
        Ok(Some((page.bytes, (pages, page.next.map(Next::At)))))
    }

    async fn read(&self, position: Position) -> flightdesk_core::Result<ExportPage> {
        let mut conn = self.db.acquire().await?;
        self.export.page(&mut conn, position).await
    }
}
