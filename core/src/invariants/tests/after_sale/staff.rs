//! What staff do to flights and journeys.

use chrono::{DateTime, Duration, Utc};
use rand::RngExt;
use rand::seq::IndexedRandom;
use sqlx::{Connection, PgConnection};

use super::Stage;
use super::model::{Moved, Told, ToldState, terms};
use crate::booking::{self, Announced, FlightChange, NewDisruption};
use crate::money::Currency;
use crate::ticket;
use crate::trade::{BookingStatus, DefaultChoice};

/// When a flight leaves and lands.
type Times = (DateTime<Utc>, DateTime<Utc>);

impl Stage<'_> {
    /// Staff cancel or move a flight: seen first, then done, then everybody is told.
    pub async fn disrupt(&mut self, conn: &mut PgConnection) -> String {
        let now = self.now();
        let ahead: Vec<_> = (0..self.flights.len())
            .filter(|one| {
                let flight = &self.flights[*one];
                !flight.is_cancelled && flight.departs_at > now + Duration::hours(8)
            })
            .collect();
        let Some(which) = ahead.choose(&mut self.rng).copied() else {
            return "no flight".to_owned();
        };
        let flight = self.flights[which];
        let mut others = ahead.iter();
        let has_other =
            others.any(|one| *one != which && self.flights[*one].direction == flight.direction);
        let is_cancelled = has_other && self.rng.random_bool(0.4);
        let hours = [-2, 1, 3, 5][self.rng.random_range(0..4)];
        let after = (!is_cancelled).then(|| {
            let by = Duration::hours(hours);
            (flight.departs_at + by, flight.arrives_at + by)
        });
        let wish = NewDisruption {
            flight_id: flight.id,
            change: match after {
                None => FlightChange::Cancel,
                Some((departs_at, arrives_at)) => FlightChange::Retime {
                    departs_at,
                    arrives_at: Some(arrives_at),
                },
            },
            reason: "Crew".to_owned(),
        };
        let clock = &self.world.clock;
        let mut attempt = conn.begin().await.unwrap();
        let seen = booking::preview_disruption(&mut attempt, clock, Currency::INR, &wish).await;
        let seen = seen.unwrap();
        let made = booking::disrupt(&mut attempt, clock, Currency::INR, &wish)
            .await
            .unwrap();
        assert_eq!(seen, made.impact, "{}", self.story);
        attempt.commit().await.unwrap();
        let policy = &self.world.disruptions;
        booking::notify_disrupted(conn, clock, policy, made.id)
            .await
            .unwrap();
        booking::mark_disruption_told(conn, clock, made.id)
            .await
            .unwrap();
        // Told twice is told once.
        let again = booking::notify_disrupted(conn, clock, policy, made.id).await;
        assert_eq!(again.unwrap(), 0, "{}", self.story);
        self.told(which, &made, after);
        let flight = &mut self.flights[which];
        flight.is_cancelled = is_cancelled;
        flight.moved = (!is_cancelled).then_some(Moved {
            id: made.id,
            at: now,
            before: (flight.departs_at, flight.arrives_at),
        });
        if let Some((departs_at, arrives_at)) = after {
            (flight.departs_at, flight.arrives_at) = (departs_at, arrives_at);
            return "flight retimed".to_owned();
        }
        "flight cancelled".to_owned()
    }

    /// Whom a disruption concerns, as staff saw it, and what becomes of them.
    fn told(&mut self, which: usize, made: &Announced, after: Option<Times>) {
        let (now, flight) = (self.now(), self.flights[which]);
        let is_cancelled = after.is_none();
        let (mut bookings, mut passengers, mut unpaid, mut money) = (0, 0, 0, 0);
        let mut also = Vec::new();
        for (index, journey) in self.journeys.iter_mut().enumerate() {
            let has_it =
                |way: &&mut super::model::Way| way.flight == which && !way.flying.is_empty();
            let alive = journey.is_alive();
            let is_only = journey.live().count() == 1 && journey.by_airline_alone;
            let fee = if is_only { journey.fee } else { 0 };
            let is_pending = journey.status == BookingStatus::PendingPayment;
            let Some(way) = journey.ways.iter_mut().find(has_it) else {
                continue;
            };
            if is_pending {
                unpaid += 1;
                if is_cancelled {
                    journey.status = BookingStatus::Cancelled;
                    for way in &mut journey.ways {
                        way.flying.clear();
                    }
                    for one in self.paid.iter_mut().filter(|one| one.journey == index) {
                        one.is_open = false;
                    }
                    also.push("unpaid booking of a cancelled flight");
                }
                continue;
            }
            if !alive {
                continue;
            }
            bookings += 1;
            passengers += way.flying.len();
            money += way.fare.sum() * i64::try_from(way.flying.len()).unwrap() + fee;
            let same = |told: &&mut Told| told.flight == which && told.is_open();
            let mut before = (flight.departs_at, flight.arrives_at);
            for told in way.told.iter_mut().filter(same) {
                told.state = ToldState::Closed;
                before = told.before;
                also.push("superseded");
            }
            let (decide_by, default) = terms(now, before, after);
            way.told.push(Told {
                id: made.id,
                flight: which,
                is_cancelled,
                before,
                decide_by,
                default,
                state: ToldState::Open,
            });
        }
        let impact = made.impact;
        assert_eq!(
            (
                impact.bookings,
                impact.unpaid_bookings,
                impact.passengers,
                impact.paid.minor(),
            ),
            (bookings, unpaid, i32::try_from(passengers).unwrap(), money,),
            "{}",
            self.story
        );
        self.also.extend(also);
    }

    /// Those who were booked before a flight was moved, and paid since, are told.
    pub fn stragglers(&mut self) {
        let now = self.now();
        for (index, flight) in self.flights.iter().enumerate() {
            let moved = flight
                .moved
                .filter(|moved| moved.at > now - Duration::days(2));
            let Some(moved) = moved.filter(|_| flight.departs_at > now) else {
                continue;
            };
            let after = (flight.departs_at, flight.arrives_at);
            let (decide_by, default) = terms(now, moved.before, Some(after));
            for journey in self.journeys.iter_mut().filter(|one| one.is_alive()) {
                let ways = journey.ways.iter_mut();
                let untold = ways.filter(|way| {
                    way.flight == index
                        && !way.flying.is_empty()
                        && way.since <= moved.at
                        && way.told.iter().all(|told| told.id != moved.id)
                });
                for way in untold {
                    way.told.push(Told {
                        id: moved.id,
                        flight: index,
                        is_cancelled: false,
                        before: moved.before,
                        decide_by,
                        default,
                        state: ToldState::Open,
                    });
                    self.also.push("told later");
                }
            }
        }
    }

    /// Silence is answered for every journey whose time to choose is over.
    pub fn silence(&mut self) {
        let now = self.now();
        let mut due: Vec<_> = Vec::new();
        for (index, journey) in self.journeys.iter().enumerate() {
            for way in &journey.ways {
                let own = way.told.iter();
                let own = own.filter(|told| told.is_open() && told.decide_by <= now);
                due.extend(own.map(|told| (told.decide_by, index, way.direction, told.id)));
            }
        }
        due.sort_by_key(|(decide_by, ..)| *decide_by);
        for (_, index, direction, id) in due {
            let has_left = {
                let way = self.journeys[index].way(direction).unwrap();
                self.flights[way.flight].has_left(now)
            };
            let is_alive = self.journeys[index].is_alive();
            let way = self.journeys[index].way_mut(direction);
            let own = way.told.iter_mut().find(|told| told.id == id);
            // A refund of another direction may have closed it.
            let Some(told) = own.filter(|told| told.is_open()) else {
                continue;
            };
            match told.default {
                DefaultChoice::Accept => {
                    told.state = ToldState::Closed;
                    self.also.push("silence Accept");
                }
                DefaultChoice::Refund if is_alive && !has_left && !way.flying.is_empty() => {
                    self.gives_back(index, &[direction]);
                    self.also.push("silence Refund");
                }
                DefaultChoice::Refund | DefaultChoice::Nothing => {
                    told.state = ToldState::Lapsed;
                    self.also.push("silence lapses");
                }
            }
        }
    }

    /// Staff say who was not aboard a flight that has left.
    pub async fn no_show(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let now = self.now();
        let gone = |index: usize| {
            let flight = &self.flights[index];
            flight.has_left(now) && flight.departs_at + Duration::days(3) >= now
        };
        let mut candidates = Vec::new();
        for (index, journey) in self.journeys.iter().enumerate() {
            if journey.is_alive() {
                let ways = journey.live().filter(|way| gone(way.flight));
                candidates.extend(ways.map(|way| (index, way.direction)));
            }
        }
        let own = candidates.iter().find(|(index, _)| *index == which);
        let any = candidates.choose(&mut self.rng);
        let Some((which, direction)) = own.or(any).copied() else {
            return "nobody has left".to_owned();
        };
        let journey = &self.journeys[which];
        let way = journey.way(direction).unwrap();
        let count = self.rng.random_range(1..=way.flying.len());
        let absent = way.flying[..count].to_vec();
        let flight = self.flights[way.flight].id;
        let clock = &self.world.clock;
        let reference = journey.booking.reference.clone();
        ticket::mark_no_show(conn, clock, &reference, flight, &absent)
            .await
            .unwrap();
        self.journeys[which]
            .way_mut(direction)
            .absent
            .extend(absent);
        "no-show".to_owned()
    }
}
