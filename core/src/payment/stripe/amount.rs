//! Amounts as Stripe counts them, and how much it takes at once.
//!
//! Source: <https://docs.stripe.com/currencies> ("Minor units in API amounts", "Minimum and maximum charge
//! amounts"). Stripe counts most currencies as ISO 4217 does; what deviates is [`digits`].

use crate::money::{self, Currency, Money};

/// The greatest amount of one charge: eight digits (<https://docs.stripe.com/api/checkout/sessions/create>).
const MAXIMUM: i64 = 99_999_999;

/// How many decimal digits Stripe's amounts have in this currency.
///
/// ISK and UGX have none in ISO 4217 but are sent as if they had two; MGA has two in ISO 4217 but is sent whole.
fn digits(currency: Currency) -> u32 {
    match currency {
        Currency::ISK | Currency::UGX => 2,
        Currency::MGA => 0,
        _ => money::exponent(currency),
    }
}

/// Whether Stripe takes charges in this currency at all.
///
/// What the client's list of currencies lacks are the five with three digits, which the documentation has.
fn is_presentable(currency: Currency) -> bool {
    let three_digits = ["BHD", "JOD", "KWD", "OMR", "TND"].contains(&currency.code());
    three_digits || !matches!(code(currency), stripe_types::Currency::Unknown(_))
}

/// The currency as the client names it.
pub(super) fn code(currency: Currency) -> stripe_types::Currency {
    let lower = currency.code().to_ascii_lowercase();
    lower
        .parse()
        .unwrap_or(stripe_types::Currency::Unknown(lower))
}

/// The amount as Stripe counts it, or `None` when Stripe cannot express it: a fraction of an ariary, or a fils
/// that does not end in 0 (three-digit currencies are charged in steps of ten).
pub fn to_stripe(money: Money) -> Option<i64> {
    let scaled = rescale(
        money.minor(),
        money::exponent(money.currency()),
        digits(money.currency()),
    )?;
    (digits(money.currency()) != 3 || scaled % 10 == 0).then_some(scaled)
}

/// Money from Stripe's count and its lower-case currency code, or `None` when the currency is unknown or the
/// amount is no whole number of its minor units.
pub fn from_stripe(amount: i64, code: &str) -> Option<Money> {
    let currency = money::currency(&code.to_ascii_uppercase())?;
    let minor = rescale(amount, digits(currency), money::exponent(currency))?;
    Some(Money::new(minor, currency))
}

/// Whether Stripe takes a payment of this size: no less than the currency's minimum, no more than eight digits, and
/// expressible at all.
///
/// The minimum of a currency that the documentation does not list depends on the account's settlement currency: then
/// any amount above zero passes here, and Stripe's own refusal is the answer.
pub fn within_limits(total: Money) -> bool {
    is_presentable(total.currency())
        && to_stripe(total)
            .is_some_and(|amount| (minimum(total.currency())..=MAXIMUM).contains(&amount))
}

/// The least amount of one charge, as Stripe counts it.
fn minimum(currency: Currency) -> i64 {
    match currency {
        Currency::AED | Currency::MYR | Currency::PLN | Currency::RON => 200,
        Currency::BGN => 100,
        Currency::CZK => 1_500,
        Currency::DKK => 250,
        Currency::GBP => 30,
        Currency::HKD => 400,
        Currency::HUF => 17_500,
        Currency::MXN | Currency::THB => 1_000,
        Currency::NOK | Currency::SEK => 300,
        Currency::AUD
        | Currency::BRL
        | Currency::CAD
        | Currency::CHF
        | Currency::EUR
        | Currency::INR
        | Currency::JPY
        | Currency::NZD
        | Currency::SGD
        | Currency::USD => 50,
        _ => 1,
    }
}

/// The same amount with another number of digits, or `None` when that would round or overflow.
fn rescale(amount: i64, from: u32, to: u32) -> Option<i64> {
    if to >= from {
        return amount.checked_mul(10_i64.checked_pow(to - from)?);
    }
    let step = 10_i64.checked_pow(from - to)?;
    (amount % step == 0).then_some(amount / step)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Five units of each kind of currency, in ISO 4217's minor units and as Stripe counts them.
    const KINDS: [(Currency, i64, i64); 6] = [
        (Currency::INR, 500, 500),
        (Currency::JPY, 5, 5),
        (Currency::KWD, 5_000, 5_000),
        (Currency::ISK, 5, 500),
        (Currency::UGX, 5, 500),
        (Currency::MGA, 500, 5),
    ];

    #[test]
    fn deviating_currencies_are_counted_stripes_way_in_both_directions() {
        for (currency, minor, amount) in KINDS {
            let money = Money::new(minor, currency);
            assert_eq!(to_stripe(money), Some(amount), "{money} to Stripe");
            let code = currency.code().to_ascii_lowercase();
            assert_eq!(from_stripe(amount, &code), Some(money), "{money} back");
        }
    }

    #[test]
    fn the_zero_decimal_currencies_of_the_documentation_are_sent_whole() {
        for code in [
            "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV",
            "XAF", "XOF", "XPF",
        ] {
            let currency = money::currency(code).unwrap();
            assert_eq!(digits(currency), 0, "{code}");
        }
    }

    #[test]
    fn three_digit_currencies_are_charged_in_steps_of_ten() {
        for code in ["BHD", "JOD", "KWD", "OMR", "TND"] {
            let currency = money::currency(code).unwrap();
            assert_eq!(
                to_stripe(Money::new(5_120, currency)),
                Some(5_120),
                "{code}"
            );
            assert_eq!(to_stripe(Money::new(5_124, currency)), None, "{code}");
            assert!(!within_limits(Money::new(5_124, currency)), "{code}");
            assert!(within_limits(Money::new(5_120, currency)), "{code}");
        }
    }

    #[test]
    fn what_a_currency_cannot_express_is_no_amount() {
        assert_eq!(to_stripe(Money::new(501, Currency::MGA)), None);
        assert_eq!(from_stripe(501, "isk"), None);
        assert_eq!(from_stripe(1, "zzz"), None);
        assert_eq!(to_stripe(Money::new(i64::MAX, Currency::ISK)), None);
    }

    #[test]
    fn both_ends_of_what_stripe_takes_are_inclusive() {
        let inr = |minor| within_limits(Money::new(minor, Currency::INR));
        assert_eq!([inr(49), inr(50)], [false, true]);
        assert_eq!([inr(99_999_999), inr(100_000_000)], [true, false]);
        assert!(!within_limits(Money::new(1_000_000, Currency::ISK)));
        assert!(within_limits(Money::new(999_999, Currency::ISK)));
        assert!(!within_limits(Money::new(0, Currency::KES)));
        assert!(
            !within_limits(Money::new(500, Currency::IRR)),
            "not a currency of Stripe's"
        );
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_back(minor in 0_i64..99_999_999, which in 0_usize..KINDS.len()) {
            let money = Money::new(minor, KINDS[which].0);
            if let Some(amount) = to_stripe(money) {
                let code = money.currency().code().to_ascii_lowercase();
                prop_assert_eq!(from_stripe(amount, &code), Some(money));
            }
        }
    }
}
