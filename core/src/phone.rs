//! Telephone numbers, read as people write them and kept in E.164.
//!
//! The form is read here rather than by a library: the known one (`phonenumber`, libphonenumber's data) compiles a
//! megabyte of metadata with crates that are no longer kept, and would refuse numbers that are newer than its data.
//! What it could add, whether a number exists, only a message shows.

use crate::text;

/// Reads a number with its country code: `+91 98765-43210`, `0044 (0)20 7946 0958`, `(+1) 212.555.0123`. In E.164.
///
/// The error is a sentence that says what to write.
pub fn parse(raw: &str) -> Result<String, String> {
    const EXAMPLE: &str = "such as +91 98765 43210";
    // Programs for contacts wrap numbers in marks for the direction of writing: they are no part of one.
    let shown: String = raw.chars().filter(|c| !is_direction_mark(*c)).collect();
    let shown = shown.trim();
    if let Some(c) = text::find_invisible(shown) {
        return Err(text::invisible(c).1);
    }
    let shown = shown.strip_prefix("tel:").unwrap_or(shown);
    let mut number = String::new();
    // The zero that is dialled at home alone, as it is printed after the country code: `+44 (0)20`.
    let trunk = shown.find("(0)").filter(|at| *at > 0);
    for (at, c) in shown.char_indices() {
        if let Some(digit) = digit(c) {
            if trunk.is_none_or(|trunk| at != trunk + 1) {
                number.push(digit);
            }
        } else if matches!(c, '+' | '＋') && number.is_empty() {
            number.push('+');
        } else if !is_separator(c) {
            return Err(format!(
                "write digits, spaces, hyphens and brackets alone, {EXAMPLE}; without {c}"
            ));
        }
    }
    let digits = match number.strip_prefix('+') {
        Some(digits) => digits,
        // The international prefix of most of the world (ITU-T E.123).
        None => number
            .strip_prefix("00")
            .ok_or_else(|| format!("begin with + and the country code, {EXAMPLE}"))?,
    };
    if digits.is_empty() || digits.starts_with('0') {
        return Err(format!(
            "write the country code after the +, without zeros before it, {EXAMPLE}"
        ));
    }
    // ITU-T E.164: at most 15 digits. The shortest numbers in use have 7 with their country code.
    match digits.len() {
        ..7 => Err(format!(
            "write the whole number, 7 to 15 digits with the country code, {EXAMPLE}"
        )),
        7..=15 => Ok(format!("+{digits}")),
        count => Err(format!(
            "write at most 15 digits with the country code (this has {count}), without an extension, {EXAMPLE}"
        )),
    }
}

fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '/' | '(' | ')' | '[' | ']' | '·')
        || matches!(
            c,
            '\u{2010}'
                ..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff0d}' | '\u{ff08}' | '\u{ff09}'
        )
}

/// The digit of the keyboards that people have: ASCII, full-width, Arabic, Persian, and those of India's scripts.
fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 13] = [
        '0', '０', '٠', '۰', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦',
    ];
    ZEROS.iter().find_map(|zero| {
        let value = u32::from(c).checked_sub(u32::from(*zero))?;
        char::from_digit(value, 10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (raw, kept) in [
            ("+919876543210", "+919876543210"),
            ("+91 98765 43210", "+919876543210"),
            ("+91-98765-43210", "+919876543210"),
            ("(+91) 98765 43210", "+919876543210"),
            ("0091 98765 43210", "+919876543210"),
            ("+44 (0)20 7946 0958", "+442079460958"),
            ("+44 (0) 20 7946 0958", "+442079460958"),
            ("+1 (212) 555-0123", "+12125550123"),
            ("+1.212.555.0123", "+12125550123"),
            ("+49 30/123456", "+4930123456"),
            ("+39 06 6982", "+39066982"),
            ("tel:+91-98765-43210", "+919876543210"),
            ("\u{202a}+91 98765\u{a0}43210\u{202c}", "+919876543210"),
            ("+91 98765\u{2011}43210", "+919876543210"),
            ("＋９１ ９８７６５ ４３２１０", "+919876543210"),
            ("+٩٧١ ٥٠ ١٢٣ ٤٥٦٧", "+971501234567"),
            ("+९१ ९८७६५ ४३२१०", "+919876543210"),
            ("+290 2345", "+2902345"),
        ] {
            assert_eq!(parse(raw).as_deref(), Ok(kept), "{raw}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_what_to_write() {
        for (raw, reason) in [
            ("", "begin with + and the country code"),
            ("98765 43210", "begin with + and the country code"),
            ("098765 43210", "begin with + and the country code"),
            ("+0 98765 43210", "without zeros before it"),
            ("000 98765 43210", "without zeros before it"),
            ("+", "the country code after the +"),
            ("+91 987", "the whole number"),
            ("+91 98765 43210 12345", "at most 15 digits"),
            ("+91 98765 43210 ext. 5", "without e"),
            ("+91 98765 43210 x5", "without x"),
            ("+91 98765+43210", "without +"),
            ("+91 98765\n43210", "U+000A"),
            ("phone", "without p"),
        ] {
            let refused = parse(raw).unwrap_err();
            assert!(refused.contains(reason), "{raw:?}: {refused}");
        }
    }
}
