//! Whether the baggage that was asked for is sold.

use super::model::{NewBag, SoldBag};
use crate::error::Violations;
use crate::money::Currency;
use crate::trade::{Direction, ExtraBaggage, PassengerType};

/// The baggage of one passenger; every wrong field is noted under `passengers[index].baggage`.
///
/// What is `None` is not known, and its rules are not asked: the type of a passenger without a readable date of birth,
/// and `at`, the tariffs of the directions and their currency, where the flights are wrong too. Nothing is sold then.
pub(crate) fn check(
    wrong: &mut Violations,
    index: usize,
    wanted: &[NewBag],
    kind: Option<PassengerType>,
    at: Option<(&[&ExtraBaggage], Currency)>,
) -> Vec<SoldBag> {
    let field = format!("passengers[{index}].baggage");
    if kind == Some(PassengerType::Infant) && !wanted.is_empty() {
        wrong.add(field, "infant", "an infant on a lap has no baggage");
        return Vec::new();
    }
    let mut directions = Vec::new();
    let mut sold = Vec::new();
    for (position, bag) in wanted.iter().enumerate() {
        let field = |name: &str| format!("{field}[{position}].{name}");
        let there_are = at.map_or(2, |(tariffs, _)| tariffs.len());
        let direction = Direction::find(&bag.direction)
            .map(Direction::ordinal)
            .filter(|ordinal| usize::from(*ordinal) < there_are);
        let Some(direction) = direction else {
            let message = match there_are {
                1 => "the booking has one direction: departing",
                _ => "one of departing, returning",
            };
            wrong.add(field("direction"), "unknown_direction", message);
            continue;
        };
        if directions.contains(&direction) {
            let message = "one weight for each direction";
            wrong.add(field("direction"), "duplicate", message);
        }
        directions.push(direction);
        let Some((tariffs, currency)) = at else {
            continue;
        };
        match price(tariffs[usize::from(direction)], bag.kg, currency) {
            Ok(amount_minor) => sold.push(SoldBag {
                direction,
                kg: bag.kg,
                amount_minor,
            }),
            Err(message) => wrong.add(field("kg"), "unknown_weight", message),
        }
    }
    sold
}

/// What a weight costs, or which weights are sold.
fn price(tariff: &ExtraBaggage, kg: u16, currency: Currency) -> Result<i64, String> {
    if let Some(rate) = tariff.sold_in(currency).find(|rate| rate.kg == kg) {
        return Ok(rate.amount_minor);
    }
    let weights = tariff.sold_in(currency).map(|rate| rate.kg.to_string());
    let weights: Vec<_> = weights.collect();
    Err(match weights.as_slice() {
        [] => "no extra baggage is sold in this direction".to_owned(),
        weights => format!("one of {} kg", weights.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, FieldError};
    use crate::trade::BaggageRate;

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
    ) -> Result<Vec<SoldBag>, Vec<FieldError>> {
        let mut wrong = Violations::new();
        let wanted: Vec<_> = wanted
            .iter()
            .map(|(direction, kg)| NewBag {
                direction: (*direction).to_owned(),
                kg: *kg,
            })
            .collect();
        let tariff = tariff();
        let tariffs = vec![&tariff; directions];
        let at = Some((tariffs.as_slice(), Currency::INR));
        let bags = check(&mut wrong, 0, &wanted, Some(kind), at);
        match wrong.into_result() {
            Ok(()) => Ok(bags),
            Err(Error::Invalid(fields)) => Err(fields),
            Err(error) => panic!("{error}"),
        }
    }

    fn codes(asked: Result<Vec<SoldBag>, Vec<FieldError>>) -> Vec<(String, &'static str)> {
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
