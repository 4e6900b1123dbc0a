//! How amounts, dates, times and zones are written for people: the same in mails, on pages and in PDFs.

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};

use crate::money::{Currency, Money};

/// The amount without its currency, its digits in groups: `1,234,567.50`, and as India writes rupees `12,34,567.50`.
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
    // Lakh and crore: three digits, then twos (the Unicode CLDR's pattern `#,##,##0.00` of en-IN).
    let is_indian = money.currency() == Currency::INR;
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        let begins_group = if is_indian {
            left == 3 || (left > 3 && left % 2 == 1)
        } else {
            left.is_multiple_of(3)
        };
        if index > 0 && begins_group {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

/// `INR 5,914.10`.
pub fn money(money: Money) -> String {
    format!("{} {}", money.currency().code(), amount(money))
}

/// `14:00`.
pub fn time(local: DateTime<FixedOffset>) -> String {
    local.format("%H:%M").to_string()
}

/// `Sun 20 Dec 2026`.
pub fn date(local: DateTime<FixedOffset>) -> String {
    local.format("%a %-d %b %Y").to_string()
}

/// `20 November 2026`.
pub fn long_date(date: NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

/// `14:00` on that date, else with its own: `Sat 19 Dec, 23:00`.
pub fn time_seen_from(date: NaiveDate, local: DateTime<FixedOffset>) -> String {
    if local.date_naive() == date {
        time(local)
    } else {
        local.format("%a %-d %b, %H:%M").to_string()
    }
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

/// `Sun 20 Dec 2026, 14:00 (UTC+5:30)`.
pub fn moment(local: DateTime<FixedOffset>) -> String {
    format!("{}, {} ({})", date(local), time(local), offset(local))
}

/// `Fri 20 Nov 2026, 09:05 UTC`, for instants that belong to no airport.
pub fn instant(instant: DateTime<Utc>) -> String {
    instant.format("%a %-d %b %Y, %H:%M UTC").to_string()
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

/// `+1 day`, `-1 day`, or nothing when it lands on the date it leaves.
pub fn day_offset(departs: DateTime<FixedOffset>, arrives: DateTime<FixedOffset>) -> String {
    match (arrives.date_naive() - departs.date_naive()).num_days() {
        0 => String::new(),
        days @ (1 | -1) => format!("{days:+} day"),
        days => format!("{days:+} days"),
    }
}

/// `premium_economy` as people say it: `Premium economy`.
pub fn sentence_case(raw: &str) -> String {
    let spaced = raw.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_as_their_country_does_and_keep_their_digits() {
        for (minor, currency, words) in [
            (591_410, Currency::INR, "5,914.10"),
            (-30_000, Currency::INR, "-300.00"),
            (9_999_900, Currency::INR, "99,999.00"),
            (21_876_700, Currency::INR, "2,18,767.00"),
            (-123_456_750, Currency::INR, "-12,34,567.50"),
            (1_234_567_890, Currency::INR, "1,23,45,678.90"),
            (123_456_750, Currency::USD, "1,234,567.50"),
            (125_000, Currency::JPY, "125,000"),
            (999, Currency::JPY, "999"),
            (1_234_567, Currency::KWD, "1,234.567"),
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

    #[test]
    fn a_time_of_the_day_before_says_so() {
        let date = NaiveDate::from_ymd_opt(2026, 12, 20).unwrap();
        for (local, words) in [
            ("2026-12-20T01:00:00+05:30", "01:00"),
            ("2026-12-19T23:00:00+05:30", "Sat 19 Dec, 23:00"),
            ("2026-12-20T00:00:00+05:30", "00:00"),
        ] {
            assert_eq!(time_seen_from(date, local.parse().unwrap()), words);
        }
    }
}
