//! Reading bookings.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::change_seats;
use super::model::{
    BookedDirection, BookedPassenger, BookedSeat, Booking, BookingStatus, Contact, Direction,
    LatePayment, PaymentSummary,
};
use super::passengers::{Gender, SeatPreference, TravelDocument};
use super::reference::BookingRef;
use crate::baggage::BookedBag;
use crate::coupon::BookedCoupon;
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
        select b.id as "id: BookingId", b.account_id as "account_id: AccountId", b.booking_ref as "booking_ref: BookingRef",
               b.status as "status: BookingStatus", b.created_at, b.payment_due_at, b.confirmed_at, b.currency, b.contact_email,
               b.contact_phone, b.late_payment_resolution as "late_payment: LatePayment",
               r.code as "coupon?", r.discount_minor as "discount_minor?"
        from booking b left join coupon_redemption r on r.booking_id = b.id
        where b.id = $1
        "#,
        id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    let currency = money::known_currency(&row.currency)?;
    let seat_change = match row.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => {
            change_seats::find_open(conn, row.id).await?
        }
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => None,
    };
    Ok(Booking {
        id: row.id,
        seat_change,
        documents: document::list_by_booking_id(conn, id).await?,
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
        coupon: row
            .coupon
            .zip(row.discount_minor)
            .map(|(code, minor)| BookedCoupon {
                code,
                discount: Money::new(minor, currency),
            }),
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
    let ids: Vec<_> = booked.iter().map(|booked| booked.flight_id).collect();
    let flights = flight::list_by_id(conn, &ids).await?;
    let directions = rows.into_iter().map(|row| BookedDirection {
        direction: row.name,
        status: row.status,
        validating_airline: Airline {
            iata: row.airline,
            name: row.airline_name,
        },
        cabin: row.cabin,
        conditions: row.conditions,
        flights: booked
            .iter()
            .zip(&flights)
            .filter(|(booked, _)| booked.direction_id == row.id)
            .map(|(_, flight)| flight.clone())
            .collect(),
    });
    Ok(directions.collect())
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
        special_requests: Vec<String>,
        document: Option<String>,
        number: Option<String>,
        country: Option<String>,
        expires_on: Option<NaiveDate>,
        bag_directions: Vec<Direction>,
        bag_kg: Vec<i16>,
    }
    let rows = sqlx::query_as!(
        Row,
        r#"
        select id as "id: PassengerId", passenger_type as "passenger_type: PassengerType", title, first_name, middle_name, last_name,
               gender as "gender: Gender", date_of_birth, adult_id as "adult_id: PassengerId",
               seat_preference as "seat_preference: SeatPreference", special_requests, travel_document_type as document,
               travel_document_number as number, travel_document_country as country, travel_document_expires_on as expires_on,
               array(select d.name from baggage_item i join direction d on d.booking_id = i.booking_id and d.ordinal = i.direction
                     where i.passenger_id = passenger.id order by i.direction) as "bag_directions!: Vec<Direction>",
               array(select kg from baggage_item i where i.passenger_id = passenger.id order by i.direction) as "bag_kg!"
        from passenger where booking_id = $1 order by ordinal
        "#,
        id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let seats = seats(conn, id).await?;
    let tickets = sqlx::query!(
        r#"
        select t.passenger_id as "passenger_id: PassengerId", good.number as "number!"
        from ticket t
        cross join lateral unnest(array[t.number, t.conjunction_number]) as good (number)
        where t.booking_id = $1 and t.status = 'issued' and good.number is not null
        order by (select min(d.ordinal) from direction d where d.booking_id = t.booking_id and d.validating_airline = t.validating_airline), good.number
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
                .filter(|(passenger_id, _)| *passenger_id == row.id)
                .map(|(_, seat)| seat.clone())
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
            baggage: bags(row.bag_directions, row.bag_kg),
            special_requests: row.special_requests,
            travel_document: travel_document(row.document, row.number, row.country, row.expires_on),
        })
        .collect())
}

/// Who sits where, in the order of travel.
async fn seats(conn: &mut PgConnection, id: BookingId) -> Result<Vec<(PassengerId, BookedSeat)>> {
    let rows = sqlx::query!(
        r#"
        select s.passenger_id as "passenger_id!: PassengerId", s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, s.reason
        from passenger_seat s
        join passenger p on p.id = s.passenger_id
        join booked_flight bf on bf.booking_id = p.booking_id and bf.flight_id = s.flight_id
        where p.booking_id = $1 order by bf.ordinal
        "#,
        id.0,
    )
    .fetch_all(conn)
    .await?;
    let seat = |letter: &str, row| {
        Some(Seat {
            row,
            letter: letter.chars().next()?,
        })
    };
    let seats = rows.into_iter().filter_map(|row| {
        let seat = BookedSeat {
            flight_id: row.flight_id,
            seat: seat(&row.letter, row.seat_row)?,
            reason: row.reason,
        };
        Some((row.passenger_id, seat))
    });
    Ok(seats.collect())
}

fn bags(directions: Vec<Direction>, kg: Vec<i16>) -> Vec<BookedBag> {
    let bags = directions.into_iter().zip(kg);
    bags.map(|(direction, kg)| BookedBag { direction, kg })
        .collect()
}

/// A document is stored whole or not at all.
fn travel_document(
    kind: Option<String>,
    number: Option<String>,
    country: Option<String>,
    expires_on: Option<NaiveDate>,
) -> Option<TravelDocument> {
    Some(TravelDocument {
        kind: kind?,
        number: number?,
        country: country?,
        expires_on: expires_on?,
    })
}

async fn lines(conn: &mut PgConnection, id: BookingId) -> Result<Vec<PriceLine>> {
    let rows = sqlx::query!(
        r#"
        select direction, flight_id as "flight_id: FlightId", kind as "kind: LineKind", code,
               passenger_type as "passenger_type: PassengerType", passenger_id as "passenger_id: PassengerId",
               quantity, unit_minor, refundable
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
            passenger_id: row.passenger_id,
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
