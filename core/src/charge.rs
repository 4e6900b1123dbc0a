//! Amounts as Stripe counts them, and how much it takes at once.
//!
//! Source: <https://docs.stripe.com/currencies> ("Minor units in API amounts", "Minimum and maximum charge
//! amounts"). Stripe counts most currencies as ISO 4217 does; what deviates is in `digits`.

use crate::Result;
use crate::error::Refusal;
use crate::money::{self, Currency, Money, scale_half_even};

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
pub(crate) fn code(currency: Currency) -> stripe_types::Currency {
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

/// The smallest step of a charge, in minor units: 10 fils of a three-digit currency, a whole ariary.
pub fn step(currency: Currency) -> i64 {
    let coarser = money::exponent(currency).saturating_sub(digits(currency));
    let stripes = if digits(currency) == 3 { 10 } else { 1 };
    stripes * 10_i64.pow(coarser)
}

/// The nearest amount that can be charged, halves to the even step: KWD 1.235 is KWD 1.240.
///
/// Each line of a price is rounded, so that their sum can be charged too (rules.md "Price").
pub fn chargeable(money: Money) -> Money {
    let step = step(money.currency());
    let steps = scale_half_even(money.minor(), 1, i128::from(step));
    let rounded = steps.and_then(|steps| steps.checked_mul(step));
    Money::new(rounded.unwrap_or(money.minor()), money.currency())
}

/// The smallest and the largest amount of one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeLimits {
    /// The smallest.
    pub minimum: Money,
    /// The largest.
    pub maximum: Money,
}

/// How much can be charged at once in a currency; `None` where Stripe takes no charges in it.
///
/// The minimum of a currency that the documentation does not list depends on the account's settlement currency: then
/// it is the smallest step, and Stripe's own refusal is the answer.
pub fn limits(currency: Currency) -> Option<ChargeLimits> {
    if !is_presentable(currency) {
        return None;
    }
    // Upwards from the minimum and downwards from the maximum, to what can be expressed in minor units and charged.
    let step = step(currency);
    let (ours, stripes) = (money::exponent(currency), digits(currency));
    let scale = |amount: i64, is_minimum: bool| {
        let (up, down) = (ours.saturating_sub(stripes), stripes.saturating_sub(ours));
        let (times, over) = (10_i64.pow(up), 10_i64.pow(down) * step);
        let scaled = amount.saturating_mul(times) + if is_minimum { over - 1 } else { 0 };
        Money::new(scaled / over * step, currency)
    };
    Some(ChargeLimits {
        minimum: scale(minimum(currency), true),
        maximum: scale(maximum(currency), false),
    })
}

/// Whether Stripe takes a payment of this size: within the [`limits`], and expressible at all.
pub fn within_limits(total: Money) -> bool {
    let limits = limits(total.currency());
    to_stripe(total).is_some()
        && limits.is_some_and(|limits| {
            (limits.minimum.minor()..=limits.maximum.minor()).contains(&total.minor())
        })
}

/// Whether a total is more than can be paid at once.
pub fn is_above_limits(total: Money) -> bool {
    limits(total.currency()).is_some_and(|limits| total.minor() > limits.maximum.minor())
}

/// The greatest amount of one charge, as Stripe counts it.
///
/// "Maximum charge amounts": cards take more digits in places, but American Express does not and card networks may
/// allow less; these are the numbers that hold for every way to pay.
fn maximum(currency: Currency) -> i64 {
    match currency {
        Currency::IDR => 999_999_999_999,
        Currency::COP => 9_999_999_999,
        Currency::INR => 999_999_999,
        _ => 99_999_999,
    }
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
        Currency::ARS
        | Currency::AUD
        | Currency::BRL
        | Currency::CAD
        | Currency::CHF
        | Currency::COP
        | Currency::EUR
        | Currency::IDR
        | Currency::ILS
        | Currency::INR
        | Currency::JPY
        | Currency::KRW
        | Currency::NZD
        | Currency::PHP
        | Currency::RUB
        | Currency::SGD
        | Currency::USD
        | Currency::ZAR => 50,
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

/// [`OutsideLimits`] for an amount that cannot be paid at once.
pub fn require_payable(amount: Money) -> Result<()> {
    if within_limits(amount) {
        return Ok(());
    }
    Err(OutsideLimits {
        total: amount,
        limits: limits(amount.currency()),
    }
    .into())
}

/// An amount that cannot be paid at once.
#[derive(Debug, thiserror::Error)]
#[error("{}", outside_limits(*total, limits.as_ref()))]
pub struct OutsideLimits {
    /// What would have to be paid.
    pub total: Money,
    /// What can be; none in a currency that the payment provider does not take.
    pub limits: Option<ChargeLimits>,
}

impl Refusal for OutsideLimits {
    fn code(&self) -> &'static str {
        "amount_outside_limits"
    }
}

/// Why an amount cannot be paid, with the limit that it breaks.
fn outside_limits(total: Money, limits: Option<&ChargeLimits>) -> String {
    match limits {
        None => format!("nothing can be paid in {}", total.currency().code()),
        Some(limits) if total.minor() < limits.minimum.minor() => format!(
            "the amount to pay would be {total}; the smallest that can be paid is {}",
            limits.minimum
        ),
        Some(limits) if total.minor() > limits.maximum.minor() => format!(
            "the amount to pay would be {total}; the largest that can be paid at once is {}",
            limits.maximum
        ),
        Some(_) => format!(
            "the amount to pay would be {total}, which is no multiple of the smallest step that can be paid"
        ),
    }
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
        assert_eq!([inr(999_999_999), inr(1_000_000_000)], [true, false]);
        let usd = |minor| within_limits(Money::new(minor, Currency::USD));
        assert_eq!([usd(99_999_999), usd(100_000_000)], [true, false]);
        assert!(!within_limits(Money::new(1_000_000, Currency::ISK)));
        assert!(within_limits(Money::new(999_999, Currency::ISK)));
        assert!(!within_limits(Money::new(0, Currency::KES)));
        assert!(
            !within_limits(Money::new(500, Currency::IRR)),
            "not a currency of Stripe's"
        );
    }

    #[test]
    fn the_limits_are_named_in_the_digits_of_the_currency() {
        let named = |currency| {
            let limits = limits(currency).unwrap();
            [limits.minimum.to_string(), limits.maximum.to_string()]
        };
        assert_eq!(named(Currency::INR), ["INR 0.50", "INR 9999999.99"]);
        assert_eq!(named(Currency::IDR), ["IDR 0.50", "IDR 9999999999.99"]);
        assert_eq!(named(Currency::COP), ["COP 0.50", "COP 99999999.99"]);
        assert_eq!(named(Currency::JPY), ["JPY 50", "JPY 99999999"]);
        assert_eq!(named(Currency::KWD), ["KWD 0.010", "KWD 99999.990"]);
        assert_eq!(named(Currency::ISK), ["ISK 1", "ISK 999999"]);
        assert_eq!(named(Currency::MGA), ["MGA 1.00", "MGA 99999999.00"]);
        assert_eq!(limits(Currency::IRR), None);
    }

    #[test]
    fn halves_of_a_step_go_to_the_even_step() {
        let kwd = |minor| chargeable(Money::new(minor, Currency::KWD)).minor();
        assert_eq!(
            [1_235, 1_245, 1_244, 1_246].map(kwd),
            [1_240, 1_240, 1_240, 1_250]
        );
        assert_eq!(chargeable(Money::new(1_235, Currency::INR)).minor(), 1_235);
        assert_eq!(chargeable(Money::new(1_250, Currency::MGA)).minor(), 1_200);
    }

    proptest! {
        #[test]
        fn both_limits_can_be_charged_and_nothing_beyond_them(which in 0_usize..KINDS.len()) {
            let currency = KINDS[which].0;
            let (limits, step) = (limits(currency).unwrap(), step(currency));
            let fits = |minor| within_limits(Money::new(minor, currency));
            prop_assert!(fits(limits.minimum.minor()) && fits(limits.maximum.minor()));
            prop_assert!(!fits(limits.minimum.minor() - step) && !fits(limits.maximum.minor() + step));
        }

        #[test]
        fn a_sum_of_chargeable_lines_can_be_charged(lines in prop::collection::vec(0_i64..100_000_000, 1..9), which in 0_usize..KINDS.len()) {
            let currency = KINDS[which].0;
            let lines = lines.into_iter().map(|minor| chargeable(Money::new(minor, currency)).minor());
            prop_assert!(to_stripe(Money::new(lines.sum(), currency)).is_some());
        }

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
