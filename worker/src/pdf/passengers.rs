//! The passengers of a ticket: a block each, with a coupon and its barcode for every flight.

use flightdesk_core::document::{
    CouponContent, DirectionContent, FlightContent, PassengerContent, TicketContent,
};
use flightdesk_core::format;

use super::barcode::{Barcode, MODULE_MM};
use super::flow::{Flow, LEFT, RIGHT, TOP, count};
use super::sheet::{Sheets, Type, bold, grey, text};
use super::structure::Role;
use super::words;

/// Where the bags begin, below flight and day.
const BAGS: f64 = 8.6;
/// From one line of bags to the next.
const BAG: f64 = 4.0;
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
    /// What may be brought, in lines that fit.
    bags: Vec<(Type, String)>,
    barcode: Barcode,
}

impl Coupon<'_> {
    fn side(&self) -> f64 {
        f64::from(self.barcode.modules()) * MODULE_MM
    }

    fn height(&self) -> f64 {
        self.side().max(BAGS + BAG * count(&self.bags)) + GAP
    }
}

impl Column {
    /// Left of the seat.
    fn width(self) -> f64 {
        self.seat - self.left - 3.0
    }
}

impl Flow {
    /// Everybody with a ticket. A block is never broken: a barcode stands near the name of whom it lets aboard.
    pub(super) fn passengers(&mut self, content: &TicketContent) -> Result<(), String> {
        for (index, passenger) in content.passengers.iter().enumerate() {
            let coupons = coupons(&self.sheets, content, passenger)?;
            if index == 0 {
                // The heading stays with whom it is above.
                let flights = coupons.iter().map(|flights| height(flights));
                self.room(22.0 + flights.fold(0.0, f64::max));
                self.heading("Passengers");
                self.sheets.open(Role::Table);
            }
            self.sheets.open(Role::Row);
            match coupons.as_slice() {
                [_, _] => self.both_ways(passenger, coupons, index > 0),
                _ => self.one_way(passenger, coupons, index > 0),
            }
            self.sheets.close();
        }
        if !content.passengers.is_empty() {
            self.sheets.close();
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
        self.sheets.open(Role::RowHeader);
        for (kind, line_height, lines) in [(bold(11), 4.8, names), (grey(8), 3.6, who)] {
            for line in lines {
                self.sheets.text(LEFT, self.y, kind, &line);
                self.y += line_height;
            }
        }
        self.sheets.text(LEFT, self.y + 0.6, grey(8), "Ticket");
        let number = words::ticket_numbers(passenger);
        self.sheets.text(LEFT + 10.0, self.y, text(10), &number);
        self.sheets.close();
        self.y = top;
        for flights in coupons {
            self.coupons(BESIDE, passenger, flights);
        }
        self.y = top + height;
    }

    /// Who flies above, the departing direction on the left, the returning one on the right.
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
        let below = if is_short {
            Vec::new()
        } else {
            self.sheets.wrap(grey(8), &who, RIGHT - LEFT)
        };
        let above = 4.8 * count(&names) + 3.6 * count(&below) + 4.2;
        let heights = coupons.iter().map(|flights| height(flights));
        let height = above + heights.fold(0.0, f64::max);
        self.block(height, ruled);

        let top = self.y;
        self.sheets.open(Role::RowHeader);
        for line in names {
            self.sheets.text(LEFT, self.y, bold(11), &line);
            self.y += 4.8;
        }
        if is_short {
            self.sheets.text(LEFT + after, self.y - 4.0, grey(8), &who);
        }
        for line in below {
            self.sheets.text(LEFT, self.y, grey(8), &line);
            self.y += 3.6;
        }
        let number = words::ticket_numbers(passenger);
        let right = self.sheets.width(text(10), &number);
        self.sheets
            .text_right(RIGHT - right - 2.0, top + 0.6, grey(8), "Ticket");
        self.sheets.text_right(RIGHT, top, text(10), &number);
        self.sheets.close();
        for (column, flights) in BELOW.into_iter().zip(coupons) {
            self.y = top + above - 4.2;
            if let Some(first) = flights.first() {
                let name = format::sentence_case(&first.direction.name);
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
            let height = coupon.height();
            self.coupon(at, passenger, coupon);
            self.y += height;
        }
    }

    fn coupon(&mut self, at: Column, passenger: &PassengerContent, coupon: Coupon<'_>) {
        let (y, x) = (self.y, at.right - coupon.side());
        let Coupon {
            content,
            flight,
            bags,
            barcode,
            ..
        } = coupon;
        self.sheets.open(Role::Cell);
        let legs = format!("{}-{}", flight.origin.iata, flight.destination.iata);
        self.sheets.text(at.left, y, bold(10), &content.flight);
        let after = at.left + self.sheets.width(bold(10), &content.flight) + 2.0;
        self.sheets.text(after, y, text(10), &legs);
        let day = format!(
            "{}, {}",
            format::date(flight.departs),
            format::time(flight.departs)
        );
        self.sheets.text(at.left, y + 4.6, grey(8), &day);
        for (index, (kind, bag)) in bags.iter().enumerate() {
            let line = y + BAGS + BAG * count(&bags[..index]);
            self.sheets.text(at.left, line, *kind, bag);
        }
        if passenger.on_lap_of.is_none() {
            self.sheets.text(at.seat, y, grey(8), "Seat");
            let (kind, seat) = match &content.seat {
                Some(seat) => (bold(18), seat.as_str()),
                None => (text(9), "at check-in"),
            };
            self.fitted(at.seat, y + 3.6, kind, seat, x - at.seat - 1.0);
        }
        self.sheets.close();
        self.sheets.barcode(x, y, barcode);
    }
}

/// The coupons of a passenger, those of each direction apart.
fn coupons<'a>(
    sheets: &Sheets,
    content: &'a TicketContent,
    passenger: &'a PassengerContent,
) -> Result<Vec<Vec<Coupon<'a>>>, String> {
    let column = match content.directions.as_slice() {
        [_, _] => BELOW[0],
        _ => BESIDE,
    };
    let of = |index| {
        let mut coupons = passenger.coupons.iter();
        coupons.find(|coupon| coupon.flight_index == index)
    };
    let mut index = 0..;
    let directions = content.directions.iter().map(|direction| {
        let flights = direction.flights.iter().zip(index.by_ref());
        let flown = flights.filter_map(|(flight, index)| Some((flight, of(index)?)));
        flown
            .map(|(flight, content)| {
                let bags = bags(passenger, direction, content);
                let lines = bags.iter().flat_map(|bag| fitting(sheets, bag, column));
                Ok(Coupon {
                    content,
                    direction,
                    flight,
                    bags: lines.collect(),
                    barcode: Barcode::aztec(&content.barcode)?,
                })
            })
            .collect()
    });
    directions.collect()
}

/// What a passenger may bring on a flight.
fn bags(
    passenger: &PassengerContent,
    direction: &DirectionContent,
    content: &CouponContent,
) -> Vec<String> {
    if passenger.on_lap_of.is_some() {
        return vec!["No seat of its own".to_owned()];
    }
    let checked = words::checked_with_extra(&direction.baggage, content.extra_kg);
    let cabin = &direction.baggage.cabin;
    if cabin.is_empty() {
        vec![checked]
    } else {
        vec![checked, format!("Cabin bag {cabin}")]
    }
}

/// A text in one line, a little smaller if need be, or else in several.
fn fitting(sheets: &Sheets, line: &str, column: Column) -> Vec<(Type, String)> {
    for kind in [text(9), text(8)] {
        if sheets.width(kind, line) <= column.width() {
            return vec![(kind, line.to_owned())];
        }
    }
    let lines = sheets.wrap(text(9), line, column.width()).into_iter();
    lines.map(|line| (text(9), line)).collect()
}

/// What they are, and what they asked for.
fn who(passenger: &PassengerContent) -> String {
    let kind = match &passenger.on_lap_of {
        Some(adult) => format!("Infant on the lap of {adult}"),
        None => format::sentence_case(&passenger.passenger_type),
    };
    let requests = passenger.special_requests.iter().cloned();
    std::iter::once(kind)
        .chain(requests)
        .collect::<Vec<_>>()
        .join(", ")
}

fn height(coupons: &[Coupon<'_>]) -> f64 {
    coupons.iter().map(Coupon::height).sum()
}
