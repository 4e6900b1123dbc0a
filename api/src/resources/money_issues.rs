//! Money that staff have to look after, and what they do about a refund that failed.

use flightdesk_core::error::{Error, Violations};
use flightdesk_core::fault;
use flightdesk_core::ids::RefundId;
use flightdesk_core::payment::{self, IssueFilter, IssueKind, MoneyIssue, SettledBy, StaffRefund};
use flightdesk_core::text;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::http::answer::{Done, Resource, member_path};
use crate::http::body::{Checked, Rules};
use crate::http::idempotency::Once;
use crate::http::page::{Page, PageRequest};
use crate::openapi::raw::{FromRaw, Raw};
use crate::openapi::tags::Tag;
use crate::resources::bookings::reference;
use crate::resources::refunds::RefundView;
use crate::views::{Instant, MoneyView};

/// The longest note about a refund that staff have paid.
const MOST_NOTE: usize = 300;

/// Money that staff look after.
pub struct MoneyIssues;

/// What is wrong with money
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "MoneyIssueKind", rename_all = "snake_case")]
pub enum IssueKindView {
    /// A refund failed, and nothing went in its place
    FailedRefund,
    /// A refund is pending for more than a day, or waits for the end of a dispute
    WaitingRefund,
    /// A bank asks about a payment, or has taken it back and decides
    OpenDispute,
    /// A payment stays open although its page has ended
    StuckPayment,
}

/// Money that somebody has to look after
#[derive(Debug, Object)]
#[oai(rename = "MoneyIssue", skip_serializing_if_is_none)]
pub struct IssueView {
    /// Of the refund, of the dispute, or of the payment
    id: Uuid,
    kind: IssueKindView,
    booking_ref: String,
    /// The payment that it is about
    payment_id: Uuid,
    amount: MoneyView,
    /// Since when: when the refund failed or was promised, when the dispute began
    since: Instant,
    /// What the payment provider says, in its own words: `expired_or_canceled_card`, `needs_response`, …
    said: Option<String>,
    /// What the cardholder says, of a dispute: `fraudulent`, …
    reason: Option<String>,
    /// What the payment provider calls it, to find it in the dashboard
    stripe_id: Option<String>,
    /// Until when the bank takes evidence, of a dispute
    answer_by: Option<Instant>,
    /// What helps, in sentences
    what_to_do: String,
}

/// A refund that staff did something about
#[derive(Debug, Object)]
#[oai(rename = "AdminRefund")]
pub struct AdminRefundView {
    booking_ref: String,
    refund: RefundView,
}

/// How staff paid a refund
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "SettledBy", rename_all = "snake_case")]
pub enum SettledByView {
    /// From the seller's bank account to the traveller's
    BankTransfer,
}

/// That staff have paid a refund, and how
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct SettleRefund {
    how: SettledByView,
    /// Where the money went, for the books: a transfer's reference for example
    #[oai(validator(min_length = 3, max_length = 300))]
    note: String,
}

impl FromRaw for SettleRefund {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            how: SettledByView::BankTransfer,
            note: raw.optional_text("note").unwrap_or_default(),
        }
    }
}

impl SettleRefund {
    fn check(&self) -> Result<(), Error> {
        let mut wrong = Violations::new();
        // What is missing the schema says.
        if !self.note.is_empty()
            && let Err((code, message)) = text::one_line(&self.note, MOST_NOTE)
        {
            wrong.add("note", code, message);
        }
        wrong.into_result()
    }
}

impl Rules for SettleRefund {
    fn rules(self, _app: &App) -> Result<(), Error> {
        self.check()
    }
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl MoneyIssues {
    /// List money to look after
    ///
    /// Refunds that failed or do not move, disputes that are open, and payments that nobody ended, of every account; the oldest first, each with
    /// what helps. What is no longer owed is not listed. Needs the scope `refunds`.
    #[oai(
        path = "/money-issues",
        method = "get",
        operation_id = "list_money_issues"
    )]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Refunds>,
        /// Only of this kind
        kind: Query<Option<IssueKindView>>,
        /// Only of this booking
        booking_ref: Query<Option<String>>,
        /// Entries of a page, 1 to 100
        limit: Query<Option<u32>>,
        /// `next_cursor` of the page before
        cursor: Query<Option<String>>,
    ) -> Result<Json<Page<IssueView>>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let page = PageRequest::parse(limit.0, cursor.0.as_deref())?;
        let filter = IssueFilter {
            kind: kind.0.map(IssueKind::from),
            booking_ref: match &booking_ref.0 {
                Some(raw) => Some(reference(raw)?),
                None => None,
            },
            after: page.after(),
            limit: i64::from(page.rows()),
        };
        let issues = payment::list_issues(&mut conn, &app.clock, &filter).await?;
        Ok(Json(page.page(issues, |issue| issue.id)))
    }

    /// Try a failed refund again
    ///
    /// Promises another refund of the same amount in the place of one that failed; it `replaces` the failed one, which stays
    /// as it is. Doing it again answers the same refund. 409 `refund_not_owed` when it has not failed, was settled, or
    /// it is no longer owed. Needs the scope `refunds`.
    #[oai(
        path = "/refunds/:id/retries",
        method = "post",
        operation_id = "retry_refund"
    )]
    async fn retry(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Refunds>,
        /// The failed refund's id
        Path(id): Path<Uuid>,
        #[oai(name = "Idempotency-Key")] once: Once,
    ) -> Result<Done<AdminRefundView>, ApiError> {
        let principal = access.look_up(app).await?;
        let answer = once
            .run(app, &principal, [0; 32], async |tx| {
                let refund = payment::retry_refund(tx, &app.clock, RefundId(id)).await?;
                Ok(AdminRefundView::from(refund))
            })
            .await;
        fault::point("refund_retry_committed");
        answer
    }

    /// Say that a failed refund was paid otherwise
    ///
    /// For money that cannot go back to the card: staff pay it by bank transfer first, then record it here. A refund that has
    /// succeeded `replaces` the failed one, with entries in the ledger, a receipt and a mail of its own. 409
    /// `refund_not_owed` when it has not failed, another one went in its place, or it is no longer owed. Needs the scope
    /// `refunds`.
    #[oai(
        path = "/refunds/:id/settlements",
        method = "post",
        operation_id = "settle_refund"
    )]
    async fn settle(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Refunds>,
        /// The failed refund's id
        Path(id): Path<Uuid>,
        #[oai(name = "Idempotency-Key")] once: Once,
        body: Checked<SettleRefund>,
    ) -> Result<Done<AdminRefundView>, ApiError> {
        let principal = access.look_up(app).await?;
        let digest = body.digest();
        let body = body.into_inner();
        body.check()?;
        let (how, note) = (SettledBy::from(body.how), body.note.trim());
        once.run(app, &principal, digest, async |tx| {
            let id = RefundId(id);
            let refund = payment::settle_failed_refund(tx, &app.clock, id, how, note).await?;
            Ok(AdminRefundView::from(refund))
        })
        .await
    }
}

impl Resource for AdminRefundView {
    fn path(answer: &Value) -> String {
        let booking = member_path("/v1/bookings", &answer["booking_ref"]);
        format!("{booking}/refunds")
    }
}

impl From<IssueKindView> for IssueKind {
    fn from(kind: IssueKindView) -> Self {
        match kind {
            IssueKindView::FailedRefund => Self::FailedRefund,
            IssueKindView::WaitingRefund => Self::WaitingRefund,
            IssueKindView::OpenDispute => Self::OpenDispute,
            IssueKindView::StuckPayment => Self::StuckPayment,
        }
    }
}

impl From<IssueKind> for IssueKindView {
    fn from(kind: IssueKind) -> Self {
        match kind {
            IssueKind::FailedRefund => Self::FailedRefund,
            IssueKind::WaitingRefund => Self::WaitingRefund,
            IssueKind::OpenDispute => Self::OpenDispute,
            IssueKind::StuckPayment => Self::StuckPayment,
        }
    }
}

impl From<SettledByView> for SettledBy {
    fn from(how: SettledByView) -> Self {
        match how {
            SettledByView::BankTransfer => Self::BankTransfer,
        }
    }
}

impl From<MoneyIssue> for IssueView {
    fn from(issue: MoneyIssue) -> Self {
        Self {
            id: issue.id,
            kind: issue.kind.into(),
            booking_ref: issue.booking_ref,
            payment_id: issue.payment_id.0,
            amount: issue.amount.into(),
            since: issue.since.into(),
            said: issue.said,
            reason: issue.reason,
            stripe_id: issue.stripe_id,
            answer_by: issue.answer_by.map(Instant),
            what_to_do: issue.what_to_do.to_owned(),
        }
    }
}

impl From<StaffRefund> for AdminRefundView {
    fn from(found: StaffRefund) -> Self {
        Self {
            booking_ref: found.booking_ref.to_string(),
            refund: found.refund.into(),
        }
    }
}
