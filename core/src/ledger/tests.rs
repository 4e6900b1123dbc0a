use proptest::prelude::*;

use super::*;
use crate::trade::LineKind;

fn lines() -> impl Strategy<Value = Vec<(LineKind, String, i64)>> {
    let kind = prop_oneof![
        Just(LineKind::BaseFare),
        Just(LineKind::Tax),
        Just(LineKind::Fee),
        Just(LineKind::Seat),
        Just(LineKind::Baggage),
        Just(LineKind::Discount),
    ];
    let line = (kind, "[A-Z]{3}", 0_i64..1_000_000_000).prop_map(|(kind, code, amount)| {
        let sign = if kind == LineKind::Discount { -1 } else { 1 };
        (kind, code, sign * amount)
    });
    proptest::collection::vec(line, 0..60)
}

proptest! {
    #[test]
    fn what_is_sold_is_what_the_customer_owes_and_each_account_is_moved_once(lines in lines()) {
        let movements = sold(lines.iter().map(|(kind, code, amount)| (*kind, code.as_str(), *amount)));
        let owed: i64 = movements.iter().map(|movement| match (&movement.debit, &movement.credit) {
            (Account::Customer, _) => movement.amount_minor,
            (_, Account::Customer) => -movement.amount_minor,
            _ => 0,
        }).sum();
        prop_assert_eq!(owed, lines.iter().map(|line| line.2).sum::<i64>());
        let mut accounts: Vec<_> = movements.iter().map(|movement| (&movement.debit, &movement.credit)).collect();
        accounts.sort();
        accounts.dedup();
        prop_assert_eq!(accounts.len(), movements.len());
        prop_assert!(movements.iter().all(|movement| movement.amount_minor > 0 && movement.debit != movement.credit));
    }

    #[test]
    fn every_account_reads_back(code in "[A-Z0-9]{1,8}", which in 0_usize..11) {
        let account = [
            Account::Customer, Account::StripeClearing, Account::RefundsPayable, Account::Disputes, Account::Bank, Account::BaseFare, Account::Discount,
            Account::Seat, Account::Baggage, Account::Tax(code.clone()), Account::Fee(code),
        ][which].clone();
        prop_assert_eq!(Account::parse(&account.to_string()), Some(account));
    }
}
