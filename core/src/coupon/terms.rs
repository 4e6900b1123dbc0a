//! Whether a coupon's terms fit a basket: everything that its row says of itself.
//!
//! **A coupon is for the directions that fit all its terms.** On a round trip whose departing direction fits and
//! whose returning one does not, the fares of the departing one are discounted. The minimum is compared with the
//! whole price before the discount, bags included: that is what a traveller sees as the price.

use chrono::{DateTime, Utc};

use super::model::{Basket, Coupon, Journey, Refusal};
use crate::trade::LineKind;

/// What a term looks at.
type Part = fn(&Journey) -> &str;

/// The indexes of the base-fare lines that the coupon may discount: those of the directions that fit it in every
/// respect. The first term that fits no direction is the answer.
pub(super) fn check(
    coupon: &Coupon,
    now: DateTime<Utc>,
    basket: &Basket<'_>,
) -> Result<Vec<usize>, Refusal> {
    if coupon.valid_from.is_some_and(|from| now < from) {
        return Err(Refusal::NotYetValid);
    }
    if coupon.valid_until.is_some_and(|until| now >= until) {
        return Err(Refusal::Expired);
    }
    if coupon
        .currency
        .is_some_and(|currency| currency != basket.price.currency)
    {
        return Err(Refusal::WrongCurrency);
    }
    let mut fitting: Vec<(usize, &Journey)> = basket.journeys.iter().enumerate().collect();
    let terms: [(_, Part, _); 3] = [
        (
            &coupon.airlines,
            |journey| &journey.airline,
            Refusal::WrongAirline,
        ),
        (
            &coupon.routes,
            |journey| &journey.route,
            Refusal::WrongRoute,
        ),
        (
            &coupon.cabins,
            |journey| journey.cabin.as_str(),
            Refusal::WrongCabin,
        ),
    ];
    for (allowed, of, refusal) in terms {
        if let Some(allowed) = allowed {
            fitting.retain(|(_, journey)| allowed.iter().any(|one| one == of(journey)));
            if fitting.is_empty() {
                return Err(refusal);
            }
        }
    }
    if coupon
        .minimum_minor
        .is_some_and(|minimum| basket.price.total().minor() < minimum)
    {
        return Err(Refusal::MinimumNotMet);
    }
    let lines = basket.price.lines.iter().enumerate();
    let discounted = lines.filter(|(_, line)| {
        let direction = line.direction.map(usize::from);
        line.kind == LineKind::BaseFare
            && fitting.iter().any(|(index, _)| Some(*index) == direction)
    });
    Ok(discounted.map(|(index, _)| index).collect())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::coupon::CouponKind;
    use crate::money::Currency;
    use crate::trade::{Cabin, Factor, Price, PriceLine};

    fn price() -> Price {
        let line = |direction, kind, unit_minor| PriceLine {
            direction,
            flight_id: None,
            kind,
            code: String::new(),
            name: None,
            passenger_type: None,
            passenger_id: None,
            quantity: 1,
            unit_minor,
            refundable: false,
            is_percentage: false,
        };
        let lines = vec![
            line(Some(0), LineKind::BaseFare, 10_000),
            line(Some(1), LineKind::BaseFare, 20_000),
            line(Some(0), LineKind::Tax, 1_000),
            line(None, LineKind::Fee, 500),
        ];
        Price {
            currency: Currency::INR,
            lines,
        }
    }

    fn basket(price: &Price) -> Basket<'_> {
        let journey = |airline: &str, route: &str, cabin| Journey {
            airline: airline.into(),
            route: route.into(),
            cabin,
        };
        Basket {
            price,
            journeys: vec![
                journey("AI", "DEL-BOM", Cabin::Economy),
                journey("6E", "BOM-DEL", Cabin::Business),
            ],
        }
    }

    fn coupon() -> Coupon {
        Coupon {
            code: "TEST".into(),
            kind: CouponKind::Percent(Factor(100_000)),
            currency: None,
            cap_minor: None,
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

    fn only(one: &str) -> Vec<String> {
        vec![one.to_owned()]
    }

    #[test]
    fn base_fares_of_fitting_directions_are_discounted_and_nothing_else() {
        let (price, now) = (price(), DateTime::UNIX_EPOCH);
        let lines = |coupon: &Coupon| check(coupon, now, &basket(&price));
        assert_eq!(lines(&coupon()), Ok(vec![0, 1]));
        assert_eq!(
            lines(&Coupon {
                airlines: Some(only("6E")),
                ..coupon()
            }),
            Ok(vec![1])
        );
        assert_eq!(
            lines(&Coupon {
                routes: Some(only("DEL-BOM")),
                ..coupon()
            }),
            Ok(vec![0])
        );
        assert_eq!(
            lines(&Coupon {
                cabins: Some(only("business")),
                ..coupon()
            }),
            Ok(vec![1])
        );
        assert_eq!(
            lines(&Coupon {
                airlines: Some(only("LH")),
                ..coupon()
            }),
            Err(Refusal::WrongAirline)
        );
        assert_eq!(
            lines(&Coupon {
                routes: Some(only("DEL-BLR")),
                ..coupon()
            }),
            Err(Refusal::WrongRoute)
        );
        assert_eq!(
            lines(&Coupon {
                cabins: Some(only("first")),
                ..coupon()
            }),
            Err(Refusal::WrongCabin)
        );
        // Each term fits a direction, but none fits them all.
        let split = Coupon {
            airlines: Some(only("AI")),
            cabins: Some(only("business")),
            ..coupon()
        };
        assert_eq!(lines(&split), Err(Refusal::WrongCabin));
    }

    #[test]
    fn a_coupon_is_good_from_its_first_instant_to_just_before_its_last() {
        let (price, from) = (price(), DateTime::UNIX_EPOCH);
        let until = from + TimeDelta::hours(1);
        let dated = Coupon {
            valid_from: Some(from),
            valid_until: Some(until),
            ..coupon()
        };
        let at = |now| check(&dated, now, &basket(&price)).map(|_| ());
        let moment = TimeDelta::milliseconds(1);
        assert_eq!(at(from - moment), Err(Refusal::NotYetValid));
        assert_eq!(at(from), Ok(()));
        assert_eq!(at(until - moment), Ok(()));
        assert_eq!(at(until), Err(Refusal::Expired));
    }

    #[test]
    fn the_minimum_is_met_by_the_whole_price_in_the_coupons_currency() {
        let price = price();
        let of = |minimum_minor, currency| {
            let coupon = Coupon {
                minimum_minor: Some(minimum_minor),
                currency: Some(currency),
                ..coupon()
            };
            check(&coupon, DateTime::UNIX_EPOCH, &basket(&price)).map(|_| ())
        };
        assert_eq!(of(31_500, Currency::INR), Ok(()));
        assert_eq!(of(31_501, Currency::INR), Err(Refusal::MinimumNotMet));
        assert_eq!(of(1, Currency::USD), Err(Refusal::WrongCurrency));
    }
}
