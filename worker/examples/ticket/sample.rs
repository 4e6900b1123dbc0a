//! A ticket that nobody bought.

use anyhow::Context;
use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use flightdesk_core::document::{
    Baggage, Boarding, Carrier, CorrectedInvoice, CouponContent, DirectionContent, FlightContent,
    InvoiceContent, PaidWith, PassengerContent, Place, PriceLineContent, RefundCause,
    RefundReceiptContent, ReturnedLine, Seller, SupplyContent, SupplyTax, TicketContent,
};
use flightdesk_core::ids::DocumentId;
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::ticket::{BoardingPass, Compartment, Seat, TicketNumber};

/// A night flight for `count` people of one name.
pub fn ticket(count: usize, first_name: &str, last_name: &str) -> anyhow::Result<TicketContent> {
    let booked_at: DateTime<Utc> = "2026-11-20T09:05:00Z".parse()?;
    let flights = [flight("2026-12-20T21:40:00+05:30", 485)?];
    let inr = |minor| Money::new(minor, Currency::INR);
    let price_lines: Vec<_> = [
        ("base_fare", "YSTANDARD", None, 451_200),
        ("tax", "CUTE", Some("Common user terminal equipment"), 5_000),
        ("tax", "RCS", Some("Regional connectivity"), 5_000),
        ("tax", "ASF", Some("Aviation security fee"), 23_600),
        ("tax", "PSF", Some("Passenger service fee"), 9_100),
        ("tax", "UDF", Some("User development fee"), 6_100),
        ("tax", "GST", Some("Goods and services tax"), 22_560),
    ]
    .into_iter()
    .map(|(kind, code, name, amount)| PriceLineContent {
        kind: kind.to_owned(),
        code: code.to_owned(),
        name: name.map(str::to_owned),
        flight: Some("AI 382".to_owned()),
        direction: Some("departing".to_owned()),
        passenger_type: Some("adult".to_owned()),
        quantity: i32::try_from(count).unwrap_or(1),
        amount: inr(amount * i64::try_from(count).unwrap_or(1)),
    })
    .chain([PriceLineContent {
        kind: "fee".to_owned(),
        code: "CONV".to_owned(),
        name: Some("Convenience fee".to_owned()),
        flight: None,
        direction: None,
        passenger_type: None,
        quantity: 1,
        amount: inr(30_000),
    }])
    .collect();
    let total = inr(price_lines.iter().map(|line| line.amount.minor()).sum());
    let passengers = (0..count)
        .map(|index| passenger(index, first_name, last_name, &flights))
        .collect::<anyhow::Result<_>>()?;
    Ok(TicketContent {
        document_id: DocumentId(uuid::Uuid::nil()),
        revision: 1,
        booking_ref: "K7XQ3M".to_owned(),
        airline: carrier(),
        booking_status: "confirmed".to_owned(),
        booked_at,
        issued_at: booked_at + TimeDelta::minutes(2),
        directions: vec![DirectionContent {
            name: "departing".to_owned(),
            cabin: "economy".to_owned(),
            fare_family: "Standard".to_owned(),
            baggage: Baggage {
                cabin: "7 kg, 115 cm".to_owned(),
                checked_pieces: 1,
                checked_kg: 15,
            },
            rules: vec![
                "Cancelling costs 3500 INR per passenger from 72 hours before departure, 3000 INR before that, and nothing until 168 hours before.".to_owned(),
                "Changing costs the fee of the day and the difference in fare. Refundable taxes always come back, on a no-show too.".to_owned(),
            ],
            flights: flights.to_vec(),
        }],
        passengers,
        price_lines,
        total,
        booking_total: total,
        paid_with: Some(PaidWith {
            amount: total,
            card_brand: Some("visa".to_owned()),
            card_last4: Some("4242".to_owned()),
        }),
    })
}

/// A round trip over two connections each for `count` people: six flights, one of them overnight, two ticket numbers.
pub fn round_trip(
    count: usize,
    first_name: &str,
    last_name: &str,
) -> anyhow::Result<TicketContent> {
    let mut content = ticket(count, first_name, last_name)?;
    let out = [
        leg("804", [BLR, DEL], "2026-12-20T06:10:00+05:30", 165, 330)?,
        leg("161", [DEL, LHR], "2026-12-20T14:00:00+05:30", 580, 0)?,
        leg("7904", [LHR, EDI], "2026-12-20T21:15:00+00:00", 85, 0)?,
    ];
    let back = [
        leg("7907", [EDI, LGW], "2027-01-05T12:05:00+00:00", 90, 0)?,
        leg("162", [LHR, DEL], "2027-01-05T20:30:00+00:00", 515, 330)?,
        leg("803", [DEL, BLR], "2027-01-06T13:05:00+05:30", 170, 330)?,
    ];
    let all = [out.as_slice(), back.as_slice()].concat();
    content.passengers = (0..count)
        .map(|index| passenger(index, first_name, last_name, &all))
        .collect::<anyhow::Result<_>>()?;
    for (index, passenger) in content.passengers.iter_mut().enumerate() {
        let number = |nth| TicketNumber::parse(&format!("098{}", 6_000_000_001 + 2 * index + nth));
        passenger.ticket_number = number(0)?;
        passenger.conjunction_number = Some(number(1)?);
    }
    if let [.., child, infant] = content.passengers.as_mut_slice() {
        "child".clone_into(&mut child.passenger_type);
        "infant".clone_into(&mut infant.passenger_type);
        infant.on_lap_of = Some(format!("{first_name} {last_name}"));
    }
    for line in &mut content.price_lines {
        line.flight = line.flight.take().map(|_| "AI 804".to_owned());
    }
    add_extras(&mut content)?;
    let mut returning = content.directions[0].clone();
    content.directions[0].flights = out.to_vec();
    "returning".clone_into(&mut returning.name);
    returning.flights = back.to_vec();
    content.directions.push(returning);
    Ok(content)
}

/// The invoice of a ticket, from a seller in Delhi.
pub fn invoice(ticket: &TicketContent) -> InvoiceContent {
    let inr = |minor| Money::new(minor, Currency::INR);
    let sum = |is_part: &dyn Fn(&PriceLineContent) -> bool| {
        let lines = ticket.price_lines.iter().filter(|line| is_part(line));
        inr(lines.map(|line| line.amount.minor()).sum())
    };
    let gst = sum(&|line| line.code == "GST");
    let half = |name| SupplyTax {
        name,
        rate: Some("2.5".to_owned()),
        amount: inr(gst.minor() / 2),
    };
    let supply = |sac: &str, description: &str, value, taxable, taxes| SupplyContent {
        sac: sac.to_owned(),
        description: description.to_owned(),
        direction: None,
        place: "Delhi (07)".to_owned(),
        value,
        taxable,
        taxes,
    };
    let flights = supply(
        "996425",
        "Scheduled air transport of passengers",
        sum(&|line| line.kind != "fee" && line.code != "GST"),
        sum(&|line| line.kind == "base_fare"),
        vec![half("CGST"), half("SGST")],
    );
    let fee = sum(&|line| line.kind == "fee");
    let service = "Reservation services for transportation";
    InvoiceContent {
        document_id: ticket.document_id,
        number: "FD/26-27/000123".to_owned(),
        issued_at: ticket.issued_at,
        issued_on: ticket.issued_at.date_naive(),
        seller: Seller {
            name: "Flightdesk Travels Private Limited".to_owned(),
            address: "1 Janpath, New Delhi 110001".to_owned(),
            tax_number: Some("07AABCU9603R1ZP".to_owned()),
        },
        buyer: ticket
            .passengers
            .iter()
            .take(1)
            .map(|passenger| passenger.name.clone())
            .chain(["traveller@example.com".to_owned()])
            .collect(),
        booking_ref: ticket.booking_ref.clone(),
        airlines: vec![ticket.airline.clone()],
        lines: ticket.price_lines.clone(),
        supplies: vec![flights, supply("998551", service, fee, inr(0), Vec::new())],
        total: ticket.total,
        paid_with: ticket.paid_with.clone(),
    }
}

/// The credit note of a cancelled ticket: each passenger's lines by name, less a charge; the fee of the booking is kept.
pub fn credit_note(ticket: &TicketContent) -> RefundReceiptContent {
    let invoice = invoice(ticket);
    let currency = ticket.total.currency();
    let mut lines = Vec::new();
    for passenger in &ticket.passengers {
        let returned = |line: &PriceLineContent, name: Option<&str>, minor| ReturnedLine {
            passenger: Some(passenger.name.clone()),
            line: PriceLineContent {
                name: name.map(str::to_owned).or_else(|| line.name.clone()),
                quantity: 1,
                amount: Money::new(minor, currency),
                ..line.clone()
            },
        };
        for line in &ticket.price_lines {
            let each = line.amount.minor() / i64::from(line.quantity);
            match line.kind.as_str() {
                "fee" | "discount" => {}
                "base_fare" => {
                    lines.push(returned(line, None, each));
                    lines.push(returned(line, Some("Cancellation charge"), -350_000));
                }
                _ => lines.push(returned(line, None, each)),
            }
        }
    }
    let sum = |is_part: &dyn Fn(&PriceLineContent) -> bool| {
        let lines = lines.iter().filter(|one| is_part(&one.line));
        Money::new(lines.map(|one| one.line.amount.minor()).sum(), currency)
    };
    let (total, gst) = (sum(&|_| true), sum(&|line| line.code == "GST"));
    let mut supplies = invoice.supplies;
    supplies.truncate(1);
    for supply in &mut supplies {
        supply.value = sum(&|line| line.code != "GST");
        supply.taxable = sum(&|line| line.kind == "base_fare");
        for tax in &mut supply.taxes {
            tax.amount = Money::new(gst.minor() / 2, currency);
        }
    }
    let issued_at = invoice.issued_at + TimeDelta::days(10);
    RefundReceiptContent {
        document_id: ticket.document_id,
        revision: 1,
        number: "FD/26-27/C00012".to_owned(),
        issued_at,
        issued_on: issued_at.date_naive(),
        corrects: Some(CorrectedInvoice {
            number: invoice.number,
            issued_on: invoice.issued_on,
        }),
        seller: invoice.seller,
        buyer: invoice.buyer,
        booking_ref: invoice.booking_ref,
        airlines: invoice.airlines,
        passengers: (ticket.passengers.iter().map(|one| one.name.clone())).collect(),
        cause: RefundCause::Cancellation,
        waiver: None,
        lines,
        supplies,
        total,
        paid_with: PaidWith {
            amount: total,
            card_brand: Some("visa".to_owned()),
            card_last4: Some("4242".to_owned()),
        },
        is_bank_transfer: false,
        returned_on: None,
    }
}

/// The receipt of money that came twice for a ticket.
pub fn refund_receipt(ticket: &TicketContent) -> RefundReceiptContent {
    let content = credit_note(ticket);
    RefundReceiptContent {
        number: "FD/26-27/R00003".to_owned(),
        corrects: None,
        cause: RefundCause::PaidTwice,
        lines: Vec::new(),
        supplies: Vec::new(),
        total: ticket.total,
        paid_with: PaidWith {
            amount: ticket.total,
            ..content.paid_with
        },
        ..content
    }
}

/// Bags for every other passenger, a chosen seat, a special meal and a coupon.
fn add_extras(content: &mut TicketContent) -> anyhow::Result<()> {
    for passenger in content.passengers.iter_mut().step_by(2) {
        for coupon in &mut passenger.coupons {
            coupon.extra_kg = 10;
        }
    }
    if let Some(first) = content.passengers.first_mut() {
        first.special_requests = vec![
            "Vegan meal (VGML)".to_owned(),
            "Wheelchair to the gate (WCHR)".to_owned(),
        ];
    }
    let line = |kind: &str, code: &str, of: Option<&str>, quantity, minor| PriceLineContent {
        kind: kind.to_owned(),
        code: code.to_owned(),
        name: None,
        flight: None,
        direction: of.map(str::to_owned),
        passenger_type: None,
        quantity,
        amount: Money::new(minor, Currency::INR),
    };
    let with_bags = i32::try_from(content.passengers.len().div_ceil(2))?;
    content.price_lines.extend([
        line("seat", "exit_row 12A", Some("departing"), 1, 120_000),
        line(
            "baggage",
            "10kg",
            Some("departing"),
            with_bags,
            450_000 * i64::from(with_bags),
        ),
        line(
            "baggage",
            "10kg",
            Some("returning"),
            with_bags,
            450_000 * i64::from(with_bags),
        ),
        line("discount", "SUMMER10", None, 1, -250_000),
    ]);
    let sum = content
        .price_lines
        .iter()
        .map(|line| line.amount.minor())
        .sum();
    content.total = Money::new(sum, Currency::INR);
    content.booking_total = content.total;
    content.revision = 2;
    if let Some(paid) = &mut content.paid_with {
        paid.amount = content.total;
    }
    Ok(())
}

type Airport<'a> = [&'a str; 4];

const BLR: Airport<'_> = ["BLR", "Kempegowda International Airport", "Bengaluru", "IN"];
const DEL: Airport<'_> = [
    "DEL",
    "Indira Gandhi International Airport",
    "New Delhi",
    "IN",
];
const LHR: Airport<'_> = ["LHR", "London Heathrow Airport", "London", "GB"];
const LGW: Airport<'_> = ["LGW", "London Gatwick Airport", "London", "GB"];
const EDI: Airport<'_> = ["EDI", "Edinburgh Airport", "Edinburgh", "GB"];

const SIN: Airport<'_> = ["SIN", "Singapore Changi Airport", "Singapore", "SG"];

fn place([iata, name, city, country]: Airport<'_>) -> Place {
    Place {
        iata: iata.to_owned(),
        name: name.to_owned(),
        city: city.to_owned(),
        country: country.to_owned(),
    }
}

/// A flight that lands where clocks are `offset` minutes ahead of UTC.
fn leg(
    number: &str,
    route: [Airport<'_>; 2],
    departs: &str,
    minutes: i64,
    offset: i32,
) -> anyhow::Result<FlightContent> {
    let [origin, destination] = route.map(place);
    let flight = flight(departs, minutes)?;
    let there = FixedOffset::east_opt(offset * 60).context("an offset")?;
    Ok(FlightContent {
        number: number.to_owned(),
        arrives: flight.arrives.with_timezone(&there),
        origin,
        destination,
        ..flight
    })
}

fn carrier() -> Carrier {
    Carrier {
        iata: "AI".to_owned(),
        name: "Air India".to_owned(),
    }
}

fn flight(departs: &str, minutes: i64) -> anyhow::Result<FlightContent> {
    let departs: DateTime<FixedOffset> = departs.parse()?;
    let singapore = FixedOffset::east_opt(8 * 3600).context("an offset")?;
    Ok(FlightContent {
        airline: carrier(),
        number: "382".to_owned(),
        aircraft: "Boeing 787-8".to_owned(),
        origin: place(DEL),
        destination: place(SIN),
        departs,
        arrives: (departs + TimeDelta::minutes(minutes)).with_timezone(&singapore),
        boarding: Boarding {
            desk_opens: departs - TimeDelta::minutes(180),
            desk_closes: departs - TimeDelta::minutes(60),
            begins: departs - TimeDelta::minutes(35),
            gate_closes: departs - TimeDelta::minutes(15),
        },
    })
}

fn passenger(
    index: usize,
    first_name: &str,
    last_name: &str,
    flights: &[FlightContent],
) -> anyhow::Result<PassengerContent> {
    let row = u16::try_from(12 + index / 3)?;
    let letter = ['A', 'B', 'C'][index % 3];
    let coupons = flights
        .iter()
        .enumerate()
        .map(|(flight_index, flight)| CouponContent {
            flight_index,
            flight: format!("{} {}", flight.airline.iata, flight.number),
            seat: Some(format!("{row}{letter}")),
            extra_kg: 0,
            barcode: BoardingPass {
                last_name: last_name.to_owned(),
                first_name: Some(first_name.to_owned()),
                booking_ref: "K7XQ3M".to_owned(),
                origin: flight.origin.iata.clone(),
                destination: flight.destination.iata.clone(),
                airline: flight.airline.iata.clone(),
                flight_number: flight.number.clone(),
                departure_date: flight.departs.date_naive(),
                compartment: Compartment::Economy,
                seat: Seat::At { row, letter },
                sequence: 0,
                status: '0',
                conditional: String::new(),
            }
            .encode(),
        });
    Ok(PassengerContent {
        name: format!("Ms {first_name} {last_name}"),
        passenger_type: "adult".to_owned(),
        ticket_number: TicketNumber::parse(&format!("098{}", 2_100_000_001 + index))?,
        conjunction_number: None,
        on_lap_of: None,
        special_requests: Vec::new(),
        coupons: coupons.collect(),
    })
}
