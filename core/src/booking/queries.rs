//! Reading bookings.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::load::load;
use super::model::Booking;
use crate::ids::{AccountId, BookingId, BookingRef, FlightId};
use crate::trade::{BookingStatus, Cabin};
use crate::{Error, Result};

/// A booking of the account. [`Error::NotFound`] for anybody else's.
pub async fn get(
    conn: &mut PgConnection,
    account_id: AccountId,
    reference: &BookingRef,
) -> Result<Booking> {
    let id = sqlx::query_scalar!(
        r#"select id as "id: BookingId" from booking where booking_ref = $1 and account_id = $2"#,
        reference.as_str(),
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    get_by_id(conn, id).await
}

/// Which of the account's bookings are listed; what is absent leaves none out.
#[derive(Clone, Debug, Default)]
pub struct BookingFilter {
    /// In this state.
    pub status: Option<BookingStatus>,
    /// With this reference.
    pub reference: Option<BookingRef>,
    /// With this address of the contact; case does not matter.
    pub email: Option<String>,
    /// Made on this day of UTC or later.
    pub booked_from: Option<NaiveDate>,
    /// Made on this day of UTC or earlier.
    pub booked_until: Option<NaiveDate>,
    /// Whose first flight leaves on this local date or later.
    pub departing_from: Option<NaiveDate>,
    /// Whose first flight leaves on this local date or earlier.
    pub departing_until: Option<NaiveDate>,
}

/// The account's bookings that a filter leaves, newest first, `limit` of them older than `before`.
pub async fn list(
    conn: &mut PgConnection,
    account_id: AccountId,
    filter: &BookingFilter,
    before: Option<BookingId>,
    limit: i64,
) -> Result<Vec<Booking>> {
    let ids = sqlx::query_scalar!(
        r#"
        select b.id as "id: BookingId" from booking b
        left join lateral (
            select f.departure_date from booked_flight bf join flight f on f.id = bf.flight_id
            where bf.booking_id = b.id order by bf.ordinal limit 1
        ) first on $8::date is not null or $9::date is not null
        where b.account_id = $1 and ($2::uuid is null or b.id < $2)
          and ($3::text is null or b.status = $3)
          and ($4::text is null or b.booking_ref = $4)
          and ($5::text is null or lower(b.contact_email) = lower($5))
          and ($6::date is null or b.created_at >= $6::date::timestamp at time zone 'UTC')
          and ($7::date is null or b.created_at < ($7::date + 1)::timestamp at time zone 'UTC')
          and ($8::date is null or first.departure_date >= $8)
          and ($9::date is null or first.departure_date <= $9)
        order by b.id desc limit $10
        "#,
        account_id.0,
        before.map(|id| id.0),
        filter.status.map(BookingStatus::as_str),
        filter.reference.as_ref().map(BookingRef::as_str),
        filter.email,
        filter.booked_from,
        filter.booked_until,
        filter.departing_from,
        filter.departing_until,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    load(conn, &ids).await
}

/// A booking by its key, whoever's it is: for those who proved otherwise that they may read it.
pub async fn get_by_id(conn: &mut PgConnection, id: BookingId) -> Result<Booking> {
    let found = load(conn, &[id]).await?.pop();
    found.ok_or(Error::NotFound("booking"))
}

/// The seats that a booking counts for on one flight.
pub(super) struct BookedSeats {
    pub flight_id: FlightId,
    pub cabin: Cabin,
    pub seats: i32,
    /// Whether the flight was neither cancelled nor has departed.
    pub flies: bool,
}

/// The seats that a booking counts for, flight by flight.
pub(super) async fn booked_seats(
    conn: &mut PgConnection,
    id: BookingId,
) -> Result<Vec<BookedSeats>> {
    let seats = sqlx::query_as!(
        BookedSeats,
        r#"
        select bf.flight_id as "flight_id: FlightId", bf.cabin as "cabin: Cabin", bf.seats, f.status = 'scheduled' as "flies!"
        from booked_flight bf join flight f on f.id = bf.flight_id
        where bf.booking_id = $1 order by bf.ordinal
        "#,
        id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(seats)
}

/// Bookings nobody paid in time, oldest first.
pub(super) async fn due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<BookingId>> {
    let due = sqlx::query_scalar!(
        r#"
        select id as "id: BookingId" from booking
        where status = 'pending_payment' and payment_due_at <= $1 order by payment_due_at limit $2
        "#,
        now,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(due)
}
