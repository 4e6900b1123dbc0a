//! A client's own assembly of a page of offers: each in full, as a hold shows it, from the page's dictionaries.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

const TYPES: [(&str, &str); 3] = [
    ("adult", "adults"),
    ("child", "children"),
    ("infant", "infants"),
];

/// Puts offers in full in the place of compact ones; leaves every other body as it is.
pub fn expand(body: &mut Value) {
    for page in ["/departing", "/returning", ""] {
        let Some(page) = body.pointer_mut(page) else {
            continue;
        };
        if page.get("dictionaries").is_some() {
            let offers = page["offers"].as_array().unwrap();
            let full = offers.iter().map(|offer| in_full(page, offer)).collect();
            page["offers"] = Value::Array(full);
        }
    }
}

fn in_full(page: &Value, offer: &Value) -> Value {
    let terms = &page["dictionaries"];
    let fare = entry(&terms["fares"], &offer["fare"]);
    let ids = offer["flights"].as_array().unwrap();
    let flights: Vec<_> = ids.iter().map(|id| flight(terms, id)).collect();
    let between = offer["layover_minutes"].as_array().unwrap();
    let layovers: Vec<_> = flights
        .windows(2)
        .zip(between)
        .map(|(pair, minutes)| {
            let (from, to) = (&pair[0]["destination"]["iata"], &pair[1]["origin"]["iata"]);
            let change = if from == to {
                Value::Null
            } else {
                json!({ "from": from, "to": to })
            };
            json!({ "airport": from, "duration_minutes": minutes, "airport_change": change })
        })
        .collect();
    json!({
        "offer_id": offer["offer_id"],
        "expires_at": offer["expires_at"],
        "cabin": fare["cabin"],
        "fare_family": fare["fare_family"],
        "validating_airline": flights[0]["airline"],
        "stops": flights.len() - 1,
        "duration_minutes": offer["duration_minutes"],
        "seats_left": offer["seats_left"],
        "passengers": page["passengers"],
        "price": price(page, &offer["price"], ids),
        "baggage": fare["baggage"],
        "extra_baggage": entry(&terms["extra_baggage"], &fare["extra_baggage"]),
        "conditions": entry(&terms["conditions"], &fare["conditions"]),
        "flights": flights,
        "layovers": layovers,
    })
}

fn entry<'a>(entries: &'a Value, key: &Value) -> &'a Value {
    let key = key.as_str().unwrap();
    entries
        .get(key)
        .unwrap_or_else(|| panic!("no {key} in {entries}"))
}

fn with(name: &str, value: &Value, rest: &Value) -> Value {
    let mut all = Map::from_iter([(name.to_owned(), value.clone())]);
    all.extend(rest.as_object().unwrap().clone());
    Value::Object(all)
}

fn airline(terms: &Value, code: &Value) -> Value {
    json!({ "iata": code, "name": entry(&terms["airlines"], code) })
}

fn flight(terms: &Value, id: &Value) -> Value {
    let mut flight = with("flight_id", id, entry(&terms["flights"], id));
    flight["airline"] = airline(terms, &flight["airline"]);
    for end in ["origin", "destination"] {
        flight[end] = with(
            "iata",
            &flight[end],
            entry(&terms["airports"], &flight[end]),
        );
    }
    for (at, local) in [
        ("departs_at", "departs_local"),
        ("arrives_at", "arrives_local"),
    ] {
        let local = DateTime::parse_from_rfc3339(flight[local].as_str().unwrap()).unwrap();
        flight[at] = json!(local.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true));
    }
    // What is for sale flies.
    flight["status"] = json!("scheduled");
    flight
}

fn price(page: &Value, price: &Value, ids: &[Value]) -> Value {
    let money = |amount: &Value| json!({ "amount": amount, "currency": price["currency"] });
    // Base fares, taxes, fees; of each kind by flight and passenger type, as they are in full.
    let mut lines = Vec::new();
    for (order, charge) in price["charges"].as_array().unwrap().iter().enumerate() {
        let about = entry(&page["dictionaries"]["charges"], &charge["charge"]);
        let kind = about["kind"].as_str().unwrap();
        let rank = ["base_fare", "tax", "fee"]
            .iter()
            .position(|one| *one == kind)
            .unwrap();
        let flight = charge.get("flight").and_then(Value::as_u64);
        let mut push =
            |type_order: usize, passenger_type: Option<&str>, quantity: &Value, unit: &Value| {
                let mut line = about.clone();
                line["quantity"] = quantity.clone();
                line["unit_amount"] = money(unit);
                line["amount"] = money(&json!(times(unit.as_str().unwrap(), quantity)));
                if let Some(passenger_type) = passenger_type {
                    line["passenger_type"] = json!(passenger_type);
                    line["passengers"] = quantity.clone();
                    line["flight_id"] = ids[usize::try_from(flight.unwrap()).unwrap()].clone();
                    line["direction"] = json!("departing");
                }
                lines.push(((rank, flight, type_order, order), line));
            };
        if let Some(unit) = charge.get("booking") {
            push(0, None, &json!(1), unit);
        }
        for (index, (passenger_type, count)) in TYPES.iter().enumerate() {
            if let Some(unit) = charge.get(*passenger_type) {
                push(
                    index,
                    Some(*passenger_type),
                    &page["passengers"][*count],
                    unit,
                );
            }
        }
    }
    lines.sort_by_key(|(key, _)| *key);
    let lines: Vec<_> = lines.into_iter().map(|(_, line)| line).collect();
    json!({
        "base": money(&price["base"]),
        "taxes": money(&price["taxes"]),
        "total": money(&price["total"]),
        "lines": lines,
    })
}

/// A decimal times a whole number.
fn times(unit: &str, quantity: &Value) -> String {
    let digits = unit.split_once('.').map_or(0, |(_, cents)| cents.len());
    let minor: i64 = unit.replace('.', "").parse().unwrap();
    let product = (minor * quantity.as_i64().unwrap()).to_string();
    if digits == 0 {
        return product;
    }
    let padded = format!("{product:0>width$}", width = digits + 1);
    let (whole, cents) = padded.split_at(padded.len() - digits);
    format!("{whole}.{cents}")
}
