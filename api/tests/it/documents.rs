//! Documents: on their way, ready, downloaded by a signed link, and nobody else's.

use chrono::Duration;
use flightdesk_core::document::{self, storage_key};
use flightdesk_core::ids::{AccountId, BookingId, DocumentId};
use flightdesk_core::outbox::RenderDocument;
use flightdesk_core::ticket;
use reqwest::{Method, Url, redirect};
use sqlx::PgPool;
use uuid::uuid;

use crate::support::{Answer, Client, Send, TestApp};

const BOOKING: BookingId = BookingId(uuid!("00000000-0000-7000-8000-000000000401"));
const PDF: &[u8] = b"%PDF-1.3 not really";

async fn start(pool: PgPool) -> (TestApp, std::path::PathBuf) {
    let folder = std::env::temp_dir().join(format!("flightdesk-files-{}", uuid::Uuid::now_v7()));
    let documents = folder.clone();
    let app = TestApp::start_with(pool, |settings, _| {
        settings.storage.documents_dir = documents;
        settings.storage.s3_bucket = None;
    })
    .await;
    (app, folder)
}

/// The fixture's booking, given to a client and ticketed. Its two documents are on their way.
async fn ticketed(client: &Client<'_>) -> Vec<DocumentId> {
    let app = &client.app.app;
    let mut conn = app.db.acquire().await.unwrap();
    sqlx::query!("update booking set account_id = $1", client.account_id)
        .execute(&mut *conn)
        .await
        .unwrap();
    ticket::issue(&mut conn, &app.clock, BOOKING).await.unwrap();
    let account = AccountId(client.account_id);
    document::request_tickets(&mut conn, &app.clock, account, BOOKING)
        .await
        .unwrap();
    document::list_by_booking(&mut conn, account, "K7XQ3M")
        .await
        .unwrap()
        .into_iter()
        .map(|document| document.id)
        .collect()
}

async fn make_ready(app: &TestApp, document_id: DocumentId) {
    let job = RenderDocument {
        document_id,
        revision: 1,
    };
    let key = storage_key(document_id, 1);
    app.app
        .storage
        .put(&key, PDF.to_vec(), "application/pdf")
        .await
        .unwrap();
    let mut conn = app.app.db.acquire().await.unwrap();
    document::mark_ready(&mut conn, &app.clock, &job, PDF)
        .await
        .unwrap();
}

/// A `GET` that follows no redirect and brings no key.
async fn get_openly(url: &str) -> Answer {
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    client.get(url).answer().await
}

async fn download(client: &Client<'_>, id: DocumentId) -> Answer {
    let http = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .build()
        .unwrap();
    let url = format!("http://{}/v1/documents/{id}/download", client.app.address);
    http.get(url)
        .header("X-API-Key", &client.key)
        .answer()
        .await
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_ticket_is_promised_then_ready_then_downloaded(pool: PgPool) {
    let (app, folder) = start(pool).await;
    let client = app.sign_up().await;
    let ids = ticketed(&client).await;

    let list = client.get("/v1/bookings/K7XQ3M/documents").await;
    assert_eq!(list.status, 200, "{list:?}");
    assert_eq!(list.body["data"].as_array().unwrap().len(), 2);
    assert_eq!(list.body["data"][0]["airline"], "AI");

    let path = format!("/v1/documents/{}", ids[0]);
    let promised = client.get(&path).await;
    assert_eq!(
        (promised.status.as_u16(), promised.header("retry-after")),
        (202, "1")
    );
    assert_eq!(promised.body["status"], "queued");
    let early = download(&client, ids[0]).await;
    assert_eq!(
        (early.status.as_u16(), early.header("retry-after")),
        (202, "1")
    );

    make_ready(&app, ids[0]).await;
    let ready = client.get(&path).await;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert_eq!(ready.body["status"], "ready");
    assert_eq!(ready.body["size_bytes"], PDF.len());
    assert_eq!(ready.body["file_name"], "ticket-K7XQ3M-AI.pdf");
    assert_eq!(ready.body["download_url"], format!("{path}/download"));

    let found = download(&client, ids[0]).await;
    assert_eq!(found.status, 302, "{found:?}");
    let file = get_openly(found.header("location")).await;
    assert_eq!((file.status.as_u16(), file.text.as_bytes()), (200, PDF));
    assert_eq!(file.header("content-type"), "application/pdf");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"ticket-K7XQ3M-AI.pdf\""
    );
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    std::fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_link_that_expired_or_was_changed_is_refused(pool: PgPool) {
    let (app, folder) = start(pool).await;
    let client = app.sign_up().await;
    let ids = ticketed(&client).await;
    make_ready(&app, ids[0]).await;
    make_ready(&app, ids[1]).await;
    let link = download(&client, ids[0])
        .await
        .header("location")
        .to_owned();

    let other_file = link.replace(&ids[0].to_string(), &ids[1].to_string());
    let other_name = link.replace("K7XQ3M-AI", "K7XQ3M-BA");
    let mut longer = Url::parse(&link).unwrap();
    let pairs: Vec<(String, String)> = longer.query_pairs().into_owned().collect();
    longer
        .query_pairs_mut()
        .clear()
        .extend_pairs(pairs.iter().map(|(name, value)| {
            let value = if name == "expires" {
                "99999999999"
            } else {
                value
            };
            (name, value)
        }));
    for changed in [other_file.as_str(), &other_name, longer.as_str()] {
        assert_ne!(changed, link);
        assert_eq!(
            get_openly(changed).await.problem(),
            (403, "link_refused"),
            "{changed}"
        );
    }
    let bare = link.split('?').next().unwrap();
    assert_eq!(get_openly(bare).await.problem().0, 422);

    app.clock.advance(Duration::minutes(59));
    assert_eq!(get_openly(&link).await.status, 200);
    app.clock.advance(Duration::minutes(1));
    assert_eq!(get_openly(&link).await.problem(), (403, "link_refused"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn anothers_documents_do_not_exist_and_a_failed_one_says_so(pool: PgPool) {
    let (app, _) = start(pool).await;
    let (owner, stranger) = (app.sign_up().await, app.sign_up().await);
    let ids = ticketed(&owner).await;
    for path in [
        "/v1/bookings/K7XQ3M/documents".to_owned(),
        format!("/v1/documents/{}", ids[0]),
        format!("/v1/documents/{}/download", ids[0]),
    ] {
        assert_eq!(
            stranger.get(&path).await.problem(),
            (404, "not_found"),
            "{path}"
        );
        let nobody = app.request(Method::GET, &path).answer().await;
        assert_eq!(nobody.problem(), (401, "unauthenticated"), "{path}");
    }
    let mut conn = app.app.db.acquire().await.unwrap();
    document::mark_failed(&mut conn, ids[0], 1).await.unwrap();
    let known = owner.get(&format!("/v1/documents/{}", ids[0])).await;
    assert_eq!(
        (known.status.as_u16(), &known.body["status"]),
        (200, &"failed".into())
    );
    assert_eq!(
        download(&owner, ids[0]).await.problem(),
        (409, "document_failed")
    );
}
