//! Which amounts the sandbox takes (<https://docs.stripe.com/currencies>).

use super::fault::Fault;

/// The documentation's presentment currencies.
const PRESENTMENT: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd \
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr \
    ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn \
    myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd \
    std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw";

/// Refuses a currency Stripe does not charge in.
pub(super) fn check(currency: &str, param: &str) -> Result<(), Fault> {
    if PRESENTMENT
        .split_whitespace()
        .any(|known| known == currency)
    {
        return Ok(());
    }
    Err(Fault::invalid(None, format!("Invalid currency: {currency}. Stripe currently supports these currencies: {PRESENTMENT}")).about(param))
}

/// Refuses a total Stripe does not charge: too small, of too many digits, or not in the currency's steps.
pub(super) fn check_total(amount: i64, currency: &str) -> Result<(), Fault> {
    let least = match currency {
        "gbp" => 30,
        "bgn" => 100,
        "aed" | "myr" | "pln" | "ron" => 200,
        "dkk" => 250,
        "nok" | "sek" => 300,
        "hkd" => 400,
        "mxn" | "thb" => 1000,
        "czk" => 1500,
        "huf" => 17500,
        "usd" | "ars" | "aud" | "brl" | "cad" | "chf" | "cop" | "eur" | "idr" | "ils" | "inr"
        | "jpy" | "krw" | "nzd" | "php" | "rub" | "sgd" | "zar" => 50,
        _ => 1,
    };
    if amount < least {
        let message = format!(
            "The Checkout Session's total amount must be at least {}",
            display(least, currency)
        );
        return Err(Fault::invalid(None, message).code("amount_too_small"));
    }
    let most = match currency {
        "idr" => 999_999_999_999,
        "cop" => 9_999_999_999,
        "inr" => 999_999_999,
        _ => 99_999_999,
    };
    if amount > most {
        let message = format!(
            "The Checkout Session's total amount must be no more than {}",
            display(most, currency)
        );
        return Err(Fault::invalid(None, message).code("amount_too_large"));
    }
    let step = match currency {
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 10,
        "isk" | "ugx" => 100,
        _ => 1,
    };
    if amount % step != 0 {
        let message = format!("Invalid amount: amounts in {currency} must be divisible by {step}");
        return Err(Fault::invalid(None, message).code("invalid_charge_amount"));
    }
    Ok(())
}

/// The amount as people read it: `INR 5914.10`.
pub(super) fn display(amount: i64, currency: &str) -> String {
    let digits = match currency {
        "bif" | "clp" | "djf" | "gnf" | "jpy" | "kmf" | "krw" | "mga" | "pyg" | "rwf" | "vnd"
        | "vuv" | "xaf" | "xof" | "xpf" => 0,
        "bhd" | "jod" | "kwd" | "omr" | "tnd" => 3,
        _ => 2,
    };
    let code = currency.to_ascii_uppercase();
    if digits == 0 {
        return format!("{code} {amount}");
    }
    let scale = 10_i64.pow(digits);
    format!(
        "{code} {}.{:0width$}",
        amount / scale,
        amount % scale,
        width = digits as usize
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_outside_the_documented_limits_are_refused() {
        for (amount, currency, code) in [
            (49, "inr", Some("amount_too_small")),
            (50, "inr", None),
            (999_999_999, "inr", None),
            (1_000_000_000, "inr", Some("amount_too_large")),
            (99_999_999, "usd", None),
            (100_000_000, "usd", Some("amount_too_large")),
            (5124, "kwd", Some("invalid_charge_amount")),
            (550, "isk", Some("invalid_charge_amount")),
            (500, "isk", None),
        ] {
            let answer = check_total(amount, currency).map_err(|fault| fault.code);
            assert_eq!(answer.err().flatten(), code, "{amount} {currency}");
        }
        assert!(check("inr", "currency").is_ok() && check("irr", "currency").is_err());
    }

    #[test]
    fn amounts_are_shown_with_the_digits_of_their_currency() {
        assert_eq!(display(591_410, "inr"), "INR 5914.10");
        assert_eq!(display(500, "jpy"), "JPY 500");
        assert_eq!(display(5120, "kwd"), "KWD 5.120");
    }
}
