//! Reading bookings as a whole, many with as many statements as one.

mod passengers;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use super::disruption::{OpenDisruption, ToldDisruption};
use super::model::{BookedDirection, Booking, Contact, PaymentSummary};
use super::pending;
use crate::coupon::BookedCoupon;
use crate::document;
use crate::flight;
use crate::ids::{AccountId, BookingId, BookingRef, DirectionId, FlightId, PassengerId, PaymentId};
use crate::money::{self, Currency, Money};
use crate::payment::stripe::Card;
use crate::payment::{self, Dispute, Mismatch};
use crate::reference::Airline;
use crate::trade::{
    BookingStatus, Cabin, Direction, FareConditions, LatePayment, LineKind, PassengerType, Price,
    PriceLine,
};
use crate::{Error, Result};

/// Bookings by their keys, whoever's they are, in the order of the keys; keys of none are left out. The number of
/// statements does not depend on how many there are.
pub(super) async fn load(conn: &mut PgConnection, ids: &[BookingId]) -> Result<Vec<Booking>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let raw: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"
        select b.id as "id: BookingId", b.account_id as "account_id: AccountId", b.booking_ref as "booking_ref: BookingRef",
               b.status as "status: BookingStatus", b.created_at, b.payment_due_at, b.first_departs_at, b.confirmed_at, b.currency, b.contact_email,
               b.contact_phone, b.late_payment_resolution as "late_payment: LatePayment",
               r.code as "coupon?", r.discount_minor as "discount_minor?",
               coalesce((
                   select jsonb_agg(jsonb_build_object(
                       'id', told.disruption_id, 'direction', d.name, 'is_cancelled', s.kind = 'cancelled', 'is_open', told.status = 'open',
                       'decide_by', told.decide_by, 'connection_broken', told.connection_broken,
                       'is_superseded', exists (select from disruption newer where newer.flight_id = s.flight_id and newer.position > s.position),
                       'has_flight', exists (select from booked_flight bf where bf.direction_id = told.direction_id and bf.flight_id = s.flight_id)
                   ) order by told.decide_by)
                   from disrupted_booking told join disruption s on s.id = told.disruption_id join direction d on d.id = told.direction_id
                   where told.booking_id = b.id and (told.status = 'open' or told.status = 'lapsed' and s.kind = 'cancelled')
               ), '[]') as "told!: Json<Vec<ToldDisruption>>",
               (select o.booking_ref from booking_split s join booking o on o.id = s.booking_id where s.new_booking_id = b.id) as "split_from: BookingRef",
               array(select n.booking_ref from booking_split s join booking n on n.id = s.new_booking_id
                     where s.booking_id = b.id order by s.split_at, n.id) as "split_into!: Vec<BookingRef>"
        from booking b left join coupon_redemption r on r.booking_id = b.id
        where b.id = any($1)
        "#,
        &raw,
    )
    .fetch_all(&mut *conn)
    .await?;
    let may_change = |status| {
        matches!(
            status,
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled
        )
    };
    let changing = rows.iter().filter(|row| may_change(row.status));
    let changing: Vec<_> = changing.map(|row| row.id).collect();
    let mut changes = pending::list_open(conn, &changing).await?;
    let mut documents = grouped(
        document::list_by_booking_ids(conn, ids).await?,
        |document| document.booking_id,
    );
    let mut directions = directions(conn, &raw).await?;
    let mut passengers = passengers::list(conn, &raw).await?;
    let mut lines = lines(conn, &raw).await?;
    let mut payments = payments(conn, &raw).await?;
    let mut bookings: HashMap<BookingId, Booking> = HashMap::with_capacity(rows.len());
    for row in rows {
        let id = row.id;
        let currency = money::known_currency(&row.currency)?;
        let booking = Booking {
            id,
            change: changes.remove(&id),
            documents: documents.remove(&id).unwrap_or_default(),
            reference: row.booking_ref,
            status: row.status,
            created_at: row.created_at,
            payment_due_at: row.payment_due_at,
            first_departs_at: row.first_departs_at,
            confirmed_at: row.confirmed_at,
            directions: directions.remove(&id).unwrap_or_default(),
            passengers: passengers.remove(&id).unwrap_or_default(),
            contact: Contact {
                email: row.contact_email,
                phone: row.contact_phone,
            },
            price: Price {
                currency,
                lines: lines.remove(&id).unwrap_or_default(),
            },
            coupon: row
                .coupon
                .zip(row.discount_minor)
                .map(|(code, minor)| BookedCoupon {
                    code,
                    // The column says how much was taken off.
                    discount: Money::new(-minor, currency),
                }),
            payment: payments
                .remove(&id)
                .ok_or(Error::NotFound("booking"))?
                .summary(currency),
            late_payment: row.late_payment,
            disruption: OpenDisruption::first(&row.told.0),
            told: row.told.0,
            split_from: row.split_from,
            split_into: row.split_into,
        };
        bookings.insert(id, booking);
    }
    Ok(ids.iter().filter_map(|id| bookings.remove(id)).collect())
}

/// Rows by the booking that they belong to, each booking's in the order in which they came.
fn grouped<T>(rows: Vec<T>, booking: impl Fn(&T) -> BookingId) -> HashMap<BookingId, Vec<T>> {
    let mut groups: HashMap<BookingId, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(booking(&row)).or_default().push(row);
    }
    groups
}

async fn directions(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<BookingId, Vec<BookedDirection>>> {
    struct Row {
        booking_id: BookingId,
        id: DirectionId,
        name: Direction,
        status: String,
        cancelled_at: Option<DateTime<Utc>>,
        airline: String,
        airline_name: String,
        cabin: Cabin,
        conditions: Json<FareConditions>,
    }
    let rows = sqlx::query_as!(
        Row,
        r#"
        select d.booking_id as "booking_id: BookingId", d.id as "id: DirectionId", d.name as "name: Direction", d.status, d.cancelled_at, d.validating_airline as airline, a.name as airline_name,
               d.cabin as "cabin: Cabin", d.conditions as "conditions: Json<FareConditions>"
        from direction d join airline a on a.iata = d.validating_airline
        where d.booking_id = any($1) order by d.booking_id, d.ordinal
        "#,
        ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let booked = sqlx::query!(
        r#"
        select direction_id as "direction_id: DirectionId", flight_id as "flight_id: FlightId"
        from booked_flight where booking_id = any($1) order by booking_id, ordinal
        "#,
        ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let flight_ids: Vec<_> = booked.iter().map(|booked| booked.flight_id).collect();
    let flights = flight::list_by_id(conn, &flight_ids).await?;
    let mut flown: HashMap<DirectionId, Vec<_>> = HashMap::new();
    for (booked, flight) in booked.into_iter().zip(flights) {
        flown.entry(booked.direction_id).or_default().push(flight);
    }
    let mut directions: HashMap<BookingId, Vec<BookedDirection>> = HashMap::new();
    for row in rows {
        let direction = BookedDirection {
            direction: row.name,
            status: row.status,
            cancelled_at: row.cancelled_at,
            validating_airline: Airline {
                iata: row.airline,
                name: row.airline_name,
            },
            cabin: row.cabin,
            conditions: row.conditions.0,
            flights: flown.remove(&row.id).unwrap_or_default(),
        };
        directions
            .entry(row.booking_id)
            .or_default()
            .push(direction);
    }
    Ok(directions)
}

/// The price lines of bookings, in their order.
pub(super) async fn lines(
    conn: &mut PgConnection,
    ids: &[Uuid],
) -> Result<HashMap<BookingId, Vec<PriceLine>>> {
    let rows = sqlx::query!(
        r#"
        select booking_id as "booking_id: BookingId", direction, flight_id as "flight_id: FlightId", kind as "kind: LineKind", code, name,
               passenger_type as "passenger_type: PassengerType", passenger_id as "passenger_id: PassengerId",
               quantity, unit_minor, refundable, is_percentage
        from price_line where booking_id = any($1) order by booking_id, ordinal
        "#,
        ids,
    )
    .fetch_all(conn)
    .await?;
    let mut lines: HashMap<BookingId, Vec<PriceLine>> = HashMap::new();
    for row in rows {
        lines.entry(row.booking_id).or_default().push(PriceLine {
            direction: row
                .direction
                .and_then(|direction| u8::try_from(direction).ok()),
            flight_id: row.flight_id,
            kind: row.kind,
            code: row.code,
            name: row.name,
            passenger_type: row.passenger_type,
            passenger_id: row.passenger_id,
            quantity: u16::try_from(row.quantity).unwrap_or_default(),
            unit_minor: row.unit_minor,
            refundable: row.refundable,
            is_percentage: row.is_percentage,
        });
    }
    Ok(lines)
}

/// How the payments of a booking stand, but for its currency.
struct Paid {
    status: String,
    id: Option<PaymentId>,
    checkout_url: Option<String>,
    open_until: Option<DateTime<Utc>>,
    card: Option<Card>,
    received_minor: i64,
    refunded_minor: i64,
    mismatches: Vec<Mismatch>,
    disputes: Vec<Dispute>,
}

impl Paid {
    fn summary(self, currency: Currency) -> PaymentSummary {
        PaymentSummary {
            status: self.status,
            id: self.id,
            checkout_url: self.checkout_url,
            open_until: self.open_until,
            card: self.card,
            amount_paid: Money::new(self.received_minor, currency),
            amount_refunded: Money::new(self.refunded_minor, currency),
            mismatches: self.mismatches,
            disputes: self.disputes,
        }
    }
}

async fn payments(conn: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<BookingId, Paid>> {
    let rows = sqlx::query!(
        r#"
        select b.id as "booking_id: BookingId", coalesce(newest.status, 'none') as "status!", newest.id as "id?: PaymentId",
               newest.checkout_url, newest.card_brand, newest.card_last4,
               (select expires_at from payment where booking_id = b.id and status = 'open') as open_until,
               (select coalesce(sum(amount_minor), 0)::bigint from payment_share where booking_id = b.id and currency = b.currency and status in ('succeeded', 'mismatched')) as "paid!",
               (select coalesce(sum(amount_minor), 0)::bigint from refund where booking_id = b.id and currency = b.currency and status <> 'failed') as "refunded!",
               exists (select from payment where booking_id = b.id and status = 'mismatched') as "mismatched!",
               exists (select from dispute where booking_id = b.id) as "disputed!"
        from booking b
        left join lateral (
            select id, status, card_brand, card_last4, case when status = 'open' then checkout_url end as checkout_url
            from (
                select id, status, card_brand, card_last4, checkout_url from payment where booking_id = b.id
                union all
                -- Who came of a split has paid there.
                select p.id, p.status, p.card_brand, p.card_last4, p.checkout_url
                from payment_split s join payment p on p.id = s.payment_id where s.new_booking_id = b.id
            ) payment order by (status = 'succeeded') desc, id desc limit 1
        ) newest on true
        where b.id = any($1)
        "#,
        ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    let odd = rows.iter().filter(|row| row.mismatched);
    let odd: Vec<_> = odd.map(|row| row.booking_id).collect();
    let mut mismatches = payment::list_mismatches(conn, &odd).await?;
    let with_disputes = rows.iter().filter(|row| row.disputed);
    let with_disputes: Vec<_> = with_disputes.map(|row| row.booking_id).collect();
    let mut disputes = payment::list_disputes(conn, &with_disputes).await?;
    let paid = rows.into_iter().map(|row| {
        let card = row.card_brand.zip(row.card_last4);
        let paid = Paid {
            status: row.status,
            id: row.id,
            checkout_url: row.checkout_url,
            open_until: row.open_until,
            card: card.map(|(brand, last4)| Card { brand, last4 }),
            received_minor: row.paid,
            refunded_minor: row.refunded,
            mismatches: mismatches.remove(&row.booking_id).unwrap_or_default(),
            disputes: disputes.remove(&row.booking_id).unwrap_or_default(),
        };
        (row.booking_id, paid)
    });
    Ok(paid.collect())
}
