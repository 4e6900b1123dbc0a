//! E-ticket numbers (IATA Resolution 722): `125-2106312810 (3)`.
//!
//! **Long journeys take their ticket numbers from a sequence of pairs.** Two calls of one sequence are not
//! consecutive when somebody calls in between, and a lock would put all payments in a row. Pairs begin at
//! 6000000001 and step by two.

use std::fmt;

/// Thirteen digits: the airline's accounting code (3) and the document number (10).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketNumber(String);

/// The text is not thirteen digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no e-ticket number: thirteen digits are")]
pub struct InvalidTicketNumber(String);

impl TicketNumber {
    /// Reads thirteen digits as they are stored, without hyphen or check digit.
    pub fn parse(raw: &str) -> Result<Self, InvalidTicketNumber> {
        if raw.len() == 13 && raw.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(raw.to_owned()))
        } else {
            Err(InvalidTicketNumber(raw.to_owned()))
        }
    }

    /// The thirteen digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The check digit: the thirteen digits, read as a number, modulo 7.
    pub fn check_digit(&self) -> u8 {
        self.0
            .bytes()
            .fold(0, |rest, byte| (rest * 10 + (byte - b'0')) % 7)
    }
}

/// As it is printed: accounting code, document number and check digit.
impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, document) = self.0.split_at(3);
        write!(f, "{code}-{document} ({})", self.check_digit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_printed_with_its_check_digit() {
        let number = TicketNumber::parse("1252106312810").unwrap();
        assert_eq!(number.to_string(), "125-2106312810 (3)");
    }

    #[test]
    fn what_is_not_thirteen_digits_is_no_number() {
        for raw in [
            "",
            "125210631281",
            "12521063128100",
            "125-210631281",
            "１２３４５",
        ] {
            assert_eq!(
                TicketNumber::parse(raw),
                Err(InvalidTicketNumber(raw.to_owned()))
            );
        }
    }

    proptest! {
        #[test]
        fn the_check_digit_is_the_remainder_by_seven(number in 0_u64..10_000_000_000_000) {
            let parsed = TicketNumber::parse(&format!("{number:013}")).unwrap();
            prop_assert_eq!(u64::from(parsed.check_digit()), number % 7);
        }
    }
}
