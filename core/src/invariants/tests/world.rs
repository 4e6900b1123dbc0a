//! A small flight or two and bookings on them, made by the functions that the api calls.

use crate::booking_lock;
use crate::settlement;
use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use clap::Parser;
use sqlx::{Connection, PgConnection};

use crate::booking::{self, Contact, NewBooking, NewPassenger, SourceWish};
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::config::{Disruptions, Sales, Settings};
use crate::fare::Tariff;
use crate::fixtures::{AddFlight, add_flight, load_small};
use crate::hold::SeatWish;
use crate::ids::{AccountId, FlightId};
use crate::inventory::Seat;
use crate::money::{Currency, Money};
use crate::offer::{Offer, OfferSigner};
use crate::payment::stripe::{CheckoutSession, CheckoutStatus};
use crate::payment::{self, Payment, ReturnUrls, Settlement, Started};
use crate::reference::ReferenceCache;
use crate::search::{self, Terms};
use crate::trade::{Cabin, Party};
use crate::{Result, Shop};

/// Seats of a flight.
pub const CAPACITY: i32 = 24;
/// The coupon of the fixtures that takes 500.00 off.
pub const COUPON: &str = "FLAT500";
/// What it takes off, in minor units.
pub const DISCOUNT: i64 = 50_000;
/// What is charged once a booking, in minor units.
pub const FEE_OF_BOOKING: i64 = 30_000;

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    settings: Settings,
}

pub struct World {
    pub clock: Clock,
    pub account: AccountId,
    pub flight: FlightId,
    pub sales: Sales,
    pub disruptions: Disruptions,
    tariff: Tariff,
    reference: ReferenceCache,
    signer: OfferSigner,
}

/// What somebody books.
pub struct Order {
    pub flight: FlightId,
    pub names: Vec<String>,
    /// For the first of them.
    pub seat: Option<Seat>,
    pub coupon: bool,
}

fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

impl World {
    /// DEL to BOM in an aircraft of 24 seats, and somebody who books more than others may.
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
        // Events are older than any booking: each is asked for its own.
        sqlx::raw_sql(
            "insert into booking_event (id, booking_id, kind, occurred_at, actor, details)
             values (gen_random_uuid(), gen_random_uuid(), 'changed', '2020-01-01', 'system', '{\"version\": 1}')",
        )
        .execute(&mut *conn)
        .await
        .unwrap();
        let account = AccountId::new();
        sqlx::query("insert into account (id, email, first_name, last_name, password_hash, created_at) values ($1, 'ada@example.com', 'Ada', 'Lovelace', 'x', now())")
            .bind(account.0)
            .execute(&mut *conn)
            .await
            .unwrap();
        let Defaults { mut settings } = Defaults::parse_from(["test"]);
        settings.sales.max_held_seats = 1000;
        settings.sales.max_unpaid_seats = 0;
        settings.sales.max_unpaid_percent_for_new_accounts = 100;
        Self {
            clock: Clock::manual(noon()),
            account,
            flight: fly(conn, "101", OUT, 500_000).await,
            tariff: Tariff::load(conn).await.unwrap(),
            reference: ReferenceCache::default(),
            signer: OfferSigner::new(&settings),
            sales: settings.sales,
            disruptions: settings.disruptions,
        }
    }

    /// Another flight of the same kind.
    pub async fn second_flight(&self, conn: &mut PgConnection) -> FlightId {
        // Dearer, so that changes to it wait for their money.
        fly(conn, "102", OUT, 520_000).await
    }

    /// Two flights back, a week after those there, of which one is dearer.
    pub async fn flights_back(&self, conn: &mut PgConnection) -> [FlightId; 2] {
        [
            fly(conn, "201", BACK, 480_000).await,
            fly(conn, "202", BACK, 530_000).await,
        ]
    }

    /// The same world at the beginning of its time.
    pub fn start_again(&mut self) {
        self.clock = Clock::manual(noon());
    }

    pub fn shop(&self) -> Shop<'_> {
        Shop {
            clock: &self.clock,
            sales: &self.sales,
            tariff: &self.tariff,
            reference: &self.reference,
            signer: &self.signer,
        }
    }

    /// An offer of a flight to some adults, or `None` when it has no seats for them.
    pub async fn offer(
        &self,
        conn: &mut PgConnection,
        flight: FlightId,
        adults: usize,
    ) -> Option<Offer> {
        let terms = Terms {
            party: Party {
                adults: u16::try_from(adults).unwrap(),
                ..Party::default()
            },
            cabin: Cabin::Economy,
            family: "standard",
        };
        let quotes = search::quotes(conn, self.shop(), terms, &[vec![flight]]).await;
        let quote = quotes.unwrap().pop().flatten()?;
        let offer = (self.signer).offer(&self.clock, &self.sales, self.account, quote);
        Some(offer.unwrap())
    }

    /// Books an offer, all or nothing.
    pub async fn order(
        &self,
        conn: &mut PgConnection,
        offer: &Offer,
        order: &Order,
    ) -> Result<LockedBooking> {
        let input = NewBooking {
            source: SourceWish {
                offers: Some(vec![offer.id.clone()]),
                seats: order
                    .seat
                    .iter()
                    .map(|seat| wish(order.flight, *seat))
                    .collect(),
                ..SourceWish::default()
            },
            passengers: passengers(&order.names),
            contact: Contact {
                email: "ada@example.com".into(),
                phone: "+919876543210".into(),
            },
            coupon: order.coupon.then(|| COUPON.to_owned()),
        };
        let mut attempt = conn.begin().await?;
        let booked = booking::create(&mut attempt, self.shop(), self.account, &input).await?;
        attempt.commit().await?;
        booking_lock::lock(conn, booked.id).await
    }

    /// Books an offer for each direction for some adults.
    pub async fn journey(
        &self,
        conn: &mut PgConnection,
        offers: Vec<String>,
        names: &[String],
    ) -> LockedBooking {
        let input = NewBooking {
            source: SourceWish {
                offers: Some(offers),
                ..SourceWish::default()
            },
            passengers: passengers(names),
            contact: Contact {
                email: "ada@example.com".into(),
                phone: "+919876543210".into(),
            },
            coupon: None,
        };
        let booked = booking::create(conn, self.shop(), self.account, &input).await;
        booking_lock::lock(conn, booked.unwrap().id).await.unwrap()
    }

    /// A booking of some adults that waits for its payment.
    pub async fn book(&self, conn: &mut PgConnection, seats: usize) -> LockedBooking {
        let offer = self.offer(conn, self.flight, seats).await.unwrap();
        let order = Order {
            flight: self.flight,
            names: (0..seats).map(|_| name()).collect(),
            seat: None,
            coupon: false,
        };
        self.order(conn, &offer, &order).await.unwrap()
    }

    /// Opens a payment and files a session for it.
    pub async fn open(&self, conn: &mut PgConnection, booking: &LockedBooking) -> Result<Payment> {
        let urls = ReturnUrls {
            success: "https://shop.example/".into(),
            cancel: "https://shop.example/".into(),
        };
        let waiting =
            match settlement::start(conn, &self.clock, self.account, &booking.reference, &urls)
                .await?
            {
                Started::Open(payment) => return Ok(payment),
                Started::New(payment) => payment,
            };
        payment::attach(conn, &self.clock, waiting.id, &session(&waiting)).await?
    }

    /// Books, opens a payment and pays it.
    pub async fn book_and_pay(&self, conn: &mut PgConnection) -> (LockedBooking, Payment) {
        let booking = self.book(conn, 1).await;
        let payment = self.open(conn, &booking).await.unwrap();
        let settled = settlement::settle(conn, &self.clock, &paid(&payment))
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

/// A route, and on which day of December.
type Route = (&'static str, &'static str, u32);
const OUT: Route = ("DEL", "BOM", 20);
const BACK: Route = ("BOM", "DEL", 27);

async fn fly(
    conn: &mut PgConnection,
    number: &str,
    (origin, destination, day): Route,
    base_fare_minor: i64,
) -> FlightId {
    let departs_local = NaiveDate::from_ymd_opt(2026, 12, day)
        .unwrap()
        .and_hms_opt(8, 0, 0)
        .unwrap();
    let flight = AddFlight {
        airline: "AI",
        number,
        origin,
        destination,
        departs_local,
        block_minutes: 130,
        aircraft: "TNY",
        base_fare_minor,
    };
    add_flight(conn, flight).await.unwrap()
}

/// A first name of twelve letters that nobody else has.
pub fn name() -> String {
    let letters = uuid::Uuid::now_v7().as_u128().to_be_bytes();
    let letters = letters
        .iter()
        .rev()
        .take(6)
        .flat_map(|byte| [byte >> 4, byte & 15]);
    letters.map(|digit| char::from(b'a' + digit)).collect()
}

/// Adults of these first names.
pub fn passengers(names: &[String]) -> Vec<NewPassenger> {
    let adult = |name: &String| NewPassenger {
        title: "ms".into(),
        first_name: Some(name.clone()),
        last_name: "Lovelace".into(),
        gender: "female".into(),
        date_of_birth: "1990-05-17".into(),
        ..NewPassenger::default()
    };
    names.iter().map(adult).collect()
}

pub fn wish(flight_id: FlightId, seat: Seat) -> SeatWish {
    SeatWish {
        flight_id,
        seat: seat.to_string(),
    }
}
