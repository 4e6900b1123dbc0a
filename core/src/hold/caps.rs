//! How many seats may wait to be paid: by an account, by the accounts that were opened from one network today, and in one
//! cabin for accounts younger than a day. Holds and unpaid bookings count alike, so that nobody empties a flight without
//! money.
//!
//! **An account's holds are made one after the other.** The caps (20 open holds, 20 unpaid seats per flight) are
//! exact under concurrency because of an advisory lock per account; other accounts do not wait.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::Hold;
use super::queries::{Lines, stored, stored_count};
use crate::error::UnpaidBound;
use crate::ids::{AccountId, FlightId, HoldId};
use crate::inventory::Change;
use crate::{Error, Result, Shop};

/// Until it is this old an account shares its bounds with others of its network.
const YOUNG: Duration = Duration::days(1);

/// One account's holds are made and changed one after the other, or two at once would both see room.
pub(crate) async fn lock_account(conn: &mut PgConnection, account_id: AccountId) -> Result<()> {
    lock(conn, &account_lock(account_id)).await
}

/// The name of that lock, for a statement that takes it.
pub(super) fn account_lock(account_id: AccountId) -> String {
    format!("hold:{account_id}")
}

async fn lock(conn: &mut PgConnection, name: &str) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        name
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The seats that an account, or all young accounts of a network, have in open holds and unpaid bookings.
struct Unpaid {
    seats: i64,
    /// Of the flights that were asked about.
    by_flight: BTreeMap<FlightId, i64>,
}

/// From the accounts, whose holds are few, never from the flight: a popular one has thousands of other people's.
///
/// A hold that was written a moment ago is left out: it is what is asked about.
async fn unpaid(
    conn: &mut PgConnection,
    accounts: &[Uuid],
    flights: &[FlightId],
    new_hold: Option<HoldId>,
) -> Result<Unpaid> {
    let flights: Vec<Uuid> = flights.iter().map(|flight| flight.0).collect();
    let rows = sqlx::query!(
        r#"
        with open_hold as materialized (
            select id from hold where account_id = any($1) and status = 'open' and id is distinct from $3
        ), unpaid_booking as materialized (
            select id from booking where account_id = any($1) and status = 'pending_payment'
        ), seat as materialized (
            select l.flight_id, l.seats from open_hold h join hold_line l on l.hold_id = h.id
            union all
            select bf.flight_id, bf.seats from unpaid_booking b join booked_flight bf on bf.booking_id = b.id
        )
        select (select coalesce(sum(seats), 0) from seat)::bigint as "all!", wanted.flight_id as "flight_id!: FlightId",
               (select coalesce(sum(seats), 0) from seat where seat.flight_id = wanted.flight_id)::bigint as "seats!"
        from unnest($2::uuid[]) as wanted (flight_id)
        "#,
        accounts,
        &flights,
        new_hold.map(|id| id.0),
    )
    .fetch_all(conn)
    .await?;
    Ok(Unpaid {
        seats: rows.first().map_or(0, |row| row.all),
        by_flight: rows
            .into_iter()
            .map(|row| (row.flight_id, row.seats))
            .collect(),
    })
}

/// Refuses what would leave too many seats unpaid, where it takes more than it gives back. The caller has locked the
/// account.
///
/// [`Error::TooManyHeldSeats`] for one flight, [`Error::TooManyUnpaidSeats`] for all.
pub(crate) async fn refuse_more_seats(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    changes: &[Change],
) -> Result<()> {
    let own = unpaid(conn, &[account_id.0], &flights_of(changes), None).await?;
    refuse_own(shop, changes, &own)?;
    match young_network(conn, shop.clock.now(), account_id).await? {
        Some(network) => refuse_network(conn, shop, &network, changes, None).await,
        None => Ok(()),
    }
}

fn refuse_own(shop: Shop<'_>, changes: &[Change], own: &Unpaid) -> Result<()> {
    let (of_flight, in_all) = (shop.sales.max_held_seats, shop.sales.max_unpaid_seats);
    refuse(changes, own, of_flight, in_all, UnpaidBound::Account)
}

async fn refuse_network(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    network: &str,
    changes: &[Change],
    new_hold: Option<HoldId>,
) -> Result<()> {
    // After the account, and only here: two of one network wait for each other in no other place.
    lock(conn, &format!("unpaid:{network}")).await?;
    let accounts = sqlx::query_scalar!(
        "select id from account where signed_up_from = $1 and created_at > $2",
        network,
        shop.clock.now() - YOUNG,
    )
    .fetch_all(&mut *conn)
    .await?;
    let all = unpaid(conn, &accounts, &flights_of(changes), new_hold).await?;
    let limit = shop.sales.max_unpaid_seats_of_network;
    refuse(changes, &all, limit, limit, UnpaidBound::Network)
}

/// Writes a hold of an account that may have it, and says whether the account is young. The caller has locked the account
/// in an earlier statement, so that this one sees what the one before it did.
///
/// **What is checked and what is written is one statement.** It counts what was there before it began. A hold for a
/// cabin that is full is not written at all, so that a crowd in front of it costs little; who is let through may still
/// be too late.
///
/// Errors: [`Error::TooManyHolds`], those of [`refuse_more_seats`], [`Error::SoldOut`].
pub(super) async fn file(conn: &mut PgConnection, shop: Shop<'_>, hold: &Hold) -> Result<Filed> {
    let (offers, extras) = (stored(&hold.offers)?, stored(&hold.extras)?);
    let lines = Lines::of(hold);
    let rows = sqlx::query!(
        r#"
        with line as materialized (
            select * from unnest($11::smallint[], $12::smallint[], $13::uuid[], $14::text[]) as t (direction, ordinal, flight_id, cabin)
        ), open_hold as materialized (
            select id from hold where account_id = $2 and status = 'open'
        ), unpaid_booking as materialized (
            select id from booking where account_id = $2 and status = 'pending_payment'
        ), seat as materialized (
            select l.flight_id, l.seats from open_hold h join hold_line l on l.hold_id = h.id
            union all
            select bf.flight_id, bf.seats from unpaid_booking b join booked_flight bf on bf.booking_id = b.id
        ), full_cabin as materialized (
            select c.flight_id from line join flight_cabin c on c.flight_id = line.flight_id and c.cabin = line.cabin
            where c.capacity > 0 and c.capacity - c.held - c.sold < $15
            order by c.flight_id, c.cabin limit 1
        ), made as (
            insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers, extras)
            select $1, $2, $16, $3, $4, $5, $6, $7, $8, $9, $10, $17 where not exists (select from full_cabin)
            returning id
        ), written as (
            insert into hold_line (hold_id, direction, ordinal, flight_id, cabin, seats)
            select made.id, line.direction, line.ordinal, line.flight_id, line.cabin, $15 from made, line
        )
        select (select count(*) from open_hold) as "open!", (select coalesce(sum(seats), 0) from seat)::bigint as "all!",
               wanted.flight_id as "flight_id!: FlightId",
               (select coalesce(sum(seats), 0) from seat where seat.flight_id = wanted.flight_id)::bigint as "seats!",
               (select flight_id from full_cabin) as "full_flight: FlightId",
               a.created_at > $18 as "is_young!", a.signed_up_from
        from account a cross join (select distinct flight_id from line) as wanted
        where a.id = $2
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
        shop.clock.now() - YOUNG,
    )
    .fetch_all(&mut *conn)
    .await?;
    let first = rows.first().ok_or(Error::NotFound("account"))?;
    let limit = shop.sales.max_open_holds;
    if first.open >= i64::from(limit) {
        return Err(Error::TooManyHolds { limit });
    }
    let by_flight = rows.iter().map(|row| (row.flight_id, row.seats));
    let own = Unpaid {
        seats: first.all,
        by_flight: by_flight.collect(),
    };
    let changes = hold.changes(1);
    refuse_own(shop, &changes, &own)?;
    if let Some(network) = first.signed_up_from.as_ref().filter(|_| first.is_young) {
        refuse_network(conn, shop, network, &changes, Some(hold.id)).await?;
    }
    match first.full_flight {
        Some(flight_id) => Err(Error::SoldOut { flight_id }),
        None => Ok(Filed {
            is_young: first.is_young,
        }),
    }
}

/// What is known of an account once a hold of it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filed {
    /// Whether it shares its bounds with others.
    pub is_young: bool,
}

fn flights_of(changes: &[Change]) -> Vec<FlightId> {
    let mut flights: Vec<_> = changes.iter().map(|change| change.flight_id).collect();
    flights.sort_unstable();
    flights.dedup();
    flights
}

/// A limit of zero is none.
fn refuse(
    changes: &[Change],
    unpaid: &Unpaid,
    of_flight: u32,
    in_all: u32,
    bound: UnpaidBound,
) -> Result<()> {
    let exceeds = |seats: i64, limit: u32| limit > 0 && seats > i64::from(limit);
    for (flight_id, seats) in &unpaid.by_flight {
        let of = changes
            .iter()
            .filter(|change| change.flight_id == *flight_id);
        let more: i64 = of.map(|change| i64::from(change.held)).sum();
        if more > 0 && exceeds(seats + more, of_flight) {
            return Err(match bound {
                UnpaidBound::Account => Error::TooManyHeldSeats {
                    flight_id: *flight_id,
                    limit: of_flight,
                },
                bound => Error::TooManyUnpaidSeats {
                    bound,
                    limit: of_flight,
                },
            });
        }
    }
    let more: i64 = changes.iter().map(|change| i64::from(change.held)).sum();
    if more > 0 && exceeds(unpaid.seats + more, in_all) {
        return Err(Error::TooManyUnpaidSeats {
            bound,
            limit: in_all,
        });
    }
    Ok(())
}

/// The network that an account was opened from, while it is young and where that is known.
async fn young_network(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    account_id: AccountId,
) -> Result<Option<String>> {
    let network = sqlx::query_scalar!(
        "select signed_up_from from account where id = $1 and created_at > $2",
        account_id.0,
        now - YOUNG,
    )
    .fetch_optional(conn)
    .await?;
    Ok(network.flatten())
}

/// Refuses an account that is younger than a day more seats of a cabin of which too many wait to be paid already,
/// whoever's they are: many such accounts, from many networks, together leave seats to those who pay.
///
/// The cabins are locked and have the new seats in their counters.
pub(crate) async fn refuse_crowding(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    changes: &[Change],
) -> Result<()> {
    let percent = shop.sales.max_unpaid_percent_for_new_accounts;
    let more = changes.iter().filter(|change| change.held > 0);
    let more: Vec<Change> = more.copied().collect();
    if percent >= 100 || more.is_empty() {
        return Ok(());
    }
    let flights: Vec<Uuid> = more.iter().map(|change| change.flight_id.0).collect();
    let cabins: Vec<String> = (more.iter())
        .map(|change| change.cabin.as_str().to_owned())
        .collect();
    let is_crowded = sqlx::query_scalar!(
        r#"
        select exists (
            select from account a
            join flight_cabin c on (c.flight_id, c.cabin) in (select * from unnest($3::uuid[], $4::text[]))
            where a.id = $1 and a.created_at > $2 and c.held * 100::bigint > c.capacity * $5::bigint
        ) as "is_crowded!"
        "#,
        account_id.0,
        shop.clock.now() - YOUNG,
        &flights,
        &cabins,
        i64::from(percent),
    )
    .fetch_one(conn)
    .await?;
    if is_crowded {
        let bound = UnpaidBound::Cabin;
        return Err(Error::TooManyUnpaidSeats {
            bound,
            limit: percent,
        });
    }
    Ok(())
}
