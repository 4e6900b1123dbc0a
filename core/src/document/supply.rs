//! What an invoice or a credit note says of each supply under India's GST: code, place, taxable value and the split of
//! the tax.

use sqlx::PgConnection;

use super::content::PriceLineContent;
use crate::Result;
use crate::ids::BookingId;
use crate::money::{Currency, Money};

/// The tax that is split between the union and the state, by its code in the catalogue.
const GST: &str = "GST";

/// The lines of one service with one place of supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplyContent {
    /// Services Accounting Code.
    pub sac: String,
    /// What the code stands for.
    pub description: String,
    /// The direction's name; none for a service of the booking as a whole.
    pub direction: Option<String>,
    /// `Delhi (07)`, `Outside India (GB)`.
    pub place: String,
    /// The amount without GST.
    pub value: Money,
    /// The part of it that GST is charged on.
    pub taxable: Money,
    /// GST by kind, with its rate in percent: `("CGST", Some("2.5"), …)`.
    pub taxes: Vec<SupplyTax>,
}

/// One kind of GST on a supply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupplyTax {
    /// `CGST`, `SGST`, `UTGST`, `IGST`; `GST` of a seller without a GSTIN.
    pub name: &'static str,
    /// In percent, when the catalogue knows it.
    pub rate: Option<String>,
    /// The amount.
    pub amount: Money,
}

/// A state as the GST numbers it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    code: String,
    name: String,
    is_utgst: bool,
}

/// The supplies that lines of a booking's price are of.
///
/// The place of supply of a journey is where it begins, each direction being a journey of its own (IGST Act, section
/// 12(9)); of a service of the booking, where the seller is (section 12(2): no buyer's address is on record).
pub(super) async fn load<'a>(
    conn: &mut PgConnection,
    booking_id: BookingId,
    lines: impl IntoIterator<Item = &'a PriceLineContent>,
    currency: Currency,
    tax_number: Option<&str>,
) -> Result<Vec<SupplyContent>> {
    let (mut kinds, mut codes, mut directions, mut amounts) = (vec![], vec![], vec![], vec![]);
    for line in lines {
        kinds.push(line.kind.clone());
        codes.push(line.code.clone());
        directions.push(line.direction.clone());
        amounts.push(line.amount.minor());
    }
    let seller = match tax_number.and_then(state_code) {
        Some(code) => find_state(conn, code).await?,
        None => None,
    };
    let rows = sqlx::query!(
        r#"
        select service_code.sac, service_code.description, direction.name as "direction?",
            origin.country as "country?", origin.city as "city?",
            gst_state.code as "state_code?", gst_state.name as "state_name?", gst_state.is_utgst as "is_utgst?",
            coalesce(sum(line.amount) filter (where not (line.kind = 'tax' and line.code = $2)), 0)::bigint as "value!",
            coalesce(sum(line.amount) filter (where line.kind = 'base_fare'), 0)::bigint as "base!",
            coalesce(sum(line.amount) filter (where line.kind = 'tax' and line.code = $2), 0)::bigint as "tax!",
            (
                select trim_scale(max(tax_rule.amount))::text from tax_rule
                where tax_rule.code = $2 and tax_rule.country = origin.country and direction.cabin = any(tax_rule.cabins)
            ) as rate
        from unnest($3::text[], $4::text[], $5::text[], $6::bigint[]) as line (kind, code, direction, amount)
        join service_code on service_code.line_kind = line.kind
        left join lateral (
            select id, ordinal, name, cabin from direction
            where booking_id = $1 and direction.name = line.direction order by ordinal limit 1
        ) direction on true
        left join lateral (
            select airport.country, airport.subdivision, airport.city from booked_flight
            join flight on flight.id = booked_flight.flight_id
            join airport on airport.iata = flight.origin
            where booked_flight.direction_id = direction.id
            order by booked_flight.ordinal limit 1
        ) origin on true
        left join gst_state on origin.country = 'IN' and gst_state.name = origin.subdivision
        group by service_code.sac, service_code.description, direction.ordinal, direction.name, direction.cabin,
            origin.country, origin.city, gst_state.code
        order by direction.ordinal nulls last, service_code.sac
        "#,
        booking_id.0,
        GST,
        &kinds,
        &codes,
        &directions as &[Option<String>],
        &amounts,
    )
    .fetch_all(conn)
    .await?;
    let supplies = rows.into_iter().map(|row| {
        let state = match (row.state_code, row.state_name) {
            (Some(code), Some(name)) => Some(State {
                code,
                name,
                is_utgst: row.is_utgst.unwrap_or(false),
            }),
            _ => None,
        };
        let (place, state) = match (row.country.as_deref(), state) {
            (None, _) => (seller.as_ref().map(place_of), seller.clone()),
            (Some("IN"), Some(state)) => (Some(place_of(&state)), Some(state)),
            (Some("IN"), None) => (row.city, None),
            (Some(country), _) => (Some(format!("Outside India ({country})")), None),
        };
        SupplyContent {
            sac: row.sac,
            description: row.description,
            direction: row.direction,
            place: place.unwrap_or_else(|| "The seller's".to_owned()),
            value: Money::new(row.value, currency),
            taxable: Money::new(if row.tax == 0 { 0 } else { row.base }, currency),
            taxes: split(
                Money::new(row.tax, currency),
                row.rate.as_deref(),
                seller.as_ref(),
                state.as_ref(),
            ),
        }
    });
    Ok(supplies.collect())
}

/// Half and half within the seller's own state, in one between states (IGST Act, sections 7 and 8).
fn split(
    tax: Money,
    rate: Option<&str>,
    seller: Option<&State>,
    place: Option<&State>,
) -> Vec<SupplyTax> {
    if tax.minor() == 0 {
        return Vec::new();
    }
    let one = |name, rate: Option<String>, minor| SupplyTax {
        name,
        rate,
        amount: Money::new(minor, tax.currency()),
    };
    let whole = rate.map(str::to_owned);
    match (seller, place) {
        (Some(seller), Some(place)) if seller.code == place.code => {
            let half = rate.and_then(half);
            let states = if place.is_utgst { "UTGST" } else { "SGST" };
            let central = tax.minor().div_euclid(2);
            vec![
                one("CGST", half.clone(), central),
                one(states, half, tax.minor() - central),
            ]
        }
        (Some(_), _) => vec![one("IGST", whole, tax.minor())],
        // Who is not registered may split nothing.
        (None, _) => vec![one(GST, whole, tax.minor())],
    }
}

/// Half of a decimal number: `5` is `2.5`.
fn half(rate: &str) -> Option<String> {
    let (whole, fraction) = rate.split_once('.').unwrap_or((rate, ""));
    let digits: u64 = format!("{whole}{fraction}0").parse().ok()?;
    let halved = format!("{:0width$}", digits / 2, width = fraction.len() + 2);
    let (whole, fraction) = halved.split_at(halved.len() - fraction.len() - 1);
    Some(match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    })
}

fn place_of(state: &State) -> String {
    format!("{} ({})", state.name, state.code)
}

/// The state's code in a GSTIN: two digits, the PAN, an entity digit, `Z`, a check digit.
fn state_code(tax_number: &str) -> Option<&str> {
    let number = tax_number.trim();
    let is_gstin = number.len() == 15 && number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let code = number.get(..2).filter(|_| is_gstin)?;
    code.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(code)
}

async fn find_state(conn: &mut PgConnection, code: &str) -> Result<Option<State>> {
    let state = sqlx::query_as!(
        State,
        "select code, name, is_utgst from gst_state where code = $1",
        code,
    )
    .fetch_optional(conn)
    .await?;
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(code: &str, is_utgst: bool) -> State {
        State {
            code: code.to_owned(),
            name: code.to_owned(),
            is_utgst,
        }
    }

    #[test]
    fn the_tax_is_halved_within_a_state_and_whole_between_two() {
        let tax = Money::new(22_561, Currency::INR);
        let (delhi, goa, ladakh) = (state("07", false), state("30", false), state("38", true));
        for (seller, place, wanted) in [
            (
                Some(&delhi),
                Some(&delhi),
                vec![("CGST", "2.5", 11_280), ("SGST", "2.5", 11_281)],
            ),
            (
                Some(&ladakh),
                Some(&ladakh),
                vec![("CGST", "2.5", 11_280), ("UTGST", "2.5", 11_281)],
            ),
            (Some(&goa), Some(&delhi), vec![("IGST", "5", 22_561)]),
            (Some(&goa), None, vec![("IGST", "5", 22_561)]),
            (None, Some(&delhi), vec![("GST", "5", 22_561)]),
        ] {
            let taxes = split(tax, Some("5"), seller, place);
            let taxes: Vec<_> = taxes
                .iter()
                .map(|tax| (tax.name, tax.rate.as_deref().unwrap(), tax.amount.minor()))
                .collect();
            assert_eq!(taxes, wanted);
        }
        assert_eq!(
            split(Money::new(0, Currency::INR), Some("5"), None, None),
            []
        );
    }

    #[test]
    fn a_rate_is_halved_exactly() {
        for (rate, wanted) in [
            ("5", "2.5"),
            ("18", "9"),
            ("0.25", "0.125"),
            ("12.5", "6.25"),
        ] {
            assert_eq!(half(rate).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn a_gstin_begins_with_its_state() {
        assert_eq!(state_code("07AABCU9603R1ZP"), Some("07"));
        for other in ["DE123456789", "07AABCU9603R1Z", "AAAABCU9603R1ZP", ""] {
            assert_eq!(state_code(other), None, "{other}");
        }
    }
}
