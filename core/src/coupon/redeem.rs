//! Using a coupon and giving it back. The coupon's row and then the account's are the last that a transaction locks
//! (invariant 4): booking and cabins come first.
//!
//! **A coupon's use is counted by the row that limits it.** `coupon.used` moves by one conditional update whose
//! check constraint is the decision, after which the account's counter and the first booking are checked under the
//! same lock. A popular coupon is therefore a queue, like a hot cabin; it comes last in the transaction, so that
//! nobody waits longer than a commit. The dry run reserves nothing.
//!
//! **Late money uses the coupon again without asking whether it has expired.** It was good when it was booked. Only
//! when somebody else has its last use does the money go back.
//!
//! **A first booking is one without another that was paid or waits for its money.** What ended unpaid does not
//! count, or a traveller whose time ran out would lose the coupon.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::model::{Discount, Refusal};
use super::queries;
use crate::Result;
use crate::clock::Clock;
use crate::error::OnConstraint;
use crate::ids::{AccountId, BookingId};

/// Writes which coupon a booking uses, with the booking's other rows. It counts from [`redeem`] on.
pub(crate) async fn file(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    account_id: AccountId,
    discount: &Discount,
) -> Result<()> {
    sqlx::query!(
        r#"
        insert into coupon_redemption (booking_id, code, account_id, currency, discount_minor, redeemed_at)
        values ($1, $2, $3, $4, $5, $6)
        "#,
        booking_id.0,
        discount.code,
        account_id.0,
        discount.amount.currency().code(),
        -discount.amount.minor(),
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts one use: of N that race for the last one, one gets it.
///
/// A [`Refusal`] when the coupon or the account's share of it is used up by now, or when another booking
/// came first; the caller rolls back.
pub(crate) async fn redeem(
    conn: &mut PgConnection,
    booking_id: BookingId,
    account_id: AccountId,
    code: &str,
) -> Result<()> {
    let coupon = sqlx::query!(
        "update coupon set used = used + 1 where code = $1 returning max_uses_per_account, first_booking_only",
        code,
    )
    .fetch_optional(&mut *conn)
    .await
    .on_constraint("coupon_not_overused", Refusal::UsedUp.into())?
    .ok_or(Refusal::Unknown)?;
    // Whoever uses the same coupon waits for its row; what they booked is committed and seen by now.
    if coupon.first_booking_only && queries::has_booked(conn, account_id, Some(booking_id)).await? {
        return Err(Refusal::NotFirstBooking.into());
    }
    let counted = sqlx::query!(
        r#"
        insert into coupon_account (code, account_id, used) select $1, $2, 1 where $3::int is null or $3 > 0
        on conflict on constraint coupon_account_pkey do update set used = coupon_account.used + 1
        where $3::int is null or coupon_account.used < $3
        "#,
        code,
        account_id.0,
        coupon.max_uses_per_account,
    )
    .execute(conn)
    .await?;
    if counted.rows_affected() == 0 {
        return Err(Refusal::UsedUpForAccount.into());
    }
    Ok(())
}

/// Gives the coupon of a booking back that ended unpaid; nothing when it has none, or gave it back before.
///
/// The caller has locked the booking.
pub(crate) async fn give_back(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
) -> Result<()> {
    let returned = sqlx::query!(
        r#"
        update coupon_redemption set returned_at = $2 where booking_id = $1 and returned_at is null
        returning code, account_id as "account_id: AccountId"
        "#,
        booking_id.0,
        clock.now(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(returned) = returned else {
        return Ok(());
    };
    sqlx::query!(
        "update coupon set used = used - 1 where code = $1",
        returned.code
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "update coupon_account set used = used - 1 where code = $1 and account_id = $2",
        returned.code,
        returned.account_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The coupon that a booking uses, and since when; `None` when it has none or gave it back.
pub(crate) async fn find_redemption(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<(String, DateTime<Utc>)>> {
    let row = sqlx::query!(
        "select code, redeemed_at from coupon_redemption where booking_id = $1 and returned_at is null",
        booking_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.code, row.redeemed_at)))
}

/// Has a booking use another coupon, or none; the same one again counts as the use that it was.
///
/// Errors as [`redeem`]. The caller has locked the booking; both coupons are locked in the order of their codes.
pub(crate) async fn replace(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    account_id: AccountId,
    discount: Option<&Discount>,
) -> Result<()> {
    let had = find_redemption(conn, booking_id).await?;
    let had = had.map(|(code, _)| code);
    if let (Some(code), Some(discount)) = (&had, discount)
        && *code == discount.code
    {
        sqlx::query!(
            "update coupon_redemption set discount_minor = $2 where booking_id = $1",
            booking_id.0,
            -discount.amount.minor(),
        )
        .execute(conn)
        .await?;
        return Ok(());
    }
    let wanted = discount.map(|discount| discount.code.clone());
    let codes: Vec<_> = had.iter().chain(&wanted).cloned().collect();
    sqlx::query!(
        "select code from coupon where code = any($1) order by code for update",
        &codes
    )
    .fetch_all(&mut *conn)
    .await?;
    give_back(conn, clock, booking_id).await?;
    sqlx::query!(
        "delete from coupon_redemption where booking_id = $1",
        booking_id.0
    )
    .execute(&mut *conn)
    .await?;
    if let Some(discount) = discount {
        file(conn, clock, booking_id, account_id, discount).await?;
        redeem(conn, booking_id, account_id, &discount.code).await?;
    }
    Ok(())
}

/// Uses the coupon of a booking again that gave it back, because its money came after all.
///
/// Whether it has expired meanwhile is not asked: it was good when it was booked. A [`Refusal`] when
/// somebody else has the last use now; the caller rolls back. The caller has locked the booking.
pub(crate) async fn redeem_again(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
) -> Result<()> {
    let again = sqlx::query!(
        r#"
        update coupon_redemption set returned_at = null, redeemed_at = $2 where booking_id = $1 and returned_at is not null
        returning code, account_id as "account_id: AccountId"
        "#,
        booking_id.0,
        clock.now(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    match again {
        Some(again) => redeem(conn, booking_id, again.account_id, &again.code).await,
        None => Ok(()),
    }
}
