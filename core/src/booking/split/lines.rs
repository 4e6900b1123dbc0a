//! Which part of each price line is whose. Pure, so that it can be proved by many examples.

use std::collections::HashSet;

use uuid::Uuid;

use crate::booking::cancel::Trip;
use crate::booking::cancel::load::PaidSeat;
use crate::booking::cancel::price::share;
use crate::ids::{FlightId, PassengerId};
use crate::trade::{LineKind, PriceLine};
use crate::{Error, Result};

/// A price line, and which invoice it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InvoicedLine {
    pub line: PriceLine,
    pub invoice_id: Option<Uuid>,
}

/// The price lines of a booking, divided: those that stay and those that go sum to what there was, by kind, code and invoice.
#[derive(Clone, Debug, Default)]
pub(super) struct Divided {
    pub stays: Vec<InvoicedLine>,
    pub moved: Vec<InvoicedLine>,
}

impl Divided {
    /// What those who go have cost.
    pub(super) fn moved_minor(&self) -> i64 {
        let moved = self.moved.iter();
        moved.map(|one| one.line.amount_minor()).sum()
    }

    /// What a coupon had taken off for those who go, as a positive amount; what was taken back of it since is not counted.
    pub(super) fn discount_minor(&self) -> i64 {
        let moved = self.moved.iter().map(|one| &one.line);
        let taken_off =
            moved.filter(|line| line.kind == LineKind::Discount && line.amount_minor() < 0);
        -taken_off.map(PriceLine::amount_minor).sum::<i64>()
    }

    fn push(&mut self, goes: bool, line: InvoicedLine) {
        if line.line.amount_minor() == 0 && line.line.kind == LineKind::Discount {
            return;
        }
        if goes {
            self.moved.push(line);
        } else {
            self.stays.push(line);
        }
    }
}

/// Divides the price lines of a booking, whose invoices are given in the same order, between those who stay and those who go.
///
/// A line of one person is theirs. Of a line for all of a passenger type everybody has a unit, and of a coupon's the share
/// that cancelling takes back. A line of the whole booking stays. What choosing a seat costs goes with who chose it.
pub(super) fn divide(
    trip: &Trip,
    going: &HashSet<PassengerId>,
    invoices: &[Option<Uuid>],
) -> Result<Divided> {
    let mut divided = Divided::default();
    if trip.lines.len() != invoices.len() {
        return Err(Error::Internal(
            "price lines and their invoices were read at different times".to_owned(),
        ));
    }
    for (line, invoice_id) in trip.lines.iter().zip(invoices) {
        let of_invoice = |line| InvoicedLine {
            line,
            invoice_id: *invoice_id,
        };
        match (line.passenger_id, line.passenger_type) {
            (Some(of), _) => divided.push(going.contains(&of), of_invoice(line.clone())),
            (None, Some(_)) if line.kind != LineKind::Seat => {
                for (goes, part) in parts(trip, going, line)? {
                    divided.push(goes, of_invoice(part));
                }
            }
            (None, _) => divided.push(false, of_invoice(line.clone())),
        }
    }
    move_seats(trip, going, &mut divided)?;
    Ok(divided)
}

/// The parts of a line that is for all passengers of a type: who stays first.
fn parts(
    trip: &Trip,
    going: &HashSet<PassengerId>,
    line: &PriceLine,
) -> Result<Vec<(bool, PriceLine)>> {
    let of_kind = trip.passengers.iter();
    let of_kind: Vec<_> = of_kind
        .filter(|one| Some(one.kind) == line.passenger_type)
        .collect();
    let of = |goes: bool| {
        let of_kind = of_kind.iter();
        of_kind.filter(move |one| going.contains(&one.id) == goes)
    };
    for goes in [false, true] {
        if of(goes).next().is_none() {
            return Ok(vec![(!goes, line.clone())]);
        }
    }
    if line.kind == LineKind::Discount {
        let part = |goes: bool| {
            let shares = of(goes).map(|one| share(trip, one, -line.amount_minor()));
            PriceLine {
                quantity: 1,
                unit_minor: -shares.sum::<i64>(),
                ..line.clone()
            }
        };
        return Ok(vec![(false, part(false)), (true, part(true))]);
    }
    let count = |goes: bool| u16::try_from(of(goes).count()).unwrap_or(u16::MAX);
    if count(false).checked_add(count(true)) != Some(line.quantity) {
        return Err(Error::Internal(format!(
            "a price line {} is for {} passengers of {}",
            line.code,
            line.quantity,
            of_kind.len()
        )));
    }
    let part = |goes: bool| PriceLine {
        quantity: count(goes),
        ..line.clone()
    };
    Ok(vec![(false, part(false)), (true, part(true))])
}

/// Moves what those who go have paid for seats and no line says to be theirs: lines of a hold know no passenger.
fn move_seats(trip: &Trip, going: &HashSet<PassengerId>, divided: &mut Divided) -> Result<()> {
    let is_seat = |one: &InvoicedLine, who: PassengerId, flight: FlightId| {
        let line = &one.line;
        (line.kind, line.passenger_id, line.flight_id) == (LineKind::Seat, Some(who), Some(flight))
    };
    let flights: HashSet<_> = (trip.lines.iter())
        .filter(|line| line.kind == LineKind::Seat)
        .filter_map(|line| line.flight_id)
        .collect();
    for passenger in trip.passengers.iter().filter(|one| going.contains(&one.id)) {
        for flight in flights.iter().copied() {
            let own: Vec<_> = (divided.moved.iter())
                .filter(|one| is_seat(one, passenger.id, flight))
                .cloned()
                .collect();
            let is_theirs =
                |seat: &&PaidSeat| (seat.passenger_id, seat.flight_id) == (passenger.id, flight);
            let seat = trip.seats.iter().find(is_theirs);
            let paid = seat.map_or(0, |seat| seat.paid_minor);
            let named: i64 = own.iter().map(|one| one.line.amount_minor()).sum();
            let codes = own.iter().map(|one| one.line.code.as_str());
            let codes: Vec<_> = codes.chain(seat.map(|seat| seat.code.as_str())).collect();
            let left = take(trip, divided, (passenger.id, flight), &codes, paid - named);
            if left > 0 {
                return Err(Error::Internal(format!(
                    "a seat of {} on {flight} was paid by no price line",
                    passenger.id
                )));
            }
        }
    }
    Ok(())
}

/// Moves an amount out of seat lines that name nobody and stay: those of the codes first, then those of seats that nobody has
/// any more, because another was chosen since. Returns what could not be found.
fn take(
    trip: &Trip,
    divided: &mut Divided,
    (who, flight): (PassengerId, FlightId),
    codes: &[&str],
    mut wanted: i64,
) -> i64 {
    let is_had = |code: &str| {
        let mut seats = trip.seats.iter();
        seats.any(|seat| seat.flight_id == flight && seat.code == code)
    };
    for is_named in [true, false] {
        for index in 0..divided.stays.len() {
            let Some(one) = divided.stays.get_mut(index) else {
                break;
            };
            let line = &mut one.line;
            let is_free = (line.kind, line.passenger_id, line.flight_id)
                == (LineKind::Seat, None, Some(flight))
                && line.quantity == 1;
            let code = line.code.as_str();
            let fits = if is_named {
                codes.contains(&code)
            } else {
                !is_had(code)
            };
            let part = wanted.min(line.unit_minor);
            if !is_free || !fits || part <= 0 {
                continue;
            }
            line.unit_minor -= part;
            wanted -= part;
            let moved = InvoicedLine {
                line: PriceLine {
                    unit_minor: part,
                    passenger_id: Some(who),
                    ..line.clone()
                },
                invoice_id: one.invoice_id,
            };
            divided.moved.push(moved);
        }
    }
    let is_left =
        |one: &InvoicedLine| one.line.kind != LineKind::Seat || one.line.amount_minor() != 0;
    divided.stays.retain(is_left);
    wanted.max(0)
}
