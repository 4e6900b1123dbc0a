//! What choosing a seat costs (data): by cabin and kind of seat, unless the fare family gives it for nothing.

use serde::Deserialize;
use sqlx::PgConnection;

use crate::charge::chargeable;
use crate::money::{self, Currency, Money};
use crate::trade::{Cabin, SeatChoice};
use crate::{Error, Result};

/// What kind of seat it is to the tariff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type, Deserialize)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SeatKind {
    /// Any other.
    Standard,
    /// In one of the first rows of its cabin.
    Preferred,
    /// In an exit row.
    Exit,
}

impl SeatKind {
    /// The kind of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        let all = [Self::Standard, Self::Preferred, Self::Exit];
        all.into_iter().find(|kind| kind.as_str() == raw)
    }

    /// The name in the API, on price lines and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Preferred => "preferred",
            Self::Exit => "exit",
        }
    }
}

#[derive(Clone, Debug)]
struct Fee {
    cabin: Cabin,
    kind: SeatKind,
    first_rows: Option<i16>,
    amount: Money,
}

/// The fees of all cabins.
#[derive(Clone, Debug, Default)]
pub struct SeatFees(Vec<Fee>);

/// A row of the tariff.
#[derive(Clone, Debug, Deserialize)]
pub struct SeatFeeRow {
    cabin: Cabin,
    kind: SeatKind,
    first_rows: Option<i16>,
    amount_minor: i64,
    currency: String,
}

impl SeatFees {
    /// Reads the table.
    pub async fn load(conn: &mut PgConnection) -> Result<Self> {
        let rows = sqlx::query_as!(
            SeatFeeRow,
            r#"select cabin as "cabin: Cabin", kind as "kind: SeatKind", first_rows, amount_minor, currency from seat_fee"#
        )
        .fetch_all(conn)
        .await?;
        Self::of_rows(rows)
    }

    /// The fees of their rows.
    pub(crate) fn of_rows(rows: Vec<SeatFeeRow>) -> Result<Self> {
        let fees = rows.into_iter().map(|row| {
            let currency = money::known_currency(&row.currency)?;
            Ok(Fee {
                cabin: row.cabin,
                kind: row.kind,
                first_rows: row.first_rows,
                amount: chargeable(Money::new(row.amount_minor, currency)),
            })
        });
        fees.collect::<Result<_>>().map(Self)
    }

    /// The kind of a seat in the `row_of_cabin`-th row of its cabin, from 1.
    pub fn kind(&self, cabin: Cabin, exit_row: bool, row_of_cabin: i64) -> SeatKind {
        let is_preferred = self.0.iter().any(|fee| {
            (fee.cabin, fee.kind) == (cabin, SeatKind::Preferred)
                && fee
                    .first_rows
                    .is_some_and(|rows| row_of_cabin <= i64::from(rows))
        });
        match (exit_row, is_preferred) {
            (true, _) => SeatKind::Exit,
            (false, true) => SeatKind::Preferred,
            (false, false) => SeatKind::Standard,
        }
    }

    /// What choosing such a seat costs where a fare family lets these be chosen for nothing.
    ///
    /// A cabin without a fee for the kind gives it for nothing. [`Error::Catalogue`] for a fee in another currency.
    pub fn fee(
        &self,
        currency: Currency,
        cabin: Cabin,
        kind: SeatKind,
        seat_choice: SeatChoice,
    ) -> Result<Money> {
        let is_free = match seat_choice {
            SeatChoice::Free => true,
            SeatChoice::StandardFree => kind == SeatKind::Standard,
            SeatChoice::Paid => false,
        };
        let fee = self
            .0
            .iter()
            .find(|fee| !is_free && (fee.cabin, fee.kind) == (cabin, kind));
        match fee {
            None => Ok(Money::new(0, currency)),
            Some(fee) if fee.amount.currency() == currency => Ok(fee.amount),
            Some(fee) => Err(Error::Catalogue(format!(
                "the seat fees are in {}, the sale is in {}",
                fee.amount.currency().code(),
                currency.code()
            ))),
        }
    }
}
