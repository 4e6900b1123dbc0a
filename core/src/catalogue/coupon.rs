//! Coupons. How often one was used is counted by who books (`crate::coupon`).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::check::{self, Codes, items};
use super::{Noun, Pick, document};
use crate::Result;
use crate::clock::Clock;
use crate::error::Violations;

/// What a coupon takes off and for whom. What is absent or empty sets no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coupon {
    /// What travellers type, in capital letters.
    pub code: String,
    /// Percent of the base fares: `12.5`. Either this or `amount_minor`.
    pub percent: Option<String>,
    /// What is taken off, in minor units of `currency`.
    pub amount_minor: Option<i64>,
    /// The currency of its amounts (ISO 4217).
    pub currency: Option<String>,
    /// The most that a percentage takes off, in minor units.
    pub cap_minor: Option<i64>,
    /// The least that a booking must cost, in minor units.
    pub minimum_minor: Option<i64>,
    /// Good from this instant on.
    pub valid_from: Option<DateTime<Utc>>,
    /// Good until just before this instant.
    pub valid_until: Option<DateTime<Utc>>,
    /// Most uses in all.
    pub max_uses: Option<i32>,
    /// Most uses of one account.
    pub max_uses_per_account: Option<i32>,
    /// Validating airlines.
    pub airlines: Vec<String>,
    /// From where to where: `DEL-BOM`.
    pub routes: Vec<String>,
    /// Cabins.
    pub cabins: Vec<String>,
    /// Only for an account that has booked nothing yet.
    pub first_booking_only: bool,
}

impl Coupon {
    fn check_amounts(&self, wrong: &mut Violations) {
        match (&self.percent, self.amount_minor) {
            (Some(percent), None) => {
                check::decimal(wrong, "percent", percent, (0, 100));
            }
            (None, Some(minor)) => check::amount(wrong, "amount_minor", minor, 1),
            (None, None) => {
                wrong.add(
                    "percent",
                    "required",
                    "needs a value, or `amount_minor` does",
                );
            }
            (Some(_), Some(_)) => {
                let message = "must be absent beside `percent`";
                wrong.add("amount_minor", "contradicts", message);
            }
        }
        if let Some(cap) = self.cap_minor {
            check::amount(wrong, "cap_minor", cap, 1);
            if self.percent.is_none() {
                wrong.add(
                    "cap_minor",
                    "contradicts",
                    "must be absent without `percent`",
                );
            }
        }
        if let Some(minimum) = self.minimum_minor {
            check::amount(wrong, "minimum_minor", minimum, 0);
        }
        let amounts = [self.amount_minor, self.cap_minor, self.minimum_minor];
        match &self.currency {
            Some(currency) => check::currency(wrong, "currency", currency),
            None if amounts.iter().any(Option::is_some) => {
                wrong.add("currency", "required", "must say what the amounts are in");
            }
            None => {}
        }
    }
}

/// Origin and destination of `DEL-BOM`.
fn ends(route: &str) -> Option<(&str, &str)> {
    let is_code = |code: &str| code.len() == 3 && code.bytes().all(|c| c.is_ascii_uppercase());
    route
        .split_once('-')
        .filter(|(from, to)| is_code(from) && is_code(to) && from != to)
}

impl Noun for Coupon {
    const NAME: &'static str = "coupon";
    const KEY: &'static [&'static str] = &["code"];

    fn key(&self) -> String {
        self.code.clone()
    }

    fn check(&self, wrong: &mut Violations) {
        let is_letter = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'-';
        if !(3..=40).contains(&self.code.len()) || !self.code.bytes().all(is_letter) {
            let message = "must have 3 to 40 capital letters, digits or hyphens";
            wrong.add("code", "format", message);
        }
        self.check_amounts(wrong);
        if let (Some(from), Some(until)) = (self.valid_from, self.valid_until)
            && until <= from
        {
            wrong.add("valid_until", "before_start", "must be after `valid_from`");
        }
        let most = [
            ("max_uses", self.max_uses),
            ("max_uses_per_account", self.max_uses_per_account),
        ];
        for (field, most) in most {
            if let Some(most) = most {
                check::range(wrong, field, most.into(), 1, i32::MAX.into());
            }
        }
        for (field, route) in items("routes", &self.routes) {
            if ends(route).is_none() {
                let message = "must be two airports such as DEL-BOM";
                wrong.add(field, "format", message);
            }
        }
        for (field, cabin) in items("cabins", &self.cabins) {
            check::cabin(wrong, &field, cabin);
        }
        check::distinct(wrong, "airlines", &self.airlines);
        check::distinct(wrong, "routes", &self.routes);
        check::distinct(wrong, "cabins", &self.cabins);
    }

    async fn check_known(&self, conn: &mut PgConnection, wrong: &mut Violations) -> Result<()> {
        check::known(
            conn,
            wrong,
            Codes::Airlines,
            &items("airlines", &self.airlines),
        )
        .await?;
        let routes = items("routes", &self.routes).into_iter();
        let ends = routes.filter_map(|(field, route)| Some((field, ends(route)?)));
        let airports: Vec<_> = ends
            .flat_map(|(field, (from, to))| [(field.clone(), from), (field, to)])
            .collect();
        check::known(conn, wrong, Codes::Airports, &airports).await
    }

    /// What was used was used: the most cannot be less than that.
    async fn allow(&self, conn: &mut PgConnection, _clock: &Clock, after: &Self) -> Result<()> {
        let Some(most) = after.max_uses else {
            return Ok(());
        };
        // Locked: nobody uses it before the change is committed, and who waits is counted by the new limit.
        let used = sqlx::query_scalar!(
            "select used from coupon where code = $1 for no key update",
            self.code
        )
        .fetch_one(conn)
        .await?;
        let mut wrong = Violations::new();
        if most < used {
            let message = format!("must be {used} or more: so often it was used");
            wrong.add("max_uses", "below_used", message);
        }
        wrong.into_result()
    }

    async fn read(conn: &mut PgConnection, pick: Pick<'_>) -> Result<Vec<Self>> {
        let (one, after, limit) = pick.arguments();
        let rows = sqlx::query_as!(
            Self,
            r#"
            select code, case kind when 'percent' then trim_scale(amount)::text end as percent,
                case kind when 'fixed' then amount::bigint end as amount_minor, currency, cap_minor, minimum_minor,
                valid_from, valid_until, max_uses, max_uses_per_account, coalesce(airlines, '{}') as "airlines!",
                coalesce(routes, '{}') as "routes!", coalesce(cabins, '{}') as "cabins!", first_booking_only
            from coupon
            where ($1::text is null or code = $1) and ($2::text is null or code collate "C" > $2)
            order by code collate "C" limit $3
            "#,
            one,
            after,
            limit,
        );
        Ok(rows.fetch_all(conn).await?)
    }

    async fn write(conn: &mut PgConnection, rows: &[Self]) -> Result<u64> {
        let written = sqlx::query!(
            "
            insert into coupon as kept (code, kind, amount, currency, cap_minor, minimum_minor, valid_from, valid_until,
                max_uses, max_uses_per_account, airlines, routes, cabins, first_booking_only)
            select code, case when percent is null then 'fixed' else 'percent' end, coalesce(percent, amount_minor), currency,
                cap_minor, minimum_minor, valid_from, valid_until, max_uses, max_uses_per_account,
                nullif(airlines, '{}'), nullif(routes, '{}'), nullif(cabins, '{}'), first_booking_only
            from jsonb_to_recordset($1) as row (code text, percent numeric(14, 4), amount_minor numeric(14, 4), currency text,
                cap_minor bigint, minimum_minor bigint, valid_from timestamptz, valid_until timestamptz, max_uses integer,
                max_uses_per_account integer, airlines text[], routes text[], cabins text[], first_booking_only boolean)
            on conflict on constraint coupon_pkey do update set
                kind = excluded.kind, amount = excluded.amount, currency = excluded.currency, cap_minor = excluded.cap_minor,
                minimum_minor = excluded.minimum_minor, valid_from = excluded.valid_from, valid_until = excluded.valid_until,
                max_uses = excluded.max_uses, max_uses_per_account = excluded.max_uses_per_account,
                airlines = excluded.airlines, routes = excluded.routes, cabins = excluded.cabins,
                first_booking_only = excluded.first_booking_only
            where (kept.kind, kept.amount, kept.currency, kept.cap_minor, kept.minimum_minor, kept.valid_from, kept.valid_until,
                   kept.max_uses, kept.max_uses_per_account, kept.airlines, kept.routes, kept.cabins, kept.first_booking_only)
                is distinct from
                  (excluded.kind, excluded.amount, excluded.currency, excluded.cap_minor, excluded.minimum_minor, excluded.valid_from,
                   excluded.valid_until, excluded.max_uses, excluded.max_uses_per_account, excluded.airlines, excluded.routes,
                   excluded.cabins, excluded.first_booking_only)
            ",
            document(rows)?,
        )
        .execute(conn)
        .await?;
        Ok(written.rows_affected())
    }

    async fn uses(&self, conn: &mut PgConnection) -> Result<Vec<(i64, &'static str)>> {
        // Locked: a booking that is being made with it waits, and then finds that it is gone.
        let bookings = sqlx::query_scalar!(
            r#"
            with coupon as (select code from coupon where code = $1 for update)
            select (select count(*) from coupon_redemption r where r.code = coupon.code) as "bookings!" from coupon
            "#,
            self.code,
        )
        .fetch_one(conn)
        .await?;
        Ok(vec![(bookings, "bookings")])
    }

    async fn delete(&self, conn: &mut PgConnection) -> Result<()> {
        sqlx::query!("delete from coupon where code = $1", self.code)
            .execute(conn)
            .await?;
        Ok(())
    }

    async fn facts(conn: &mut PgConnection, rows: &[Self]) -> Result<Vec<Map<String, Value>>> {
        let codes: Vec<String> = rows.iter().map(Self::key).collect();
        let used = sqlx::query!("select code, used from coupon where code = any($1)", &codes)
            .fetch_all(conn)
            .await?;
        let facts = rows.iter().map(|row| {
            let used = used.iter().find(|used| used.code == row.code);
            let used = used.map_or(0, |used| used.used);
            Map::from_iter([("used".to_owned(), Value::from(used))])
        });
        Ok(facts.collect())
    }
}
