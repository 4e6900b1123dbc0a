//! Every amount of a thousand random changes, calculated a second time from the rules alone.
//!
//! The second pricer shares no line with the first: it never nets lines, but adds up what the new flights cost and takes off what
//! the old ones are worth.

use proptest::prelude::*;

use super::model::{ChangeItem, ChangeLine, ChangedSeat};
use super::price::{self, Compared};
use crate::booking::cancel::load::Trip;
use crate::booking::cancel::tests::{Story, dealt, line, stories, trip};
use crate::charge;
use crate::ids::FlightId;
use crate::trade::{Change, Charge, LineKind, PassengerType, PriceLine, Tier};

/// What a fare charges for a change, and whether a lower fare gives something back.
#[derive(Clone, Copy, Debug)]
struct Rules {
    tiers: &'static [(u16, i64)],
    is_refundable: bool,
}

const FARES: [Rules; 3] = [
    Rules {
        tiers: &[(168, 0), (72, 300_000), (2, 350_000)],
        is_refundable: true,
    },
    Rules {
        tiers: &[(2, 0)],
        is_refundable: true,
    },
    Rules {
        tiers: &[(2, 100_000)],
        is_refundable: false,
    },
];

#[derive(Clone, Debug)]
struct Wish {
    story: Story,
    fare: usize,
    base: i64,
    fixed: i64,
    seat_goes_along: bool,
}

fn wishes() -> impl Strategy<Value = Wish> {
    let new = (0_usize..3, 1_i64..2_000_000, 0_i64..100_000, any::<bool>());
    (stories(), new).prop_map(|(story, (fare, base, fixed, seat_goes_along))| {
        let step = charge::step(story.currency);
        Wish {
            fare,
            base: (base / step * step).max(step),
            fixed: fixed / step * step,
            seat_goes_along,
            story,
        }
    })
}

/// The trip as it was sold, at the fare's rules.
fn sold(wish: &Wish) -> Trip {
    let mut trip = trip(&wish.story);
    let rules = FARES[wish.fare];
    for direction in &mut trip.directions {
        let tiers = rules.tiers.iter().map(|(more_than_hours, minor)| Tier {
            more_than_hours: *more_than_hours,
            charge: Charge::Amount(*minor),
        });
        direction.conditions.rules.change = Change {
            allowed: true,
            tiers: tiers.collect(),
            words: String::new(),
        };
        direction.conditions.rules.cancellation.tiers = vec![Tier {
            more_than_hours: 2,
            charge: if rules.is_refundable {
                Charge::Amount(0)
            } else {
                Charge::BaseFare
            },
        }];
    }
    trip
}

fn fare_of(wish: &Wish, kind: PassengerType, adult: i64) -> i64 {
    let step = charge::step(wish.story.currency);
    match kind {
        PassengerType::Adult => adult,
        PassengerType::Child | PassengerType::Infant => adult * 3 / 4 / step * step,
    }
}

fn percent_of(wish: &Wish, base: i64) -> i64 {
    let step = charge::step(wish.story.currency);
    base * wish.story.percent / 100 / step * step
}

fn new_lines(wish: &Wish, to: FlightId) -> Vec<PriceLine> {
    let kinds = [PassengerType::Adult, PassengerType::Child];
    let of = |kind| {
        let base = fare_of(wish, kind, wish.base);
        let own = move |line: PriceLine| PriceLine {
            flight_id: Some(to),
            passenger_type: Some(kind),
            ..line
        };
        [
            own(line(LineKind::BaseFare, "other", base, 1)),
            own(PriceLine {
                is_percentage: true,
                ..line(LineKind::Tax, "GST", percent_of(wish, base), 1)
            }),
            own(line(LineKind::Tax, "ASF", wish.fixed, 1)),
        ]
    };
    let mut lines: Vec<_> = kinds.into_iter().flat_map(of).collect();
    // Charged once a booking, and paid already.
    lines.push(line(LineKind::Fee, "CONV", 300, 1));
    lines
}

/// What a passenger pays for the change, from the rules alone.
fn by_the_rules(wish: &Wish, trip: &Trip, passenger: usize, direction: usize) -> i64 {
    let story = &wish.story;
    let step = charge::step(story.currency);
    let kind = trip.passengers[passenger].kind;
    let (mates, place) = match kind {
        PassengerType::Adult => (story.adults, passenger),
        PassengerType::Child | PassengerType::Infant => (story.children, passenger - story.adults),
    };
    let old_base = fare_of(wish, kind, story.base);
    let amount = old_base * i64::try_from(mates).unwrap();
    let coupon = dealt(amount * story.coupon_percent / 100, mates, step)[place];
    let new_base = fare_of(wish, kind, wish.base);
    let (new_worth, old_worth) = ((new_base - coupon).max(0), old_base - coupon);
    let rules = FARES[wish.fare];
    let keeps = !rules.is_refundable && new_worth < old_worth;
    let fare = if keeps { 0 } else { new_worth - old_worth };
    let old_fixed = if old_base == 0 { 0 } else { story.fixed };
    let (old_percent, new_percent) = (percent_of(wish, old_base), percent_of(wish, new_base));
    let percent = if keeps {
        (new_percent - old_percent).max(0)
    } else {
        new_percent - old_percent
    };
    let seconds = (trip.directions[direction].departs_at - trip.now).num_seconds();
    let fee = rules
        .tiers
        .iter()
        .find(|(hours, _)| seconds > i64::from(*hours) * 3_600)
        .unwrap()
        .1;
    let seat = if passenger == 0 && !wish.seat_goes_along {
        story.seat
    } else {
        0
    };
    fare + percent + wish.fixed - old_fixed + fee.min(old_base) - seat
}

fn items(wish: &Wish, trip: &Trip) -> Vec<(usize, usize, ChangeItem)> {
    let mut items = Vec::new();
    for (index, direction) in trip.directions.iter().enumerate() {
        let to = FlightId::new();
        let seats = [ChangedSeat {
            passenger_id: trip.passengers[0].id,
            direction: direction.direction,
            from: direction.flights[0],
            seat: "3A".to_owned(),
            to: wish.seat_goes_along.then_some(to),
            paid_minor: wish.story.seat,
        }];
        let new_lines = new_lines(wish, to);
        let tier = price::tier(&direction.conditions, trip.now, direction.departs_at).unwrap();
        for (who, passenger) in trip.passengers.iter().enumerate() {
            let compared = Compared {
                trip,
                passenger,
                direction,
                tier: Some(tier),
                new_lines: &new_lines,
                seats: &seats,
            };
            items.push((who, index, price::item(&compared)));
        }
    }
    items
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_amount_of_a_change_is_what_the_rules_say(wish in wishes()) {
        let mut trip = sold(&wish);
        let before: i64 = trip.lines.iter().map(PriceLine::amount_minor).sum();
        let mut grown = 0;
        for (passenger, direction, item) in items(&wish, &trip) {
            let expected = by_the_rules(&wish, &trip, passenger, direction);
            prop_assert_eq!(item.amount_minor(), expected, "{:?} {:?}", wish, item);
            prop_assert_eq!(item.amount_minor() % charge::step(wish.story.currency), 0);
            prop_assert!(item.sum(ChangeLine::is_kept) >= 0);
            grown += expected;
            trip.lines.extend(item.price_lines());
        }
        let after: i64 = trip.lines.iter().map(PriceLine::amount_minor).sum();
        prop_assert_eq!(after, before + grown);
    }

    /// What was paid for the new flights is worth what it cost: changing back and forth, without fees, ends where it began.
    #[test]
    fn a_change_and_the_change_back_cost_nothing_together(wish in wishes()) {
        let wish = Wish { fare: 1, seat_goes_along: true, story: Story { coupon_percent: 0, ..wish.story }, ..wish };
        // The smallest fare has no children's fare, and no line for it.
        prop_assume!(wish.base.min(wish.story.base) >= 2 * charge::step(wish.story.currency));
        let mut trip = sold(&wish);
        let there: Vec<_> = items(&wish, &trip);
        trip.lines.extend(there.iter().flat_map(|(.., item)| item.price_lines()));
        let back = Wish { base: wish.story.base, fixed: wish.story.fixed, ..wish.clone() };
        let sum: i64 = there.iter().map(|(.., item)| item.amount_minor()).sum();
        let sum_back: i64 = items(&back, &trip).iter().map(|(.., item)| item.amount_minor()).sum();
        prop_assert_eq!(sum + sum_back, 0, "{:?}", wish);
    }
}

#[test]
fn a_tax_that_does_not_come_back_pays_the_same_tax_of_the_new_flights_and_no_other() {
    let old = |code: &str, minor| crate::booking::cancel::price::Paid {
        kind: LineKind::Tax,
        code: code.to_owned(),
        name: None,
        flight_id: None,
        minor,
        may_come_back: false,
        is_percentage: false,
    };
    let new = |code: &str, minor| ChangeLine {
        kind: LineKind::Tax,
        code: code.to_owned(),
        name: None,
        flight_id: None,
        minor,
        refundable: false,
        is_percentage: false,
    };
    let credited = |old: &[_], new: &[_]| -> i64 {
        let credits = price::tax_credits(old, new, false);
        credits.iter().map(|line| line.minor).sum()
    };
    assert_eq!(credited(&[old("SC", 300)], &[new("SC", 300)]), -300);
    assert_eq!(credited(&[old("SC", 300)], &[new("SC", 200)]), -200);
    assert_eq!(credited(&[old("SC", 300)], &[new("XT", 300)]), 0);
    assert_eq!(
        credited(&[old("SC", 300), old("SC", 300)], &[new("SC", 400)]),
        -400
    );
}
