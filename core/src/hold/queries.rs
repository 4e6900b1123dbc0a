//! Rows of holds.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::joined_price;
use super::model::{HeldOffer, Hold, HoldStatus};
use crate::flight::{self, Flight, FlightRow, FlightStatus};
use crate::ids::{AccountId, FlightId, HoldId};
use crate::offer::Offer;
use crate::search::{ConnectionTime, ConnectionTimes};
use crate::trade::{Party, PriceLine};
use crate::{Error, Result};

/// A hold of the account. [`Error::NotFound`] for anybody else's.
pub async fn get(conn: &mut PgConnection, account_id: AccountId, id: HoldId) -> Result<Hold> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select id as "id: HoldId", account_id as "account_id: AccountId", status,
               created_at, expires_at, adults, children, infants, offers, extras
        from hold where id = $1 and account_id = $2
        "#,
        id.0,
        account_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.ok_or(Error::NotFound("hold"))?.try_into()
}

#[derive(Deserialize)]
struct Row {
    id: HoldId,
    account_id: AccountId,
    status: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    adults: i16,
    children: i16,
    infants: i16,
    offers: Value,
    extras: Value,
}

impl TryFrom<Row> for Hold {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let id = row.id;
        let unreadable = |error| Error::Catalogue(format!("hold {id} does not read: {error}"));
        let offers: Vec<HeldOffer> = serde_json::from_value(row.offers).map_err(unreadable)?;
        let extras: Vec<PriceLine> = serde_json::from_value(row.extras).map_err(unreadable)?;
        let status = HoldStatus::find(&row.status)
            .ok_or_else(|| Error::Catalogue(format!("hold {id} is {}", row.status)))?;
        let count = |stored: i16| u16::try_from(stored).unwrap_or_default();
        Ok(Self {
            id,
            account_id: row.account_id,
            status,
            created_at: row.created_at,
            expires_at: row.expires_at,
            party: Party {
                adults: count(row.adults),
                children: count(row.children),
                infants: count(row.infants),
            },
            price: joined_price(&offers, &extras)?,
            offers,
            extras,
        })
    }
}

/// A flight of a journey, and beside the first what else was asked for.
struct JourneyRow {
    id: FlightId,
    airline: String,
    airline_name: String,
    flight_number: String,
    aircraft: String,
    departure_date: NaiveDate,
    departs_at: DateTime<Utc>,
    arrives_at: DateTime<Utc>,
    status: FlightStatus,
    origin: String,
    origin_name: String,
    origin_city: String,
    origin_country: String,
    origin_zone: String,
    destination: String,
    destination_name: String,
    destination_city: String,
    destination_country: String,
    destination_zone: String,
    beside: Option<Value>,
}

impl TryFrom<JourneyRow> for Flight {
    type Error = Error;

    fn try_from(row: JourneyRow) -> Result<Self> {
        FlightRow {
            id: row.id,
            airline: row.airline,
            airline_name: row.airline_name,
            flight_number: row.flight_number,
            aircraft: row.aircraft,
            departure_date: row.departure_date,
            departs_at: row.departs_at,
            arrives_at: row.arrives_at,
            status: row.status,
            origin: row.origin,
            origin_name: row.origin_name,
            origin_city: row.origin_city,
            origin_country: row.origin_country,
            origin_zone: row.origin_zone,
            destination: row.destination,
            destination_name: row.destination_name,
            destination_city: row.destination_city,
            destination_country: row.destination_country,
            destination_zone: row.destination_zone,
        }
        .try_into()
    }
}

/// What stands beside the first of the rows, and the flights of all.
fn split<T: DeserializeOwned>(mut rows: Vec<JourneyRow>) -> Result<(Option<T>, Vec<Flight>)> {
    let beside = rows.first_mut().and_then(|row| row.beside.take());
    let beside = beside.map(serde_json::from_value).transpose();
    let beside =
        beside.map_err(|error| Error::Catalogue(format!("a journey does not read: {error}")))?;
    let flights: Result<Vec<_>> = rows.into_iter().map(Flight::try_from).collect();
    Ok((beside, flights?))
}

/// The flights of a journey in the order of their ids and, where it has two directions, the times that connections take.
/// Takes the named locks until the transaction ends, in their order: what the next statement reads is as they left it.
///
/// [`Error::NotFound`] when a flight does not exist.
pub(super) async fn journey(
    conn: &mut PgConnection,
    ids: &[FlightId],
    locks: &[String],
    with_times: bool,
) -> Result<(Vec<Flight>, Option<ConnectionTimes>)> {
    let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        JourneyRow,
        r#"
        with locked as materialized (
            select pg_advisory_xact_lock(hashtextextended(name, 0))::text as done
            from unnest($2::text[]) with ordinality as t (name, position) order by position
        )
        select f.id as "id: FlightId", f.airline, al.name as airline_name, f.flight_number, ac.name as aircraft,
               f.departure_date, f.departs_at, f.arrives_at, f.status as "status: FlightStatus",
               f.origin, o.name as origin_name, o.city as origin_city, o.country as origin_country, o.time_zone as origin_zone,
               f.destination, d.name as destination_name, d.city as destination_city, d.country as destination_country,
               d.time_zone as destination_zone,
               case when wanted.position = 1 and $3 then (select jsonb_agg(c) from connection_time c) end as beside
        from unnest($1::uuid[]) with ordinality as wanted (id, position)
        join flight f on f.id = wanted.id
        join airline al on al.iata = f.airline
        join aircraft_type ac on ac.iata = f.aircraft
        join airport o on o.iata = f.origin
        join airport d on d.iata = f.destination
        where (select count(done) from locked) >= 0
        order by wanted.position
        "#,
        &wanted,
        locks,
        with_times,
    )
    .fetch_all(conn)
    .await?;
    if rows.len() != ids.len() {
        return Err(Error::NotFound("flight"));
    }
    let (times, flights) = split::<Vec<ConnectionTime>>(rows)?;
    let times = with_times.then(|| ConnectionTimes::of_rows(times.unwrap_or_default()));
    Ok((flights, times.transpose()?))
}

/// A hold of the account with its flights in the order of travel; takes the named lock until the transaction ends.
/// [`Error::NotFound`] for anybody else's.
pub(crate) async fn get_with_flights(
    conn: &mut PgConnection,
    account_id: AccountId,
    id: HoldId,
    lock: &str,
) -> Result<(Hold, Vec<Flight>)> {
    let rows = sqlx::query_as!(
        JourneyRow,
        r#"
        with locked as materialized (
            select pg_advisory_xact_lock(hashtextextended($3, 0))::text as done
        )
        select f.id as "id: FlightId", f.airline, al.name as airline_name, f.flight_number, ac.name as aircraft,
               f.departure_date, f.departs_at, f.arrives_at, f.status as "status: FlightStatus",
               f.origin, o.name as origin_name, o.city as origin_city, o.country as origin_country, o.time_zone as origin_zone,
               f.destination, d.name as destination_name, d.city as destination_city, d.country as destination_country,
               d.time_zone as destination_zone,
               case when line.direction = 0 and line.ordinal = 0 then to_jsonb(h) end as beside
        from hold h
        join hold_line line on line.hold_id = h.id
        join flight f on f.id = line.flight_id
        join airline al on al.iata = f.airline
        join aircraft_type ac on ac.iata = f.aircraft
        join airport o on o.iata = f.origin
        join airport d on d.iata = f.destination
        where h.id = $1 and h.account_id = $2 and (select count(done) from locked) >= 0
        order by line.direction, line.ordinal
        "#,
        id.0,
        account_id.0,
        lock,
    )
    .fetch_all(conn)
    .await?;
    let (row, flights) = split::<Row>(rows)?;
    let hold: Hold = row.ok_or(Error::NotFound("hold"))?.try_into()?;
    if hold.flights().count() != flights.len() {
        return Err(Error::NotFound("flight"));
    }
    Ok((hold, flights))
}

/// The offers of a hold with their flights, as search shows them.
pub async fn offers(conn: &mut PgConnection, hold: &Hold) -> Result<Vec<Offer>> {
    let ids: Vec<_> = hold.flights().map(|(id, _)| id).collect();
    offers_of(hold, flight::list_by_id(conn, &ids).await?)
}

/// The same with the flights given, in the order of travel.
pub(super) fn offers_of(hold: &Hold, flights: Vec<Flight>) -> Result<Vec<Offer>> {
    let mut flights = flights.into_iter();
    let shown = hold.offers.iter().map(|held| {
        Ok(Offer {
            id: held.token.clone(),
            expires_at: held.pinned.expires_at(),
            party: held.pinned.party,
            cabin: held.pinned.cabin,
            conditions: held.conditions.clone().into(),
            flights: flights.by_ref().take(held.pinned.flights.len()).collect(),
            price: held.pinned.price()?,
            seats_left: None,
        })
    });
    shown.collect()
}

/// The lines of a hold in columns.
#[derive(Default)]
pub(super) struct Lines {
    pub directions: Vec<i16>,
    pub ordinals: Vec<i16>,
    pub flights: Vec<Uuid>,
    pub cabins: Vec<String>,
}

impl Lines {
    pub(super) fn of(hold: &Hold) -> Self {
        let mut lines = Self::default();
        for (direction, offer) in (0_i16..).zip(&hold.offers) {
            for (ordinal, flight_id) in (0_i16..).zip(&offer.pinned.flights) {
                lines.directions.push(direction);
                lines.ordinals.push(ordinal);
                lines.flights.push(flight_id.0);
                lines.cabins.push(offer.pinned.cabin.as_str().to_owned());
            }
        }
        lines
    }
}

pub(super) fn stored(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::Catalogue(format!("a hold does not serialise: {error}")))
}

pub(super) fn stored_count(count: u16) -> i16 {
    i16::try_from(count).unwrap_or(i16::MAX)
}

/// Writes what a booking's hold became over what it was; its id, status and end stay.
pub(crate) async fn replace(conn: &mut PgConnection, hold: &Hold) -> Result<()> {
    sqlx::query!(
        r#"
        update hold set adults = $2, children = $3, infants = $4, currency = $5, total_minor = $6, offers = $7, extras = $8
        where id = $1
        "#,
        hold.id.0,
        stored_count(hold.party.adults),
        stored_count(hold.party.children),
        stored_count(hold.party.infants),
        hold.price.currency.code(),
        hold.price.total().minor(),
        stored(&hold.offers)?,
        stored(&hold.extras)?,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from hold_line where hold_id = $1", hold.id.0)
        .execute(&mut *conn)
        .await?;
    let lines = Lines::of(hold);
    sqlx::query!(
        r#"
        insert into hold_line (hold_id, direction, ordinal, flight_id, cabin, seats)
        select $1, t.direction, t.ordinal, t.flight_id, t.cabin, $2
        from unnest($3::smallint[], $4::smallint[], $5::uuid[], $6::text[]) as t (direction, ordinal, flight_id, cabin)
        "#,
        hold.id.0,
        i32::from(hold.party.seated()),
        &lines.directions,
        &lines.ordinals,
        &lines.flights,
        &lines.cabins,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Open holds whose time has run out, oldest first.
pub(super) async fn due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<HoldId>> {
    let due = sqlx::query_scalar!(
        r#"
        select id as "id: HoldId" from hold
        where status = 'open' and expires_at <= $1 order by expires_at limit $2
        "#,
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(due)
}
