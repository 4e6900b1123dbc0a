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
    /// Where the booking begins, and the other end of it.
    pub country: &'static str,
    pub abroad: &'static str,
    pub infants: usize,
    /// A tax that a traveller who cancels does not get back.
    pub kept_tax: i64,
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
    let party = (
        1_usize..5,
        0_usize..3,
        0_usize..3,
        any::<bool>(),
        0_usize..3,
        0_i64..50_000,
    );
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
    let ends = prop_oneof![Just(("IN", "IN")), Just(("US", "IN")), Just(("IN", "GB"))];
    let places = (ends, 0_usize..3);
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
            country: places.0.0,
            abroad: places.0.1,
            infants: party.4.min(party.0),
            kept_tax: round(party.5),
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
            countries: vec![story.country.to_owned(), story.abroad.to_owned()],
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

/// The same with infants, and with a tax on everybody with a seat that does not come back.
fn whole_trip(story: &Story) -> Trip {
    let mut trip = trip(story);
    let step = charge::step(story.currency);
    let infants = (0..story.infants).map(|index| TripPassenger {
        id: PassengerId::new(),
        kind: PassengerType::Infant,
        name: format!("Infant {index}"),
        date_of_birth: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
        adult_id: Some(trip.passengers[index].id),
    });
    let infants: Vec<_> = infants.collect();
    trip.passengers.extend(infants);
    for direction in &trip.directions {
        let own = |kind: PassengerType, line: PriceLine| PriceLine {
            direction: Some(direction.direction.ordinal()),
            flight_id: Some(direction.flights[0]),
            passenger_type: Some(kind),
            ..line
        };
        for (kind, quantity) in [
            (PassengerType::Adult, story.adults),
            (PassengerType::Child, story.children),
        ] {
            if quantity > 0 && story.kept_tax > 0 {
                let tax = PriceLine {
                    refundable: false,
                    ..line(LineKind::Tax, "KEPT", story.kept_tax, quantity)
                };
                trip.lines.push(own(kind, tax));
            }
        }
        let base = story.base / 10 / step * step;
        if story.infants == 0 || base == 0 {
            continue;
        }
        let tax = PriceLine {
            is_percentage: true,
            ..line(
                LineKind::Tax,
                "GST",
                base * story.percent / 100 / step * step,
                story.infants,
            )
        };
        let amount = base * i64::try_from(story.infants).unwrap();
        let coupon = amount * story.coupon_percent / 100 / step * step;
        let fare = line(LineKind::BaseFare, "fare", base, story.infants);
        trip.lines.push(own(PassengerType::Infant, fare));
        trip.lines.push(own(PassengerType::Infant, tax));
        if coupon > 0 {
            let coupon = line(LineKind::Discount, "COUPON", -coupon, 1);
            trip.lines.push(own(PassengerType::Infant, coupon));
        }
    }
    trip
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
    let with_seat = story.adults + story.children;
    let (mates, place, base, fixed) = if passenger < story.adults {
        (story.adults, passenger, story.base, story.fixed)
    } else if passenger < with_seat {
        let base = story.base * 3 / 4 / step * step;
        (
            story.children,
            passenger - story.adults,
            base,
            if base == 0 { 0 } else { story.fixed },
        )
    } else {
        let base = story.base / 10 / step * step;
        (story.infants, passenger - with_seat, base, 0)
    };
    let tax = base * story.percent / 100 / step * step;
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
    let us = since <= 24 * 3_600 && ahead >= 7 * 86_400;
    let days = if story.abroad == "IN" { 7 } else { 15 };
    let india = story.country == "IN" && since <= 48 * 3_600 && ahead >= days * 86_400;
    if us || india {
        tier.max(back(0, true))
    } else {
        tier
    }
}

/// A Light fare from India abroad, thirty hours after it was booked.
#[test]
fn from_india_abroad_two_days_are_free_when_it_was_booked_fifteen_days_ahead_to_the_second() {
    let story = Story {
        currency: Currency::INR,
        family: 0,
        adults: 1,
        children: 0,
        base: 500_000,
        percent: 5,
        fixed: 48_800,
        coupon_percent: 0,
        bag: 0,
        seat: 0,
        booked_days_ahead: 0,
        seconds_ahead: 15 * 86_400 - 30 * 3_600,
        both_ways: false,
        country: "IN",
        abroad: "GB",
        infants: 0,
        kept_tax: 0,
    };
    let mut trip = trip(&story);
    for (ahead, rule, refund) in [
        (15 * 86_400, RuleName::FreeAfterBooking, 573_800),
        (15 * 86_400 - 1, RuleName::FareTier, 48_800),
    ] {
        trip.booked_at = trip.departs_at - TimeDelta::seconds(ahead);
        let content = quote::compute(&trip, &QuoteRequest::default()).unwrap();
        let item = &content.items[0];
        assert_eq!((item.decision.rule, item.refund_minor()), (rule, refund));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_amount_of_a_quote_is_what_the_rules_say(story in stories()) {
        let trip = whole_trip(&story);
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
        let mut trip = whole_trip(&story);
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
