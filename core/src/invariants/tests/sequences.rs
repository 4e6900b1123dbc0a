//! R17 and R18: random sequences of what can happen to bookings, their seats and their money, each step compared with
//! the model, and the rules over the whole database asked after every world of them. Every fifth world is one of journeys
//! after the sale ([`super::after_sale`]).
//!
//! `FLIGHTDESK_SEQUENCES` says how many (10,000), `FLIGHTDESK_SEED` which; both are printed.

use crate::booking_lock;
use std::any::Any;
use std::fmt::Write;

use chrono::Duration;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, PgConnection, PgPool};

use super::after_sale::{self, AFTER_SALE};
use super::model::{BookingModel, Stock};
use super::world::{CAPACITY, COUPON, DISCOUNT, Order, World, name};
use crate::booking;
use crate::booking_lock::LockedBooking;
use crate::coupon;
use crate::ids::FlightId;
use crate::inventory::Seat;
use crate::payment;
use crate::trade::{BookingStatus, Direction};
use crate::{Error, Result};

/// Bookings that share two flights, and so their last seats.
const A_WORLD: usize = 25;
/// Steps for each booking, on average.
const STEPS: usize = 5;
/// Of so many worlds one plays after the sale.
const AFTER_SALE_IN: usize = 5;
/// Uses of the coupon in a world.
const COUPONS: i32 = 5;

pub struct Play<'a> {
    pub world: &'a World,
    pub flights: [FlightId; 2],
    pub rng: StdRng,
    pub bookings: Vec<(LockedBooking, BookingModel)>,
    pub stock: Stock,
    /// The booking that something happened to.
    last: usize,
    /// Stripe's refunds and events are numbered.
    pub next: u64,
    pub story: String,
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |raw| raw.parse().unwrap())
}

/// The code of a refusal that is no fault.
pub fn code<T>(result: Result<T>) -> Result<T, &'static str> {
    result.map_err(|error| match error {
        Error::AlreadyPaid => "already_paid",
        Error::WrongState { .. } => "wrong_state",
        Error::PaymentWindowClosed { .. } => "payment_window_closed",
        Error::SoldOut { .. } => "sold_out",
        Error::SeatTaken { .. } => "seat_taken",
        Error::Refused(refusal) if (refusal.as_ref() as &dyn Any).is::<coupon::Refusal>() => {
            "coupon_refused"
        }
        Error::Invalid(fields) if fields.iter().any(|field| field.field == "coupon") => {
            "coupon_refused"
        }
        Error::Invalid(fields) if fields.iter().all(|field| field.code == "seat_taken") => {
            "seat_taken"
        }
        other => panic!("{other:?}"),
    })
}

/// What choosing a seat costs with the fare family `standard`.
pub fn fee(seat: Option<Seat>) -> i64 {
    if seat.is_some_and(|seat| seat.row <= 3) {
        60_000
    } else {
        0
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn ten_thousand_random_sequences_do_what_the_model_does(pool: PgPool) {
    let seed = setting("FLIGHTDESK_SEED", rand::random());
    let sequences = usize::try_from(setting("FLIGHTDESK_SEQUENCES", 10_000)).unwrap();
    eprintln!("FLIGHTDESK_SEED={seed} FLIGHTDESK_SEQUENCES={sequences}");
    let mut conn = pool.acquire().await.unwrap();
    let mut world = World::begin(&mut conn).await;
    let flights = [world.flight, world.second_flight(&mut conn).await];
    let back = world.flights_back(&mut conn).await;
    let all = flights.map(|flight| (flight, Direction::Departing));
    let back = back.map(|flight| (flight, Direction::Returning));
    let all = [all, back].concat();
    sqlx::query("update coupon set max_uses = $2, max_uses_per_account = null where code = $1")
        .bind(COUPON)
        .bind(COUPONS)
        .execute(&mut *conn)
        .await
        .unwrap();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut seen = std::collections::BTreeMap::new();
    for number in 0..sequences.div_ceil(A_WORLD) {
        world.start_again();
        let mut tx = conn.begin().await.unwrap();
        if number.is_multiple_of(AFTER_SALE_IN) {
            let rng = StdRng::seed_from_u64(rng.random());
            let story = format!("seed {seed}, world {number} after the sale:");
            for came_to in after_sale::play(&mut tx, &world, &all, rng, story).await {
                *seen.entry(came_to).or_insert(0_u32) += 1;
            }
            tx.rollback().await.unwrap();
            continue;
        }
        let mut play = Play {
            world: &world,
            flights,
            rng: StdRng::seed_from_u64(rng.random()),
            bookings: Vec::new(),
            stock: Stock {
                free: [CAPACITY; 2],
                coupons: COUPONS,
            },
            last: 0,
            next: 0,
            story: format!("seed {seed}, world {number}:"),
        };
        for _ in 0..A_WORLD * STEPS {
            let came_to = play.step(&mut tx).await;
            let _ = write!(play.story, " {came_to};");
            *seen.entry(came_to).or_insert(0_u32) += 1;
        }
        play.agrees(&mut tx).await;
        // Rolled back: every world begins with empty flights.
        tx.rollback().await.unwrap();
    }
    eprintln!("{seen:?}");
    for happened in [
        "Confirmed",
        "ConfirmedLate",
        "Refunding",
        "Mismatch",
        "AlreadySettled",
        "SessionExpired",
        "expired",
        "cancelled",
        "refund Succeeded",
        "refund Failed",
        "elsewhere true",
        "elsewhere false",
        "created",
        "create seat_taken",
        "create coupon_refused",
        "patch flight ok",
        "patch people ok",
        "patch coupon ok",
        "patch coupon coupon_refused",
        "patch seats ok",
        "patch seats seat_taken",
        "seat changed",
        "seat waits",
        "seat seat_taken",
        "seat paid",
        "seat money back",
        "fee back",
        "some cancelled",
        "all cancelled",
        "cancel wrong_state",
        "flight changed",
        "flight waits",
        "flight paid",
        "flight money back",
        "flight wrong_state",
    ] {
        assert!(
            sequences < 10_000 || seen.contains_key(happened),
            "no sequence led to {happened}"
        );
    }
    for (happened, least) in AFTER_SALE {
        let times = seen.get(*happened).copied().unwrap_or_default();
        assert!(
            sequences < 10_000 || times >= *least,
            "{happened} {times} times, at least {least} are expected"
        );
    }
}

impl Play<'_> {
    /// One thing happens to one booking; what it came to.
    async fn step(&mut self, conn: &mut PgConnection) -> String {
        if self.bookings.len() < A_WORLD && (self.bookings.is_empty() || self.rng.random_bool(0.2))
        {
            return self.create(conn).await;
        }
        // Money that nobody waits for any more is rare, and where most can go wrong.
        let is_late = |(_, (_, model)): &(usize, &(_, BookingModel))| {
            let waited = model.status == BookingStatus::Expired || model.changes.len() > 1;
            waited && model.payments.iter().any(|payment| payment.came.is_none())
        };
        let fee = |(_, (_, model)): &(_, &(_, BookingModel))| model.chosen.map(|(_, fee)| fee);
        let late = self.bookings.iter().enumerate().filter(is_late);
        let late = late.max_by_key(fee).map(|(which, _)| which);
        if let Some(which) = late.filter(|_| self.rng.random_bool(0.08)) {
            return self.pay(conn, which, false).await;
        }
        // Whoever did something often goes on with it.
        if !self.rng.random_bool(0.5) {
            self.last = self.rng.random_range(0..self.bookings.len());
        }
        let which = self.last;
        let what = self.rng.random_range(0..100);
        let _ = write!(self.story, " {which}:{what}");
        match what {
            0..22 => self.open(conn, which).await,
            22..46 => self.pay(conn, which, false).await,
            46..49 => self.pay(conn, which, true).await,
            49..53 => self.page_expires(conn, which).await,
            53..60 => self.deadline(conn, which).await,
            60..63 => self.cancel(conn, which).await,
            63..67 => self.cancel_paid(conn, which).await,
            67..72 => self.refund_moves(conn, which).await,
            72..75 => self.refund_elsewhere(conn, which).await,
            75..87 => self.patch(conn, which).await,
            87..94 => self.change_seat(conn, which).await,
            _ => self.change_flight(conn, which).await,
        }
    }

    pub fn any_seat(&mut self) -> Seat {
        let given_up = self.bookings.iter().filter_map(|(_, model)| {
            let is_over = model.status == BookingStatus::Expired;
            model.chosen.filter(|_| is_over).map(|(seat, _)| seat)
        });
        let given_up: Vec<_> = given_up.collect();
        if !given_up.is_empty() && self.rng.random_bool(0.5) {
            return given_up[self.rng.random_range(0..given_up.len())];
        }
        Seat {
            // Most bookings want the same few.
            row: self.rng.random_range(1..=4),
            letter: ['A', 'C'][self.rng.random_range(0..2)],
        }
    }

    /// Whether another booking has a seat.
    pub async fn is_taken(
        &self,
        conn: &mut PgConnection,
        flight: usize,
        seat: Seat,
        but_by: Option<&LockedBooking>,
    ) -> bool {
        sqlx::query_scalar(
            "select exists (select from passenger_seat where flight_id = $1 and seat_row = $2 and letter = $3 and hold_id is distinct from $4)",
        )
        .bind(self.flights[flight].0)
        .bind(seat.row)
        .bind(seat.letter.to_string())
        .bind(but_by.map(|booking| booking.hold_id.0))
        .fetch_one(conn)
        .await
        .unwrap()
    }

    async fn create(&mut self, conn: &mut PgConnection) -> String {
        let flight = self.rng.random_range(0..2);
        let seats: usize = self.rng.random_range(1..=3);
        let seat = self.rng.random_bool(0.5).then(|| self.any_seat());
        let order = Order {
            flight: self.flights[flight],
            names: (0..seats).map(|_| name()).collect(),
            seat,
            coupon: self.rng.random_bool(0.3),
        };
        let needed = i32::try_from(seats).unwrap();
        let Some(offer) = self.world.offer(conn, order.flight, seats).await else {
            assert!(self.stock.free[flight] < needed, "{}", self.story);
            return "no offer".to_owned();
        };
        let mut is_taken = false;
        if let Some(seat) = seat {
            is_taken = self.is_taken(conn, flight, seat, None).await;
        }
        let refusal = if order.coupon && self.stock.coupons == 0 {
            Some("coupon_refused")
        } else {
            is_taken.then_some("seat_taken")
        };
        let booked = code(self.world.order(conn, &offer, &order).await);
        let booking = match booked {
            Ok(booking) => booking,
            Err(code) => {
                assert_eq!(Some(code), refusal, "{}", self.story);
                return format!("create {code}");
            }
        };
        assert_eq!(refusal, None, "{}", self.story);
        let discount = if order.coupon { DISCOUNT } else { 0 };
        let total = offer.price.total().minor() + fee(seat) - discount;
        assert_eq!(booking.total.minor(), total, "{}", self.story);
        self.stock.free[flight] -= needed;
        self.stock.coupons -= i32::from(order.coupon);
        let model = BookingModel {
            flight,
            names: order.names,
            total,
            status: BookingStatus::PendingPayment,
            created_at: booking.created_at,
            due: booking.payment_due_at,
            coupon: order.coupon,
            gone: Vec::new(),
            unit: None,
            was_sold: false,
            chosen: seat.map(|seat| (seat, fee(Some(seat)))),
            changes: Vec::new(),
            payments: Vec::new(),
        };
        self.last = self.bookings.len();
        self.bookings.push((booking, model));
        "created".to_owned()
    }

    /// Some minutes pass, and what is due ends as the sweep ends it when Stripe does not answer.
    async fn deadline(&mut self, conn: &mut PgConnection, which: usize) -> String {
        self.world
            .clock
            .advance(Duration::minutes(self.rng.random_range(0..40)));
        let now = self.world.clock.now();
        let (booking, model) = &mut self.bookings[which];
        let locked = booking_lock::lock(conn, booking.id).await.unwrap();
        assert_eq!(
            (locked.status, locked.payment_due_at),
            (model.status, model.due),
            "{}",
            self.story
        );
        if locked.status != BookingStatus::PendingPayment || locked.payment_due_at > now {
            return "not due".to_owned();
        }
        payment::lapse(conn, &self.world.clock, &locked)
            .await
            .unwrap();
        booking::expire(conn, &self.world.clock, &locked)
            .await
            .unwrap();
        model.end(BookingStatus::Expired, &mut self.stock);
        "expired".to_owned()
    }

    async fn cancel(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let (booking, model) = &mut self.bookings[which];
        let done = code(
            booking::cancel_unpaid(
                conn,
                &self.world.clock,
                self.world.account,
                &booking.reference,
            )
            .await,
        );
        let expected = match model.status {
            BookingStatus::PendingPayment => Ok(()),
            BookingStatus::Confirmed
            | BookingStatus::PartiallyCancelled
            | BookingStatus::Cancelled
            | BookingStatus::Expired => Err("wrong_state"),
        };
        assert_eq!(done, expected, "{}", self.story);
        if model.status == BookingStatus::PendingPayment {
            model.end(BookingStatus::Cancelled, &mut self.stock);
        }
        done.map_or_else(|code| format!("cancel {code}"), |()| "cancelled".to_owned())
    }
}
