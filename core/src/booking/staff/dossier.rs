//! Everything about one booking, whoever's it is.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::search::{self, StaffBooking};
use crate::booking::model::Booking;
use crate::booking::queries;
use crate::clock::Clock;
use crate::document::{self, Document};
use crate::ids::{BookingRef, PaymentId};
use crate::money::{self, Money};
use crate::outbox::{self, StaffJob};
use crate::payment::{self, Refund};
use crate::{Error, Result};

/// A payment as staff see it.
#[derive(Clone, Debug)]
pub struct StaffPayment {
    /// The payment.
    pub id: PaymentId,
    /// `open`, `succeeded`, `expired`, `cancelled` or `mismatched`.
    pub status: String,
    /// How much.
    pub amount: Money,
    /// When its page was asked for.
    pub created_at: DateTime<Utc>,
    /// When its page ends, or ended.
    pub expires_at: DateTime<Utc>,
    /// When it succeeded or ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What Stripe calls it: where to find it in the dashboard.
    pub stripe_id: Option<String>,
}

/// A mail about a booking.
#[derive(Clone, Debug)]
pub struct StaffMail {
    /// Which mail: `booking_confirmed`.
    pub mail: String,
    /// The job that sends it.
    pub job: StaffJob,
}

/// Everything about a booking that is not its timeline.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// As a list shows it, with what has to be looked after.
    pub summary: StaffBooking,
    /// The e-mail address of the account that booked.
    pub account_email: String,
    /// As its owner sees it.
    pub booking: Booking,
    /// Its payments, oldest first.
    pub payments: Vec<StaffPayment>,
    /// Its refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// Its documents, oldest first.
    pub documents: Vec<Document>,
    /// Its mails, oldest first, as far as their jobs are kept.
    pub mails: Vec<StaffMail>,
    /// Its other jobs, oldest first, as far as they are kept.
    pub jobs: Vec<StaffJob>,
}

/// Everything about a booking. [`Error::NotFound`] when there is none of this reference.
pub async fn get_for_staff(
    conn: &mut PgConnection,
    clock: &Clock,
    reference: &BookingRef,
) -> Result<Dossier> {
    let found = sqlx::query!(
        "select b.id, a.email from booking b join account a on a.id = b.account_id where b.booking_ref = $1",
        reference.as_str(),
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    let summary = search::rows(conn, clock, &[found.id]).await?.pop();
    let summary = summary.ok_or(Error::NotFound("booking"))?;
    let booking = queries::get_by_id(conn, summary.id).await?;
    let (payments, documents) = (
        payments(conn, found.id).await?,
        document::list_by_booking_id(conn, summary.id).await?,
    );
    let refunds = payment::list_refunds(conn, summary.account_id, reference).await?;
    let jobs = outbox::list_of_booking(conn, summary.id).await?;
    let (mails, jobs) = jobs
        .into_iter()
        .partition::<Vec<_>, _>(|(mail, _)| mail.is_some());
    Ok(Dossier {
        account_email: found.email,
        booking,
        payments,
        refunds,
        documents,
        mails: mails
            .into_iter()
            .filter_map(|(mail, job)| mail.map(|mail| StaffMail { mail, job }))
            .collect(),
        jobs: jobs.into_iter().map(|(_, job)| job).collect(),
        summary,
    })
}

/// Those of a booking, and those that it has a share of since it was split.
async fn payments(conn: &mut PgConnection, booking_id: Uuid) -> Result<Vec<StaffPayment>> {
    let rows = sqlx::query!(
        r#"
        select id as "id: PaymentId", status, currency, amount_minor, created_at, expires_at, ended_at,
               coalesce(stripe_payment_intent_id, stripe_session_id) as stripe_id
        from payment
        where booking_id = $1 or id in (select payment_id from payment_split where new_booking_id = $1)
        order by id
        "#,
        booking_id,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(StaffPayment {
                id: row.id,
                status: row.status,
                amount: Money::new(row.amount_minor, money::known_currency(&row.currency)?),
                created_at: row.created_at,
                expires_at: row.expires_at,
                ended_at: row.ended_at,
                stripe_id: row.stripe_id,
            })
        })
        .collect()
}
