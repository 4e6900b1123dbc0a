//! What a coupon takes off: rounded once to what can be charged, then apportioned to the base-fare lines by largest
//! remainder.

use super::model::{Coupon, CouponKind, Discount, Refusal};
use crate::charge::step;
use crate::money::{Money, scale_half_even};
use crate::trade::{Factor, LineKind, Price, PriceLine};

/// The discount on some lines of a price, never more than they are.
pub(super) fn of(coupon: &Coupon, price: &Price, lines: &[usize]) -> Result<Discount, Refusal> {
    let lines: Vec<&PriceLine> = lines
        .iter()
        .filter_map(|index| price.lines.get(*index))
        .collect();
    let bases: Vec<i64> = lines.iter().map(|line| line.amount_minor()).collect();
    let base: i64 = bases.iter().sum();
    // All of it in steps of what can be charged: lines are multiples of them, a coupon's own amounts may not be.
    let step = step(price.currency);
    let steps: Vec<i64> = bases.iter().map(|base| base / step).collect();
    let most = steps.iter().sum();
    let wanted = match coupon.kind {
        CouponKind::Percent(percent) => {
            let of_a_step = 100 * Factor::ONE * i128::from(step);
            let discount = scale_half_even(base, i128::from(percent.0), of_a_step);
            let discount = discount.unwrap_or(most);
            let cap = coupon.cap_minor.map(|cap| cap / step);
            cap.map_or(discount, |cap| discount.min(cap))
        }
        CouponKind::Fixed(minor) => minor / step,
    };
    let discount = wanted.clamp(0, most);
    if discount == 0 {
        return Err(Refusal::NothingToDiscount);
    }
    let shares = apportion(discount, &steps);
    let shares = shares.into_iter().map(|share| share * step);
    let discount = discount * step;
    Ok(Discount {
        code: coupon.code.clone(),
        amount: Money::new(-discount, price.currency),
        lines: lines
            .into_iter()
            .zip(shares)
            .filter(|(_, share)| *share > 0)
            .map(|(line, share)| PriceLine {
                kind: LineKind::Discount,
                code: coupon.code.clone(),
                name: None,
                quantity: 1,
                unit_minor: -share,
                refundable: false,
                ..line.clone()
            })
            .collect(),
    })
}

/// Splits a discount in proportion to the lines: each gets the whole part of its share, what is left goes one by one
/// to the largest fractions, ties by line order. The shares sum to the discount and none exceeds its line.
fn apportion(discount: i64, bases: &[i64]) -> Vec<i64> {
    let sum: i128 = bases.iter().copied().map(i128::from).sum();
    if sum <= 0 {
        return vec![0; bases.len()];
    }
    let exact = |base: i64| i128::from(discount) * i128::from(base);
    let mut shares: Vec<i64> = bases
        .iter()
        .map(|base| i64::try_from(exact(*base).div_euclid(sum)).unwrap_or(*base))
        .collect();
    let left = discount - shares.iter().sum::<i64>();
    let mut order: Vec<usize> = (0..bases.len()).collect();
    order.sort_by_key(|index| (-exact(bases[*index]).rem_euclid(sum), *index));
    for index in order
        .into_iter()
        .take(usize::try_from(left).unwrap_or_default())
    {
        shares[index] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::baggage::Bag;
    use crate::ids::PassengerId;
    use crate::money::Currency;
    use crate::trade::PassengerType;

    fn coupon(kind: CouponKind, cap_minor: Option<i64>) -> Coupon {
        Coupon {
            code: "TEST".into(),
            kind,
            currency: None,
            cap_minor,
            minimum_minor: None,
            valid_from: None,
            valid_until: None,
            max_uses: None,
            max_uses_per_account: None,
            used: 0,
            airlines: None,
            routes: None,
            cabins: None,
            first_booking_only: false,
        }
    }

    /// Base fares and a tax of each, then a bag.
    fn price(currency: Currency, fares: &[(u16, i64)], bag: i64) -> Price {
        let line = |kind, quantity, unit_minor| PriceLine {
            direction: Some(0),
            flight_id: None,
            kind,
            code: String::new(),
            name: None,
            passenger_type: Some(PassengerType::Adult),
            passenger_id: None,
            quantity,
            unit_minor,
            refundable: false,
            is_percentage: false,
        };
        let base = fares
            .iter()
            .map(|(quantity, unit)| line(LineKind::BaseFare, *quantity, *unit));
        let taxes = fares
            .iter()
            .map(|(quantity, unit)| line(LineKind::Tax, *quantity, unit / 20));
        let bag = Bag {
            passenger_id: PassengerId::new(),
            passenger_type: PassengerType::Adult,
            direction: 0,
            kg: 10,
            amount_minor: bag,
        };
        let lines = base.chain(taxes).chain([bag.line()]).collect();
        Price { currency, lines }
    }

    fn percent(percent: i64) -> CouponKind {
        CouponKind::Percent(Factor(percent * 10_000))
    }

    #[test]
    fn a_percentage_is_rounded_half_even_once_and_capped_and_an_amount_is_never_more_than_the_fares()
     {
        let of = |kind, cap| {
            let price = price(Currency::JPY, &[(1, 5), (1, 10)], 1_000);
            of(&coupon(kind, cap), &price, &[0, 1]).map(|discount| -discount.amount.minor())
        };
        assert_eq!(of(percent(10), None), Ok(2), "1.5 is 2");
        assert_eq!(of(percent(30), None), Ok(4), "4.5 is 4");
        assert_eq!(of(percent(30), Some(3)), Ok(3));
        assert_eq!(of(CouponKind::Fixed(99), None), Ok(15));
        assert_eq!(of(percent(1), None), Err(Refusal::NothingToDiscount));
    }

    #[test]
    fn what_is_left_goes_to_the_largest_fractions_and_ties_to_the_first_line() {
        assert_eq!(apportion(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(apportion(11, &[1, 1, 1]), [4, 4, 3]);
        assert_eq!(apportion(100, &[600_000, 450_000, 60_000]), [54, 41, 5]);
        assert_eq!(apportion(3, &[0, 5, 0]), [0, 3, 0]);
        assert_eq!(apportion(1, &[0, 0]), [0, 0]);
    }

    proptest! {
        #[test]
        fn a_price_with_baggage_and_a_coupon_is_the_sum_of_its_lines_in_every_exponent(
            fares in prop::collection::vec((1_u16..10, 0_i64..100_000_000), 1..12), bag in 0_i64..1_000_000,
            part in 1_i64..=100, cap in prop::option::of(1_i64..100_000_000), which in 0_usize..3,
        ) {
            let currency = [Currency::JPY, Currency::INR, Currency::KWD][which];
            let mut price = price(currency, &fares, bag);
            let (before, base) = (price.total().minor(), price.base().minor());
            let lines: Vec<_> = (0..fares.len()).collect();
            let Ok(discount) = of(&coupon(percent(part), cap), &price, &lines) else {
                return Ok(());
            };
            price.lines.extend(discount.lines.iter().cloned());
            let sum: i64 = price.lines.iter().map(PriceLine::amount_minor).sum();
            prop_assert_eq!(price.total().minor(), sum);
            prop_assert_eq!(sum, before + discount.amount.minor());
            prop_assert_eq!(price.discount(), discount.amount);
            let parts = [price.base(), price.taxes(), price.extras(), price.discount()];
            prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i64>(), sum);
            prop_assert!((-base..=-1).contains(&discount.amount.minor()));
        }

        #[test]
        fn shares_sum_to_the_discount_and_none_exceeds_its_line(
            bases in prop::collection::vec(0_i64..10_000_000_000, 1..20), part in 0_u32..=1000,
        ) {
            let sum: i64 = bases.iter().sum();
            let discount = scale_half_even(sum, i128::from(part), 1000).unwrap();
            let shares = apportion(discount, &bases);
            if sum > 0 {
                prop_assert_eq!(shares.iter().sum::<i64>(), discount);
            }
            for (share, base) in shares.iter().zip(&bases) {
                prop_assert!((0..=*base).contains(share));
            }
        }
    }
}
