//! Reading bookings.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::model::{
    BookedDirection, BookedPassenger, BookedSeat, Booking, BookingStatus, Contact, Direction,
    LatePayment, PaymentSummary,
};
use super::passengers::{Gender, SeatPreference};
use super::reference::BookingRef;
use crate::document;
use crate::fare::{Cabin, LineKind, PassengerType, Price, PriceLine};
use crate::flight::{self, Airline};
use crate::ids::{AccountId, BookingId, DirectionId, FlightId, PassengerId};
use crate::inventory::Seat;
use crate::money::{self, Currency, Money};
use crate::payment;
use crate::ticket::TicketNumber;
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

/// The account's bookings, newest first, `limit` of them older than `before`.
pub async fn list(
    conn: &mut PgConnection,
    account_id: AccountId,
    before: Option<BookingId>,
    limit: i64,
) -> Result<Vec<Booking>> {
    let ids = sqlx::query_scalar!(
        r#"
        select id as "id: BookingId" from booking
        where account_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3
        "#,
        account_id.0,
        before.map(|id| id.0),
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut bookings = Vec::with_capacity(ids.len());
    for id in ids {
        bookings.push(get_by_id(conn, id).await?);
    }
    Ok(bookings)
}

/// A booking by its key, whoever's it is: for those who proved otherwise that they may read it.
pub async fn get_by_id(conn: &mut PgConnection, id: BookingId) -> Result<Booking> {
    let row = sqlx::query!(
        r#"
        select id as "id: BookingId", account_id as "account_id: AccountId", booking_ref as "booking_ref: BookingRef",
               status as "status: BookingStatus", created_at, payment_due_at, confirmed_at, currency, contact_email, contact_phone,
               late_payment_resolution as "late_payment: LatePayment"
        from booking where id = $1
        "#,
        id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    let currency = money::currency(&row.currency)
        .ok_or_else(|| Error::Catalogue(format!("nobody knows the currency {}", row.currency)))?;
    Ok(Booking {
        id: row.id,
        documents: document::list_by_booking(conn, row.account_id, row.booking_ref.as_str())
            .await?,
        reference: row.booking_ref,
        status: row.status,
        created_at: row.created_at,
        payment_due_at: row.payment_due_at,
        confirmed_at: row.confirmed_at,
        directions: directions(conn, id).await?,
        passengers: passengers(conn, id).await?,
        contact: Contact {
            email: row.contact_email,
            phone: row.contact_phone,
        },
        price: Price {
            currency,
            lines: lines(conn, id).await?,
        },
        payment: payment(conn, id, currency).await?,
        late_payment: row.late_payment,
    })
}

async fn directions(conn: &mut PgConnection, id: BookingId) -> Result<Vec<BookedDirection>> {
    struct Row {
        id: DirectionId,
        name: Direction,
        status: String,
        airline: String,
        airline_name: String,
        cabin: Cabin,
        conditions: Value,
    }
    let rows = sqlx::query_as!(
        Row,
        r#"
        select d.id as "id: DirectionId", d.name as "name: Direction", d.status, d.validating_airline as airline, a.name as airline_name,
               d.cabin as "cabin: Cabin", d.conditions
        from direction d join airline a on a.iata = d.validating_airline
        where d.booking_id = $1 order by d.ordinal
        "#,
        id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let booked = sqlx::query!(
        r#"
        select direction_id as "direction_id: DirectionId", flight_id as "flight_id: FlightId"
        from booked_flight where booking_id = $1 order by ordinal
        "#,
        id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut directions = Vec::with_capacity(rows.len());
    for row in rows {
        let flights: Vec<_> = booked
            .iter()
            .filter(|booked| booked.direction_id == row.id)
            .map(|booked| booked.flight_id)
            .collect();
        directions.push(BookedDirection {
            direction: row.name,
            status: row.status,
            validating_airline: Airline {
                iata: row.airline,
                name: row.airline_name,
            },
            cabin: row.cabin,
            conditions: row.conditions,
            flights: flight::list_by_id(conn, &flights).await?,
        });
    }
    Ok(directions)
}

async fn passengers(conn: &mut PgConnection, id: BookingId) -> Result<Vec<BookedPassenger>> {
    struct Row {
        id: PassengerId,
        passenger_type: PassengerType,
        title: String,
        first_name: String,
        middle_name: Option<String>,
        last_name: String,
        gender: Gender,
        date_of_birth: NaiveDate,
        adult_id: Option<PassengerId>,
        seat_preference: Option<SeatPreference>,
    }
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id as "id: PassengerId", passenger_type as "passenger_type: PassengerType", title, first_name, middle_name, last_name,
               gender as "gender: Gender", date_of_birth, adult_id as "adult_id: PassengerId",
               seat_preference as "seat_preference: SeatPreference"
        from passenger where booking_id = $1 order by ordinal
        "#,
        id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seats = sqlx::query!(
        r#"
        select s.passenger_id as "passenger_id!: PassengerId", s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, s.reason
        from passenger_seat s
        join passenger p on p.id = s.passenger_id
        join booked_flight bf on bf.booking_id = p.booking_id and bf.flight_id = s.flight_id
        where p.booking_id = $1 order by bf.ordinal
        "#,
        id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let tickets = sqlx::query!(
        r#"
        select passenger_id as "passenger_id: PassengerId", number from ticket
        where booking_id = $1 and status = 'issued' order by number
        "#,
        id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let number = |stored: &str| {
        TicketNumber::parse(stored).map_or_else(|_| stored.to_owned(), |number| number.to_string())
    };
    Ok(rows
        .into_iter()
        .map(|row| BookedPassenger {
            seats: seats
                .iter()
                .filter(|seat| seat.passenger_id == row.id)
                .filter_map(|seat| {
                    let letter = seat.letter.chars().next()?;
                    let reason = seat.reason.clone();
                    Some(BookedSeat {
                        flight_id: seat.flight_id,
                        seat: Seat {
                            row: seat.seat_row,
                            letter,
                        },
                        reason,
                    })
                })
                .collect(),
            ticket_numbers: tickets
                .iter()
                .filter(|ticket| ticket.passenger_id == row.id)
                .map(|ticket| number(&ticket.number))
                .collect(),
            id: row.id,
            passenger_type: row.passenger_type,
            title: row.title,
            first_name: row.first_name,
            middle_name: row.middle_name,
            last_name: row.last_name,
            gender: row.gender,
            date_of_birth: row.date_of_birth,
            adult_id: row.adult_id,
            seat_preference: row.seat_preference,
        })
        .collect())
}

async fn lines(conn: &mut PgConnection, id: BookingId) -> Result<Vec<PriceLine>> {
    let rows = sqlx::query!(
        r#"
        select direction, flight_id as "flight_id: FlightId", kind as "kind: LineKind", code,
               passenger_type as "passenger_type: PassengerType", quantity, unit_minor, refundable
        from price_line where booking_id = $1 order by ordinal
        "#,
        id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| PriceLine {
            direction: row
                .direction
                .and_then(|direction| u8::try_from(direction).ok()),
            flight_id: row.flight_id,
            kind: row.kind,
            code: row.code,
            passenger_type: row.passenger_type,
            quantity: u16::try_from(row.quantity).unwrap_or_default(),
            unit_minor: row.unit_minor,
            refundable: row.refundable,
        })
        .collect())
}

async fn payment(
    conn: &mut PgConnection,
    id: BookingId,
    currency: Currency,
) -> Result<PaymentSummary> {
    struct Row {
        status: String,
        checkout_url: Option<String>,
        paid: i64,
        refunded: i64,
        mismatched: bool,
    }
    let row = sqlx::query_as!(
        Row,
        r#"
        select coalesce(newest.status, 'none') as "status!", newest.checkout_url,
               (select coalesce(sum(amount_minor), 0)::bigint from payment where booking_id = b.id and currency = b.currency and status in ('succeeded', 'mismatched')) as "paid!",
               (select coalesce(sum(amount_minor), 0)::bigint from refund where booking_id = b.id and currency = b.currency and status <> 'failed') as "refunded!",
               exists (select from payment where booking_id = b.id and status = 'mismatched') as "mismatched!"
        from booking b
        left join lateral (
            select status, case when status = 'open' then checkout_url end as checkout_url
            from payment where booking_id = b.id order by (status = 'succeeded') desc, id desc limit 1
        ) newest on true
        where b.id = $1
        "#,
        id.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    Ok(PaymentSummary {
        mismatches: if row.mismatched {
            payment::list_mismatches(conn, id).await?
        } else {
            Vec::new()
        },
        status: row.status,
        checkout_url: row.checkout_url,
        amount_paid: Money::new(row.paid, currency),
        amount_refunded: Money::new(row.refunded, currency),
    })
}

/// Departure of the first flight and everything else that a deadline depends on lives in the row itself.
pub(super) struct BookedSeats {
    pub flight_id: FlightId,
    pub cabin: Cabin,
    pub seats: i32,
}

/// The seats that a booking counts for, flight by flight.
pub(super) async fn booked_seats(
    conn: &mut PgConnection,
    id: BookingId,
) -> Result<Vec<BookedSeats>> {
    let seats = sqlx::query_as!(
        BookedSeats,
        r#"select flight_id as "flight_id: FlightId", cabin as "cabin: Cabin", seats from booked_flight where booking_id = $1 order by ordinal"#,
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
