//! Reading the ledger of a booking.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Account, Entry, Kind, Ledger, Total};
use crate::ids::{AccountId, BookingId, BookingRef};
use crate::money::{self, Currency, Money};
use crate::{Error, Result};

/// The ledger of an account's booking. [`Error::NotFound`] for anybody else's.
pub async fn get(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<Ledger> {
    // One statement for both, or an entry posted in between would look like a hole.
    let found = sqlx::query!(
        r#"
        select id as "id: BookingId",
               (select coalesce(sum(case when e.debit = 'stripe_clearing' then e.amount_minor when e.credit = 'stripe_clearing' then -e.amount_minor else 0 end), 0)
                from ledger_entry e where e.booking_id = booking.id and e.currency = c.currency)
             = (select coalesce(sum(p.amount_minor), 0) from payment_share p
                where p.booking_id = booking.id and p.currency = c.currency and p.status in ('succeeded', 'mismatched'))
             - (select coalesce(sum(r.amount_minor), 0) from refund r
                where r.booking_id = booking.id and r.currency = c.currency and r.status = 'succeeded' and r.settled_by is null)
             - (select coalesce(sum(d.amount_minor), 0) from dispute d
                where d.booking_id = booking.id and d.currency = c.currency and d.status in ('needs_response', 'under_review', 'lost')) as "agrees!"
        from booking
        cross join lateral (select booking.currency union select p.currency from payment p where p.booking_id = booking.id) c
        where booking_ref = $1 and account_id = $2
        "#,
        reference.as_str(),
        account_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let id = found.first().ok_or(Error::NotFound("booking"))?.id;
    let entries = with_balances(rows(conn, id).await?)?;
    let totals = totals(&entries);
    let balanced = found.iter().all(|currency| currency.agrees) && cancel_out(&totals);
    Ok(Ledger {
        entries,
        totals,
        balanced,
    })
}

struct Row {
    id: Uuid,
    posted_at: DateTime<Utc>,
    kind: Kind,
    reference: Uuid,
    debit: String,
    credit: String,
    amount_minor: i64,
    currency: String,
}

async fn rows(conn: &mut PgConnection, id: BookingId) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id, posted_at, kind as "kind: Kind", reference, debit, credit, amount_minor, currency
        from ledger_entry where booking_id = $1 order by position
        "#,
        id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

fn with_balances(rows: Vec<Row>) -> Result<Vec<Entry>> {
    let mut owed: BTreeMap<&'static str, i64> = BTreeMap::new();
    let account = |raw: &str| {
        Account::parse(raw)
            .ok_or_else(|| Error::Catalogue(format!("nobody knows the account {raw}")))
    };
    rows.into_iter()
        .map(|row| {
            let currency = money::known_currency(&row.currency)?;
            let (debit, credit) = (account(&row.debit)?, account(&row.credit)?);
            let balance = owed.entry(currency.code()).or_default();
            *balance += match (&debit, &credit) {
                (Account::Customer, _) => row.amount_minor,
                (_, Account::Customer) => -row.amount_minor,
                _ => 0,
            };
            Ok(Entry {
                id: row.id,
                posted_at: row.posted_at,
                kind: row.kind,
                reference: row.reference,
                debit,
                credit,
                amount: Money::new(row.amount_minor, currency),
                balance: Money::new(*balance, currency),
            })
        })
        .collect()
}

/// Both sides of every entry, added up by account and currency.
pub(super) fn totals(entries: &[Entry]) -> Vec<Total> {
    let mut sums: BTreeMap<(&Account, &'static str), (Currency, i64, i64)> = BTreeMap::new();
    for entry in entries {
        let (currency, minor) = (entry.amount.currency(), entry.amount.minor());
        let debit = sums
            .entry((&entry.debit, currency.code()))
            .or_insert((currency, 0, 0));
        debit.1 += minor;
        let credit = sums
            .entry((&entry.credit, currency.code()))
            .or_insert((currency, 0, 0));
        credit.2 += minor;
    }
    sums.into_iter()
        .map(|((account, _), (currency, debit, credit))| Total {
            account: account.clone(),
            debit: Money::new(debit, currency),
            credit: Money::new(credit, currency),
            balance: Money::new(debit - credit, currency),
        })
        .collect()
}

/// Whether the balances of each currency sum to zero.
pub(super) fn cancel_out(totals: &[Total]) -> bool {
    let mut sums: BTreeMap<&'static str, i64> = BTreeMap::new();
    for total in totals {
        *sums.entry(total.balance.currency().code()).or_default() += total.balance.minor();
    }
    sums.values().all(|sum| *sum == 0)
}
