//! The tariff: fare families, load steps, passenger factors and taxes, as the database has them.

use std::sync::Arc;

use chrono::Duration;
use serde::Deserialize;
use serde_json::Value;
use sqlx::{PgConnection, PgPool};

use crate::baggage::RateRow;
use crate::clock::Clock;
use crate::db;
use crate::fresh::Fresh;
use crate::money::{self, Money};
use crate::seat_fee::{SeatFeeRow, SeatFees};
use crate::trade::{
    Cabin, ExtraBaggage, Factor, FareConditions, FareRules, PassengerType, SeatChoice,
};
use crate::{Error, Result};

/// Every table that a price depends on.
#[derive(Clone, Debug)]
pub struct Tariff {
    /// Which version it is.
    pub id: i64,
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
    /// What it is called: `Goods and services tax`. Tariffs from before it was kept have none.
    pub name: Option<String>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Factor on the base fare.
    pub multiplier: Factor,
    /// What it includes and allows; frozen on a hold and its booking.
    pub conditions: Arc<FareConditions>,
}

impl FareFamily {
    #[cfg(test)]
    pub(crate) fn for_test(code: &str, cabin: Cabin, multiplier: Factor) -> Self {
        Self {
            code: code.to_owned(),
            cabin,
            multiplier,
            conditions: Arc::new(FareConditions {
                version: FareConditions::VERSION,
                fare_family: code.to_owned(),
                name: code.to_owned(),
                cabin_bag: "7 kg".to_owned(),
                checked_pieces: 1,
                checked_kg: 15,
                seat_choice: SeatChoice::StandardFree,
                extra_baggage: ExtraBaggage::default(),
                rules: FareRules::for_test(),
            }),
        }
    }
}

impl Tariff {
    /// The newest tariff; an empty one where nothing was loaded yet.
    ///
    /// The tables are what is edited; each change of them is a version (`note_tariff` in the migrations), and a version is
    /// what is sold by, so that an offer can name it.
    pub async fn load(conn: &mut PgConnection) -> Result<Self> {
        let row = sqlx::query!("select id, content from tariff_version order by id desc limit 1")
            .fetch_optional(conn)
            .await?;
        let row = row.ok_or_else(|| Error::Catalogue("there is no tariff".to_owned()))?;
        Self::read(row.id, row.content)
    }

    /// The tariff of a version, however old it is; `None` for a version that there never was.
    pub async fn version(conn: &mut PgConnection, id: i64) -> Result<Option<Self>> {
        let content = sqlx::query_scalar!("select content from tariff_version where id = $1", id)
            .fetch_optional(conn)
            .await?;
        content.map(|content| Self::read(id, content)).transpose()
    }

    fn read(id: i64, content: Value) -> Result<Self> {
        let content: Content = serde_json::from_value(content).map_err(|error| {
            Error::Catalogue(format!("version {id} of the tariff does not read: {error}"))
        })?;
        let factor = |(of, factor)| (of, Factor(factor));
        let extra_baggage = ExtraBaggage::of_rates(content.baggage)?;
        let families = content.families.into_iter();
        let taxes = content.taxes.into_iter().map(TaxRow::into_rule);
        Ok(Self {
            id,
            load_steps: (content.load_steps.into_iter())
                .map(|(from, factor)| (Factor(from), Factor(factor)))
                .collect(),
            passenger_factors: content.passenger_factors.into_iter().map(factor).collect(),
            taxes: taxes.collect::<Result<_>>()?,
            families: families.map(|family| family.with(&extra_baggage)).collect(),
            seat_fees: SeatFees::of_rows(content.seat_fees)?,
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
                    && (!refundable || family.conditions.is_refundable())
                    && (!checked_bag || family.conditions.checked_pieces > 0)
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

/// A version as the database writes it (`current_tariff` in the migrations).
#[derive(Deserialize)]
struct Content {
    load_steps: Vec<(i64, i64)>,
    passenger_factors: Vec<(PassengerType, i64)>,
    taxes: Vec<TaxRow>,
    families: Vec<FamilyRow>,
    baggage: Vec<RateRow>,
    seat_fees: Vec<SeatFeeRow>,
}

#[derive(Deserialize)]
struct TaxRow {
    country: String,
    code: String,
    #[serde(default)]
    name: Option<String>,
    percent: i64,
    minor: i64,
    currency: Option<String>,
    cabins: Vec<Cabin>,
    passenger_types: Vec<PassengerType>,
    applies_to: AppliesTo,
    refundable: bool,
}

impl TaxRow {
    fn into_rule(self) -> Result<TaxRule> {
        let amount = match self.currency.as_deref() {
            None => TaxAmount::Percent(Factor(self.percent)),
            Some(code) => TaxAmount::Fixed(Money::new(self.minor, money::known_currency(code)?)),
        };
        Ok(TaxRule {
            amount,
            country: self.country,
            code: self.code,
            name: self.name,
            cabins: self.cabins,
            passenger_types: self.passenger_types,
            applies_to: self.applies_to,
            refundable: self.refundable,
        })
    }
}

#[derive(Deserialize)]
struct FamilyRow {
    code: String,
    cabin: Cabin,
    name: String,
    multiplier: i64,
    cabin_bag: String,
    checked_pieces: i16,
    checked_kg: i16,
    seat_choice: SeatChoice,
    #[serde(rename = "conditions")]
    rules: FareRules,
}

impl FamilyRow {
    /// The family with the price of extra baggage, which is the same in every family.
    fn with(self, extra_baggage: &ExtraBaggage) -> FareFamily {
        FareFamily {
            cabin: self.cabin,
            multiplier: Factor(self.multiplier),
            conditions: Arc::new(FareConditions {
                version: FareConditions::VERSION,
                fare_family: self.code.clone(),
                name: self.name,
                cabin_bag: self.cabin_bag,
                checked_pieces: self.checked_pieces,
                checked_kg: self.checked_kg,
                seat_choice: self.seat_choice,
                extra_baggage: extra_baggage.clone(),
                rules: self.rules,
            }),
            code: self.code,
        }
    }
}

/// The tariff of this process, about two seconds old: a search does not read all of it for every answer.
#[derive(Clone, Debug)]
pub struct TariffCache(Fresh<Tariff>);

impl Default for TariffCache {
    fn default() -> Self {
        Self(Fresh::new(Duration::seconds(2), Duration::seconds(30)))
    }
}

impl TariffCache {
    /// The tariff, refreshed over `background` behind the requests. For who has no connection: the first calls of a
    /// process wait for the first reading.
    pub async fn fresh(&self, background: &PgPool, clock: &Clock) -> Result<Arc<Tariff>> {
        let pool = background.clone();
        let read = || async move {
            let read = async { Tariff::load(&mut *pool.acquire().await?).await };
            Box::pin(db::while_open(&pool, read)).await
        };
        self.0.get(clock, read).await
    }
}
