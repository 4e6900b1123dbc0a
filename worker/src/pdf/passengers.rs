//! The passengers of a ticket: a block each, with a coupon and its barcode for every flight.

use flightdesk_core::document::{
    CouponContent, DirectionContent, FlightContent, PassengerContent, TicketContent,
};

use super::barcode::{Barcode, MODULE_MM};
use super::draw::{Flow, LEFT, RIGHT, TOP};
use super::sheet::{bold, grey, text};
use super::words;

/// The least height of what stands beside a barcode: flight, day and bags.
const COUPON: f64 = 16.6;
/// Between two coupons, one below the other.
const GAP: f64 = 2.2;

/// Where a coupon stands: its left end, its seat, its barcode's right end.
#[derive(Clone, Copy)]
struct Column {
    left: f64,
    seat: f64,
    right: f64,
}

/// Of one direction, beside the names.
const BESIDE: Column = Column {
    left: LEFT + 68.0,
    seat: LEFT + 126.0,
    right: RIGHT,
};
/// Of two directions, below the names.
const BELOW: [Column; 2] = [
    Column {
        left: LEFT,
        seat: LEFT + 47.0,
        right: LEFT + 84.0,
    },
    Column {
        left: LEFT + 92.0,
        seat: LEFT + 139.0,
        right: RIGHT,
    },
];

/// One passenger on one flight, ready to be drawn.
struct Coupon<'a> {
    content: &'a CouponContent,
    direction: &'a DirectionContent,
    flight: &'a FlightContent,
    barcode: Barcode,
}

impl Coupon<'_> {
    fn side(&self) -> f64 {
        f64::from(self.barcode.modules()) * MODULE_MM
    }
}

impl Flow {
    /// Everybody with a ticket. A block is never broken: a barcode stands near the name of whom it lets aboard.
    pub(super) fn passengers(&mut self, content: &TicketContent) -> Result<(), String> {
        for (index, passenger) in content.passengers.iter().enumerate() {
            let coupons = coupons(content, passenger)?;
            if index == 0 {
                // The heading stays with whom it is above.
                let flights = coupons.iter().map(|flights| height(flights));
                self.room(22.0 + flights.fold(0.0, f64::max));
                self.heading("Passengers");
            }
            match coupons.as_slice() {
                [_, _] => self.both_ways(passenger, coupons, index > 0),
                _ => self.one_way(passenger, coupons, index > 0),
            }
        }
        self.y += 2.0;
        Ok(())
    }

    /// Who flies on the left, the flights beside.
    fn one_way(
        &mut self,
        passenger: &PassengerContent,
        coupons: Vec<Vec<Coupon<'_>>>,
        ruled: bool,
    ) {
        let column = BESIDE.left - LEFT - 4.0;
        let names = self.sheets.wrap(bold(11), &passenger.name, column);
        let who = self.sheets.wrap(grey(8), &who(passenger), column);
        let beside = 4.8 * count(&names) + 3.6 * count(&who) + 7.0;
        let heights = coupons.iter().map(|flights| height(flights));
        let height = heights.sum::<f64>().max(beside);
        self.block(height, ruled);

        let top = self.y;
        for (kind, line_height, lines) in [(bold(11), 4.8, names), (grey(8), 3.6, who)] {
            for line in lines {
                self.sheets.text(LEFT, self.y, kind, &line);
                self.y += line_height;
            }
        }
        self.sheets.text(LEFT, self.y + 0.6, grey(8), "Ticket");
        let number = words::ticket_numbers(passenger);
        self.sheets.text(LEFT + 10.0, self.y, text(10), &number);
        self.y = top;
        for flights in coupons {
            self.coupons(BESIDE, passenger, flights);
        }
        self.y = top + height;
    }

    /// Who flies above, the way out on the left, the way back on the right.
    fn both_ways(
        &mut self,
        passenger: &PassengerContent,
        coupons: Vec<Vec<Coupon<'_>>>,
        ruled: bool,
    ) {
        let column = BELOW[1].left - LEFT - 4.0;
        let names = self.sheets.wrap(bold(11), &passenger.name, column);
        let who = who(passenger);
        let name = names.last().map_or("", String::as_str);
        let after = self.sheets.width(bold(11), name) + 2.0;
        let is_short = after + self.sheets.width(grey(8), &who) <= column;
        let lines = count(&names) + if is_short { 0.0 } else { 1.0 };
        let above = 4.8 * lines + 4.2;
        let below = coupons.iter().map(|flights| height(flights));
        let height = above + below.fold(0.0, f64::max);
        self.block(height, ruled);

        let top = self.y;
        let number = words::ticket_numbers(passenger);
        let right = self.sheets.width(text(10), &number);
        self.sheets.text_right(RIGHT, top, text(10), &number);
        self.sheets
            .text_right(RIGHT - right - 2.0, top + 0.6, grey(8), "Ticket");
        for line in names {
            self.sheets.text(LEFT, self.y, bold(11), &line);
            self.y += 4.8;
        }
        if is_short {
            self.sheets.text(LEFT + after, self.y - 4.0, grey(8), &who);
        } else {
            self.fitted(LEFT, self.y, grey(8), &who, column);
        }
        for (column, flights) in BELOW.into_iter().zip(coupons) {
            self.y = top + above - 4.2;
            if let Some(first) = flights.first() {
                let name = words::sentence_case(&first.direction.name);
                self.sheets.text(column.left, self.y, grey(8), &name);
            }
            self.y = top + above;
            self.coupons(column, passenger, flights);
        }
        self.y = top + height;
    }

    /// Begins a block of this height, on this page or the next.
    fn block(&mut self, height: f64, ruled: bool) {
        self.room(height + 1.0);
        if ruled && self.y > TOP {
            self.sheets.rule(LEFT, RIGHT, self.y - 1.6);
        }
    }

    /// Coupons, one below the other.
    fn coupons(&mut self, at: Column, passenger: &PassengerContent, coupons: Vec<Coupon<'_>>) {
        for coupon in coupons {
            let height = row(&coupon);
            self.coupon(at, passenger, coupon);
            self.y += height;
        }
    }

    fn coupon(&mut self, at: Column, passenger: &PassengerContent, coupon: Coupon<'_>) {
        let (y, x) = (self.y, at.right - coupon.side());
        let Coupon {
            content,
            direction,
            flight,
            barcode,
        } = coupon;
        let legs = format!("{}-{}", flight.origin.iata, flight.destination.iata);
        self.sheets.text(at.left, y, bold(10), &content.flight);
        let after = at.left + self.sheets.width(bold(10), &content.flight) + 2.0;
        self.sheets.text(after, y, text(10), &legs);
        let day = format!(
            "{}, {}",
            words::date(flight.departs),
            words::time(flight.departs)
        );
        self.sheets.text(at.left, y + 4.6, grey(8), &day);
        if passenger.on_lap_of.is_some() {
            self.sheets
                .text(at.left, y + 8.6, text(9), "No seat of its own");
        } else {
            let cabin = &direction.baggage.cabin;
            let bags = [
                words::checked_with_extra(&direction.baggage, content.extra_kg),
                format!("Cabin bag {cabin}"),
            ];
            let bags = &bags[..if cabin.is_empty() { 1 } else { 2 }];
            for (line, bag) in [8.6, 12.6].into_iter().zip(bags) {
                self.fitted(at.left, y + line, text(9), bag, at.seat - at.left - 3.0);
            }
            self.sheets.text(at.seat, y, grey(8), "Seat");
            let (kind, seat) = match &content.seat {
                Some(seat) => (bold(18), seat.as_str()),
                None => (text(9), "at check-in"),
            };
            self.fitted(at.seat, y + 3.6, kind, seat, x - at.seat - 1.0);
        }
        self.sheets.barcode(x, y, barcode);
    }
}

/// The coupons of a passenger, those of each direction apart.
fn coupons<'a>(
    content: &'a TicketContent,
    passenger: &'a PassengerContent,
) -> Result<Vec<Vec<Coupon<'a>>>, String> {
    let mut rest = passenger.coupons.iter();
    let directions = content.directions.iter().map(|direction| {
        let flights = direction.flights.iter().zip(rest.by_ref());
        flights
            .map(|(flight, content)| {
                Ok(Coupon {
                    content,
                    direction,
                    flight,
                    barcode: Barcode::aztec(&content.barcode)?,
                })
            })
            .collect()
    });
    directions.collect()
}

/// What they are, and what they asked for.
fn who(passenger: &PassengerContent) -> String {
    let kind = match &passenger.on_lap_of {
        Some(adult) => format!("Infant on the lap of {adult}"),
        None => words::sentence_case(&passenger.passenger_type),
    };
    let requests = passenger.special_requests.iter().cloned();
    std::iter::once(kind)
        .chain(requests)
        .collect::<Vec<_>>()
        .join(", ")
}

fn row(coupon: &Coupon<'_>) -> f64 {
    coupon.side().max(COUPON) + GAP
}

fn height(coupons: &[Coupon<'_>]) -> f64 {
    coupons.iter().map(row).sum()
}

fn count<T>(items: &[T]) -> f64 {
    u32::try_from(items.len()).map_or(0.0, f64::from)
}
