//! Accounts, and what is posted to them.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::money::Money;

/// Where money is, or what it is for, in the words of the trade.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The traveller: what is sold and not paid is a debit, what is paid and not sold a credit.
    Customer,
    /// Money that Stripe has taken for us and not given back.
    StripeClearing,
    /// Refunds that are promised and have not reached the traveller.
    RefundsPayable,
    /// Money that banks have taken back over a dispute. What is not reinstated and was owed to nobody is a loss.
    Disputes,
    /// The seller's own account at a bank, from which staff pay what cannot go back to the card.
    Bank,
    /// Revenue: fares without taxes.
    BaseFare,
    /// What coupons took off the fares.
    Discount,
    /// Revenue: seats that cost extra.
    Seat,
    /// Revenue: prepaid baggage.
    Baggage,
    /// A tax or airport charge that is owed to others, by its code.
    Tax(String),
    /// Revenue: a fee, by its code.
    Fee(String),
}

impl Account {
    /// The account of its name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Some(match raw {
            "customer" => Self::Customer,
            "stripe_clearing" => Self::StripeClearing,
            "refunds_payable" => Self::RefundsPayable,
            "disputes" => Self::Disputes,
            "bank" => Self::Bank,
            "base_fare" => Self::BaseFare,
            "discount" => Self::Discount,
            "seat" => Self::Seat,
            "baggage" => Self::Baggage,
            _ => match raw.split_once(':')? {
                ("tax", code) => Self::Tax(code.to_owned()),
                ("fee", code) => Self::Fee(code.to_owned()),
                _ => return None,
            },
        })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer => f.write_str("customer"),
            Self::StripeClearing => f.write_str("stripe_clearing"),
            Self::RefundsPayable => f.write_str("refunds_payable"),
            Self::Disputes => f.write_str("disputes"),
            Self::Bank => f.write_str("bank"),
            Self::BaseFare => f.write_str("base_fare"),
            Self::Discount => f.write_str("discount"),
            Self::Seat => f.write_str("seat"),
            Self::Baggage => f.write_str("baggage"),
            Self::Tax(code) => write!(f, "tax:{code}"),
            Self::Fee(code) => write!(f, "fee:{code}"),
        }
    }
}

/// What an entry was posted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// The booking was confirmed: its price lines are earned and owed.
    Sale,
    /// A payment succeeded.
    Payment,
    /// A payment succeeded after its booking had ended.
    LatePayment,
    /// Money came that was not what was asked for.
    MismatchedPayment,
    /// A refund was promised.
    Refund,
    /// Stripe gave the money back.
    RefundPaid,
    /// The bank sent back what Stripe had given back.
    RefundReturned,
    /// A refund ended without the money reaching the traveller, who is owed it again.
    RefundFailed,
    /// Staff paid a refund otherwise than through Stripe.
    RefundSettled,
    /// A dispute that was lost gave the traveller what a refund owed.
    RefundByDispute,
    /// A bank took money back over a dispute.
    DisputeWithdrawn,
    /// The dispute was won, and the bank returned it.
    DisputeReinstated,
    /// Some passengers have a booking of their own: what they bought was sold there.
    SaleSplit,
    /// The same: what they had paid is kept there.
    PaymentSplit,
}

impl Kind {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Payment => "payment",
            Self::LatePayment => "late_payment",
            Self::MismatchedPayment => "mismatched_payment",
            Self::Refund => "refund",
            Self::RefundPaid => "refund_paid",
            Self::RefundReturned => "refund_returned",
            Self::RefundFailed => "refund_failed",
            Self::RefundSettled => "refund_settled",
            Self::RefundByDispute => "refund_by_dispute",
            Self::DisputeWithdrawn => "dispute_withdrawn",
            Self::DisputeReinstated => "dispute_reinstated",
            Self::SaleSplit => "sale_split",
            Self::PaymentSplit => "payment_split",
        }
    }
}

/// One movement that was posted.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The entry.
    pub id: Uuid,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// What for.
    pub kind: Kind,
    /// The booking, payment, refund or dispute it is about; of a split the booking that came of it.
    pub reference: Uuid,
    /// The account that receives.
    pub debit: Account,
    /// The account that gives.
    pub credit: Account,
    /// How much, always more than zero.
    pub amount: Money,
    /// What the customer owes after it, in its currency; negative when we owe the customer.
    pub balance: Money,
}

/// What went through one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// The account.
    pub account: Account,
    /// Sum of its debits.
    pub debit: Money,
    /// Sum of its credits.
    pub credit: Money,
    /// Debits less credits.
    pub balance: Money,
}

/// The money of one booking.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// In the order of posting.
    pub entries: Vec<Entry>,
    /// A total for each account and currency.
    pub totals: Vec<Total>,
    /// Whether the totals cancel out and Stripe's account is what the payments, refunds and disputes say.
    pub balanced: bool,
}
