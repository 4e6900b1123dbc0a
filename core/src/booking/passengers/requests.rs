//! What a passenger asks for and travels with: both optional, both checked.

use chrono::NaiveDate;

use crate::clock::parse_date;
use crate::error::Violations;
use crate::place;
use crate::trade::{self, request_words};

/// A travel document as the caller wrote it.
#[derive(Clone, Debug, Default)]
pub struct NewTravelDocument {
    /// `passport` or `national_id`.
    pub kind: String,
    /// As printed: 5-20 letters and digits.
    pub number: String,
    /// The country that issued it: ISO 3166, two letters.
    pub country: String,
    /// ISO 8601.
    pub expires_on: String,
}

/// A passport or identity card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TravelDocument {
    /// `passport` or `national_id`.
    pub kind: String,
    /// Upper-case letters and digits.
    pub number: String,
    /// The country that issued it: ISO 3166, two letters.
    pub country: String,
    /// The last day it is good.
    pub expires_on: NaiveDate,
}

/// Known codes, each once, at most one meal and one wheelchair.
pub(super) fn requests(wrong: &mut Violations, field: &str, codes: &[String]) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for (index, raw) in codes.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let code = raw.to_ascii_uppercase();
        let same_kind = |other: &String| {
            let both = |part: fn(&str) -> bool| part(&code) && part(other);
            *other == code
                || both(|code| code.ends_with("ML"))
                || both(|code| code.starts_with("WCH"))
        };
        if request_words(&code).is_none() {
            let codes: Vec<_> = trade::special_requests().map(|(code, _)| *code).collect();
            wrong.add(
                field,
                "unknown",
                format!("write one of {}", codes.join(", ")),
            );
        } else if known.iter().any(same_kind) {
            wrong.add(
                field,
                "duplicate",
                "ask for at most one meal and one wheelchair, and for each code once",
            );
        } else {
            known.push(code);
        }
    }
    known
}

/// A document that is good on the day of the last flight.
pub(super) fn travel_document(
    wrong: &mut Violations,
    field: &str,
    input: &NewTravelDocument,
    last_departure: NaiveDate,
) -> Option<TravelDocument> {
    let path = |name: &str| format!("{field}.{name}");
    let before = wrong.len();
    if !["passport", "national_id"].contains(&input.kind.as_str()) {
        wrong.add(path("type"), "unknown", "write passport or national_id");
    }
    let number = input.number.to_ascii_uppercase();
    let printed = number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !printed || !(5..=20).contains(&number.len()) {
        wrong.add(
            path("number"),
            "format",
            "write the 5 to 20 letters and digits of the number, without spaces or hyphens",
        );
    }
    let country = input.country.to_ascii_uppercase();
    if country.len() != 2 || place::country_name(&country) == country {
        wrong.add(
            path("country"),
            "unknown",
            "write the two letters of an ISO 3166 country code, such as IN",
        );
    }
    let expires_on = parse_date(&input.expires_on);
    match expires_on {
        None => wrong.add(
            path("expires_on"),
            "date",
            "write a date as year-month-day, such as 2030-05-17",
        ),
        Some(last) if last < last_departure => {
            wrong.add(
                path("expires_on"),
                "expired",
                "the document must still be valid on the day of the last flight: use one that is",
            );
        }
        Some(_) => {}
    }
    let good = wrong.len() == before;
    expires_on
        .filter(|_| good)
        .map(|expires_on| TravelDocument {
            kind: input.kind.clone(),
            number,
            country,
            expires_on,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn codes(wrong: Violations) -> Vec<(String, &'static str)> {
        match wrong.into_result() {
            Err(Error::Invalid(fields)) => fields
                .into_iter()
                .map(|wrong| (wrong.field, wrong.code))
                .collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn one_meal_and_one_wheelchair_can_be_asked_for() {
        let ask = |wanted: &[&str]| {
            let mut wrong = Violations::new();
            let wanted: Vec<_> = wanted.iter().map(|code| (*code).to_owned()).collect();
            let known = requests(&mut wrong, "r", &wanted);
            (known, codes(wrong))
        };
        assert_eq!(
            ask(&["vgml", "WCHR", "DEAF"]),
            (vec!["VGML".into(), "WCHR".into(), "DEAF".into()], vec![])
        );
        let expected = vec![
            ("r[1]".into(), "duplicate"),
            ("r[3]".into(), "duplicate"),
            ("r[4]".into(), "unknown"),
        ];
        assert_eq!(ask(&["VGML", "KSML", "WCHR", "WCHC", "PETC"]).1, expected);
    }

    #[test]
    fn a_document_is_whole_and_good_on_the_day_of_the_last_flight() {
        let last = NaiveDate::from_ymd_opt(2026, 12, 20).unwrap();
        let check = |number: &str, country: &str, expires_on: &str| {
            let mut wrong = Violations::new();
            let input = NewTravelDocument {
                kind: "passport".into(),
                number: number.into(),
                country: country.into(),
                expires_on: expires_on.into(),
            };
            let document = travel_document(&mut wrong, "d", &input, last);
            (document.map(|document| document.number), codes(wrong))
        };
        assert_eq!(
            check("z1234567", "in", "2026-12-20"),
            (Some("Z1234567".into()), vec![])
        );
        let (document, wrong) = check("Z 1", "QQ", "2026-12-19");
        assert_eq!(document, None);
        let expected = [
            ("d.number".into(), "format"),
            ("d.country".into(), "unknown"),
            ("d.expires_on".into(), "expired"),
        ];
        assert_eq!(wrong, expected);
    }
}
