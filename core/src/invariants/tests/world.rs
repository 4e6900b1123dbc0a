//! A small flight and bookings on it, written as `booking::create` writes them but in one statement each: ten thousand
//! of them have to be made in a test.

use chrono::{NaiveDate, TimeZone, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::booking::{self, BookingRef, LockedBooking};
use crate::clock::Clock;
use crate::fixtures::{AddFlight, add_flight, load_small};
use crate::ids::{AccountId, BookingId, FlightId};
use crate::money::{Currency, Money};
use crate::payment::stripe::{CheckoutSession, CheckoutStatus};
use crate::payment::{self, Payment, ReturnUrls, Settlement, Started};

/// Seats of the flight.
pub const CAPACITY: i32 = 24;

pub struct World {
    pub clock: Clock,
    pub account: AccountId,
    pub flight: FlightId,
}

/// A line of a price: kind, code, amount.
pub type Line = (&'static str, &'static str, i64);

pub const LINES: &[Line] = &[
    ("base_fare", "standard", 600_000),
    ("tax", "GST", 30_000),
    ("fee", "CONV", 30_000),
];

impl World {
    /// DEL to BOM in an aircraft of 24 seats, and somebody who books.
    pub async fn begin(conn: &mut PgConnection) -> Self {
        load_small(conn).await.unwrap();
        sqlx::raw_sql(
            "insert into aircraft_type (iata, name, range_km, cruise_kmh) values ('TNY', 'Tiny', 3000, 700);
             insert into seat_layout (aircraft, seat_row, letter, cabin, position)
             select 'TNY', r, l, 'economy', case l when 'A' then 'window' else 'aisle' end
             from generate_series(1, 12) r, unnest(array['A', 'C']) l;",
        )
        .execute(&mut *conn)
        .await
        .unwrap();
        let departs_local = NaiveDate::from_ymd_opt(2026, 12, 20)
            .unwrap()
            .and_hms_opt(8, 0, 0)
            .unwrap();
        let flight = AddFlight {
            airline: "AI",
            number: "101",
            origin: "DEL",
            destination: "BOM",
            departs_local,
            block_minutes: 130,
            aircraft: "TNY",
            base_fare_minor: 500_000,
        };
        let flight = add_flight(conn, flight).await.unwrap();
        let account = AccountId::new();
        sqlx::query("insert into account (id, email, first_name, last_name, password_hash, created_at) values ($1, 'ada@example.com', 'Ada', 'Lovelace', 'x', now())")
            .bind(account.0)
            .execute(conn)
            .await
            .unwrap();
        Self {
            clock: Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()),
            account,
            flight,
        }
    }

    /// A booking of some adults that waits for its payment of the sum of the lines.
    pub async fn book(&self, conn: &mut PgConnection, seats: i32, lines: &[Line]) -> LockedBooking {
        let id = BookingId::new();
        let passengers: Vec<_> = (0..seats).map(|_| Uuid::now_v7()).collect();
        sqlx::query(
            "with h as (insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers)
                        values ($1, $2, 'booked', $3, $3 + interval '15 minutes', $4, 0, 0, 'INR', $5, '[]')),
                  hl as (insert into hold_line (hold_id, direction, ordinal, flight_id, cabin, seats) values ($1, 0, 0, $6, 'economy', $4)),
                  b as (insert into booking (id, booking_ref, account_id, hold_id, created_at, payment_due_at, currency, total_minor, contact_email, contact_phone, first_departs_at)
                        select $7, $8, $2, $1, $3, $3 + interval '15 minutes', 'INR', $5, 'ada@example.com', '+919876543210', departs_at from flight where id = $6),
                  d as (insert into direction (id, booking_id, ordinal, name, validating_airline, cabin, fare_family, conditions)
                        values ($1, $7, 0, 'departing', 'AI', 'economy', 'standard', '{}')),
                  bf as (insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats) values ($1, $7, $1, 0, $6, 'economy', $4)),
                  p as (insert into passenger (id, booking_id, ordinal, passenger_type, title, first_name, last_name, gender, date_of_birth)
                        select t.id, $7, t.position - 1, 'adult', 'ms', t.id::text, 'Lovelace', 'female', '1990-05-17' from unnest($9::uuid[]) with ordinality t (id, position)),
                  l as (insert into price_line (booking_id, ordinal, kind, code, quantity, unit_minor, amount_minor, refundable)
                        select $7, t.position - 1, t.kind, t.code, 1, t.amount, t.amount, true
                        from unnest($10::text[], $11::text[], $12::bigint[]) with ordinality t (kind, code, amount, position))
             update flight_cabin set held = held + $4 where flight_id = $6 and cabin = 'economy'",
        )
        .bind(Uuid::now_v7())
        .bind(self.account.0)
        .bind(self.clock.now())
        .bind(seats)
        .bind(lines.iter().map(|line| line.2).sum::<i64>())
        .bind(self.flight.0)
        .bind(id.0)
        .bind(BookingRef::random().as_str())
        .bind(passengers)
        .bind(lines.iter().map(|line| line.0).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.1).collect::<Vec<_>>())
        .bind(lines.iter().map(|line| line.2).collect::<Vec<_>>())
        .execute(&mut *conn)
        .await
        .unwrap();
        booking::lock(conn, id).await.unwrap()
    }

    /// Opens a payment and files a session for it.
    pub async fn open(
        &self,
        conn: &mut PgConnection,
        booking: &LockedBooking,
    ) -> crate::Result<Payment> {
        let urls = ReturnUrls {
            success: "https://shop.example/".into(),
            cancel: "https://shop.example/".into(),
        };
        let waiting =
            match payment::start(conn, &self.clock, self.account, &booking.reference, &urls).await?
            {
                Started::Open(payment) => return Ok(payment),
                Started::New(payment) => payment,
            };
        payment::attach(conn, &self.clock, waiting.id, &session(&waiting)).await?
    }

    /// Books, opens a payment and pays it.
    pub async fn book_and_pay(&self, conn: &mut PgConnection) -> (LockedBooking, Payment) {
        let booking = self.book(conn, 1, LINES).await;
        let payment = self.open(conn, &booking).await.unwrap();
        let settled = payment::settle(conn, &self.clock, &paid(&payment))
            .await
            .unwrap();
        assert_eq!(settled, Settlement::Confirmed);
        (booking, payment)
    }
}

/// The open session of a payment.
pub fn session(payment: &Payment) -> CheckoutSession {
    CheckoutSession {
        id: format!("cs_{}", payment.id),
        url: Some("https://pay.example/".into()),
        status: CheckoutStatus::Open,
        paid: false,
        amount: Some(payment.amount),
        payment_intent: None,
        payment_id: Some(payment.id),
        booking_id: Some(payment.booking_id),
        expires_at: payment.expires_at,
    }
}

/// The session of a payment, paid.
pub fn paid(payment: &Payment) -> CheckoutSession {
    CheckoutSession {
        status: CheckoutStatus::Complete,
        paid: true,
        payment_intent: Some(intent(payment)),
        ..session(payment)
    }
}

pub fn intent(payment: &Payment) -> String {
    format!("pi_{}", payment.id)
}

pub const fn rupees(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}
