//! Money is an integer of minor units with an ISO 4217 currency (invariant 7).

use std::fmt;

pub use iso_currency::Currency;

use crate::{Error, Result};

/// An amount in the minor unit of its currency: paise, cents, fils; whole yen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Two currencies met, or an amount left the range of 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The operands are of two currencies.
    #[error("{0} and {1} cannot be added")]
    Mixed(Currency, Currency),
    /// The result does not fit.
    #[error("the amount is out of range")]
    Overflow,
    /// The text is no amount of this currency.
    #[error("{0:?} is no amount of {1}")]
    Unreadable(String, Currency),
}

impl Money {
    /// An amount of `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum, or an error when the currencies differ or the range ends.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The decimal form with as many digits as the currency has: `5914.10`, `1250`, `3.125`.
    pub fn decimal(self) -> String {
        let digits = exponent(self.currency);
        let sign = if self.minor < 0 { "-" } else { "" };
        let abs = self.minor.unsigned_abs();
        if digits == 0 {
            return format!("{sign}{abs}");
        }
        let scale = 10_u64.pow(digits);
        format!(
            "{sign}{}.{:0width$}",
            abs / scale,
            abs % scale,
            width = digits as usize
        )
    }

    /// As the API writes it: `{"amount": "5914.10", "currency": "INR"}`.
    pub fn to_json(self) -> serde_json::Value {
        serde_json::json!({ "amount": self.decimal(), "currency": self.currency.code() })
    }

    /// Reads a decimal form. More digits than the currency has is an error, never a rounding.
    pub fn parse(raw: &str, currency: Currency) -> Result<Self, MoneyError> {
        let unreadable = || MoneyError::Unreadable(raw.to_owned(), currency);
        let digits = exponent(currency) as usize;
        let (negative, rest) = raw
            .strip_prefix('-')
            .map_or((false, raw), |rest| (true, rest));
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        let numeric = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty()
            || fraction.len() > digits
            || !numeric(whole)
            || !numeric(fraction)
            || rest.ends_with('.')
        {
            return Err(unreadable());
        }
        let joined = format!("{whole}{fraction:0<digits$}");
        let minor: i64 = joined.parse().map_err(|_| unreadable())?;
        Ok(Self::new(if negative { -minor } else { minor }, currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency.code(), self.decimal())
    }
}

/// How many decimal digits the currency has (ISO 4217): JPY 0, INR 2, KWD 3. Currencies without minor units have 0.
pub fn exponent(currency: Currency) -> u32 {
    currency.exponent().map_or(0, u32::from)
}

/// The currency of an ISO 4217 code, or `None` for a code that is not one.
pub fn currency(code: &str) -> Option<Currency> {
    Currency::from_code(code)
}

/// The currency of a code that we wrote ourselves. [`Error::Catalogue`] for one that is none.
pub fn known_currency(code: &str) -> Result<Currency> {
    currency(code).ok_or_else(|| Error::Catalogue(format!("nobody knows the currency {code}")))
}

/// `amount × numerator ÷ denominator`, rounded half to even once, at the end; `None` out of range.
pub fn scale_half_even(amount: i64, numerator: i128, denominator: i128) -> Option<i64> {
    if denominator <= 0 {
        return None;
    }
    let product = i128::from(amount).checked_mul(numerator)?;
    let (quotient, remainder) = (
        product.div_euclid(denominator),
        product.rem_euclid(denominator),
    );
    let rounded = match (remainder * 2).cmp(&denominator) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal => quotient + (quotient & 1),
    };
    i64::try_from(rounded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_show_as_many_digits_as_their_currency_has() {
        assert_eq!(Money::new(591_410, Currency::INR).decimal(), "5914.10");
        assert_eq!(Money::new(1250, Currency::JPY).decimal(), "1250");
        assert_eq!(Money::new(3125, Currency::KWD).decimal(), "3.125");
        assert_eq!(Money::new(-5, Currency::USD).decimal(), "-0.05");
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let halves: Vec<_> = [1, 3, 5, -1, -3]
            .iter()
            .map(|n| scale_half_even(*n, 1, 2))
            .collect();
        assert_eq!(halves, [Some(0), Some(2), Some(2), Some(0), Some(-2)]);
    }

    #[test]
    fn two_currencies_are_an_error_and_not_a_sum() {
        let mixed = Money::new(1, Currency::INR).checked_add(Money::new(1, Currency::USD));
        assert_eq!(mixed, Err(MoneyError::Mixed(Currency::INR, Currency::USD)));
    }

    proptest! {
        #[test]
        fn every_amount_reads_back(minor in -1_000_000_000_000_i64..1_000_000_000_000, which in 0_usize..4) {
            let currency = [Currency::JPY, Currency::INR, Currency::KWD, Currency::ISK][which];
            let money = Money::new(minor, currency);
            prop_assert_eq!(Money::parse(&money.decimal(), currency), Ok(money));
        }
    }
}
