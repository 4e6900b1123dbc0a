//! The words of coupons.

use chrono::{DateTime, Utc};

use crate::error::{self, FieldError};
use crate::money::{Currency, Money};
use crate::trade::{Cabin, Factor, Price, PriceLine};

/// A coupon as the database has it. What is `None` sets no limit.
#[derive(Clone, Debug)]
pub struct Coupon {
    /// Upper case.
    pub code: String,
    /// What it takes off.
    pub kind: CouponKind,
    /// The currency of its amounts.
    pub currency: Option<Currency>,
    /// The most that a percentage takes off, in minor units.
    pub cap_minor: Option<i64>,
    /// The least that a booking must cost before the discount, in minor units.
    pub minimum_minor: Option<i64>,
    /// Good from this instant on.
    pub valid_from: Option<DateTime<Utc>>,
    /// Good until just before this instant.
    pub valid_until: Option<DateTime<Utc>>,
    /// Most uses in all.
    pub max_uses: Option<i32>,
    /// Most uses of one account.
    pub max_uses_per_account: Option<i32>,
    /// Uses that were not given back.
    pub used: i32,
    /// Validating airlines, by IATA code.
    pub airlines: Option<Vec<String>>,
    /// From where to where a direction leads: `DEL-BOM`.
    pub routes: Option<Vec<String>>,
    /// Cabins, by name.
    pub cabins: Option<Vec<String>>,
    /// Only for an account that has booked nothing yet.
    pub first_booking_only: bool,
}

/// What a coupon takes off the base fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CouponKind {
    /// Percent: 10 % is `Factor(100_000)`.
    Percent(Factor),
    /// An amount in minor units of its currency.
    Fixed(i64),
}

/// Why a coupon does not apply: stable codes for programs, a sentence for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such code.
    Unknown,
    /// Its time has not come.
    NotYetValid,
    /// Its time is over.
    Expired,
    /// Its amounts are in another currency than the sale.
    WrongCurrency,
    /// No direction is ticketed by an airline that it is for.
    WrongAirline,
    /// No direction leads where it is for.
    WrongRoute,
    /// No direction is in a cabin that it is for.
    WrongCabin,
    /// The booking costs too little.
    MinimumNotMet,
    /// The account has booked before.
    NotFirstBooking,
    /// Everybody together used it as often as it may be used.
    UsedUp,
    /// The account used it as often as one may.
    UsedUpForAccount,
    /// There is no base fare that it could take anything off.
    NothingToDiscount,
}

impl Refusal {
    /// The code in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::WrongCurrency => "wrong_currency",
            Self::WrongAirline => "wrong_airline",
            Self::WrongRoute => "wrong_route",
            Self::WrongCabin => "wrong_cabin",
            Self::MinimumNotMet => "minimum_not_met",
            Self::NotFirstBooking => "not_first_booking",
            Self::UsedUp => "used_up",
            Self::UsedUpForAccount => "used_up_for_account",
            Self::NothingToDiscount => "nothing_to_discount",
        }
    }

    /// The same for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unknown => "there is no such coupon",
            Self::NotYetValid => "the coupon is not valid yet",
            Self::Expired => "the coupon has expired",
            Self::WrongCurrency => "the coupon is in another currency",
            Self::WrongAirline => "the coupon is for other airlines",
            Self::WrongRoute => "the coupon is for other routes",
            Self::WrongCabin => "the coupon is for other cabins",
            Self::MinimumNotMet => "the booking costs less than the coupon asks for",
            Self::NotFirstBooking => "the coupon is for an account's first booking",
            Self::UsedUp => "the coupon has been used as often as it may be",
            Self::UsedUpForAccount => "this account has used the coupon as often as it may",
            Self::NothingToDiscount => "there is no base fare that the coupon could reduce",
        }
    }
}

impl error::Refusal for Refusal {
    fn code(&self) -> &'static str {
        self.as_str()
    }

    /// The field `coupon` of a booking.
    fn field_error(&self) -> Option<FieldError> {
        Some(FieldError {
            field: "coupon".to_owned(),
            code: self.as_str(),
            message: self.words().to_owned(),
        })
    }
}

impl std::error::Error for Refusal {}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.words())
    }
}

/// One direction, as coupons look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journey {
    /// The validating airline: the first flight's.
    pub airline: String,
    /// Where it leads: `DEL-BOM`.
    pub route: String,
    /// In which cabin.
    pub cabin: Cabin,
}

/// What a coupon is held against: a price before the discount, and the directions in their order.
#[derive(Clone, Debug)]
pub struct Basket<'a> {
    /// The price without a discount.
    pub price: &'a Price,
    /// The directions; a line's `direction` is the index into them.
    pub journeys: Vec<Journey>,
}

/// What a coupon takes off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// The coupon, in upper case.
    pub code: String,
    /// What it adds to the price in all: negative, as everywhere.
    pub amount: Money,
    /// One negative line for each base-fare line that it takes something off: that line's share.
    pub lines: Vec<PriceLine>,
}

/// The coupon of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedCoupon {
    /// The coupon, in upper case.
    pub code: String,
    /// What it adds to the price: negative, as everywhere.
    pub discount: Money,
}
