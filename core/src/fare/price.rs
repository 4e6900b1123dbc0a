//! From tariff, flights and party to price lines (rules.md "Price"): pure, so that search, hold, booking and
//! receipt cannot disagree.

use super::model::{Factor, LineKind, Party, PassengerType, Price, PriceLine};
use super::tariff::{AppliesTo, FareFamily, Tariff, TaxAmount, TaxRule};
use crate::ids::FlightId;
use crate::money::{Currency, scale_half_even};
use crate::{Error, Result};

/// What the price of one flight depends on.
#[derive(Clone, Debug)]
pub struct FlightFare {
    /// The flight.
    pub flight_id: FlightId,
    /// Country of departure (ISO 3166), which taxes it.
    pub origin_country: String,
    /// Base fare of the cabin for one adult, in minor units, before any factor.
    pub base_fare_minor: i64,
    /// Seats of the cabin.
    pub capacity: i32,
    /// Seats of it that are sold; held ones do not count.
    pub sold: i32,
}

/// The lines of one direction for a party, base fares first, then taxes, then what is charged once a booking.
///
/// Base fare × load step × family × passenger type is rounded half to even once, for one passenger; percent taxes
/// are taken of that. One load step, that before the party, holds for all of the party.
pub fn price(
    tariff: &Tariff,
    currency: Currency,
    family: &FareFamily,
    direction: u8,
    flights: &[FlightFare],
    party: Party,
) -> Result<Price> {
    let mut lines = Vec::new();
    let mut taxes = Vec::new();
    let mut fees = Vec::new();
    for (index, flight) in flights.iter().enumerate() {
        let load = tariff.load_factor(flight.sold, flight.capacity)?;
        for kind in PassengerType::ALL {
            let quantity = party.count(kind);
            if quantity == 0 {
                continue;
            }
            let factors = [load, family.multiplier, tariff.passenger_factor(kind)?];
            let unit_minor = base_fare(flight.base_fare_minor, factors)?;
            let line = |line_kind, code: &str, unit_minor, refundable| PriceLine {
                direction: Some(direction),
                flight_id: Some(flight.flight_id),
                kind: line_kind,
                code: code.to_owned(),
                passenger_type: Some(kind),
                passenger_id: None,
                quantity,
                unit_minor,
                refundable,
            };
            lines.push(line(LineKind::BaseFare, &family.code, unit_minor, false));
            for rule in tariff.taxes_of(&flight.origin_country) {
                let due = match rule.applies_to {
                    AppliesTo::Flight => true,
                    AppliesTo::FirstDeparture => index == 0,
                    AppliesTo::Booking => false,
                };
                if due
                    && rule.cabins.contains(&family.cabin)
                    && rule.passenger_types.contains(&kind)
                {
                    let amount = tax(rule, unit_minor, currency)?;
                    taxes.push(line(LineKind::Tax, &rule.code, amount, rule.refundable));
                }
            }
        }
        if index == 0 {
            for rule in tariff.taxes_of(&flight.origin_country) {
                if rule.applies_to == AppliesTo::Booking && rule.cabins.contains(&family.cabin) {
                    fees.push(PriceLine {
                        direction: None,
                        flight_id: None,
                        kind: LineKind::Fee,
                        code: rule.code.clone(),
                        passenger_type: None,
                        passenger_id: None,
                        quantity: 1,
                        unit_minor: tax(rule, 0, currency)?,
                        refundable: rule.refundable,
                    });
                }
            }
        }
    }
    lines.append(&mut taxes);
    lines.append(&mut fees);
    Ok(Price { currency, lines })
}

fn base_fare(base_minor: i64, factors: [Factor; 3]) -> Result<i64> {
    let numerator: i128 = factors.iter().map(|factor| i128::from(factor.0)).product();
    scale_half_even(base_minor, numerator, Factor::ONE.pow(3)).ok_or_else(|| {
        Error::Catalogue(format!(
            "the base fare {base_minor} leaves the range of money"
        ))
    })
}

fn tax(rule: &TaxRule, base_minor: i64, currency: Currency) -> Result<i64> {
    match rule.amount {
        TaxAmount::Percent(percent) => {
            scale_half_even(base_minor, i128::from(percent.0), 100 * Factor::ONE).ok_or_else(|| {
                Error::Catalogue(format!("tax {} leaves the range of money", rule.code))
            })
        }
        TaxAmount::Fixed(amount) if amount.currency() == currency => Ok(amount.minor()),
        TaxAmount::Fixed(amount) => Err(Error::Catalogue(format!(
            "tax {} of {} is in {}, the sale is in {}",
            rule.code,
            rule.country,
            amount.currency().code(),
            currency.code()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fare::Cabin;
    use crate::money::Money;

    fn tariff(currency: Currency) -> Tariff {
        let fixed = |code: &str, minor, applies_to, types: &[PassengerType]| TaxRule {
            country: "IN".into(),
            code: code.into(),
            amount: TaxAmount::Fixed(Money::new(minor, currency)),
            cabins: Cabin::ALL.to_vec(),
            passenger_types: types.to_vec(),
            applies_to,
            refundable: true,
        };
        let seated = [PassengerType::Adult, PassengerType::Child];
        let gst = TaxRule {
            amount: TaxAmount::Percent(Factor(50_000)),
            applies_to: AppliesTo::Flight,
            ..fixed("GST", 0, AppliesTo::Flight, &PassengerType::ALL)
        };
        Tariff {
            load_steps: vec![
                (Factor(0), Factor(10_000)),
                (Factor(5_000), Factor(11_500)),
                (Factor(7_500), Factor(13_500)),
            ],
            passenger_factors: vec![
                (PassengerType::Adult, Factor(10_000)),
                (PassengerType::Child, Factor(7_500)),
                (PassengerType::Infant, Factor(1_000)),
            ],
            taxes: vec![
                fixed("ASF", 23_600, AppliesTo::FirstDeparture, &seated),
                gst,
                fixed("CONV", 30_000, AppliesTo::Booking, &PassengerType::ALL),
            ],
            families: Vec::new(),
            seat_fees: crate::seat::SeatFees::default(),
        }
    }

    fn family() -> FareFamily {
        FareFamily::for_test("standard", Cabin::Economy, Factor(12_000))
    }

    fn fare(base_fare_minor: i64, sold: i32) -> FlightFare {
        FlightFare {
            flight_id: FlightId::new(),
            origin_country: "IN".into(),
            base_fare_minor,
            capacity: 100,
            sold,
        }
    }

    #[test]
    fn a_family_pays_by_type_and_only_seats_pay_airport_charges() {
        let party = Party {
            adults: 2,
            children: 1,
            infants: 1,
        };
        let price = price(
            &tariff(Currency::INR),
            Currency::INR,
            &family(),
            0,
            &[fare(500_000, 0)],
            party,
        )
        .unwrap();
        let shown: Vec<_> = price
            .lines
            .iter()
            .map(|line| (line.code.as_str(), line.quantity, line.unit_minor))
            .collect();
        assert_eq!(
            shown,
            [
                ("standard", 2, 600_000),
                ("standard", 1, 450_000),
                ("standard", 1, 60_000),
                ("ASF", 2, 23_600),
                ("GST", 2, 30_000),
                ("ASF", 1, 23_600),
                ("GST", 1, 22_500),
                ("GST", 1, 3_000),
                ("CONV", 1, 30_000),
            ]
        );
        assert_eq!(price.total().decimal(), "18963.00");
    }

    #[test]
    fn a_transfer_pays_the_airport_charge_of_the_first_departure_only() {
        let party = Party {
            adults: 1,
            ..Party::default()
        };
        let flights = [fare(500_000, 0), fare(500_000, 0)];
        let price = price(
            &tariff(Currency::INR),
            Currency::INR,
            &family(),
            0,
            &flights,
            party,
        )
        .unwrap();
        assert_eq!(
            price.lines.iter().filter(|line| line.code == "ASF").count(),
            1
        );
        assert_eq!(
            price.lines.iter().filter(|line| line.code == "GST").count(),
            2
        );
    }

    #[test]
    fn the_load_step_rises_above_half_and_above_three_quarters() {
        let base = |sold| {
            let party = Party {
                adults: 1,
                ..Party::default()
            };
            price(
                &tariff(Currency::INR),
                Currency::INR,
                &family(),
                0,
                &[fare(100_000, sold)],
                party,
            )
            .unwrap()
            .base()
            .minor()
        };
        assert_eq!(
            [50, 51, 75, 76].map(base),
            [120_000, 138_000, 138_000, 162_000]
        );
    }

    #[test]
    fn a_tax_in_another_currency_is_refused_and_not_added() {
        let party = Party {
            adults: 1,
            ..Party::default()
        };
        let result = price(
            &tariff(Currency::USD),
            Currency::INR,
            &family(),
            0,
            &[fare(100_000, 0)],
            party,
        );
        assert!(matches!(result, Err(Error::Catalogue(_))));
    }

    proptest! {
        #[test]
        fn lines_sum_to_the_total_in_every_exponent(
            base in 1_i64..100_000_000, sold in 0_i32..100, adults in 1_u16..9, children in 0_u16..9, infants in 0_u16..9, which in 0_usize..3,
        ) {
            let currency = [Currency::JPY, Currency::INR, Currency::KWD][which];
            let party = Party { adults, children, infants };
            let price = price(&tariff(currency), currency, &family(), 0, &[fare(base, sold)], party).unwrap();
            let mut sum = Money::new(0, currency);
            for line in &price.lines {
                prop_assert!(line.unit_minor >= 0);
                sum = sum.checked_add(Money::new(line.amount_minor(), currency)).unwrap();
            }
            prop_assert_eq!(sum, price.total());
            prop_assert_eq!(price.base().minor() + price.taxes().minor(), price.total().minor());
        }
    }
}
