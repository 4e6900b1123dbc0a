//! Every amount of a thousand random quotes, calculated a second time from the rules alone.
//!
//! The second pricer shares no line with the first: it deals a coupon out step by step, rounds by comparing twice the rest, and
//! counts seconds.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use proptest::prelude::*;

use super::load::{PaidSeat, Trip, TripDirection, TripPassenger};
use super::model::{QuoteRequest, RuleName};
use super::quote;
use crate::charge;
use crate::ids::{DirectionId, FlightId, PassengerId};
use crate::money::Currency;
use crate::trade::{
    Cabin, Charge, Direction, FareConditions, FareRules, LineKind, PassengerType, PriceLine,
    SeatChoice, Tier,
};

fn conditions(family: usize) -> FareConditions {
    let mut rules = FareRules::for_test();
    let tier = |more_than_hours, charge| Tier {
        more_than_hours,
        charge,
    };
    let (name, tiers) = match family {
        0 => ("Light", vec![tier(2, Charge::BaseFare)]),
        1 => (
            "Standard",
            vec![
                tier(168, Charge::Amount(0)),
                tier(72, Charge::Amount(300_000)),
                tier(2, Charge::Amount(350_000)),
            ],
        ),
        _ => ("Flex", vec![tier(2, Charge::Amount(0))]),
    };
    rules.cancellation.tiers = tiers;
    FareConditions {
        version: FareConditions::VERSION,
        fare_family: name.to_lowercase(),
        name: name.to_owned(),
        cabin_bag: String::new(),
        checked_pieces: 0,
        checked_kg: 0,
        seat_choice: SeatChoice::Paid,
        extra_baggage: crate::trade::ExtraBaggage::default(),
        rules,
    }
}

#[derive(Clone, Debug)]
pub(in crate::booking) struct Story {
    pub currency: Currency,
    pub family: usize,
    pub adults: usize,
    pub children: usize,
    pub base: i64,
    pub percent: i64,
    pub fixed: i64,
    pub coupon_percent: i64,
    pub bag: i64,
    pub seat: i64,
    pub booked_days_ahead: i64,
    pub seconds_ahead: i64,
    pub both_ways: bool,
    pub country: &'static str,
}

pub(in crate::booking) fn stories() -> impl Strategy<Value = Story> {
    let money = (
        1_i64..2_000_000,
        0_i64..20,
        0_i64..100_000,
        0_i64..=100,
        0_i64..500_000,
        0_i64..90_000,
    );
    let party = (1_usize..5, 0_usize..3, 0_usize..3, any::<bool>());
    let times = (
        0_i64..40,
        prop_oneof![
            7_201_i64..3_000_000,
            Just(72 * 3_600),
            Just(72 * 3_600 + 1),
            Just(168 * 3_600),
            Just(168 * 3_600 + 1),
        ],
    );
    let places = (prop_oneof![Just("IN"), Just("US")], 0_usize..3);
    (money, party, times, places).prop_map(|(money, party, times, places)| {
        let currency = [Currency::INR, Currency::JPY, Currency::KWD][places.1];
        let step = charge::step(currency);
        let round = |minor: i64| minor / step * step;
        Story {
            currency,
            family: party.2,
            adults: party.0,
            children: party.1,
            base: round(money.0).max(step),
            percent: money.1,
            fixed: round(money.2),
            coupon_percent: money.3,
            bag: round(money.4),
            seat: round(money.5),
            booked_days_ahead: times.0,
            seconds_ahead: times.1,
            both_ways: party.3,
            country: places.0,
        }
    })
}

pub(in crate::booking) fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(in crate::booking) fn line(
    kind: LineKind,
    code: &str,
    unit_minor: i64,
    quantity: usize,
) -> PriceLine {
    PriceLine {
        direction: None,
        flight_id: None,
        kind,
        code: code.to_owned(),
        name: None,
        passenger_type: None,
        passenger_id: None,
        quantity: u16::try_from(quantity).unwrap(),
        unit_minor,
        refundable: kind == LineKind::Tax || kind == LineKind::Baggage,
        is_percentage: false,
    }
}

/// A booking as it is sold: lines by type, a coupon's share of each base fare, a bag and a seat of the first passenger.
pub(in crate::booking) fn trip(story: &Story) -> Trip {
    let step = charge::step(story.currency);
    let departs_at = now() + TimeDelta::seconds(story.seconds_ahead);
    let people = (0..story.adults + story.children).map(|index| TripPassenger {
        id: PassengerId::new(),
        kind: if index < story.adults {
            PassengerType::Adult
        } else {
            PassengerType::Child
        },
        name: format!("Passenger {index}"),
        date_of_birth: NaiveDate::from_ymd_opt(
            if index < story.adults { 1990 } else { 2020 },
            1,
            1,
        )
        .unwrap(),
        adult_id: None,
    });
    let passengers: Vec<_> = people.collect();
    let ways = if story.both_ways { 2 } else { 1 };
    let directions: Vec<_> = (0..ways)
        .map(|ordinal| TripDirection {
            id: DirectionId::new(),
            direction: Direction::from_ordinal(ordinal),
            is_booked: true,
            validating_airline: "AI".to_owned(),
            has_begun: false,
            cabin: Cabin::Economy,
            conditions: conditions(story.family),
            flights: vec![FlightId::new()],
            departs_at: departs_at + TimeDelta::days(3 * i64::from(ordinal)),
            last_departure_date: NaiveDate::from_ymd_opt(2026, 12, 20).unwrap(),
            countries: vec![story.country.to_owned(), "IN".to_owned()],
        })
        .collect();
    let mut lines = Vec::new();
    for direction in &directions {
        let (ordinal, flight) = (direction.direction.ordinal(), direction.flights[0]);
        for (kind, quantity, base) in [
            (PassengerType::Adult, story.adults, story.base),
            (
                PassengerType::Child,
                story.children,
                story.base * 3 / 4 / step * step,
            ),
        ] {
            if quantity == 0 || base == 0 {
                continue;
            }
            let own = |line: PriceLine| PriceLine {
                direction: Some(ordinal),
                flight_id: Some(flight),
                passenger_type: Some(kind),
                ..line
            };
            let tax = base * story.percent / 100 / step * step;
            let amount = base * i64::try_from(quantity).unwrap();
            let coupon = amount * story.coupon_percent / 100 / step * step;
            lines.push(own(line(LineKind::BaseFare, "fare", base, quantity)));
            lines.push(own(PriceLine {
                is_percentage: true,
                ..line(LineKind::Tax, "GST", tax, quantity)
            }));
            lines.push(own(line(LineKind::Tax, "ASF", story.fixed, quantity)));
            if coupon > 0 {
                lines.push(own(line(LineKind::Discount, "COUPON", -coupon, 1)));
            }
        }
        lines.push(PriceLine {
            direction: Some(ordinal),
            passenger_type: Some(PassengerType::Adult),
            passenger_id: Some(passengers[0].id),
            ..line(LineKind::Baggage, "5kg", story.bag, 1)
        });
    }
    lines.push(line(LineKind::Fee, "CONV", 300 * step, 1));
    let seats = directions.iter().map(|direction| PaidSeat {
        passenger_id: passengers[0].id,
        flight_id: direction.flights[0],
        code: "preferred 3A".to_owned(),
        paid_minor: story.seat,
    });
    Trip {
        now: now(),
        booked_at: departs_at
            - TimeDelta::days(story.booked_days_ahead).max(TimeDelta::seconds(story.seconds_ahead)),
        departs_at,
        currency: story.currency,
        seats: seats.collect(),
        directions,
        passengers,
        lines,
        cancelled: HashSet::new(),
        no_shows: HashSet::new(),
        disrupted: HashMap::new(),
        is_cancelled_by_airline_alone: true,
    }
}

/// A coupon dealt out among a number of passengers, step by step.
pub(in crate::booking) fn dealt(minor: i64, mates: usize, step: i64) -> Vec<i64> {
    let mut steps = minor / step;
    let mut coupons = vec![0; mates];
    let mut next = 0;
    while steps > 0 {
        // Many at a time where everybody gets as many.
        let many = (steps / i64::try_from(mates).unwrap()).max(1);
        if many > 1 && next == 0 {
            for own in &mut coupons {
                *own += many * step;
            }
            steps -= many * i64::try_from(mates).unwrap();
        } else {
            coupons[next] += step;
            steps -= 1;
            next = (next + 1) % mates;
        }
    }
    coupons
}

/// What comes back for a passenger in a direction, from the rules alone.
fn by_the_rules(story: &Story, trip: &Trip, passenger: usize, direction: usize) -> i64 {
    let step = charge::step(story.currency);
    let is_adult = passenger < story.adults;
    let (mates, place) = if is_adult {
        (story.adults, passenger)
    } else {
        (story.children, passenger - story.adults)
    };
    let base = if is_adult {
        story.base
    } else {
        story.base * 3 / 4 / step * step
    };
    let tax = base * story.percent / 100 / step * step;
    let fixed = if base == 0 { 0 } else { story.fixed };
    let amount = base * i64::try_from(mates).unwrap();
    let coupons = dealt(amount * story.coupon_percent / 100, mates, step);
    let coupon = coupons[place];
    let extras = if passenger == 0 {
        story.bag + story.seat
    } else {
        0
    };
    let seconds = (trip.directions[direction].departs_at - trip.now).num_seconds();
    let back = |kept: i64, extras_too: bool| {
        let kept = kept.min(base);
        let fare = (base - kept - coupon).max(0);
        let units = tax / step * (base - kept);
        let (whole, rest) = if base == 0 {
            (tax / step, 0)
        } else {
            (units / base, units % base)
        };
        let up = 2 * rest > base || (2 * rest == base && base > 0 && whole % 2 == 1);
        fare + (whole + i64::from(up)) * step + fixed + if extras_too { extras } else { 0 }
    };
    let tier = match story.family {
        0 => back(base, false),
        1 if seconds > 168 * 3_600 => back(0, true),
        1 if seconds > 72 * 3_600 => back(300_000, true),
        1 => back(350_000, true),
        _ => back(0, true),
    };
    let since = (trip.now - trip.booked_at).num_seconds();
    let ahead = (trip.departs_at - trip.booked_at).num_seconds();
    let abroad = story.country != "IN";
    let us = since <= 24 * 3_600 && ahead >= 7 * 86_400;
    let india = !abroad && since <= 48 * 3_600 && ahead >= 7 * 86_400;
    if us || india {
        tier.max(back(0, true))
    } else {
        tier
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_amount_of_a_quote_is_what_the_rules_say(story in stories()) {
        let trip = trip(&story);
        let request = QuoteRequest::default();
        let both = QuoteRequest { scope: Some(super::CancellationScope::Both), ..request.clone() };
        let content = quote::compute(&trip, if story.both_ways { &both } else { &request }).unwrap();
        let mut index = 0;
        for direction in 0..trip.directions.len() {
            for passenger in 0..trip.passengers.len() {
                let item = &content.items[index];
                let expected = by_the_rules(&story, &trip, passenger, direction);
                prop_assert_eq!(item.refund_minor(), expected, "{:?} {:?}", story, item);
                prop_assert!(item.refund_minor() >= 0 && item.refund_minor() <= item.paid_minor());
                prop_assert_eq!(item.refund_minor() % charge::step(story.currency), 0);
                if item.decision.rule == RuleName::FreeAfterBooking {
                    prop_assert_eq!(item.charge_minor, 0);
                }
                index += 1;
            }
        }
        prop_assert_eq!(index, content.items.len());
        let sold: i64 = trip.lines.iter().map(PriceLine::amount_minor).sum();
        let seats: i64 = trip.seats.iter().map(|seat| seat.paid_minor).sum();
        prop_assert!(content.refund().minor() + content.fees_kept_minor <= sold + seats);
    }

    /// Taxes that never come back otherwise do, at any hour; the fee of the booking does when nothing is left of it.
    #[test]
    fn what_the_airline_does_not_fly_comes_back_whole(story in stories(), minutes in 0_i64..20_000, refundable: bool) {
        let mut trip = trip(&story);
        trip.now = trip.directions[0].departs_at - TimeDelta::minutes(minutes);
        for line in trip.lines.iter_mut().filter(|line| line.kind == LineKind::Tax) {
            line.refundable = refundable;
        }
        for direction in &trip.directions {
            trip.disrupted.insert(direction.id, "The airline has cancelled it.".to_owned());
        }
        let scope = if story.both_ways { super::CancellationScope::Both } else { super::CancellationScope::Departing };
        let request = QuoteRequest { scope: Some(scope), ..QuoteRequest::default() };
        let content = quote::compute(&trip, &request).unwrap();
        let sold: i64 = trip.lines.iter().map(PriceLine::amount_minor).sum();
        let seats: i64 = trip.seats.iter().map(|seat| seat.paid_minor).sum();
        prop_assert_eq!(content.refund().minor(), sold + seats);
        prop_assert_eq!((content.version, content.fees_kept_minor), (2, 0));
        for item in &content.items {
            prop_assert_eq!(item.decision.rule, RuleName::ScheduleChange);
            prop_assert_eq!(item.refund_minor(), item.paid_minor());
        }

        // What was cancelled before for another reason keeps the fee.
        trip.is_cancelled_by_airline_alone = false;
        let content = quote::compute(&trip, &request).unwrap();
        let fee = 300 * charge::step(story.currency);
        prop_assert_eq!((content.version, content.fees_kept_minor), (1, fee));
        prop_assert_eq!(content.refund().minor(), sold + seats - fee);
        trip.is_cancelled_by_airline_alone = true;
        if story.both_ways {
            let request = QuoteRequest { scope: Some(super::CancellationScope::Returning), ..request };
            let content = quote::compute(&trip, &request).unwrap();
            prop_assert_eq!((content.fees_back.len(), content.fees_kept_minor), (0, fee));
        }
    }
}
