//! The tariff: fare families, load steps, passenger factors and taxes, as the database has them.

use std::sync::{Arc, RwLock};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use super::model::{Cabin, Factor, PassengerType};
use crate::baggage::{self, ExtraBaggage};
use crate::clock::Clock;
use crate::money::{self, Money};
use crate::seat::SeatFees;
use crate::{Error, Result};

/// Every table that a price depends on.
#[derive(Clone, Debug)]
pub struct Tariff {
    /// (load above which it applies, factor), ascending; the first applies from an empty cabin on.
    pub load_steps: Vec<(Factor, Factor)>,
    /// What a type pays of the adult base fare.
    pub passenger_factors: Vec<(PassengerType, Factor)>,
    /// All tax rules.
    pub taxes: Vec<TaxRule>,
    /// All fare families.
    pub families: Vec<FareFamily>,
    /// What choosing a seat costs.
    pub seat_fees: SeatFees,
}

/// One tax, charge or fee.
#[derive(Clone, Debug)]
pub struct TaxRule {
    /// Country of departure.
    pub country: String,
    /// Its code on the receipt: `GST`, `UDF`.
    pub code: String,
    /// How much.
    pub amount: TaxAmount,
    /// In which cabins.
    pub cabins: Vec<Cabin>,
    /// For whom.
    pub passenger_types: Vec<PassengerType>,
    /// How often.
    pub applies_to: AppliesTo,
    /// Whether it comes back when the flight is not flown.
    pub refundable: bool,
}

/// How much a tax is.
#[derive(Clone, Copy, Debug)]
pub enum TaxAmount {
    /// Percent of the base fare: 5 % is `Factor(50_000)`.
    Percent(Factor),
    /// An amount each.
    Fixed(Money),
}

/// How often a tax is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliesTo {
    /// On every departure.
    Flight,
    /// On the first departure of a direction; transfers pay no second.
    FirstDeparture,
    /// Once a booking.
    Booking,
}

/// A brand of fare in one cabin: what it costs, includes and allows.
#[derive(Clone, Debug)]
pub struct FareFamily {
    /// `light`, `standard`, `flex`.
    pub code: String,
    /// The cabin.
    pub cabin: Cabin,
    /// As shown.
    pub name: String,
    /// Factor on the base fare.
    pub multiplier: Factor,
    /// Cabin baggage, in words.
    pub cabin_bag: String,
    /// Pieces of checked baggage.
    pub checked_pieces: i16,
    /// Kilograms of checked baggage in all.
    pub checked_kg: i16,
    /// `paid`, `standard_free`, `free`.
    pub seat_choice: String,
    /// Tiers of cancellation and change, in fields and words.
    pub conditions: Value,
    /// What more than the included baggage costs; the same in every family.
    pub extra_baggage: Arc<ExtraBaggage>,
}

impl FareFamily {
    /// Whether cancelling early enough gives something of the base fare back: some tier charges less than all of it.
    pub fn is_refundable(&self) -> bool {
        self.conditions["cancellation"]["tiers"]
            .as_array()
            .is_some_and(|tiers| tiers.iter().any(|tier| tier["charge_minor"].is_i64()))
    }

    /// What is frozen on a booking: later changes of the tables change no sold ticket.
    pub fn frozen(&self) -> Value {
        serde_json::json!({
            "fare_family": self.code,
            "name": self.name,
            "cabin_bag": self.cabin_bag,
            "checked_pieces": self.checked_pieces,
            "checked_kg": self.checked_kg,
            "seat_choice": self.seat_choice,
            "extra_baggage": *self.extra_baggage,
            "conditions": self.conditions,
        })
    }

    #[cfg(test)]
    pub(crate) fn for_test(code: &str, cabin: Cabin, multiplier: Factor) -> Self {
        Self {
            code: code.to_owned(),
            cabin,
            name: code.to_owned(),
            multiplier,
            cabin_bag: "7 kg".to_owned(),
            checked_pieces: 1,
            checked_kg: 15,
            seat_choice: "standard_free".to_owned(),
            conditions: Value::Null,
            extra_baggage: Arc::default(),
        }
    }
}

impl Tariff {
    /// Reads all tables.
    pub async fn load(conn: &mut PgConnection) -> Result<Self> {
        let load_steps = sqlx::query!(
            r#"select (from_load * 10000)::bigint as "from_load!", (factor * 10000)::bigint as "factor!" from load_step order by from_load"#
        )
        .fetch_all(&mut *conn)
        .await?
        .into_iter()
        .map(|row| (Factor(row.from_load), Factor(row.factor)))
        .collect();
        let passenger_factors = sqlx::query!(
            r#"select passenger_type as "passenger_type: PassengerType", (factor * 10000)::bigint as "factor!" from passenger_factor"#
        )
        .fetch_all(&mut *conn)
        .await?
        .into_iter()
        .map(|row| (row.passenger_type, Factor(row.factor)))
        .collect();
        let extra_baggage = Arc::new(baggage::tariff(conn).await?);
        let families = sqlx::query_as!(
            FamilyRow,
            r#"
            select code, cabin as "cabin: Cabin", name, (multiplier * 10000)::bigint as "multiplier!", cabin_bag,
                   checked_pieces, checked_kg, seat_choice, conditions
            from fare_family order by cabin, multiplier
            "#
        )
        .fetch_all(&mut *conn)
        .await?
        .into_iter()
        .map(|row| row.with(extra_baggage.clone()))
        .collect();
        Ok(Self {
            load_steps,
            passenger_factors,
            taxes: load_taxes(conn).await?,
            families,
            seat_fees: SeatFees::load(conn).await?,
        })
    }

    /// The family of a code in a cabin, or `None`.
    pub fn family(&self, code: &str, cabin: Cabin) -> Option<&FareFamily> {
        self.families
            .iter()
            .find(|family| family.code == code && family.cabin == cabin)
    }

    /// What a cabin is sold in when nobody names a family: `standard` where that is refundable and has checked
    /// baggage if those are asked for, else the cheapest family that is and has, or `None`.
    pub fn family_with(
        &self,
        cabin: Cabin,
        refundable: bool,
        checked_bag: bool,
    ) -> Option<&FareFamily> {
        self.families
            .iter()
            .filter(|family| {
                family.cabin == cabin
                    && (!refundable || family.is_refundable())
                    && (!checked_bag || family.checked_pieces > 0)
            })
            .min_by_key(|family| (family.code != "standard", family.multiplier.0))
    }

    pub(super) fn load_factor(&self, sold: i32, capacity: i32) -> Result<Factor> {
        let sold = i64::from(sold) * 10_000;
        let above = |from: Factor| sold > from.0 * i64::from(capacity);
        let (first, rest) = self.load_steps.split_first().ok_or_else(|| {
            Error::Catalogue("there is no load step: run `manage loaddata`".to_owned())
        })?;
        Ok(rest
            .iter()
            .rev()
            .find(|(from, _)| above(*from))
            .unwrap_or(first)
            .1)
    }

    pub(super) fn passenger_factor(&self, kind: PassengerType) -> Result<Factor> {
        self.passenger_factors
            .iter()
            .find(|(of, _)| *of == kind)
            .map(|(_, factor)| *factor)
            .ok_or_else(|| {
                Error::Catalogue(format!(
                    "there is no passenger factor for {}",
                    kind.as_str()
                ))
            })
    }

    pub(super) fn taxes_of(&self, country: &str) -> impl Iterator<Item = &TaxRule> {
        self.taxes
            .iter()
            .filter(move |rule| rule.country == country)
    }
}

struct FamilyRow {
    code: String,
    cabin: Cabin,
    name: String,
    multiplier: i64,
    cabin_bag: String,
    checked_pieces: i16,
    checked_kg: i16,
    seat_choice: String,
    conditions: Value,
}

impl FamilyRow {
    fn with(self, extra_baggage: Arc<ExtraBaggage>) -> FareFamily {
        FareFamily {
            code: self.code,
            cabin: self.cabin,
            name: self.name,
            multiplier: Factor(self.multiplier),
            cabin_bag: self.cabin_bag,
            checked_pieces: self.checked_pieces,
            checked_kg: self.checked_kg,
            seat_choice: self.seat_choice,
            conditions: self.conditions,
            extra_baggage,
        }
    }
}

async fn load_taxes(conn: &mut PgConnection) -> Result<Vec<TaxRule>> {
    let rows = sqlx::query!(
        r#"
        select country, code, kind, (amount * 10000)::bigint as "percent!", amount::bigint as "minor!", currency,
               cabins, passenger_types, applies_to, refundable
        from tax_rule order by country, code, cabins
        "#
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let broken = |what: &str| {
                Error::Catalogue(format!(
                    "tax {} of {} has an unknown {what}",
                    row.code, row.country
                ))
            };
            let amount = match row.currency.as_deref() {
                None => TaxAmount::Percent(Factor(row.percent)),
                Some(code) => {
                    let currency = money::currency(code).ok_or_else(|| broken("currency"))?;
                    TaxAmount::Fixed(Money::new(row.minor, currency))
                }
            };
            let applies_to = match row.applies_to.as_str() {
                "flight" => AppliesTo::Flight,
                "first_departure" => AppliesTo::FirstDeparture,
                "booking" => AppliesTo::Booking,
                _ => return Err(broken("frequency")),
            };
            let cabins: Option<Vec<_>> =
                row.cabins.iter().map(|cabin| Cabin::parse(cabin)).collect();
            let types: Option<Vec<_>> = row
                .passenger_types
                .iter()
                .map(|kind| PassengerType::parse(kind))
                .collect();
            Ok(TaxRule {
                amount,
                cabins: cabins.ok_or_else(|| broken("cabin"))?,
                passenger_types: types.ok_or_else(|| broken("passenger type"))?,
                applies_to,
                refundable: row.refundable,
                country: row.country,
                code: row.code,
            })
        })
        .collect()
}

/// The tariff as it was at most five seconds ago; a search does not read six tables for every answer.
#[derive(Clone, Debug, Default)]
pub struct TariffCache(Arc<RwLock<Option<Read>>>);

/// When it was read, and what.
type Read = (DateTime<Utc>, Arc<Tariff>);

impl TariffCache {
    /// The tariff, read again when the one at hand is older than five seconds.
    pub async fn get(&self, conn: &mut PgConnection, clock: &Clock) -> Result<Arc<Tariff>> {
        let now = clock.now();
        let known = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        if let Some((read_at, tariff)) = known
            && (Duration::zero()..Duration::seconds(5)).contains(&(now - read_at))
        {
            return Ok(tariff);
        }
        let tariff = Arc::new(Tariff::load(conn).await?);
        *self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some((now, tariff.clone()));
        Ok(tariff)
    }
}
