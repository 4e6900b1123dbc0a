//! From tariff, flights and party to price lines (rules.md "Price"): pure, so that search, hold, booking and
//! receipt cannot disagree.

use super::tariff::{AppliesTo, FareFamily, Tariff, TaxAmount, TaxRule};
use crate::charge::{chargeable, step};
use crate::ids::FlightId;
use crate::money::{Currency, scale_half_even};
use crate::trade::{Cabin, Factor, LineKind, Party, PassengerType, Price, PriceLine};
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

/// The same when it was looked at: what a price is made of, beside the tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedFare {
    /// The flight.
    pub flight_id: FlightId,
    /// Country of departure (ISO 3166), which taxes it.
    pub origin_country: String,
    /// Base fare of the cabin for one adult, in minor units, before any factor.
    pub base_fare_minor: i64,
    /// The load step that held.
    pub load: Factor,
}

impl FlightFare {
    /// With the load step of a tariff.
    pub fn loaded(&self, tariff: &Tariff) -> Result<LoadedFare> {
        Ok(LoadedFare {
            flight_id: self.flight_id,
            origin_country: self.origin_country.clone(),
            base_fare_minor: self.base_fare_minor,
            load: tariff.load_factor(self.sold, self.capacity)?,
        })
    }
}

/// What flights cost now: [`price_loaded`] at the load that they have.
pub fn price(
    tariff: &Tariff,
    currency: Currency,
    family: &FareFamily,
    direction: u8,
    flights: &[FlightFare],
    party: Party,
) -> Result<Price> {
    let loaded = flights.iter().map(|flight| flight.loaded(tariff));
    let loaded: Vec<LoadedFare> = loaded.collect::<Result<_>>()?;
    price_loaded(tariff, currency, family, direction, &loaded, party)
}

/// The lines of one direction for a party, base fares first, then taxes, then what is charged once a booking.
///
/// Base fare × load step × family × passenger type is rounded half to even once, for one passenger, to what can be
/// charged; percent taxes are taken of that. One load step, that before the party, holds for all of the party.
pub fn price_loaded(
    tariff: &Tariff,
    currency: Currency,
    family: &FareFamily,
    direction: u8,
    flights: &[LoadedFare],
    party: Party,
) -> Result<Price> {
    let mut lines = Vec::new();
    let mut taxes = Vec::new();
    let mut fees = Vec::new();
    for (index, flight) in flights.iter().enumerate() {
        for kind in PassengerType::ALL {
            let quantity = party.count(kind);
            if quantity == 0 {
                continue;
            }
            let factors = [
                flight.load,
                family.multiplier,
                tariff.passenger_factor(kind)?,
            ];
            let unit_minor = base_fare(flight.base_fare_minor, factors, currency)?;
            let fare = PriceLine {
                direction: Some(direction),
                flight_id: Some(flight.flight_id),
                kind: LineKind::BaseFare,
                code: family.code.clone(),
                name: None,
                passenger_type: Some(kind),
                passenger_id: None,
                quantity,
                unit_minor,
                refundable: false,
                is_percentage: false,
            };
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
                    taxes.push(PriceLine {
                        kind: LineKind::Tax,
                        code: rule.code.clone(),
                        name: rule.name.clone(),
                        unit_minor: tax(rule, unit_minor, currency)?,
                        refundable: rule.refundable,
                        is_percentage: matches!(rule.amount, TaxAmount::Percent(_)),
                        ..fare
                    });
                }
            }
            lines.push(fare);
        }
        if index == 0 {
            fees = booking_fees(tariff, currency, family.cabin, &flight.origin_country)?;
        }
    }
    lines.append(&mut taxes);
    lines.append(&mut fees);
    Ok(Price { currency, lines })
}

/// What a booking pays once, when its first direction begins in a country.
pub fn booking_fees(
    tariff: &Tariff,
    currency: Currency,
    cabin: Cabin,
    country: &str,
) -> Result<Vec<PriceLine>> {
    let rules = tariff
        .taxes_of(country)
        .filter(|rule| rule.applies_to == AppliesTo::Booking && rule.cabins.contains(&cabin));
    let fee = |rule: &TaxRule| {
        Ok(PriceLine {
            direction: None,
            flight_id: None,
            kind: LineKind::Fee,
            code: rule.code.clone(),
            name: rule.name.clone(),
            passenger_type: None,
            passenger_id: None,
            quantity: 1,
            unit_minor: tax(rule, 0, currency)?,
            refundable: rule.refundable,
            is_percentage: false,
        })
    };
    rules.map(fee).collect()
}

fn base_fare(base_minor: i64, factors: [Factor; 3], currency: Currency) -> Result<i64> {
    let numerator: i128 = factors.iter().map(|factor| i128::from(factor.0)).product();
    scale(base_minor, numerator, Factor::ONE.pow(3), currency).ok_or_else(|| {
        Error::Catalogue(format!(
            "the base fare {base_minor} leaves the range of money"
        ))
    })
}

/// Rounded once, half to even, to what can be charged.
fn scale(minor: i64, numerator: i128, denominator: i128, currency: Currency) -> Option<i64> {
    let step = step(currency);
    let steps = scale_half_even(minor, numerator, denominator.checked_mul(i128::from(step))?)?;
    steps.checked_mul(step)
}

fn tax(rule: &TaxRule, base_minor: i64, currency: Currency) -> Result<i64> {
    match rule.amount {
        TaxAmount::Percent(percent) => {
            let numerator = i128::from(percent.0);
            scale(base_minor, numerator, 100 * Factor::ONE, currency).ok_or_else(|| {
                Error::Catalogue(format!("tax {} leaves the range of money", rule.code))
            })
        }
        TaxAmount::Fixed(amount) if amount.currency() == currency => Ok(chargeable(amount).minor()),
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
    use crate::money::Money;

    fn tariff(currency: Currency) -> Tariff {
        let fixed = |code: &str, minor, applies_to, types: &[PassengerType]| TaxRule {
            country: "IN".into(),
            code: code.into(),
            name: Some(format!("{code} tax")),
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
            id: 1,
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
            seat_fees: crate::seat_fee::SeatFees::default(),
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

    fn fee(code: &str, minor: i64) -> PriceLine {
        PriceLine {
            direction: None,
            flight_id: None,
            kind: LineKind::Fee,
            code: code.to_owned(),
            name: None,
            passenger_type: None,
            passenger_id: None,
            quantity: 1,
            unit_minor: minor,
            refundable: false,
            is_percentage: false,
        }
    }

    #[test]
    fn a_fee_per_booking_is_charged_once_whichever_direction_has_it_first() {
        let price = |lines: &[PriceLine]| Price {
            currency: Currency::INR,
            lines: lines.to_vec(),
        };
        let fare = PriceLine {
            direction: Some(0),
            kind: LineKind::BaseFare,
            ..fee("standard", 1_000)
        };
        let (conv, other) = (fee("CONV", 300), fee("OTHER", 40));
        for (there, back, expected) in [
            (vec![], vec![conv.clone()], vec![("CONV", 300)]),
            (vec![conv.clone()], vec![], vec![("CONV", 300)]),
            (
                vec![conv.clone()],
                vec![fee("CONV", 500)],
                vec![("CONV", 300)],
            ),
            (
                vec![other.clone()],
                vec![conv.clone(), other.clone()],
                vec![("OTHER", 40), ("CONV", 300)],
            ),
        ] {
            let mut joined = price(&[&[fare.clone()][..], &there].concat());
            let further = price(&[&[fare.clone()][..], &back].concat());
            let total = joined.total_with(&further);
            joined.join(further);
            let fees = joined
                .lines
                .iter()
                .filter(|line| line.kind == LineKind::Fee);
            let fees: Vec<_> = fees
                .map(|line| (line.code.as_str(), line.unit_minor))
                .collect();
            assert_eq!(fees, expected);
            assert_eq!(joined.total(), total);
        }
    }

    proptest! {
        #[test]
        fn every_line_of_a_three_digit_currency_ends_in_zero(base in 0_i64..10_000_000, sold in 0_i32..100, adults in 1_u16..10, infants in 0_u16..4) {
            let (tariff, party) = (tariff(Currency::KWD), Party { adults, children: 1, infants });
            let price = price(&tariff, Currency::KWD, &family(), 0, &[fare(base, sold)], party).unwrap();
            for line in &price.lines {
                prop_assert_eq!(line.unit_minor % 10, 0, "{:?}", line);
            }
            // Half to even of the exact amount in steps of ten fils, once: a load step, a family and a type later.
            let load = tariff.load_factor(sold, 100).unwrap().0;
            let exact = i128::from(base) * i128::from(load) * 12_000;
            let unit = price.lines[0].unit_minor;
            let error = (i128::from(unit) * 100_000_000 - exact).abs();
            prop_assert!(error <= 5 * 100_000_000, "{} of {}", unit, exact);
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
