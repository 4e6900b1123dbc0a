//! Reads the little languages of a search: windows of time, flight numbers, sorts.

use super::model::{Sort, Window};

/// The parts of a day, by their names and minutes (rules.md "Search").
pub(super) const TIME_BANDS: [(&str, Window); 5] = [
    ("early", Window::new(0, 5 * 60)),
    ("morning", Window::new(5 * 60, 11 * 60)),
    ("afternoon", Window::new(11 * 60, 16 * 60)),
    ("evening", Window::new(16 * 60, 19 * 60)),
    ("night", Window::new(19 * 60, 24 * 60)),
];

impl Window {
    /// From a minute of the day on and before another.
    pub(super) const fn new(from: u16, until: u16) -> Self {
        Self { from, until }
    }

    /// Whether a local minute of the day is inside.
    pub const fn contains(self, minute: u16) -> bool {
        self.from <= minute && minute < self.until
    }

    /// The window of `05:00-11:00` or of a part of the day; `None` for every other text and for an empty one.
    pub fn parse(raw: &str) -> Option<Self> {
        let raw = raw.trim().to_ascii_lowercase();
        if let Some((_, window)) = TIME_BANDS.iter().find(|(name, _)| *name == raw) {
            return Some(*window);
        }
        let (from, until) = raw.split_once('-')?;
        let window = Self::new(minute(from)?, minute(until)?);
        (window.from < window.until).then_some(window)
    }
}

fn minute(raw: &str) -> Option<u16> {
    let (hours, minutes) = raw.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 24 * 60).then_some(minute)
}

impl Sort {
    /// The order of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        match raw {
            "price" => Some(Self::Price),
            "duration" => Some(Self::Duration),
            "departure" => Some(Self::Departure),
            "arrival" => Some(Self::Arrival),
            "best" => Some(Self::Best),
            _ => None,
        }
    }
}

/// Airline, where one was named, and number without leading zeros: `AI101`, `ai 101`, `6E 023`, `101`.
pub(super) fn flight_number(raw: &str) -> Option<(Option<String>, String)> {
    let code = raw.trim().to_ascii_uppercase();
    if let Some((airline, rest)) = code.split_once([' ', '-']) {
        return Some((Some(airline_code(airline)?), number(rest.trim_start())?));
    }
    // An airline's code has a letter among its two characters; a number's first two have none, unless it ends there.
    let named = code.is_char_boundary(2).then(|| code.split_at(2));
    if let Some((airline, rest)) = named
        && let (Some(airline), Some(number)) = (airline_code(airline), number(rest))
    {
        return Some((Some(airline), number));
    }
    Some((None, number(&code)?))
}

fn airline_code(raw: &str) -> Option<String> {
    let shaped = raw.len() == 2
        && raw.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && raw.bytes().any(|byte| byte.is_ascii_alphabetic());
    shaped.then(|| raw.to_owned())
}

// One to four digits and at most one letter.
fn number(raw: &str) -> Option<String> {
    let digits = raw.strip_suffix(|last: char| last.is_ascii_alphabetic());
    let digits = digits.unwrap_or(raw);
    let shaped =
        (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = raw.trim_start_matches('0');
    (shaped && number.starts_with(|first: char| first.is_ascii_digit())).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_two_times_or_a_part_of_the_day() {
        assert_eq!(Window::parse("05:00-11:00"), Some(Window::new(300, 660)));
        assert_eq!(Window::parse("Morning"), Some(Window::new(300, 660)));
        assert_eq!(Window::parse("00:00-24:00"), Some(Window::new(0, 1440)));
        for wrong in [
            "",
            "noon",
            "25:00-26:00",
            "05:00",
            "05:60-07:00",
            "11:00-05:00",
            "05:00-05:00",
            "5:00-7:00",
            "05:00-24:01",
            "+5:00-07:00",
        ] {
            assert_eq!(Window::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_parts_of_the_day_fill_it_without_a_gap() {
        let mut next = 0;
        for (_, window) in TIME_BANDS {
            assert_eq!(window.from, next);
            next = window.until;
        }
        assert_eq!(next, 24 * 60);
    }

    #[test]
    fn a_flight_number_may_name_its_airline() {
        let read = |raw| {
            let (airline, number) = flight_number(raw)?;
            Some(format!("{} {number}", airline.unwrap_or_default()))
        };
        assert_eq!(read("AI101").as_deref(), Some("AI 101"));
        assert_eq!(read("ai 0101").as_deref(), Some("AI 101"));
        assert_eq!(read("6E23").as_deref(), Some("6E 23"));
        assert_eq!(read("6e-23a").as_deref(), Some("6E 23A"));
        assert_eq!(read("101").as_deref(), Some(" 101"));
        assert_eq!(read("101A").as_deref(), Some(" 101A"));
        for wrong in ["", "AI", "AI12345", "12345", "101AB", "A 1", "00", "é1"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
