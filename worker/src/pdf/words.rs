//! How a ticket's facts are put into words.

use flightdesk_core::document::{
    Baggage, FlightContent, PaidWith, PassengerContent, PriceLineContent, RefundCause,
    RefundReceiptContent,
};
use flightdesk_core::format::{self, sentence_case};

/// `9 h in London`, and where to go when it is another airport.
pub fn layover(before: &FlightContent, after: &FlightContent) -> String {
    let wait = format::duration(after.departs - before.arrives);
    let (landed, leaves) = (&before.destination, &after.origin);
    if landed.iata == leaves.iata {
        format!("{wait} in {}", landed.city)
    } else {
        format!(
            "{wait} to change from {} to {} in {}",
            landed.iata, leaves.iata, leaves.city
        )
    }
}

/// `098-2100000001 (1)`, and the number after it on a long journey.
pub fn ticket_numbers(passenger: &PassengerContent) -> String {
    match &passenger.conjunction_number {
        Some(next) => format!("{} and {next}", passenger.ticket_number),
        None => passenger.ticket_number.to_string(),
    }
}

/// `AI 161`.
pub fn flight_number(flight: &FlightContent) -> String {
    format!("{} {}", flight.airline.iata, flight.number)
}

/// `Checked 1 × 15 kg`, `No checked bag`.
pub fn checked(baggage: &Baggage) -> String {
    match (baggage.checked_pieces, baggage.checked_kg) {
        (..=0, ..=0) => "No checked bag".to_owned(),
        (..=0, kg) => format!("Checked {kg} kg"),
        (1, ..=0) => "Checked 1 piece".to_owned(),
        (1, kg) => format!("Checked 1 piece, {kg} kg"),
        (pieces, ..=0) => format!("Checked {pieces} pieces"),
        (pieces, kg) => format!("Checked {pieces} pieces, {kg} kg"),
    }
}

/// `Checked 15 kg + 10 kg`, `Checked 10 kg extra`: what is prepaid comes in pieces of its own, so none are counted.
pub fn checked_with_extra(baggage: &Baggage, extra_kg: i64) -> String {
    let nothing = baggage.checked_pieces <= 0 && baggage.checked_kg <= 0;
    match (nothing, extra_kg) {
        (_, ..=0) => checked(baggage),
        (true, kg) => format!("Checked {kg} kg extra"),
        (false, kg) if baggage.checked_kg > 0 => {
            format!("Checked {} kg + {kg} kg", baggage.checked_kg)
        }
        (false, kg) => format!("{} + {kg} kg", checked(baggage)),
    }
}

/// The words of a price line and whom it is for.
pub fn price_line(line: &PriceLineContent) -> String {
    let what = match line.kind.as_str() {
        // A charge that is kept of it says so.
        "base_fare" => line.name.clone().unwrap_or_else(|| "Fare".to_owned()),
        "tax" | "fee" => line.name.clone().map_or_else(
            || format!("{} {}", sentence_case(&line.kind), line.code),
            |name| format!("{name} ({})", line.code),
        ),
        "baggage" => format!("Extra baggage {}", line.code.replace("kg", " kg")),
        "discount" => format!("Coupon {}", line.code),
        other => format!("{} {}", sentence_case(other), line.code.replace('_', " ")),
    };
    match line.flight.as_ref().or(line.direction.as_ref()) {
        Some(about) => format!("{what}, {about}"),
        None => what,
    }
}

/// `2 × adult`.
pub fn quantity(line: &PriceLineContent) -> String {
    match (&line.passenger_type, line.quantity) {
        (Some(passenger), quantity) => format!("{quantity} × {passenger}"),
        (None, quantity) => match line.kind.as_str() {
            "discount" => String::new(),
            "seat" => format!("{quantity} × seat"),
            "baggage" => format!("{quantity} × passenger"),
            _ => format!("{quantity} × booking"),
        },
    }
}

/// `Paid with Visa ending in 4242`.
pub fn paid(paid: Option<&PaidWith>) -> String {
    let Some(paid) = paid else {
        return "No payment was due".to_owned();
    };
    let sum = format::money(paid.amount);
    match (&paid.card_brand, &paid.card_last4) {
        (Some(brand), Some(last4)) => {
            format!("Paid {sum} with {} ending in {last4}", sentence_case(brand))
        }
        _ => format!("Paid {sum} by card"),
    }
}

/// `Visa ending in 4242`, or the bank account that it went to instead.
pub fn paid_back_to(content: &RefundReceiptContent) -> String {
    if content.is_bank_transfer {
        return "Bank account of the traveller".to_owned();
    }
    let paid = &content.paid_with;
    match (&paid.card_brand, &paid.card_last4) {
        (Some(brand), Some(last4)) => format!("{} ending in {last4}", sentence_case(brand)),
        _ => "The card of the payment".to_owned(),
    }
}

/// `Refunded INR 600.00 on 3 December 2026.`, and when it shows, or that the bank returned it.
pub fn paid_back(content: &RefundReceiptContent) -> String {
    let sum = format::money(content.total);
    let day = format::long_date(content.issued_on);
    match content.returned_on {
        Some(returned) => {
            let returned = format::long_date(returned);
            format!("Refunded {sum} on {day}; returned by the bank on {returned}.")
        }
        None if content.is_bank_transfer => format!("Refunded {sum} by bank transfer on {day}."),
        None => format!("Refunded {sum} on {day}. Banks show it within 5 to 10 days."),
    }
}

/// What money was that went back, where no line says it.
pub fn cause(cause: RefundCause) -> &'static str {
    match cause {
        RefundCause::NotOwed => "Payment received in error: it was no longer owed",
        RefundCause::SeatsGone => {
            "Payment received for other seats, which were no longer available"
        }
        RefundCause::PaidTwice => "Payment received in error: the booking was already paid",
        RefundCause::NotAskedFor => "Payment received in error: it was not the payment asked for",
        RefundCause::SeatFees => "Fee of a chosen seat that was not available",
        RefundCause::SeatSwap => "Fee of a chosen seat that another aircraft does not have",
        RefundCause::Cancellation => "Cancelled flights",
        RefundCause::Change => "Changed flights, which cost less",
        RefundCause::FlightsGone => "Payment for other flights, which were no longer available",
        RefundCause::Staff => "Refund by customer service",
    }
}
