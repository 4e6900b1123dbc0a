//! The ledger of a booking.

use flightdesk_core::ledger::{self, Entry, Ledger, Total};
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::openapi::tags::Tag;
use crate::resources::bookings::reference;
use crate::views::{Instant, MoneyView};

/// Ledgers.
pub struct Ledgers;

/// Every movement of money on a booking
#[derive(Debug, Object)]
#[oai(rename = "Ledger")]
pub struct LedgerView {
    booking_ref: String,
    /// Whether the accounts cancel out and agree with the payments and refunds
    balanced: bool,
    /// In the order of posting
    entries: Vec<EntryView>,
    /// What went through each account, by currency
    accounts: Vec<TotalView>,
}

/// One movement, from `credit` to `debit`
#[derive(Debug, Object)]
#[oai(rename = "LedgerEntry")]
pub struct EntryView {
    id: Uuid,
    posted_at: Instant,
    /// What it was posted for
    kind: String,
    /// The booking that was sold, the payment that came, or the refund or dispute that moved
    reference: Uuid,
    /// The account that receives: `customer`, `stripe_clearing`, `refunds_payable`, `discount`, …
    debit: String,
    /// The account that gives: `customer`, `stripe_clearing`, `base_fare`, `tax:GST`, `fee:CONV`, …
    credit: String,
    amount: MoneyView,
    /// What the traveller owes after it, in its currency; negative when we owe the traveller
    balance: MoneyView,
}

/// What went through one account in one currency
#[derive(Debug, Object)]
#[oai(rename = "LedgerAccount")]
pub struct TotalView {
    account: String,
    debit: MoneyView,
    credit: MoneyView,
    /// Debits less credits
    balance: MoneyView,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl Ledgers {
    /// The ledger of a booking
    ///
    /// Every movement of money in double entry: the sale by fare, tax and fee, what was paid, what goes back.
    #[oai(
        path = "/bookings/:booking_ref/ledger",
        method = "get",
        operation_id = "get_ledger"
    )]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
    ) -> Result<Json<LedgerView>, ApiError> {
        let principal = access.look_up(app).await?;
        let reference = reference(&booking_ref)?;
        let mut tx = app.db.begin().await?;
        let ledger = ledger::get(&mut tx, principal.account_id, &reference).await?;
        tx.commit().await?;
        Ok(Json(LedgerView::new(reference.to_string(), ledger)))
    }
}

impl LedgerView {
    fn new(booking_ref: String, ledger: Ledger) -> Self {
        Self {
            booking_ref,
            balanced: ledger.balanced,
            entries: ledger.entries.into_iter().map(EntryView::from).collect(),
            accounts: ledger.totals.into_iter().map(TotalView::from).collect(),
        }
    }
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            posted_at: entry.posted_at.into(),
            kind: entry.kind.as_str().to_owned(),
            reference: entry.reference,
            debit: entry.debit.to_string(),
            credit: entry.credit.to_string(),
            amount: entry.amount.into(),
            balance: entry.balance.into(),
        }
    }
}

impl From<Total> for TotalView {
    fn from(total: Total) -> Self {
        Self {
            account: total.account.to_string(),
            debit: total.debit.into(),
            credit: total.credit.into(),
            balance: total.balance.into(),
        }
    }
}
