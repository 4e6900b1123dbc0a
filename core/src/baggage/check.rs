//! Whether the baggage that was asked for is sold.

use super::model::{Bag, ExtraBaggage, NewBag};
use crate::error::Violations;
use crate::fare::PassengerType;
use crate::ids::PassengerId;
use crate::money::Currency;

/// The baggage of one passenger at the tariffs of the directions; every wrong field is noted under
/// `passengers[index].baggage`.
pub(crate) fn check(
    wrong: &mut Violations,
    index: usize,
    wanted: &[NewBag],
    who: (PassengerId, PassengerType),
    tariffs: &[ExtraBaggage],
    currency: Currency,
) -> Vec<Bag> {
    let field = format!("passengers[{index}].baggage");
    let (passenger_id, passenger_type) = who;
    if passenger_type == PassengerType::Infant && !wanted.is_empty() {
        wrong.add(field, "infant", "an infant on a lap has no baggage");
        return Vec::new();
    }
    let mut bags: Vec<Bag> = Vec::new();
    for (position, bag) in wanted.iter().enumerate() {
        let field = |name: &str| format!("{field}[{position}].{name}");
        let Some((direction, tariff)) = direction(tariffs, &bag.direction) else {
            let message = match tariffs.len() {
                1 => "the booking has one direction: departing",
                _ => "one of departing, returning",
            };
            wrong.add(field("direction"), "unknown_direction", message);
            continue;
        };
        let Some(rate) = tariff.sold_in(currency).find(|rate| rate.kg == bag.kg) else {
            let weights: Vec<_> = tariff
                .sold_in(currency)
                .map(|rate| rate.kg.to_string())
                .collect();
            let message = match weights.as_slice() {
                [] => "no extra baggage is sold in this direction".to_owned(),
                weights => format!("one of {} kg", weights.join(", ")),
            };
            wrong.add(field("kg"), "unknown_weight", message);
            continue;
        };
        if bags.iter().any(|other| other.direction == direction) {
            let message = "one weight for each direction";
            wrong.add(field("direction"), "duplicate", message);
            continue;
        }
        bags.push(Bag {
            passenger_id,
            passenger_type,
            direction,
            kg: rate.kg,
            amount_minor: rate.amount_minor,
        });
    }
    bags
}

fn direction<'a>(tariffs: &'a [ExtraBaggage], name: &str) -> Option<(u8, &'a ExtraBaggage)> {
    let index = match name {
        "departing" => 0,
        "returning" => 1,
        _ => return None,
    };
    tariffs
        .get(usize::from(index))
        .map(|tariff| (index, tariff))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baggage::BaggageRate;
    use crate::error::{Error, FieldError};

    fn tariff() -> ExtraBaggage {
        let rate = |kg, amount_minor| BaggageRate {
            kg,
            currency: Currency::INR,
            amount_minor,
        };
        ExtraBaggage {
            prepaid: vec![rate(3, 135_000), rate(10, 450_000)],
            airport: vec![rate(1, 55_000)],
        }
    }

    fn ask(
        kind: PassengerType,
        wanted: &[(&str, u16)],
        directions: usize,
    ) -> Result<Vec<Bag>, Vec<FieldError>> {
        let mut wrong = Violations::new();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(direction, kg)| NewBag {
                direction: (*direction).to_owned(),
                kg: *kg,
            })
            .collect();
        let tariffs = vec![tariff(); directions];
        let who = (PassengerId::new(), kind);
        let bags = check(&mut wrong, 0, &wanted, who, &tariffs, Currency::INR);
        match wrong.into_result() {
            Ok(()) => Ok(bags),
            Err(Error::Invalid(fields)) => Err(fields),
            Err(error) => panic!("{error}"),
        }
    }

    fn codes(asked: Result<Vec<Bag>, Vec<FieldError>>) -> Vec<(String, &'static str)> {
        let fields = asked.unwrap_err().into_iter();
        fields.map(|wrong| (wrong.field, wrong.code)).collect()
    }

    #[test]
    fn a_weight_of_the_tariff_is_sold_once_a_direction() {
        let bags = ask(
            PassengerType::Child,
            &[("departing", 3), ("returning", 10)],
            2,
        )
        .unwrap();
        let sold: Vec<_> = bags
            .iter()
            .map(|bag| (bag.direction, bag.amount_minor))
            .collect();
        assert_eq!(sold, [(0, 135_000), (1, 450_000)]);
        let twice = codes(ask(
            PassengerType::Adult,
            &[("departing", 3), ("departing", 3)],
            1,
        ));
        assert_eq!(
            twice,
            [("passengers[0].baggage[1].direction".to_owned(), "duplicate")]
        );
    }

    #[test]
    fn what_is_not_in_the_tariff_is_told_what_is() {
        let wrong = ask(
            PassengerType::Adult,
            &[("departing", 4), ("back", 3), ("returning", 3)],
            1,
        )
        .unwrap_err();
        assert_eq!(wrong[0].message, "one of 3, 10 kg");
        assert_eq!(
            codes(Err(wrong)),
            [
                ("passengers[0].baggage[0].kg".to_owned(), "unknown_weight"),
                (
                    "passengers[0].baggage[1].direction".to_owned(),
                    "unknown_direction"
                ),
                (
                    "passengers[0].baggage[2].direction".to_owned(),
                    "unknown_direction"
                ),
            ]
        );
        let lap = codes(ask(PassengerType::Infant, &[("departing", 3)], 1));
        assert_eq!(lap, [("passengers[0].baggage".to_owned(), "infant")]);
    }
}
