//! What a coupon takes off: rounded once, then apportioned to the base-fare lines by largest remainder.

use super::model::{Coupon, CouponKind, Discount, Refusal};
use crate::fare::{Factor, LineKind, Price, PriceLine};
use crate::money::{Money, scale_half_even};

/// The discount on some lines of a price, never more than they are.
pub(super) fn of(coupon: &Coupon, price: &Price, lines: &[usize]) -> Result<Discount, Refusal> {
    let lines: Vec<&PriceLine> = lines
        .iter()
        .filter_map(|index| price.lines.get(*index))
        .collect();
    let bases: Vec<i64> = lines.iter().map(|line| line.amount_minor()).collect();
    let base: i64 = bases.iter().sum();
    let wanted = match coupon.kind {
        CouponKind::Percent(percent) => {
            let discount = scale_half_even(base, i128::from(percent.0), 100 * Factor::ONE);
            let discount = discount.unwrap_or(base);
            coupon.cap_minor.map_or(discount, |cap| discount.min(cap))
        }
        CouponKind::Fixed(minor) => minor,
    };
    let discount = wanted.clamp(0, base);
    if discount == 0 {
        return Err(Refusal::NothingToDiscount);
    }
    let shares = apportion(discount, &bases);
    Ok(Discount {
        code: coupon.code.clone(),
        amount: Money::new(discount, price.currency),
        lines: lines
            .into_iter()
            .zip(shares)
            .filter(|(_, share)| *share > 0)
            .map(|(line, share)| PriceLine {
                kind: LineKind::Discount,
                code: coupon.code.clone(),
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
