//! Whether the catalogue is in the currency of the sale. A deployment sells in one currency (`SALE_CURRENCY`), and base
//! fares are in its minor units by definition: an amount of a tax, seat, bag or fare family in another one would be an
//! error at the counter, or a price a hundred times too high.

use crate::charge;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use crate::Result;
use crate::money::Currency;

/// How long a process that starts waits for the database to say what is in it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What keeps a deployment from selling in a currency, a sentence each with the rows to change; none when nothing does.
pub async fn currency_problems(conn: &mut PgConnection, currency: Currency) -> Result<Vec<String>> {
    let code = currency.code();
    let mut problems = Vec::new();
    if charge::limits(currency).is_none() {
        problems.push(format!(
            "SALE_CURRENCY is {code}, in which the payment provider takes no payments"
        ));
    }
    let rows = sqlx::query!(
        r#"
        select min(source) as "source!", array_agg(row order by row) as "rows!: Vec<String>", currency as "currency!" from (
            select 'tax_rule' as source, country || ' ' || code as row, currency from tax_rule
            where kind = 'fixed' and currency <> $1
            union all
            select 'seat_fee', cabin || ' ' || kind, currency from seat_fee where currency <> $1
            union all
            select 'fare_family', cabin || ' ' || code, conditions ->> 'currency' from fare_family
            where conditions ->> 'currency' <> $1
            union all
            -- Bags may be priced in several currencies: one of them has to be the sale's.
            select 'baggage_rate', channel || ' ' || kg || ' kg', currency from baggage_rate
            where not exists (select from baggage_rate where currency = $1)
        ) other
        group by source, currency order by source, currency
        "#,
        code,
    )
    .fetch_all(conn)
    .await?;
    problems.extend(rows.into_iter().map(|row| {
        format!(
            "SALE_CURRENCY is {code}, but these rows of {} are in {}: {}",
            row.source,
            row.currency,
            row.rows.join(", ")
        )
    }));
    Ok(problems)
}

/// The same for a process that starts. A database that is away or has no such tables yet is not waited for: readiness
/// tells that.
pub async fn currency_problems_at_start(pool: &PgPool, currency: Currency) -> Vec<String> {
    let asked = async {
        let mut conn = pool.acquire().await?;
        currency_problems(&mut conn, currency).await
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(problems)) => problems,
        Ok(Err(error)) => {
            tracing::warn!(%error, "could not compare the catalogue with SALE_CURRENCY");
            Vec::new()
        }
        Err(_) => {
            tracing::warn!("could not compare the catalogue with SALE_CURRENCY: no answer");
            Vec::new()
        }
    }
}
