//! Documents: what there is, whether it is ready, and the way to its bytes.

use std::fmt::Write;

use chrono::Duration;
use flightdesk_core::document::{self, Document, DocumentKind, DocumentStatus};
use flightdesk_core::ids::DocumentId;
use flightdesk_core::storage::LinkQuery;
use poem::http::StatusCode;
use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Binary, Json};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// Documents.
pub struct Documents;

/// A ticket is usually ready within a second of its payment.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What a document is
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DocumentKind", rename_all = "snake_case")]
pub enum KindView {
    /// The e-ticket receipt of one airline
    Ticket,
    /// What was paid
    Invoice,
    /// What went back: a credit note, when it corrects an invoice
    RefundReceipt,
}

/// Where a document stands
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename = "DocumentStatus", rename_all = "snake_case")]
pub enum StatusView {
    /// Promised
    Queued,
    /// Being made
    Rendering,
    /// It can be downloaded
    Ready,
    /// It could not be made; staff look at it
    Failed,
    /// A ticket whose flights were all cancelled
    Void,
}

/// A document of a booking
#[derive(Debug, Object)]
#[oai(rename = "Document", skip_serializing_if_is_none)]
pub struct DocumentView {
    id: Uuid,
    kind: KindView,
    booking_ref: String,
    /// IATA code of the validating airline of a ticket
    airline: Option<String>,
    /// Number of an invoice, `FD/26-27/000123`, of a credit note, `FD/26-27/C00012`, or of a receipt for money that no
    /// invoice is of, `FD/26-27/R00003`
    number: Option<String>,
    status: StatusView,
    /// Grows when what the document says changes
    revision: i32,
    /// Superseded revisions, oldest first
    superseded: Vec<SupersededView>,
    file_name: String,
    created_at: Instant,
    ready_at: Option<Instant>,
    /// Bytes of the PDF
    size_bytes: Option<i64>,
    /// SHA-256 of the PDF in hexadecimal
    sha256: Option<String>,
    /// Where it is downloaded once it is ready
    download_url: Option<String>,
}

/// A revision that another has taken the place of
#[derive(Debug, Object)]
#[oai(rename = "SupersededRevision")]
pub struct SupersededView {
    revision: i32,
    /// When the next one was requested
    superseded_at: Instant,
}

/// The documents of a booking
#[derive(Debug, Object)]
pub struct DocumentList {
    data: Vec<DocumentView>,
}

/// A document, or its promise
#[derive(ApiResponse)]
pub enum DocumentAnswer {
    /// It is ready, or will never be
    #[oai(status = 200)]
    Known(Json<DocumentView>),
    /// It is on its way
    #[oai(status = 202)]
    OnItsWay(
        Json<DocumentView>,
        /// Seconds after which to ask again
        #[oai(header = "Retry-After")]
        u64,
    ),
}

/// The way to a document's bytes
#[derive(ApiResponse)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for each request, and a box would be an allocation more"
)]
pub enum DownloadAnswer {
    /// The bytes are at this address for an hour, without any key
    #[oai(status = 302)]
    Found(
        /// A signed link
        #[oai(header = "Location")]
        String,
    ),
    /// It is on its way
    #[oai(status = 202)]
    OnItsWay(
        Json<DocumentView>,
        /// Seconds after which to ask again
        #[oai(header = "Retry-After")]
        u64,
    ),
}

/// The bytes of a document
#[derive(ApiResponse)]
pub enum FileAnswer {
    /// The PDF
    #[oai(status = 200, content_type = "application/pdf")]
    Pdf(
        Binary<Vec<u8>>,
        /// The name to save it under
        #[oai(header = "Content-Disposition")]
        String,
    ),
}

#[OpenApi(prefix_path = "/v1", tag = "Tag::Documents")]
impl Documents {
    /// List the documents of a booking
    ///
    /// Also those that are still being made; none before money has come.
    #[oai(
        path = "/bookings/:booking_ref/documents",
        method = "get",
        operation_id = "list_documents"
    )]
    async fn list(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The booking's reference
        booking_ref: Path<String>,
    ) -> Result<Json<DocumentList>, ApiError> {
        let mut conn = app.db.acquire().await?;
        let principal = access.principal(&mut conn, app).await?;
        let documents =
            document::list_by_booking(&mut conn, principal.account_id, &booking_ref.0).await?;
        let data = documents.into_iter().map(DocumentView::from).collect();
        Ok(Json(DocumentList { data }))
    }

    /// Get a document
    ///
    /// 202 with `Retry-After` until it is ready.
    #[oai(path = "/documents/:id", method = "get", operation_id = "get_document")]
    async fn get(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The document's id
        id: Path<Uuid>,
    ) -> Result<DocumentAnswer, ApiError> {
        let document = find(app, access, id.0).await?;
        let pending = document.is_pending();
        let view = Json(DocumentView::from(document));
        Ok(if pending {
            DocumentAnswer::OnItsWay(view, RETRY_AFTER_SECONDS)
        } else {
            DocumentAnswer::Known(view)
        })
    }

    /// Download a document
    ///
    /// Leads to a signed link that is good for an hour and needs no key: whoever has it has the document.
    #[oai(
        path = "/documents/:id/download",
        method = "get",
        operation_id = "download_document"
    )]
    async fn download(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Bookings>,
        /// The document's id
        id: Path<Uuid>,
    ) -> Result<DownloadAnswer, ApiError> {
        let document = find(app, access, id.0).await?;
        if document.is_pending() {
            let view = Json(DocumentView::from(document));
            return Ok(DownloadAnswer::OnItsWay(view, RETRY_AFTER_SECONDS));
        }
        if document.status == DocumentStatus::Void {
            let detail = "the flights of this ticket were cancelled: it is void";
            return Err(ApiError::new(StatusCode::CONFLICT, "document_void", detail));
        }
        let Some(key) = &document.storage_key else {
            let detail = "the document could not be made; it is being looked at";
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "document_failed",
                detail,
            ));
        };
        let now = app.clock.now();
        let name = document.file_name();
        let link = app
            .storage
            .link(key, &name, "application/pdf", now, Duration::hours(1))
            .await?;
        Ok(DownloadAnswer::Found(link))
    }

    /// Follow a signed link
    ///
    /// Where `download` leads when documents are kept in a directory; the signature is the permission.
    #[oai(
        path = "/files/:document/:file",
        method = "get",
        operation_id = "get_file"
    )]
    #[expect(clippy::too_many_arguments, reason = "one for each part of the link")]
    async fn file(
        &self,
        Data(app): Data<&App>,
        /// The first part of the link's path
        document: Path<String>,
        /// The second part of the link's path
        file: Path<String>,
        /// The name to save it under
        name: Query<String>,
        /// Its media type
        content_type: Query<String>,
        /// When the link ends, in seconds since 1970
        expires: Query<i64>,
        /// What makes the link good
        signature: Query<String>,
    ) -> Result<FileAnswer, ApiError> {
        let key = format!("{}/{}", document.0, file.0);
        let query = LinkQuery {
            name: name.0,
            content_type: content_type.0,
            expires: expires.0,
            signature: signature.0,
        };
        let file = app.storage.open_link(&key, &query, app.clock.now()).await?;
        // The name is ours and signed: letters, digits, hyphen and dot.
        let disposition = format!("attachment; filename=\"{}\"", file.file_name);
        Ok(FileAnswer::Pdf(Binary(file.bytes), disposition))
    }
}

async fn find(app: &App, access: Access<need::Bookings>, id: Uuid) -> Result<Document, ApiError> {
    let mut conn = app.db.acquire().await?;
    let principal = access.principal(&mut conn, app).await?;
    Ok(document::get(&mut conn, principal.account_id, DocumentId(id)).await?)
}

impl From<Document> for DocumentView {
    fn from(document: Document) -> Self {
        let ready = document.status == DocumentStatus::Ready;
        Self {
            id: document.id.0,
            kind: match document.kind {
                DocumentKind::Ticket => KindView::Ticket,
                DocumentKind::Invoice => KindView::Invoice,
                DocumentKind::RefundReceipt => KindView::RefundReceipt,
            },
            status: match document.status {
                DocumentStatus::Queued => StatusView::Queued,
                DocumentStatus::Rendering => StatusView::Rendering,
                DocumentStatus::Ready => StatusView::Ready,
                DocumentStatus::Failed => StatusView::Failed,
                DocumentStatus::Void => StatusView::Void,
            },
            file_name: document.file_name(),
            booking_ref: document.booking_ref,
            airline: document.airline,
            number: document.number,
            superseded: document
                .superseded
                .0
                .into_iter()
                .map(|old| SupersededView {
                    revision: old.revision,
                    superseded_at: old.superseded_at.into(),
                })
                .collect(),
            revision: document.revision,
            created_at: document.created_at.into(),
            ready_at: document.ready_at.map(Instant),
            size_bytes: document.size_bytes,
            sha256: document.sha256.map(|sha256| hexadecimal(&sha256)),
            download_url: ready.then(|| format!("/v1/documents/{}/download", document.id)),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
