//! What a Checkout Session may be asked for (<https://docs.stripe.com/api/checkout/sessions/create>).

use chrono::{DateTime, Duration, Utc};
use url::Url;

use super::fault::Fault;
use super::form::Params;
use super::{Call, currency};

/// The first version that refuses `payment_method_types`
/// (<https://docs.stripe.com/changelog/endive/2026-09-30/remove-payment-method-types-checkout-sessions>).
const ENDIVE: &str = "2026-09-30";

/// Refuses every mode, page and payment method the sandbox does not play.
pub(super) fn check_kind(call: &Call, params: &mut Params) -> Result<(), Fault> {
    if params.has("payment_method_types") && call.version.as_str() >= ENDIVE {
        let message = "The `payment_method_types` parameter is no longer supported in this API version. Use \
                       `allowed_payment_method_types` or dynamic payment methods instead.";
        return Err(Fault::invalid("payment_method_types", message)
            .code("payment_method_types_no_longer_supported"));
    }
    let mut methods = params.list("allowed_payment_method_types");
    methods.extend(params.list("payment_method_types"));
    if let Some(other) = methods.iter().find(|method| *method != "card") {
        let message =
            format!("The payment method type {other} is not one the sandbox plays: it takes cards");
        return Err(Fault::invalid("allowed_payment_method_types", message));
    }
    let mode = params.require("mode")?;
    if mode != "payment" {
        let message = format!("Invalid mode: {mode}. The sandbox plays `payment`");
        return Err(Fault::invalid("mode", message));
    }
    params.one_of("ui_mode", &["hosted_page"])?;
    Ok(())
}

/// The total of 1 to 100 lines in one currency, and what is bought.
pub(super) fn line_items(params: &mut Params) -> Result<(i64, String, String), Fault> {
    let mut total = 0_i64;
    let mut currencies = Vec::new();
    let mut names = Vec::new();
    for index in 0..100 {
        let line = format!("line_items[{index}]");
        if !params.has(&line) {
            break;
        }
        let currency_param = format!("{line}[price_data][currency]");
        let code = params.require(&currency_param)?;
        currency::check(&code, &currency_param)?;
        names.push(params.require(&format!("{line}[price_data][product_data][name]"))?);
        let _ = params.take(&format!("{line}[price_data][product_data][description]"));
        let at_least = |name: String, least: i64, params: &mut Params| {
            let value = params.integer(&name)?.ok_or_else(|| {
                Fault::invalid(None, format!("Missing required param: {name}."))
                    .code("parameter_missing")
                    .about(&name)
            })?;
            if value < least {
                let message = format!("This value must be greater than or equal to {least}.");
                return Err(Fault::invalid(None, message)
                    .code("parameter_invalid_integer")
                    .about(name));
            }
            Ok(value)
        };
        let unit = at_least(format!("{line}[price_data][unit_amount]"), 0, params)?;
        let quantity = at_least(format!("{line}[quantity]"), 1, params)?;
        // What overflows is too large all the same.
        total = total.saturating_add(unit.saturating_mul(quantity));
        currencies.push(code);
    }
    let Some(first) = currencies.first().cloned() else {
        return Err(
            Fault::invalid("line_items", "Missing required param: line_items.")
                .code("parameter_missing"),
        );
    };
    if currencies.iter().any(|code| *code != first) {
        return Err(Fault::invalid(
            "line_items",
            "All line items must have the same currency",
        ));
    }
    currency::check_total(total, &first)?;
    Ok((total, first, names.join(", ")))
}

/// "Not a valid URL" unless it is absolute, and http or https.
pub(super) fn absolute(url: String, param: &'static str) -> Result<String, Fault> {
    // The placeholder's braces are fine in a query and need not be encoded for that.
    match Url::parse(&url) {
        Ok(parsed)
            if matches!(parsed.scheme(), "http" | "https")
                && parsed.has_host()
                && url.len() <= 5000 =>
        {
            Ok(url)
        }
        _ => Err(Fault::invalid(param, "Not a valid URL").code("url_invalid")),
    }
}

/// Refuses what is no address.
pub(super) fn email(address: String) -> Result<String, Fault> {
    let valid = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !address.contains(char::is_whitespace)
    });
    if valid && address.len() <= 512 {
        return Ok(address);
    }
    Err(Fault::invalid("customer_email", "Invalid email address").code("email_invalid"))
}

/// From 30 minutes to 24 hours after creation, in whole seconds; 24 hours unless given.
pub(super) fn expiry(call: &Call, params: &mut Params) -> Result<DateTime<Utc>, Fault> {
    let created = call.now.timestamp();
    let day = Duration::hours(24).num_seconds();
    let at = params.integer("expires_at")?.unwrap_or(created + day);
    let refuse = |message| Err(Fault::invalid("expires_at", message));
    if at < created + Duration::minutes(30).num_seconds() {
        return refuse(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
        );
    }
    if at > created + day {
        return refuse(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
        );
    }
    match DateTime::from_timestamp(at, 0) {
        Some(at) => Ok(at),
        None => refuse("Invalid timestamp"),
    }
}
