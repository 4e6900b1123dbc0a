//! Movements before they are posted: pure, so that they can be proved.

use super::model::Account;
use crate::trade::LineKind;

/// Money from one account to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The account that receives.
    pub debit: Account,
    /// The account that gives.
    pub credit: Account,
    /// Minor units, more than zero.
    pub amount_minor: i64,
}

impl Movement {
    pub(super) const fn new(debit: Account, credit: Account, amount_minor: i64) -> Self {
        Self {
            debit,
            credit,
            amount_minor,
        }
    }
}

impl Movement {
    /// The same money back.
    pub(super) fn reversed(&self) -> Self {
        Self::new(self.credit.clone(), self.debit.clone(), self.amount_minor)
    }
}

/// What a sale moves: for each account of its price lines their sum, from the customer or, for discounts, back.
pub fn sold<'a>(lines: impl IntoIterator<Item = (LineKind, &'a str, i64)>) -> Vec<Movement> {
    let mut sums: Vec<(Account, i64)> = Vec::new();
    for (kind, code, amount_minor) in lines {
        let account = account_of(kind, code);
        match sums.iter_mut().find(|(known, _)| *known == account) {
            Some((_, sum)) => *sum += amount_minor,
            None => sums.push((account, amount_minor)),
        }
    }
    sums.into_iter()
        .filter(|(_, sum)| *sum != 0)
        .map(|(account, sum)| {
            if sum > 0 {
                Movement::new(Account::Customer, account, sum)
            } else {
                Movement::new(account, Account::Customer, -sum)
            }
        })
        .collect()
}

fn account_of(kind: LineKind, code: &str) -> Account {
    match kind {
        LineKind::BaseFare => Account::BaseFare,
        LineKind::Tax => Account::Tax(code.to_owned()),
        LineKind::Fee => Account::Fee(code.to_owned()),
        LineKind::Seat => Account::Seat,
        LineKind::Baggage => Account::Baggage,
        LineKind::Discount => Account::Discount,
    }
}
