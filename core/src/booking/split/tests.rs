//! Three hundred random divisions: nothing is lost or made, and everybody has afterwards what they had before.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use uuid::Uuid;

use super::lines::{Divided, InvoicedLine, divide};
use super::with_infants;
use crate::booking::cancel::load::PaidSeat;
use crate::booking::cancel::price::paid;
use crate::booking::cancel::tests::{Story, line, stories, trip};
use crate::booking::cancel::{Trip, TripPassenger};
use crate::ids::PassengerId;
use crate::ledger;
use crate::trade::{LineKind, PassengerType, PriceLine};

/// A booking as it was sold and lived: a seat that was chosen with the hold and exchanged for a dearer one since, another that
/// is kept, a fee for an earlier change, an infant.
fn lived(story: &Story) -> Trip {
    let mut trip = trip(story);
    let first = trip.passengers[0].id;
    let born = trip.passengers[0].date_of_birth;
    for direction in trip.directions.clone() {
        let flight = direction.flights[0];
        let seat = |code: &str, minor, of: Option<PassengerId>| PriceLine {
            direction: Some(direction.direction.ordinal()),
            flight_id: Some(flight),
            passenger_id: of,
            ..line(LineKind::Seat, code, minor, 1)
        };
        // Those who chose with the hold are named by no line.
        trip.lines.push(seat("standard 9C", story.seat / 2, None));
        trip.lines.push(seat(
            "preferred 3A",
            story.seat - story.seat / 2,
            Some(first),
        ));
        if let Some(second) = trip.passengers.get(1) {
            trip.lines.push(seat("preferred 3B", story.fixed, None));
            trip.seats.push(PaidSeat {
                passenger_id: second.id,
                flight_id: flight,
                code: "preferred 3B".to_owned(),
                paid_minor: story.fixed,
            });
        }
        let last = trip.passengers.last().unwrap().id;
        trip.lines.push(PriceLine {
            direction: Some(direction.direction.ordinal()),
            passenger_id: Some(last),
            ..line(LineKind::Fee, "CHANGE", story.bag + 1, 1)
        });
    }
    trip.seats.retain(|seat| seat.paid_minor > 0);
    trip.passengers.push(TripPassenger {
        id: PassengerId::new(),
        kind: PassengerType::Infant,
        name: "Infant".to_owned(),
        date_of_birth: born,
        adult_id: Some(first),
    });
    trip
}

/// The booking after the division, as somebody would read it.
fn side(whole: &Trip, going: &HashSet<PassengerId>, goes: bool, lines: &[InvoicedLine]) -> Trip {
    let mut trip = whole.clone();
    trip.passengers
        .retain(|one| going.contains(&one.id) == goes);
    trip.seats
        .retain(|seat| going.contains(&seat.passenger_id) == goes);
    trip.lines = lines.iter().map(|one| one.line.clone()).collect();
    trip
}

type Key = (String, String, Option<u8>, Option<Uuid>, Option<Uuid>);

/// The sums of lines by what they are for, and by the invoice that they are on.
fn by_line<'a>(lines: impl Iterator<Item = (&'a PriceLine, Option<Uuid>)>) -> BTreeMap<Key, i64> {
    let mut sums = BTreeMap::new();
    for (line, invoice) in lines {
        let key = (
            line.kind.as_str().to_owned(),
            line.code.clone(),
            line.direction,
            line.flight_id.map(|flight| flight.0),
            invoice,
        );
        *sums.entry(key).or_insert(0) += line.amount_minor();
    }
    sums.retain(|_, minor| *minor != 0);
    sums
}

/// What selling lines posts to each account of the ledger, debits positive.
fn by_account<'a>(lines: impl Iterator<Item = &'a PriceLine>) -> BTreeMap<String, i64> {
    let lines = lines.map(|line| (line.kind, line.code.as_str(), line.amount_minor()));
    let mut sums = BTreeMap::new();
    for movement in ledger::sold(lines) {
        *sums.entry(movement.debit.to_string()).or_insert(0) += movement.amount_minor;
        *sums.entry(movement.credit.to_string()).or_insert(0) -= movement.amount_minor;
    }
    sums.retain(|_, minor| *minor != 0);
    sums
}

/// What everybody of a booking has paid for each direction, line by line.
fn shares(trip: &Trip) -> BTreeMap<(PassengerId, u8, String, String), i64> {
    let mut shares = BTreeMap::new();
    for passenger in &trip.passengers {
        for direction in &trip.directions {
            for one in paid(trip, passenger, direction) {
                let key = (
                    passenger.id,
                    direction.direction.ordinal(),
                    one.kind.as_str().to_owned(),
                    one.code,
                );
                *shares.entry(key).or_insert(0) += one.minor;
            }
        }
    }
    shares
}

fn divided(trip: &Trip, going: &HashSet<PassengerId>) -> Divided {
    let invoices: Vec<_> = (0..trip.lines.len())
        .map(|index| (index % 5 != 4).then(|| Uuid::from_u128(1 + (index % 2) as u128)))
        .collect();
    let divided = divide(trip, going, &invoices).unwrap();
    let before = by_line(trip.lines.iter().zip(invoices.iter().copied()));
    let both = divided.stays.iter().chain(&divided.moved);
    let after = by_line(both.map(|one| (&one.line, one.invoice_id)));
    assert_eq!(before, after, "by line and invoice");
    divided
}

#[test]
fn three_hundred_random_divisions_keep_every_line_account_and_share() {
    let seed = std::env::var("FLIGHTDESK_SEED").ok();
    let seed: u64 = seed.map_or(20_261_129, |seed| seed.parse().unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(
        Config {
            cases: 300,
            failure_persistence: None,
            ..Config::default()
        },
        rng,
    );
    let (odd, moved_seats) = (Cell::new(0), Cell::new(0));
    let wishes = (stories(), any::<u16>(), any::<u16>());
    runner
        .run(&wishes, |(story, first, second)| {
            let whole = lived(&story);
            let named: Vec<_> = (whole.passengers.iter().enumerate())
                .filter(|(index, one)| one.adult_id.is_none() && first & (1 << index) != 0)
                .map(|(_, one)| one.id)
                .collect();
            let going = with_infants(&whole, &named);
            let once = divided(&whole, &going);
            let stays = side(&whole, &going, false, &once.stays);
            let goes = side(&whole, &going, true, &once.moved);
            let mut accounts = by_account(whole.lines.iter());
            for part in [&stays, &goes] {
                for (account, minor) in by_account(part.lines.iter()) {
                    *accounts.entry(account).or_insert(0) -= minor;
                }
            }
            prop_assert!(accounts.values().all(|minor| *minor == 0), "{:?}", accounts);
            let mut after = shares(&stays);
            after.extend(shares(&goes));
            prop_assert_eq!(shares(&whole), after);
            let fee = |lines: &[InvoicedLine]| lines.iter().any(|one| one.line.code == "CONV");
            prop_assert!(fee(&once.stays) && !fee(&once.moved));
            let discount = once
                .moved
                .iter()
                .any(|one| one.line.kind == LineKind::Discount);
            odd.set(odd.get() + i32::from(discount && story.adults == 3));
            let seat = once.moved.iter().any(|one| one.line.kind == LineKind::Seat);
            moved_seats.set(moved_seats.get() + i32::from(seat));

            // Those who stayed are divided once more.
            let named: Vec<_> = (stays.passengers.iter().enumerate())
                .filter(|(index, one)| one.adult_id.is_none() && second & (1 << index) != 0)
                .map(|(_, one)| one.id)
                .collect();
            let going = with_infants(&stays, &named);
            let twice = divided(&stays, &going);
            let mut after = shares(&side(&stays, &going, false, &twice.stays));
            after.extend(shares(&side(&stays, &going, true, &twice.moved)));
            prop_assert_eq!(shares(&stays), after);
            Ok(())
        })
        .unwrap();
    let (odd, moved_seats) = (odd.get(), moved_seats.get());
    assert!(
        odd > 5 && moved_seats > 20,
        "{odd} odd shares, {moved_seats} seats"
    );
}

#[test]
fn what_no_step_divides_goes_with_the_first_and_is_the_same_afterwards() {
    let story = Story {
        currency: crate::money::Currency::INR,
        family: 1,
        adults: 3,
        children: 0,
        base: 100_000,
        percent: 5,
        fixed: 100,
        coupon_percent: 0,
        bag: 0,
        seat: 0,
        booked_days_ahead: 3,
        seconds_ahead: 900_000,
        both_ways: false,
        country: "IN",
        abroad: "IN",
        infants: 0,
        kept_tax: 0,
    };
    for (going, moved) in [(0, -34), (1, -33), (2, -33)] {
        let mut trip = trip(&story);
        let (flight, direction) = (trip.directions[0].flights[0], Some(0));
        trip.lines.push(PriceLine {
            direction,
            flight_id: Some(flight),
            passenger_type: Some(PassengerType::Adult),
            ..line(LineKind::Discount, "COUPON", -100, 1)
        });
        let going = HashSet::from([trip.passengers[going].id]);
        let divided = divided(&trip, &going);
        let discount = |lines: &[InvoicedLine]| -> i64 {
            let lines = lines.iter().map(|one| &one.line);
            let lines = lines.filter(|line| line.kind == LineKind::Discount);
            lines.map(PriceLine::amount_minor).sum()
        };
        assert_eq!(discount(&divided.moved), moved);
        assert_eq!(discount(&divided.stays), -100 - moved);
        assert_eq!(divided.discount_minor(), -moved);
    }
}
