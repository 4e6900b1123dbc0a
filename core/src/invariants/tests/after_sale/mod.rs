//! R18 after the sale: random journeys, many of them there and back with one airline, that are changed, divided, cancelled,
//! disrupted, disputed and flown. Each step is compared with a model that knows fares, rules and seats by itself.
//!
//! Where [`super::sequences`] plays with money that comes late and seats that are rare, this plays with what comes later: time
//! runs past the tiers of the fare and the departures, so that a world is a month from its first booking to its no-shows.

mod agree;
mod bank;
mod model;
mod owner;
mod staff;
mod times;

use std::fmt::Write;

use chrono::{DateTime, Duration, Utc};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sqlx::PgConnection;

use self::model::{FlightModel, Journey, Paid};
use super::world::World;
use crate::booking;
use crate::booking::Booking;
use crate::error::Error;
use crate::ids::FlightId;
use crate::trade::{BookingStatus, Direction};

/// Bookings of a world, but for those that come of a division.
const JOURNEYS: usize = 12;
/// Steps of a world.
const STEPS: usize = 110;

/// What has to happen in ten thousand sequences, each at least so many times: what stops happening is noticed.
pub const AFTER_SALE: &[(&str, u32)] = &[
    ("booked one way", 39),
    ("booked there and back", 78),
    ("change one direction ok", 63),
    ("change both directions ok", 9),
    ("change waits", 30),
    ("change for nothing", 9),
    ("change divides", 3),
    ("change divides and waits", 12),
    ("change paid", 3),
    ("change lapsed", 24),
    ("cancel some", 27),
    ("cancel all", 33),
    ("cancel one direction", 18),
    ("cancel too_late", 3),
    ("cancel at a charge", 6),
    ("cancel for the airline", 21),
    ("cancel waived", 21),
    ("no-show", 12),
    ("flight cancelled", 15),
    ("flight retimed", 36),
    ("unpaid booking of a cancelled flight", 3),
    ("superseded", 24),
    ("answer accept", 3),
    ("answer accept choice_unavailable", 1),
    ("answer refund", 12),
    ("answer refund of the ticket", 6),
    ("answer rebook", 9),
    ("answer disruption_decided", 12),
    ("silence Accept", 27),
    ("silence Refund", 9),
    ("dispute created", 27),
    ("dispute won", 6),
    ("dispute lost", 12),
    ("refund Succeeded", 66),
    ("refund Failed", 51),
    ("refund retried", 9),
    ("refund paid otherwise", 6),
    ("refund retried refund_not_owed", 9),
];

/// A world of journeys.
pub struct Stage<'a> {
    pub world: &'a World,
    pub flights: Vec<FlightModel>,
    pub rng: StdRng,
    pub journeys: Vec<Journey>,
    pub paid: Vec<Paid>,
    /// The journey that something happened to.
    last: usize,
    /// Stripe's refunds and events are numbered.
    pub next: u64,
    pub story: String,
    /// What happened beside what a step came to.
    pub also: Vec<&'static str>,
}

/// The code of a refusal that is no fault.
pub fn refused(error: &Error) -> &'static str {
    match error {
        Error::WrongState { .. } => "wrong_state",
        Error::TooLate { .. } => "too_late",
        Error::AlreadyPaid => "already_paid",
        Error::PaymentWindowClosed { .. } => "payment_window_closed",
        Error::Refused(refusal) => refusal.code(),
        other => panic!("{other:?}"),
    }
}

/// Plays a world to its end; what each step came to.
pub async fn play(
    conn: &mut PgConnection,
    world: &World,
    ids: &[(FlightId, Direction)],
    rng: StdRng,
    story: String,
) -> Vec<String> {
    let mut flights = Vec::new();
    for (id, direction) in ids {
        let (departs_at, arrives_at) =
            sqlx::query_as("select departs_at, arrives_at from flight where id = $1")
                .bind(id.0)
                .fetch_one(&mut *conn)
                .await
                .unwrap();
        flights.push(FlightModel {
            id: *id,
            direction: *direction,
            departs_at,
            arrives_at,
            is_cancelled: false,
            moved: None,
        });
    }
    let mut stage = Stage {
        world,
        flights,
        rng,
        journeys: Vec::new(),
        paid: Vec::new(),
        last: 0,
        next: 0,
        story,
        also: Vec::new(),
    };
    let mut seen = Vec::new();
    for number in 0..STEPS {
        // No two steps are of one moment.
        world.clock.advance(Duration::seconds(1));
        let came_to = stage.step(conn, number).await;
        let _ = write!(stage.story, " {came_to};");
        seen.push(came_to);
        seen.extend(stage.also.drain(..).map(str::to_owned));
        stage.agrees_so_far(conn).await;
    }
    stage.agrees(conn).await;
    seen
}

impl Stage<'_> {
    pub fn now(&self) -> DateTime<Utc> {
        self.world.clock.now()
    }

    async fn step(&mut self, conn: &mut PgConnection, number: usize) -> String {
        // A month passes in three leaps, between which days and hours do.
        if number == STEPS * 6 / 10 {
            return self.leap(conn, -100).await;
        }
        if number == STEPS * 8 / 10 {
            return self.leap(conn, 3).await;
        }
        if self.journeys.is_empty()
            || (number < STEPS / 2 && self.journeys.len() < JOURNEYS && self.rng.random_bool(0.25))
        {
            return self.create(conn).await;
        }
        let lives: Vec<_> = (0..self.journeys.len())
            .filter(|one| self.journeys[*one].is_alive())
            .collect();
        if !self.rng.random_bool(0.5) {
            self.last = self.rng.random_range(0..self.journeys.len());
        }
        // Most of what is tried can be done.
        if !self.journeys[self.last].is_alive() && self.rng.random_bool(0.8) {
            self.last = lives.choose(&mut self.rng).copied().unwrap_or(self.last);
        }
        let which = self.last;
        let what = self.rng.random_range(0..100);
        let _ = write!(self.story, " {which}:{what}");
        match what {
            0..22 => self.change(conn, which).await,
            22..38 => self.pay(conn, which).await,
            38..48 => self.cancel(conn, which, false).await,
            48..52 => self.cancel(conn, which, true).await,
            52..57 => self.disrupt(conn).await,
            57..67 => self.answer(conn, which).await,
            67..73 => self.pass(conn).await,
            73..82 => self.refund_moves(conn).await,
            82..87 => self.retry(conn).await,
            87..93 => self.dispute(conn).await,
            93..97 => self.no_show(conn, which).await,
            _ => self.actions_are_true(conn, which).await,
        }
    }

    async fn read(&self, conn: &mut PgConnection, which: usize) -> Booking {
        let reference = &self.journeys[which].booking.reference;
        booking::get(conn, self.world.account, reference)
            .await
            .unwrap()
    }

    /// What can be done with a booking is what the model says, of what the model tries.
    async fn actions_are_true(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let booking = self.read(conn, which).await;
        let now = self.now();
        let listed = booking.available_actions(now, &self.world.sales);
        let journey = &self.journeys[which];
        let flights = &self.flights;
        let expected: Vec<(&str, bool)> = match journey.status {
            BookingStatus::PendingPayment => vec![
                ("pay", self.can_pay(which)),
                ("cancel", true),
                ("change_flights", false),
            ],
            BookingStatus::Cancelled | BookingStatus::Expired => {
                assert!(listed.is_empty(), "{listed:?} {}", self.story);
                Vec::new()
            }
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => vec![
                ("pay", self.can_pay(which)),
                (
                    "change_flights",
                    journey
                        .live()
                        .any(|way| way.is_early(flights, now) || self.can_be_rebooked(way)),
                ),
                (
                    "cancel",
                    journey.live().any(|way| {
                        let is_absent = way.flying.iter().any(|who| way.absent.contains(who));
                        way.is_early(flights, now) || way.is_disrupted(flights, now) || is_absent
                    }),
                ),
                (
                    "answer_disruption",
                    journey.ways.iter().any(|way| {
                        let is_ahead = !way.flying.is_empty() && !flights[way.flight].has_left(now);
                        let mut told = way.told.iter();
                        told.any(|told| {
                            told.can_be_answered(now) && (is_ahead || !told.is_cancelled)
                        })
                    }),
                ),
            ],
        };
        for (action, is_able) in expected {
            assert_eq!(
                listed.contains(&action),
                is_able,
                "{action} in {listed:?} {}",
                self.story
            );
        }
        "actions are true".to_owned()
    }
}
