//! Flights: how full they are, and who is on one.

use chrono::NaiveDate;
use sqlx::PgConnection;

use super::{ExportPage, Position, ROWS, has_more, head, head_at, instant};
use crate::Result;
use crate::ids::FlightId;
use crate::report::csv::{self, Cell};
use crate::report::load::{FlightLoad, LoadFilter, list_loads};
use crate::report::manifest::{Manifest, ManifestPassenger, manifest as read_manifest};

const FLIGHT_COLUMNS: [&str; 11] = [
    "flight_id",
    "flight_number",
    "origin",
    "destination",
    "departure_date",
    "departs_at",
    "arrives_at",
    "aircraft",
    "status",
    "capacity",
    "sold",
];
const LOAD_COLUMNS: [&str; 10] = [
    "flight_id",
    "flight_number",
    "departure_date",
    "status",
    "cabin",
    "capacity",
    "held",
    "sold",
    "currency",
    "revenue",
];
const MANIFEST_COLUMNS: [&str; 22] = [
    "flight_number",
    "departure_date",
    "booking_ref",
    "passenger_id",
    "type",
    "title",
    "first_name",
    "middle_name",
    "last_name",
    "gender",
    "date_of_birth",
    "cabin",
    "seat",
    "ticket_number",
    "coupon",
    "adult_id",
    "extra_kg",
    "special_requests",
    "document_type",
    "document_number",
    "document_country",
    "document_expires_on",
];

/// Flights that leave on some days, after a position, a row each.
pub(super) async fn page(
    conn: &mut PgConnection,
    days: (NaiveDate, NaiveDate),
    airline: Option<&str>,
    at: Position,
) -> Result<ExportPage> {
    let loads = read(conn, days, airline, at).await?;
    flight_page(at, &FLIGHT_COLUMNS, &loads, |load| vec![flight_row(load)])
}

/// The same flights with their cabins and what they earn.
pub(super) async fn loads(
    conn: &mut PgConnection,
    days: (NaiveDate, NaiveDate),
    airline: Option<&str>,
    at: Position,
) -> Result<ExportPage> {
    let loads = read(conn, days, airline, at).await?;
    flight_page(at, &LOAD_COLUMNS, &loads, load_rows)
}

/// Who is on a flight, in one page.
pub(super) async fn manifest(conn: &mut PgConnection, flight_id: FlightId) -> Result<ExportPage> {
    let Manifest { flight, passengers } = read_manifest(conn, flight_id).await?;
    let number = format!("{} {}", flight.airline.iata, flight.flight_number);
    let date = flight.departure_date.to_string();
    let rows = passengers.into_iter();
    let rows = rows.map(|one| passenger_row(&number, &date, one));
    let bytes = csv::written(std::iter::once(head(&MANIFEST_COLUMNS)).chain(rows))?;
    Ok(ExportPage { bytes, next: None })
}

async fn read(
    conn: &mut PgConnection,
    (from, until): (NaiveDate, NaiveDate),
    airline: Option<&str>,
    at: Position,
) -> Result<Vec<FlightLoad>> {
    let filter = LoadFilter {
        from,
        until,
        airline: airline.map(str::to_owned),
        after: match at {
            Position::Flight(id) => Some(id),
            Position::Start | Position::Booking(_) | Position::Entry(_) => None,
        },
        limit: ROWS,
    };
    list_loads(conn, &filter).await
}

fn flight_page(
    at: Position,
    columns: &[&str],
    loads: &[FlightLoad],
    rows: impl Fn(&FlightLoad) -> Vec<Vec<Cell>>,
) -> Result<ExportPage> {
    let last = loads.last().map(|load| Position::Flight(load.id));
    let next = last.filter(|_| has_more(loads.len()));
    let rows = loads.iter().flat_map(rows);
    let bytes = csv::written(head_at(at, columns).into_iter().chain(rows))?;
    Ok(ExportPage { bytes, next })
}

fn flight_row(load: &FlightLoad) -> Vec<Cell> {
    let (capacity, _, sold) = load.total();
    vec![
        Cell::text(load.id.to_string()),
        Cell::text(format!("{} {}", load.airline, load.flight_number)),
        Cell::text(&load.origin),
        Cell::text(&load.destination),
        Cell::text(load.departure_date.to_string()),
        Cell::text(instant(load.departs_at)),
        Cell::text(instant(load.arrives_at)),
        Cell::text(&load.aircraft),
        Cell::text(load.status.as_str()),
        Cell::number(&capacity),
        Cell::number(&sold),
    ]
}

/// A row for each cabin, then one for what the flight earns in each currency.
fn load_rows(load: &FlightLoad) -> Vec<Vec<Cell>> {
    let begin = || {
        vec![
            Cell::text(load.id.to_string()),
            Cell::text(format!("{} {}", load.airline, load.flight_number)),
            Cell::text(load.departure_date.to_string()),
            Cell::text(load.status.as_str()),
        ]
    };
    let nothing = |count: usize| std::iter::repeat_n(Cell::text(""), count);
    let cabins = load.cabins.iter().map(|cabin| {
        let mut row = begin();
        row.push(Cell::text(cabin.cabin.as_str()));
        row.extend([cabin.capacity, cabin.held, cabin.sold].map(|seats| Cell::number(&seats)));
        row.extend(nothing(2));
        row
    });
    let earned = load.revenue.iter().map(|money| {
        let mut row = begin();
        row.extend(nothing(4));
        row.push(Cell::text(money.currency().code()));
        row.push(Cell::number(&money.decimal()));
        row
    });
    cabins.chain(earned).collect()
}

fn passenger_row(number: &str, date: &str, one: ManifestPassenger) -> Vec<Cell> {
    vec![
        Cell::text(number),
        Cell::text(date),
        Cell::text(one.booking_ref),
        Cell::text(one.id.to_string()),
        Cell::text(one.passenger_type.as_str()),
        Cell::text(one.title),
        Cell::optional(one.first_name),
        Cell::optional(one.middle_name),
        Cell::text(one.last_name),
        Cell::text(one.gender),
        Cell::text(one.date_of_birth.to_string()),
        Cell::text(one.cabin.as_str()),
        Cell::optional(one.seat),
        Cell::optional(one.ticket_number),
        Cell::optional(one.coupon),
        Cell::optional(one.adult_id.map(|id| id.to_string())),
        Cell::optional(one.extra_kg.map(|kg| kg.to_string())),
        Cell::text(one.special_requests.join(" ")),
        Cell::optional(one.document_type),
        Cell::optional(one.document_number),
        Cell::optional(one.document_country),
        Cell::optional(one.document_expires_on.map(|day| day.to_string())),
    ]
}
