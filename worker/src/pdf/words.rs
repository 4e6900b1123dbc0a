//! How a ticket's facts are put into words.

use chrono::{DateTime, FixedOffset, TimeDelta};
use flightdesk_core::document::{
    Baggage, FlightContent, PaidWith, PassengerContent, PriceLineContent,
};
use flightdesk_core::money::Money;

/// `premium_economy` as people say it: `Premium economy`.
pub fn sentence_case(raw: &str) -> String {
    let spaced = raw.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// `14:00`.
pub fn time(local: DateTime<FixedOffset>) -> String {
    local.format("%H:%M").to_string()
}

/// `Sun 20 Dec 2026`.
pub fn date(local: DateTime<FixedOffset>) -> String {
    local.format("%a %-d %b %Y").to_string()
}

/// `UTC+5:30`: unlike IST or CST, it names one offset alone.
pub fn offset(local: DateTime<FixedOffset>) -> String {
    let minutes = local.offset().local_minus_utc() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    match (hours, rest) {
        (0, 0) => "UTC".to_owned(),
        (_, 0) => format!("UTC{sign}{hours}"),
        _ => format!("UTC{sign}{hours}:{rest:02}"),
    }
}

/// `9 h 40 min`.
pub fn duration(time: TimeDelta) -> String {
    let (hours, minutes) = (time.num_minutes() / 60, time.num_minutes() % 60);
    match (hours, minutes) {
        (0, _) => format!("{minutes} min"),
        (_, 0) => format!("{hours} h"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

/// `+1 day`, `-1 day`, or nothing on the same date.
pub fn day_offset(flight: &FlightContent) -> String {
    match flight.day_offset() {
        0 => String::new(),
        days @ (1 | -1) => format!("{days:+} day"),
        days => format!("{days:+} days"),
    }
}

/// `9 h in London`, and where to go when it is another airport.
pub fn layover(before: &FlightContent, after: &FlightContent) -> String {
    let wait = duration(after.departs - before.arrives);
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
        "base_fare" => "Fare".to_owned(),
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

/// The amount without its currency, in groups of three: `1,234,567.50`.
pub fn amount(money: Money) -> String {
    let decimal = money.decimal();
    let (number, fraction) = decimal
        .split_once('.')
        .map_or((decimal.as_str(), None), |(number, fraction)| {
            (number, Some(fraction))
        });
    let (sign, digits) = number
        .strip_prefix('-')
        .map_or(("", number), |digits| ("-", digits));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

/// `Paid with Visa ending in 4242`.
pub fn paid(paid: Option<&PaidWith>) -> String {
    let Some(paid) = paid else {
        return "Nothing was to pay".to_owned();
    };
    let sum = format!("{} {}", paid.amount.currency().code(), amount(paid.amount));
    match (&paid.card_brand, &paid.card_last4) {
        (Some(brand), Some(last4)) => {
            format!("Paid {sum} with {} ending in {last4}", sentence_case(brand))
        }
        _ => format!("Paid {sum} by card"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flightdesk_core::money::Currency;

    #[test]
    fn amounts_are_grouped_and_keep_their_digits() {
        for (minor, currency, words) in [
            (591_410, Currency::INR, "5,914.10"),
            (-30_000, Currency::INR, "-300.00"),
            (123_456_750, Currency::INR, "1,234,567.50"),
            (125_000, Currency::JPY, "125,000"),
            (999, Currency::JPY, "999"),
        ] {
            assert_eq!(amount(Money::new(minor, currency)), words);
        }
    }

    #[test]
    fn offsets_have_minutes_only_where_they_matter() {
        for (local, words) in [
            ("2026-12-20T14:00:00+05:30", "UTC+5:30"),
            ("2026-12-20T14:00:00+00:00", "UTC"),
            ("2026-12-20T14:00:00-08:00", "UTC-8"),
            ("2026-12-20T14:00:00-03:30", "UTC-3:30"),
            ("2026-12-20T14:00:00+13:45", "UTC+13:45"),
        ] {
            assert_eq!(offset(local.parse().unwrap()), words);
        }
    }
}
