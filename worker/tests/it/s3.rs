//! Documents in S3, against two servers that are not ours: moto knows `If-None-Match`, s3rver refuses expired links.
//! Neither checks a signature of version 4; a few lines of Python that know only AWS's description of it do.

use std::process::Command;

use chrono::{DateTime, Duration, Utc};
use flightdesk_core::Error;
use flightdesk_core::storage::Storage;
use flightdesk_worker::jobs::render_document;
use secrecy::SecretString;
use sqlx::PgPool;

use crate::booked::{
    Server, TempFolder, context, free_port, output, settings, take_jobs, ticketed, tool,
};

const KEY: &str = "0199d3a0-0000-7000-8000-000000000001/1.pdf";
const OTHER_KEY: &str = "0199d3a0-0000-7000-8000-000000000002/1.pdf";
const PDF: &str = "application/pdf";

pub async fn moto() -> Server {
    moto_on(free_port()).await
}

/// An S3 with an empty bucket.
pub async fn moto_on(port: u16) -> Server {
    let server = Server::start_on(port, Command::new(tool("venv/bin/moto_server")), |port| {
        ["-H", "127.0.0.1", "-p", &port.to_string()]
            .map(str::to_owned)
            .to_vec()
    })
    .await;
    let made = reqwest::Client::new()
        .put(format!("http://127.0.0.1:{}/documents", server.port))
        .header("Authorization", "AWS4-HMAC-SHA256 Credential=S3RVER/20261120/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
        .send()
        .await
        .unwrap();
    assert!(made.status().is_success(), "{made:?}");
    server
}

async fn s3rver(folder: &TempFolder) -> Server {
    let folder = folder.0.display().to_string();
    Server::start(
        Command::new(tool("node_modules/.bin/s3rver")),
        move |port| {
            let port = port.to_string();
            [
                "-d",
                &folder,
                "-a",
                "127.0.0.1",
                "-p",
                &port,
                "--configure-bucket",
                "documents",
            ]
            .map(str::to_owned)
            .to_vec()
        },
    )
    .await
}

/// The documents of an S3 on a port, whether it runs or not.
pub fn storage(port: u16) -> Storage {
    let mut settings = settings();
    settings.storage.s3_bucket = Some("documents".to_owned());
    settings.storage.s3_endpoint = Some(format!("http://127.0.0.1:{port}"));
    // The credentials that s3rver has; moto takes any.
    settings.storage.s3_access_key_id = Some(SecretString::from("S3RVER"));
    settings.storage.s3_secret_access_key = Some(SecretString::from("S3RVER"));
    Storage::from_settings(&settings).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the servers go by the system's clock"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn status(link: &str) -> u16 {
    reqwest::get(link).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn what_is_stored_in_s3_stays() {
    let server = moto().await;
    let storage = storage(server.port);
    assert_eq!(storage.get(KEY).await.unwrap(), None);
    storage.put(KEY, b"first".to_vec(), PDF).await.unwrap();
    storage.put(KEY, b"second".to_vec(), PDF).await.unwrap();
    assert_eq!(storage.get(KEY).await.unwrap().unwrap(), b"first");
}

#[tokio::test]
async fn an_s3_link_opens_until_it_expires_and_only_as_it_was_signed() {
    let folder = TempFolder::new();
    let server = s3rver(&folder).await;
    let storage = storage(server.port);
    for key in [KEY, OTHER_KEY] {
        storage.put(key, b"%PDF".to_vec(), PDF).await.unwrap();
    }
    let link = |from: DateTime<Utc>| {
        let storage = storage.clone();
        async move {
            storage
                .link(KEY, "ticket-K7XQ3M-AI.pdf", PDF, from, Duration::hours(1))
                .await
                .unwrap()
        }
    };
    let good = link(now()).await;
    let answer = reqwest::get(&good).await.unwrap();
    assert_eq!(answer.status(), 200, "{good}");
    assert_eq!(answer.headers()["content-type"], PDF);
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"ticket-K7XQ3M-AI.pdf\""
    );
    assert_eq!(answer.bytes().await.unwrap().as_ref(), b"%PDF");

    assert_eq!(status(&link(now() - Duration::hours(2)).await).await, 403);

    assert!(is_as_signed(&good), "{good}");
    for (changed, what) in [
        (good.replace(KEY, OTHER_KEY), "another's file"),
        (good.replace("K7XQ3M", "K7XQ3N"), "another name"),
        (
            good.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"),
            "longer",
        ),
    ] {
        assert_ne!(changed, good, "{what}");
        assert!(!is_as_signed(&changed), "{what}");
    }
}

/// Whether a presigned link has the signature that its every part asks for (AWS Signature Version 4, query form).
fn is_as_signed(link: &str) -> bool {
    const CHECK: &str = r"
import hashlib, hmac, sys
from urllib.parse import urlsplit
url = urlsplit(sys.argv[1])
query = dict(part.split('=', 1) for part in url.query.split('&'))
signature = query.pop('X-Amz-Signature')
scope = query['X-Amz-Credential'].split('%2F', 1)[1].replace('%2F', '/')
request = '\n'.join(['GET', url.path, '&'.join(f'{k}={v}' for k, v in sorted(query.items())),
    f'host:{url.netloc}\n', 'host', 'UNSIGNED-PAYLOAD'])
text = '\n'.join(['AWS4-HMAC-SHA256', query['X-Amz-Date'], scope, hashlib.sha256(request.encode()).hexdigest()])
key = b'AWS4S3RVER'
for part in scope.split('/'):
    key = hmac.new(key, part.encode(), hashlib.sha256).digest()
print(hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == signature)
";
    let python = tool("venv/bin/python");
    output(Command::new(python).args(["-c", CHECK, link])).trim() == "True"
}

#[tokio::test]
async fn a_public_endpoint_is_what_links_name() {
    let mut settings = settings();
    settings.storage.s3_bucket = Some("documents".to_owned());
    settings.storage.s3_endpoint = Some("http://127.0.0.1:9".to_owned());
    settings.storage.s3_public_endpoint = Some("https://files.example.com".to_owned());
    settings.storage.s3_access_key_id = Some(SecretString::from("id"));
    settings.storage.s3_secret_access_key = Some(SecretString::from("very secret"));
    let storage = Storage::from_settings(&settings).unwrap();
    let link = storage
        .link(KEY, "a.pdf", PDF, now(), Duration::hours(1))
        .await
        .unwrap();
    assert!(
        link.starts_with(&format!("https://files.example.com/documents/{KEY}?")),
        "{link}"
    );
}

#[tokio::test]
async fn an_s3_that_is_away_is_a_passing_failure_that_tells_no_secret() {
    let storage = storage(9);
    let error = storage.put(KEY, b"%PDF".to_vec(), PDF).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(matches!(error, Error::Storage(_)));
    assert!(
        !format!("{error:?} {storage:?}").contains("S3RVER"),
        "{error:?} {storage:?}"
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn tickets_arrive_in_s3(pool: PgPool) {
    let server = moto().await;
    let ctx = context(pool, storage(server.port));
    ticketed(&ctx).await;
    for (job, lease) in take_jobs(&ctx).await {
        let key = flightdesk_core::document::storage_key(job.document_id, 1);
        render_document::run(&ctx, job, &lease).await.unwrap();
        assert!(
            ctx.storage
                .get(&key)
                .await
                .unwrap()
                .unwrap()
                .starts_with(b"%PDF-")
        );
    }
}
