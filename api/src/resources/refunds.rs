//! The refunds of a booking.

use flightdesk_core::payment::{self, Refund};
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

/// Refunds.
pub struct Refunds;

/// A refund
#[derive(Debug, Object)]
#[oai(rename = "Refund", skip_serializing_if_is_none)]
pub struct RefundView {
    id: Uuid,
    /// The payment whose money it is
    payment_id: Uuid,
    /// `pending`, `succeeded` or `failed`
    status: String,
    /// Why it is refunded
    reason: String,
    amount: MoneyView,
    created_at: Instant,
    /// When it succeeded or failed. Banks send money back days later: a refund that succeeded may fail then
    ended_at: Option<Instant>,
    /// Why it failed, in a sentence
    failure: Option<String>,
    /// Why it is pending, in a sentence, when it waits for the end of a dispute
    pending_reason: Option<String>,
    /// The `id` of the refund that failed and in whose place this one goes
    replaces: Option<Uuid>,
    /// `bank_transfer` when it could not go back to the card; absent when the payment provider paid it
    settled_by: Option<String>,
    /// Its receipt, once it has succeeded; a later revision says when it is void
    receipt: Option<RefundReceiptView>,
}

/// The receipt of a refund
#[derive(Debug, Object)]
#[oai(rename = "RefundReceipt")]
pub struct RefundReceiptView {
    /// The document, of kind `refund_receipt`
    document_id: Uuid,
    /// Its number: `FD/26-27/C00012` of a credit note, `FD/26-27/R00003` of a receipt for money that no invoice is of
    number: String,
}

/// The refunds of a booking
#[derive(Debug, Object)]
pub struct RefundList {
    data: Vec<RefundView>,
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Bookings")]
impl Refunds {
    /// List the refunds of a booking
    ///
    /// What goes back or has gone, oldest first, with the receipt of each that succeeded. Refunds that staff made at the
    /// payment provider are among them. One that failed stays as it is; what staff give instead is a refund of its own that
    /// `replaces` it.
    #[oai(
        path = "/bookings/:booking_ref/refunds",
        method = "get",
        operation_id = "list_refunds"
    )]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        Path(booking_ref): Path<String>,
    ) -> Result<Json<RefundList>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let reference = reference(&booking_ref)?;
        let refunds = payment::list_refunds(&mut conn, principal.account_id, &reference).await?;
        let data = refunds.into_iter().map(RefundView::from).collect();
        Ok(Json(RefundList { data }))
    }
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id.0,
            payment_id: refund.payment_id.0,
            status: refund.status,
            reason: refund.reason,
            amount: refund.amount.into(),
            created_at: refund.created_at.into(),
            ended_at: refund.ended_at.map(Instant),
            failure: refund.failure.map(str::to_owned),
            pending_reason: refund.pending_reason.map(str::to_owned),
            replaces: refund.replaces.map(|id| id.0),
            settled_by: refund.settled_by,
            receipt: refund.receipt.map(|receipt| RefundReceiptView {
                document_id: receipt.document_id.0,
                number: receipt.number,
            }),
        }
    }
}
