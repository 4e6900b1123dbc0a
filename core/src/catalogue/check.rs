//! What may stand in the fields of the catalogue.

use sqlx::PgConnection;

use crate::error::Violations;
use crate::trade::Cabin;
use crate::{Result, money, place, text};

/// Notes a code that is not so many capital letters, or letters and digits.
pub(super) fn code(wrong: &mut Violations, field: &str, value: &str, length: usize, digits: bool) {
    let fits = |letter: u8| letter.is_ascii_uppercase() || digits && letter.is_ascii_digit();
    if value.len() != length || !value.bytes().all(fits) {
        let kind = if digits {
            "capital letters or digits"
        } else {
            "capital letters"
        };
        wrong.add(field, "format", format!("must have {length} {kind}"));
    }
}

/// The same of one that may be absent.
pub(super) fn optional_code(
    wrong: &mut Violations,
    field: &str,
    value: Option<&str>,
    length: usize,
    digits: bool,
) {
    if let Some(value) = value {
        code(wrong, field, value, length, digits);
    }
}

/// Notes what is no name of so many characters at most.
pub(super) fn name(wrong: &mut Violations, field: &str, value: &str, most: usize) {
    match text::one_line(value, most) {
        Ok(line) if line == value => {}
        Ok(_) => wrong.add(field, "format", "must not begin or end with a blank"),
        Err((code, message)) => wrong.add(field, code, message),
    }
}

/// Notes what is no country (ISO 3166).
pub(super) fn country(wrong: &mut Violations, field: &str, value: &str) {
    let is_code = value.len() == 2 && value.bytes().all(|letter| letter.is_ascii_uppercase());
    if !is_code || place::country_name(value) == value {
        let message = "must be a country of ISO 3166 in two capital letters, such as IN";
        wrong.add(field, "unknown", message);
    }
}

/// Notes what is no currency (ISO 4217).
pub(super) fn currency(wrong: &mut Violations, field: &str, value: &str) {
    if money::currency(value).is_none() {
        wrong.add(
            field,
            "unknown",
            "must be a currency of ISO 4217, such as INR",
        );
    }
}

/// Notes a word that is not among those that there are.
pub(super) fn word(wrong: &mut Violations, field: &str, value: &str, known: &[&str]) {
    if !known.contains(&value) {
        wrong.add(
            field,
            "unknown",
            format!("must be one of {}", known.join(", ")),
        );
    }
}

/// Notes what is no cabin.
pub(super) fn cabin(wrong: &mut Violations, field: &str, value: &str) {
    word(wrong, field, value, &Cabin::ALL.map(Cabin::as_str));
}

/// Notes a list with a repeated item.
pub(super) fn distinct(wrong: &mut Violations, field: &str, values: &[String]) {
    for (index, value) in values.iter().enumerate() {
        if values[..index].contains(value) {
            let message = format!("is named before: {value}");
            wrong.add(format!("{field}[{index}]"), "duplicate", message);
        }
    }
}

/// Notes a number outside of a range.
pub(super) fn range(wrong: &mut Violations, field: &str, value: i64, least: i64, most: i64) {
    if !(least..=most).contains(&value) {
        wrong.add(field, "out_of_range", format!("must be {least} to {most}"));
    }
}

/// The most that an amount may be, in minor units: more fits into no sum of a booking.
pub(super) const MOST_MINOR: i64 = 1_000_000_000_000;

/// Notes an amount below a least one, or beyond what can be charged.
pub(super) fn amount(wrong: &mut Violations, field: &str, minor: i64, least: i64) {
    range(wrong, field, minor, least, MOST_MINOR);
}

/// A decimal of up to four places, in ten-thousandths; noted when it is none or outside of a range of whole numbers.
pub(super) fn decimal(
    wrong: &mut Violations,
    field: &str,
    value: &str,
    (above, most): (i64, i64),
) -> Option<i64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let read = (is_number(whole) && is_number(fraction) && fraction.len() <= 4 && whole.len() <= 6)
        .then(|| format!("{whole}{fraction:0<4}").parse::<i64>().ok())
        .flatten();
    let Some(units) = read else {
        let message = "must be a decimal with up to four places, such as 12.5";
        wrong.add(field, "format", message);
        return None;
    };
    if units <= above * 10_000 || units > most * 10_000 {
        let message = format!("must be more than {above} and at most {most}");
        wrong.add(field, "out_of_range", message);
        return None;
    }
    Some(units)
}

/// A table of codes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Codes {
    Airports,
    Airlines,
}

/// Notes each field whose code names nothing.
pub(super) async fn known(
    conn: &mut PgConnection,
    wrong: &mut Violations,
    codes: Codes,
    fields: &[(String, &str)],
) -> Result<()> {
    if fields.is_empty() {
        return Ok(());
    }
    let wanted: Vec<String> = fields.iter().map(|(_, code)| (*code).to_owned()).collect();
    let (there, noun) = match codes {
        Codes::Airports => {
            let there =
                sqlx::query_scalar!("select iata from airport where iata = any($1)", &wanted)
                    .fetch_all(conn)
                    .await?;
            (there, "airport")
        }
        Codes::Airlines => {
            let there =
                sqlx::query_scalar!("select iata from airline where iata = any($1)", &wanted)
                    .fetch_all(conn)
                    .await?;
            (there, "airline")
        }
    };
    for (field, code) in fields {
        if !there.iter().any(|known| known == code) {
            wrong.add(
                field.clone(),
                "unknown",
                format!("there is no {noun} {code:?}"),
            );
        }
    }
    Ok(())
}

/// The items of a list with the paths of their fields.
pub(super) fn items<'a>(field: &str, values: &'a [String]) -> Vec<(String, &'a str)> {
    let item = |(index, value): (usize, &'a String)| (format!("{field}[{index}]"), value.as_str());
    values.iter().enumerate().map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_four_places_and_a_range() {
        let read = |value| {
            let mut wrong = Violations::new();
            let units = decimal(&mut wrong, "percent", value, (0, 100));
            (units, wrong.len())
        };
        assert_eq!(read("12.5"), (Some(125_000), 0));
        assert_eq!(read("100"), (Some(1_000_000), 0));
        for value in [
            "0", "100.0001", "-1", "1.23456", "", ".5", "5.", "1e2", "9999999", "nan",
        ] {
            assert_eq!(read(value), (None, 1), "{value}");
        }
    }
}
