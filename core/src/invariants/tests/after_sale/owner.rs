//! What owners do to their journeys.

use std::collections::{HashMap, HashSet};

use chrono::Duration;
use rand::RngExt;
use rand::seq::IndexedRandom;
use sqlx::{Connection, PgConnection};

use super::model::{Fare, Journey, Told, Waiting, Way, charge};
use super::{Stage, refused};
use crate::Error;
use crate::booking::{
    self, Answer, CancellationScope, Canceller, ChangeRequest, QuoteRequest, RefundScope,
};
use crate::booking_lock;
use crate::ids::PassengerId;
use crate::invariants::tests::world::{FEE_OF_BOOKING, name};
use crate::offer::Offer;
use crate::trade::{BookingStatus, Direction, DisruptionChoice};

/// Directions that an owner wants other flights for, and who of the party.
struct Wish {
    directions: Vec<Direction>,
    /// Everybody who flies in them, when absent.
    people: Option<Vec<PassengerId>>,
}

impl Stage<'_> {
    pub async fn create(&mut self, conn: &mut PgConnection) -> String {
        let adults = self.rng.random_range(1..=3);
        let directions = if self.rng.random_bool(0.6) {
            vec![Direction::Departing, Direction::Returning]
        } else {
            vec![Direction::Departing]
        };
        let mut offers = Vec::new();
        for direction in &directions {
            let Some(flight) = self.any_flight(*direction, None) else {
                return "no flight".to_owned();
            };
            let id = self.flights[flight].id;
            let Some(offer) = self.world.offer(conn, id, adults).await else {
                return "no offer".to_owned();
            };
            offers.push((*direction, flight, offer));
        }
        let names: Vec<_> = (0..adults).map(|_| name()).collect();
        let tokens = offers.iter().map(|(.., offer)| offer.id.clone()).collect();
        let booking = self.world.journey(conn, tokens, &names).await;
        let people: Vec<PassengerId> =
            sqlx::query_scalar("select id from passenger where booking_id = $1 order by ordinal")
                .bind(booking.id.0)
                .fetch_all(&mut *conn)
                .await
                .unwrap();
        let ways: Vec<_> = (offers.iter())
            .map(|(direction, flight, offer)| Way {
                direction: *direction,
                flight: *flight,
                flying: people.clone(),
                fare: Fare::of(offer),
                since: booking.created_at,
                told: Vec::new(),
                absent: HashSet::new(),
            })
            .collect();
        let each: i64 = ways.iter().map(|way| way.fare.sum()).sum();
        let journey = Journey {
            booking,
            party: self.journeys.len(),
            costs: people.iter().map(|who| (*who, each)).collect(),
            people,
            ways,
            status: BookingStatus::PendingPayment,
            fee: FEE_OF_BOOKING,
            by_airline_alone: true,
            owed_back: 0,
            changes: Vec::new(),
        };
        let total = journey.booking.total.minor();
        assert_eq!(journey.total(), total, "{}", self.story);
        self.last = self.journeys.len();
        self.journeys.push(journey);
        if self.rng.random_bool(0.85) {
            let paid = self.pay(conn, self.last).await;
            assert_eq!(paid, "paid", "{}", self.story);
        }
        if directions.len() == 2 {
            "booked there and back"
        } else {
            "booked one way"
        }
        .to_owned()
    }

    /// A flight of a direction that is to leave, but not that one.
    fn any_flight(&mut self, direction: Direction, but: Option<usize>) -> Option<usize> {
        let now = self.now();
        let flights = self.flights.iter().enumerate();
        let flights: Vec<_> = flights
            .filter(|(index, one)| {
                one.direction == direction
                    && !one.is_cancelled
                    && one.departs_at > now
                    && Some(*index) != but
            })
            .map(|(index, _)| index)
            .collect();
        flights.choose(&mut self.rng).copied()
    }

    /// Whether the airline gives another flight for nothing, if there is one.
    pub fn can_be_rebooked(&self, way: &Way) -> bool {
        let now = self.now();
        let is_near =
            self.flights[way.flight].departs_at + Duration::days(3) >= now + Duration::hours(2);
        is_near && way.is_disrupted(&self.flights, now)
    }

    fn wish(&mut self, which: usize) -> Option<Wish> {
        let journey = &self.journeys[which];
        let mut directions: Vec<_> = journey.live().map(|way| way.direction).collect();
        if directions.len() == 2 && self.rng.random_bool(0.6) {
            directions.remove(self.rng.random_range(0..2));
        }
        let flying: Vec<_> = (journey.people.iter().copied())
            .filter(|who| {
                let mut ways = journey.ways.iter();
                ways.any(|way| directions.contains(&way.direction) && way.flying.contains(who))
            })
            .collect();
        let mut people = None;
        if flying.len() > 1 && self.rng.random_bool(0.4) {
            let count = self.rng.random_range(1..=flying.len());
            people = Some(flying[..count].to_vec());
        }
        let goes = |who: &PassengerId| people.as_ref().is_none_or(|people| people.contains(who));
        directions.retain(|direction| {
            let way = journey.way(*direction).unwrap();
            way.flying.iter().any(goes)
        });
        // Who is named flies in one of the directions.
        if let Some(people) = &mut people {
            people.retain(|who| {
                let mut ways = journey.ways.iter();
                ways.any(|way| directions.contains(&way.direction) && way.flying.contains(who))
            });
        }
        (!directions.is_empty()).then_some(Wish { directions, people })
    }

    /// Other flights for some or all, in one or both directions: quoted, and confirmed twice.
    pub async fn change(&mut self, conn: &mut PgConnection, which: usize) -> String {
        let Some(wish) = self.wish(which) else {
            return "nobody flies".to_owned();
        };
        let mut wanted: Vec<(Direction, usize, Offer)> = Vec::new();
        for direction in &wish.directions {
            let way = self.journeys[which].way(*direction).unwrap().clone();
            let Some(flight) = self.any_flight(*direction, Some(way.flight)) else {
                return "no flight".to_owned();
            };
            let goes =
                |who: &&PassengerId| wish.people.as_ref().is_none_or(|all| all.contains(who));
            let adults = way.flying.iter().filter(goes).count();
            let id = self.flights[flight].id;
            let Some(offer) = self.world.offer(conn, id, adults).await else {
                return "no offer".to_owned();
            };
            wanted.push((*direction, flight, offer));
        }
        let tokens: Vec<_> = wanted.iter().map(|(.., offer)| offer.id.clone()).collect();
        let is_both = tokens.len() == 2;
        let request = ChangeRequest {
            direction: (!is_both).then_some(wish.directions[0]),
            offer: (!is_both).then(|| tokens[0].clone()),
            offers: is_both.then_some(tokens),
            passengers: wish.people.clone(),
        };
        let (account, shop) = (self.world.account, self.world.shop());
        let reference = self.journeys[which].booking.reference.clone();
        let mut attempt = conn.begin().await.unwrap();
        let done = async {
            let quote =
                booking::quote_change(&mut attempt, shop, account, &reference, &request).await?;
            let id = booking::change(&mut attempt, shop, account, &reference, quote.id).await?;
            // Twice is once.
            let again = booking::change(&mut attempt, shop, account, &reference, quote.id).await?;
            assert_eq!(id, again);
            Ok::<_, Error>((id, quote.content.amount().minor()))
        };
        let done = done.await;
        match &done {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let done = done.map_err(|error| refused(&error));
        let refusal = self.why_not_changed(which, &wish);
        assert_eq!(done.err(), refusal, "{}", self.story);
        let Ok((id, amount)) = done else {
            return format!("change {}", refusal.unwrap_or_default());
        };
        let divides = self.divide(which, &wish);
        let changed = divides.unwrap_or(which);
        if divides.is_some() {
            self.journeys[changed].booking = booking_lock::lock(conn, id).await.unwrap();
        }
        assert_eq!(self.journeys[changed].booking.id, id, "{}", self.story);
        let came_to = self.moves(changed, &wanted, amount);
        if is_both {
            self.also.push("change both directions ok");
        } else {
            self.also.push("change one direction ok");
        }
        match divides {
            Some(_) if came_to == "change waits" => "change divides and waits",
            Some(_) => "change divides",
            None => came_to,
        }
        .to_owned()
    }

    fn why_not_changed(&self, which: usize, wish: &Wish) -> Option<&'static str> {
        let journey = &self.journeys[which];
        if !journey.is_alive() {
            return Some("wrong_state");
        }
        let now = self.now();
        let is_open =
            |way: &Way| way.is_early(&self.flights, now) || way.is_disrupted(&self.flights, now);
        let mut ways = journey.ways.iter();
        let is_shut = ways.any(|way| wish.directions.contains(&way.direction) && !is_open(way));
        is_shut.then_some("too_late")
    }

    /// Those who change get a journey of their own, when others keep their flights: which.
    fn divide(&mut self, which: usize, wish: &Wish) -> Option<usize> {
        let going = wish.people.clone()?;
        let journey = &mut self.journeys[which];
        journey.drop_waiting();
        let mut stays = (journey.ways.iter())
            .filter(|way| wish.directions.contains(&way.direction))
            .flat_map(|way| &way.flying)
            .filter(|who| !going.contains(who));
        stays.next()?;
        let going: Vec<_> = (journey.people.iter().copied())
            .filter(|who| going.contains(who))
            .collect();
        let mut new = journey.clone();
        new.people.clone_from(&going);
        new.fee = 0;
        new.owed_back = 0;
        new.changes = Vec::new();
        for way in &mut new.ways {
            way.flying.retain(|who| going.contains(who));
        }
        let is_whole = |way: &Way| way.flying.len() == going.len();
        new.status = if new.ways.iter().all(is_whole) {
            BookingStatus::Confirmed
        } else {
            BookingStatus::PartiallyCancelled
        };
        journey.people.retain(|who| !going.contains(who));
        for way in &mut journey.ways {
            way.flying.retain(|who| !going.contains(who));
        }
        self.journeys.push(new);
        Some(self.journeys.len() - 1)
    }

    /// Everybody who flies moves, at once or when it is paid.
    fn moves(
        &mut self,
        which: usize,
        wanted: &[(Direction, usize, Offer)],
        amount: i64,
    ) -> &'static str {
        let now = self.now();
        let journey = &self.journeys[which];
        let mut change = Waiting {
            to: Vec::new(),
            amount,
            fees: HashMap::new(),
            expires_at: now + self.world.sales.hold_time(),
            is_open: true,
        };
        let (mut expected, mut is_free) = (0, true);
        for (direction, flight, offer) in wanted {
            let way = journey.way(*direction).unwrap();
            if way.is_disrupted(&self.flights, now) {
                change.to.push((*direction, *flight, way.fare));
                continue;
            }
            is_free = false;
            let fare = Fare::of(offer);
            let fee = charge(now, self.flights[way.flight].departs_at).min(way.fare.base);
            for who in &way.flying {
                expected += fare.sum() - way.fare.sum() + fee;
                *change.fees.entry(*who).or_default() += fee;
            }
            change.to.push((*direction, *flight, fare));
        }
        assert_eq!(amount, expected, "{}", self.story);
        let journey = &mut self.journeys[which];
        journey.drop_waiting();
        if amount > 0 {
            journey.changes.push(change);
            return "change waits";
        }
        journey.fly(&change, now);
        if is_free {
            "change for nothing"
        } else {
            "change at once"
        }
    }

    /// Some or all cancel, in one or both directions: quoted, and confirmed twice. By staff the charge is waived.
    pub async fn cancel(
        &mut self,
        conn: &mut PgConnection,
        which: usize,
        is_waived: bool,
    ) -> String {
        if self.journeys[which].status == BookingStatus::PendingPayment {
            return "not paid".to_owned();
        }
        let Some(wish) = self.wish(which) else {
            return "nobody flies".to_owned();
        };
        let scope = match wish.directions[..] {
            [Direction::Departing] => CancellationScope::Departing,
            [Direction::Returning] => CancellationScope::Returning,
            _ => CancellationScope::Both,
        };
        let request = QuoteRequest {
            scope: Some(scope),
            passengers: wish.people.clone(),
            waiver: is_waived.then(|| "A death in the family".to_owned()),
        };
        let who = if is_waived {
            Canceller::Staff
        } else {
            Canceller::Owner(self.world.account)
        };
        let clock = &self.world.clock;
        let reference = self.journeys[which].booking.reference.clone();
        let mut attempt = conn.begin().await.unwrap();
        let done = async {
            let quote = booking::quote(&mut attempt, clock, who, &reference, &request).await?;
            booking::cancel(&mut attempt, clock, who, &reference, quote.id).await?;
            // Twice is once.
            booking::cancel(&mut attempt, clock, who, &reference, quote.id).await?;
            Ok::<_, Error>(quote.content.refund().minor())
        };
        let done = done.await;
        match &done {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let done = done.map_err(|error| refused(&error));
        let refusal = self.why_not_cancelled(which, &wish);
        assert_eq!(done.err(), refusal, "{}", self.story);
        let Ok(refund) = done else {
            return format!("cancel {}", refusal.unwrap_or_default());
        };
        let is_one_way = wish.directions.len() == 1 && self.journeys[which].live().count() == 2;
        let expected = self.leaves(which, &wish, is_waived);
        assert_eq!(refund, expected, "{}", self.story);
        if is_one_way {
            self.also.push("cancel one direction");
        }
        if is_waived {
            "cancel waived"
        } else if self.journeys[which].status == BookingStatus::Cancelled {
            "cancel all"
        } else {
            "cancel some"
        }
        .to_owned()
    }

    fn why_not_cancelled(&self, which: usize, wish: &Wish) -> Option<&'static str> {
        let journey = &self.journeys[which];
        if !journey.is_alive() {
            return Some("wrong_state");
        }
        let now = self.now();
        let goes = |who: &&PassengerId| wish.people.as_ref().is_none_or(|all| all.contains(who));
        let is_open = |way: &Way| {
            let mut leaving = way.flying.iter().filter(goes);
            let are_absent = leaving.all(|who| way.absent.contains(who));
            are_absent || way.is_early(&self.flights, now) || way.is_disrupted(&self.flights, now)
        };
        let mut ways = journey.ways.iter();
        let is_shut = ways.any(|way| wish.directions.contains(&way.direction) && !is_open(way));
        is_shut.then_some("too_late")
    }

    /// Some leave their flights, and what they get back.
    fn leaves(&mut self, which: usize, wish: &Wish, is_waived: bool) -> i64 {
        let (now, flights) = (self.now(), self.flights.clone());
        let journey = &mut self.journeys[which];
        let booked = (journey.booking.created_at, journey.booking.first_departs_at);
        let is_fresh =
            now - booked.0 <= Duration::hours(48) && booked.1 - booked.0 >= Duration::days(7);
        let (mut refund, mut is_by_airline) = (0, true);
        for direction in &wish.directions {
            let way = journey.way(*direction).unwrap().clone();
            let is_disrupted = way.is_disrupted(&flights, now);
            let goes =
                |who: &&PassengerId| wish.people.as_ref().is_none_or(|all| all.contains(who));
            for who in way.flying.iter().filter(goes) {
                let is_absent = way.absent.contains(who);
                is_by_airline &= is_disrupted && !is_absent;
                let kept = if is_waived || (is_disrupted && !is_absent) {
                    0
                } else if is_absent {
                    way.fare.base
                } else if is_fresh {
                    0
                } else {
                    charge(now, flights[way.flight].departs_at)
                };
                if is_absent && !is_waived {
                    self.also.push("cancel no-show");
                } else if kept > 0 {
                    self.also.push("cancel at a charge");
                }
                let back = way.fare.back(kept);
                journey.leave(*direction, *who, back);
                refund += back;
            }
        }
        journey.by_airline_alone &= is_by_airline;
        if is_by_airline {
            self.also.push("cancel for the airline");
        }
        if journey.by_airline_alone && journey.status == BookingStatus::Cancelled {
            refund += journey.fee;
            journey.owed_back += journey.fee;
            journey.fee = 0;
        }
        refund
    }

    /// The owner of a disrupted journey chooses.
    pub async fn answer(&mut self, conn: &mut PgConnection, which: usize) -> String {
        // Those who have something to choose do most of it.
        let now = self.now();
        let can_choose = |journey: &Journey| {
            let mut told = journey.ways.iter().flat_map(|way| &way.told);
            told.any(|told| told.can_be_answered(now))
        };
        let choosing: Vec<_> = (0..self.journeys.len())
            .filter(|one| can_choose(&self.journeys[*one]))
            .collect();
        let which = if self.rng.random_bool(0.8) {
            choosing.choose(&mut self.rng).copied().unwrap_or(which)
        } else {
            which
        };
        let ways = self.journeys[which].ways.iter();
        let told: Vec<_> = ways
            .flat_map(|way| way.told.iter().map(move |told| (way.direction, *told)))
            .collect();
        let open = told.iter().filter(|(_, told)| told.can_be_answered(now));
        let open: Vec<_> = open.copied().collect();
        let Some((direction, told)) = open
            .choose(&mut self.rng)
            .or_else(|| told.choose(&mut self.rng))
            .copied()
        else {
            return "nothing to answer".to_owned();
        };
        let choice = self.rng.random_range(0..4);
        if choice == 3 {
            return self.rebook(conn, which, direction, told).await;
        }
        let scope = [RefundScope::Direction, RefundScope::Ticket][self.rng.random_range(0..2)];
        let answer = Answer {
            choice: if choice == 0 {
                DisruptionChoice::Accept
            } else {
                DisruptionChoice::Refund
            },
            scope,
            disruption_id: Some(told.id),
        };
        let clock = &self.world.clock;
        let reference = self.journeys[which].booking.reference.clone();
        let mut attempt = conn.begin().await.unwrap();
        let account = self.world.account;
        let done =
            booking::decide_disruption(&mut attempt, clock, account, &reference, answer).await;
        match &done {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let done = done.map_err(|error| refused(&error));
        let word = if choice == 0 { "accept" } else { "refund" };
        let journey = &self.journeys[which];
        let ahead = |way: &&Way| !self.flights[way.flight].has_left(now);
        let directions: Vec<_> = match answer.scope {
            RefundScope::Direction => (journey.live())
                .filter(ahead)
                .filter(|way| way.direction == direction)
                .map(|way| way.direction)
                .collect(),
            RefundScope::Ticket => (journey.live())
                .filter(ahead)
                .map(|way| way.direction)
                .collect(),
        };
        let is_refunded = match answer.scope {
            RefundScope::Direction => !directions.is_empty(),
            RefundScope::Ticket => directions.len() == 2,
        };
        let refusal = if !told.can_be_answered(now) {
            Some("disruption_decided")
        } else if (choice == 0 && told.is_cancelled) || (choice != 0 && !is_refunded) {
            Some("choice_unavailable")
        } else {
            None
        };
        assert_eq!(done.err(), refusal, "{word} {}", self.story);
        if let Some(refusal) = refusal {
            if refusal == "disruption_decided" {
                return format!("answer {refusal}");
            }
            return format!("answer {word} {refusal}");
        }
        if choice == 0 {
            self.journeys[which].way_mut(direction).close();
            return "answer accept".to_owned();
        }
        self.gives_back(which, &directions);
        match answer.scope {
            RefundScope::Direction => "answer refund",
            RefundScope::Ticket => "answer refund of the ticket",
        }
        .to_owned()
    }

    /// Everything of some directions goes back because of the airline.
    pub fn gives_back(&mut self, which: usize, directions: &[Direction]) {
        let journey = &mut self.journeys[which];
        for direction in directions {
            let way = journey.way(*direction).unwrap().clone();
            for who in &way.flying {
                journey.leave(*direction, *who, way.fare.sum());
            }
        }
        if journey.by_airline_alone && journey.status == BookingStatus::Cancelled {
            journey.owed_back += journey.fee;
            journey.fee = 0;
        }
    }

    async fn rebook(
        &mut self,
        conn: &mut PgConnection,
        which: usize,
        direction: Direction,
        told: Told,
    ) -> String {
        let now = self.now();
        let way = self.journeys[which].way(direction).unwrap().clone();
        let Some(flight) = self.any_flight(direction, Some(way.flight)) else {
            return "no flight".to_owned();
        };
        if way.flying.is_empty() {
            return "nobody flies".to_owned();
        }
        let id = self.flights[flight].id;
        let Some(offer) = self.world.offer(conn, id, way.flying.len()).await else {
            return "no offer".to_owned();
        };
        let reference = self.journeys[which].booking.reference.clone();
        let mut attempt = conn.begin().await.unwrap();
        let done = booking::rebook_disrupted(
            &mut attempt,
            self.world.shop(),
            self.world.account,
            &reference,
            Some(&offer.id),
            Some(told.id),
        )
        .await;
        match &done {
            Ok(_) => attempt.commit().await.unwrap(),
            Err(_) => attempt.rollback().await.unwrap(),
        }
        let done = done.map_err(|error| refused(&error));
        let refusal = (!told.can_be_answered(now)).then_some("disruption_decided");
        assert_eq!(done.err(), refusal, "rebook {}", self.story);
        if let Some(refusal) = refusal {
            return format!("answer {refusal}");
        }
        let came_to = self.moves(which, &[(direction, flight, offer)], 0);
        assert_eq!(came_to, "change for nothing", "{}", self.story);
        "answer rebook".to_owned()
    }
}
