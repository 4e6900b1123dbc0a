//! Rows of holds.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::joined_price;
use super::model::{HeldOffer, Hold, HoldStatus};
use crate::flight;
use crate::ids::{AccountId, HoldId};
use crate::offer::Offer;
use crate::trade::{Party, PriceLine};
use crate::{Error, Result};

/// A hold of the account. [`Error::NotFound`] for anybody else's.
pub async fn get(conn: &mut PgConnection, account_id: AccountId, id: HoldId) -> Result<Hold> {
    let row = sqlx::query!(
        r#"
        select id as "id: HoldId", account_id as "account_id: AccountId", status as "status: HoldStatus",
               created_at, expires_at, adults, children, infants, offers, extras
        from hold where id = $1 and account_id = $2
        "#,
        id.0,
        account_id.0,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("hold"))?;
    let offers: Vec<HeldOffer> = serde_json::from_value(row.offers)
        .map_err(|error| Error::Catalogue(format!("hold {id} does not read: {error}")))?;
    let extras: Vec<PriceLine> = serde_json::from_value(row.extras)
        .map_err(|error| Error::Catalogue(format!("hold {id} does not read: {error}")))?;
    let count = |stored: i16| u16::try_from(stored).unwrap_or_default();
    Ok(Hold {
        id: row.id,
        account_id: row.account_id,
        status: row.status,
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

/// The offers of a hold with their flights, as search shows them.
pub async fn offers(conn: &mut PgConnection, hold: &Hold) -> Result<Vec<Offer>> {
    let ids: Vec<_> = hold.flights().map(|(id, _)| id).collect();
    let mut flights = flight::list_by_id(conn, &ids).await?.into_iter();
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
struct Lines {
    directions: Vec<i16>,
    ordinals: Vec<i16>,
    flights: Vec<Uuid>,
    cabins: Vec<String>,
}

impl Lines {
    fn of(hold: &Hold) -> Self {
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

fn stored(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|error| Error::Catalogue(format!("a hold does not serialise: {error}")))
}

fn stored_count(count: u16) -> i16 {
    i16::try_from(count).unwrap_or(i16::MAX)
}

pub(super) async fn insert(conn: &mut PgConnection, hold: &Hold) -> Result<()> {
    let (offers, extras) = (stored(&hold.offers)?, stored(&hold.extras)?);
    let lines = Lines::of(hold);
    sqlx::query!(
        r#"
        with made as (
            insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers, extras)
            values ($1, $2, $16, $3, $4, $5, $6, $7, $8, $9, $10, $17)
            returning id
        )
        insert into hold_line (hold_id, direction, ordinal, flight_id, cabin, seats)
        select made.id, t.direction, t.ordinal, t.flight_id, t.cabin, $15
        from made, unnest($11::smallint[], $12::smallint[], $13::uuid[], $14::text[]) as t (direction, ordinal, flight_id, cabin)
        "#,
        hold.id.0,
        hold.account_id.0,
        hold.created_at,
        hold.expires_at,
        stored_count(hold.party.adults),
        stored_count(hold.party.children),
        stored_count(hold.party.infants),
        hold.price.currency.code(),
        hold.price.total().minor(),
        offers,
        &lines.directions,
        &lines.ordinals,
        &lines.flights as &[Uuid],
        &lines.cabins,
        i32::from(hold.party.seated()),
        hold.status.as_str(),
        extras,
    )
    .execute(conn)
    .await?;
    Ok(())
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
