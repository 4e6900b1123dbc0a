//! A booking is locked before anything else of it is (invariant 4).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::ids::{AccountId, BookingId, BookingRef, HoldId, PaymentId};
use crate::money::{self, Money};
use crate::trade::BookingStatus;
use crate::{Error, Result};

/// The row of a booking, locked until the transaction ends. Its fields are what the decisions are made on.
#[derive(Clone, Debug)]
pub struct LockedBooking {
    /// The booking.
    pub id: BookingId,
    /// Its name outside.
    pub reference: BookingRef,
    /// Whose it is.
    pub account_id: AccountId,
    /// The hold it was made of; its named seats are filed under it.
    pub hold_id: HoldId,
    /// Where it stands.
    pub status: BookingStatus,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// The deadline to pay.
    pub payment_due_at: DateTime<Utc>,
    /// Departure of its first flight.
    pub first_departs_at: DateTime<Utc>,
    /// What it costs.
    pub total: Money,
    /// Whom to write to.
    pub contact_email: String,
}

/// Locks a booking by its id. [`Error::NotFound`] when there is none.
pub async fn lock(conn: &mut PgConnection, id: BookingId) -> Result<LockedBooking> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select id as "id: BookingId", booking_ref as "booking_ref: BookingRef", account_id as "account_id: AccountId",
               hold_id as "hold_id: HoldId", status as "status: BookingStatus", created_at, payment_due_at, first_departs_at,
               currency, total_minor, contact_email
        from booking where id = $1 for update
        "#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.ok_or(Error::NotFound("booking"))?.try_into()
}

/// Locks a booking by its reference, if it is the account's. [`Error::NotFound`] for anybody else's.
pub async fn lock_of_account(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<LockedBooking> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select id as "id: BookingId", booking_ref as "booking_ref: BookingRef", account_id as "account_id: AccountId",
               hold_id as "hold_id: HoldId", status as "status: BookingStatus", created_at, payment_due_at, first_departs_at,
               currency, total_minor, contact_email
        from booking where booking_ref = $1 and account_id = $2 for update
        "#,
        reference.as_str(),
        account_id.0,
    )
    .fetch_optional(conn)
    .await?;
    row.ok_or(Error::NotFound("booking"))?.try_into()
}

/// Locks a booking by its reference, whoever's it is: for staff. [`Error::NotFound`] when there is none.
pub async fn lock_of_anybody(
    conn: &mut PgConnection,
    reference: &BookingRef,
) -> Result<LockedBooking> {
    let id = sqlx::query_scalar!(
        r#"select id as "id: BookingId" from booking where booking_ref = $1"#,
        reference.as_str(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    lock(conn, id.ok_or(Error::NotFound("booking"))?).await
}

/// Locks the booking of a payment, named by its id or, without one, by its Checkout Session. `None` when no payment is.
///
/// What was known of the payment before may have changed when the lock is had: it is read after.
pub async fn lock_of_payment(
    conn: &mut PgConnection,
    payment_id: Option<PaymentId>,
    session_id: &str,
) -> Result<Option<LockedBooking>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select id as "id: BookingId", booking_ref as "booking_ref: BookingRef", account_id as "account_id: AccountId",
               hold_id as "hold_id: HoldId", status as "status: BookingStatus", created_at, payment_due_at, first_departs_at,
               currency, total_minor, contact_email
        from booking
        where id = (select booking_id from payment where id = $1 or ($1 is null and stripe_session_id = $2))
        for update
        "#,
        payment_id.map(|id| id.0),
        session_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(LockedBooking::try_from).transpose()
}

struct Row {
    id: BookingId,
    booking_ref: BookingRef,
    account_id: AccountId,
    hold_id: HoldId,
    status: BookingStatus,
    created_at: DateTime<Utc>,
    payment_due_at: DateTime<Utc>,
    first_departs_at: DateTime<Utc>,
    currency: String,
    total_minor: i64,
    contact_email: String,
}

impl TryFrom<Row> for LockedBooking {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let currency = money::known_currency(&row.currency)?;
        Ok(Self {
            id: row.id,
            reference: row.booking_ref,
            account_id: row.account_id,
            hold_id: row.hold_id,
            status: row.status,
            created_at: row.created_at,
            payment_due_at: row.payment_due_at,
            first_departs_at: row.first_departs_at,
            total: Money::new(row.total_minor, currency),
            contact_email: row.contact_email,
        })
    }
}
