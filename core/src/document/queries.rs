//! Reading documents. Another account's do not exist (invariant 10).

use sqlx::PgConnection;
use sqlx::types::Json;

use super::model::{Document, DocumentKind, DocumentStatus, Superseded};
use crate::ids::{AccountId, BookingId, DocumentId, RefundId};
use crate::{Error, Result};

/// The documents of a booking of this account, oldest first; [`Error::NotFound`] when it has no such booking.
pub async fn list_by_booking(
    conn: &mut PgConnection,
    account_id: AccountId,
    booking_ref: &str,
) -> Result<Vec<Document>> {
    let booking_id = sqlx::query_scalar!(
        "select id from booking where booking_ref = $1 and account_id = $2",
        booking_ref,
        account_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?
    .ok_or(Error::NotFound("booking"))?;
    list_by_booking_id(conn, BookingId(booking_id)).await
}

/// The documents of a booking, oldest first, whoever's it is.
pub(crate) async fn list_by_booking_id(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<Document>> {
    list_by_booking_ids(conn, &[booking_id]).await
}

/// The documents of several bookings, each booking's oldest first, whoever's they are.
pub(crate) async fn list_by_booking_ids(
    conn: &mut PgConnection,
    booking_ids: &[BookingId],
) -> Result<Vec<Document>> {
    let booking_ids: Vec<_> = booking_ids.iter().map(|id| id.0).collect();
    let documents = sqlx::query_as!(
        Document,
        r#"
        select document.id as "id: DocumentId", booking_id as "booking_id: BookingId", booking_ref,
            kind as "kind: DocumentKind", airline, document.status as "status: DocumentStatus", revision,
            document.number, document.refund_id as "refund_id: RefundId", document.created_at, ready_at, storage_key, sha256, size_bytes,
            (
                select coalesce(jsonb_agg(jsonb_build_object('revision', r.revision, 'superseded_at', r.superseded_at) order by r.revision), '[]')
                from document_revision r where r.document_id = document.id
            ) as "superseded!: Json<Vec<Superseded>>"
        from document
        join booking on booking.id = document.booking_id
        where booking_id = any($1)
        order by document.id
        "#,
        &booking_ids,
    )
    .fetch_all(conn)
    .await?;
    Ok(documents)
}

/// A document of this account; [`Error::NotFound`] when it has no such document.
pub async fn get(
    conn: &mut PgConnection,
    account_id: AccountId,
    document_id: DocumentId,
) -> Result<Document> {
    sqlx::query_as!(
        Document,
        r#"
        select document.id as "id: DocumentId", booking_id as "booking_id: BookingId", booking_ref,
            kind as "kind: DocumentKind", airline, document.status as "status: DocumentStatus", revision,
            document.number, document.refund_id as "refund_id: RefundId", document.created_at, ready_at, storage_key, sha256, size_bytes,
            (
                select coalesce(jsonb_agg(jsonb_build_object('revision', r.revision, 'superseded_at', r.superseded_at) order by r.revision), '[]')
                from document_revision r where r.document_id = document.id
            ) as "superseded!: Json<Vec<Superseded>>"
        from document
        join booking on booking.id = document.booking_id
        where document.id = $1 and document.account_id = $2
        "#,
        document_id.0,
        account_id.0,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(Error::NotFound("document"))
}

/// What a document is; `None` when there is no such document.
pub async fn find_kind(
    conn: &mut PgConnection,
    document_id: DocumentId,
) -> Result<Option<DocumentKind>> {
    let kind = sqlx::query_scalar!(
        r#"select kind as "kind: DocumentKind" from document where id = $1"#,
        document_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(kind)
}
