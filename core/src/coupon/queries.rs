//! Reading coupons and who used them.

use sqlx::PgConnection;

use super::model::{Coupon, CouponKind};
use crate::ids::{AccountId, BookingId};
use crate::trade::Factor;
use crate::{Result, money};

/// The coupon of a code; case does not matter.
pub(super) async fn find(conn: &mut PgConnection, code: &str) -> Result<Option<Coupon>> {
    let row = sqlx::query!(
        r#"
        select code, kind, (amount * 10000)::bigint as "percent!", amount::bigint as "minor!", currency, cap_minor, minimum_minor,
               valid_from, valid_until, max_uses, max_uses_per_account, used, airlines, routes, cabins, first_booking_only
        from coupon where code = $1
        "#,
        code.trim().to_uppercase(),
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let currency = row.currency.map(|code| money::known_currency(&code));
    Ok(Some(Coupon {
        kind: match row.kind.as_str() {
            "percent" => CouponKind::Percent(Factor(row.percent)),
            _ => CouponKind::Fixed(row.minor),
        },
        code: row.code,
        currency: currency.transpose()?,
        cap_minor: row.cap_minor,
        minimum_minor: row.minimum_minor,
        valid_from: row.valid_from,
        valid_until: row.valid_until,
        max_uses: row.max_uses,
        max_uses_per_account: row.max_uses_per_account,
        used: row.used,
        airlines: row.airlines,
        routes: row.routes,
        cabins: row.cabins,
        first_booking_only: row.first_booking_only,
    }))
}

/// Uses of a coupon by an account that were not given back.
pub(super) async fn uses_of_account(
    conn: &mut PgConnection,
    code: &str,
    account_id: AccountId,
) -> Result<i32> {
    let used = sqlx::query_scalar!(
        "select used from coupon_account where code = $1 and account_id = $2",
        code,
        account_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(used.unwrap_or_default())
}

/// Whether the account has a booking beside `except`: one that waits for its money, or one that was ever paid. What
/// ended unpaid does not count.
pub(super) async fn has_booked(
    conn: &mut PgConnection,
    account_id: AccountId,
    except: Option<BookingId>,
) -> Result<bool> {
    let booked = sqlx::query_scalar!(
        r#"
        select exists (
            select from booking
            where account_id = $1 and id is distinct from $2 and (status = 'pending_payment' or confirmed_at is not null)
        ) as "booked!"
        "#,
        account_id.0,
        except.map(|id| id.0),
    )
    .fetch_one(conn)
    .await?;
    Ok(booked)
}
