//! R4: the api and the worker are killed at each of their steps from the payment to the mail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::Duration as Days;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::traveller::{Traveller, until_idle};
use super::{Deployment, PATIENCE, files, in_a_month};
use crate::consistent::assert_consistent;
use crate::support::process::Worker;
use crate::support::smtp::Smtp;
use crate::support::until_true;

/// Where the api is killed (`fault::point`).
const API: [&str; 13] = [
    "checkout_promised",
    "checkout_opened",
    "checkout_attached",
    "checkout_committed",
    "event_verified",
    "event_stored",
    "money_booked",
    "seats_sold",
    "party_seated",
    "tickets_issued",
    "documents_promised",
    "event_settled",
    "event_committed",
];

/// Where the worker is killed.
const WORKER: [&str; 15] = [
    "jobs_claimed",
    "jobs_pushed",
    "job_started",
    "document_rendering",
    "document_drawn",
    "object_written",
    "object_linked",
    "document_stored",
    "document_ready",
    "document_finished",
    "document_committed",
    "mail_composed",
    "mail_sent",
    "mail_finished",
    "mail_committed",
];

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_at_any_step_from_payment_to_mail_a_purchase_ends_in_one_ticket_one_pdf_and_one_mail(
    pool: PgPool,
) {
    let mut deployment = Deployment::start(&pool).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    let mut bought = Vec::new();
    for point in API {
        let reference = book_party(&traveller, bought.len()).await;
        kill_api_at(&mut deployment, point, &traveller, &reference).await;
        bought.push(reference);
    }

    let smtp = Smtp::start(&["ok"]);
    for point in WORKER {
        let reference = book_party(&traveller, bought.len()).await;
        let page = try_checkout(&traveller, &reference).await.unwrap();
        traveller.pay(&page).await;
        until_confirmed(&pool, std::slice::from_ref(&reference)).await;
        bought.push(reference);
        kill_worker_at(&deployment, &smtp, point).await;
    }
    // Somebody who never pays stands among them.
    let unpaid = book_party(&traveller, bought.len()).await;
    try_checkout(&traveller, &unpaid).await.unwrap();

    let _worker = worker(&deployment, &smtp, &[]);
    // What a killed api has not confirmed is delivered to it again.
    until_confirmed(&pool, &bought).await;
    until_idle(&pool).await;
    assert_tickets(&pool, bought.len()).await;
    assert_objects(&deployment, bought.len()).await;
    assert_mails(&smtp, &bought);
    assert_consistent(&pool).await;
}

/// Where whoever settles a refund is killed: the api by the webhook, the worker when it asks.
const REFUND: [&str; 2] = ["refund_booked", "receipt_numbered"];

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_while_a_refund_is_settled_it_ends_in_one_receipt_without_a_gap_and_one_mail(
    pool: PgPool,
) {
    let mut deployment = Deployment::start(&pool).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    for (number, point) in REFUND.into_iter().enumerate() {
        let reference = book_party(&traveller, number).await;
        let page = try_checkout(&traveller, &reference).await.unwrap();
        traveller.pay(&page).await;
        until_confirmed(&pool, std::slice::from_ref(&reference)).await;
        kill_api_by_refund_at(&mut deployment, &traveller, point, &reference).await;
    }
    let smtp = Smtp::start(&["ok"]);
    let _worker = worker(&deployment, &smtp, &[]);
    until_refunds(&pool, "succeeded", 2).await;
    until_idle(&pool).await;
    let numbers: Vec<String> = sqlx::query_scalar(
        "select number from document where kind = 'refund_receipt' and status = 'ready' order by number",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let numbers: Vec<_> = numbers
        .iter()
        .map(|number| number.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(numbers, ["C00001", "C00002"]);
    let sent = smtp.accepted();
    let ids = sent
        .iter()
        .filter_map(|mail| mail.lines().find(|line| line.starts_with("Message-ID:")));
    let paid: BTreeSet<_> = ids.filter(|id| id.contains("refund_paid.")).collect();
    assert_eq!(paid.len(), 2, "{paid:?}");
    assert_consistent(&pool).await;
}

/// Gives something of a booking back in the dashboard, whose webhook the api does not survive.
async fn kill_api_by_refund_at(
    deployment: &mut Deployment,
    traveller: &Traveller,
    point: &str,
    reference: &str,
) {
    let marker = marker(deployment, &format!("api_{point}"));
    let armed = [
        ("FAULT_POINT", point),
        ("FAULT_MARKER", marker.to_str().unwrap()),
    ];
    deployment.api.kill();
    deployment.api.restart_with(&armed).await;
    let intent: String = sqlx::query_scalar(
        "select stripe_payment_intent_id from payment p join booking b on b.id = p.booking_id where b.booking_ref = $1",
    )
    .bind(reference)
    .fetch_one(&deployment.pool)
    .await
    .unwrap();
    let refund = traveller
        .http
        .post(format!(
            "{}/sandbox/stripe/v1/refunds",
            deployment.api.address
        ))
        .bearer_auth("sk_test_anything")
        .form(&[("payment_intent", intent.as_str()), ("amount", "12300")]);
    // The answer may die with the api.
    let _ = refund.send().await;
    until_true(point, PATIENCE, async || marker.exists()).await;
    assert_eq!(deployment.api.wait().code(), None, "{point}: it was killed");
    deployment.api.restart().await;
}

async fn until_refunds(pool: &PgPool, status: &str, count: i64) {
    let settled = "select count(*) from refund where status = $1";
    until_true("refunds", PATIENCE, async || {
        let settled = sqlx::query_scalar::<_, i64>(settled).bind(status);
        settled.fetch_one(pool).await.unwrap() >= count
    })
    .await;
}

/// Books a round trip for two people on two airlines; the booking's reference.
pub(super) async fn book_party(traveller: &Traveller, number: usize) -> String {
    let (there, back) = (in_a_month(), in_a_month() + Days::days(7));
    let path = format!(
        "/v1/flights/search?origin=DEL&destination=BOM&departure_date={there}&return_date={back}&adults=2"
    );
    let found = traveller.get(&path).await;
    let offer = |way: &str| found[way]["offers"][0]["offer_id"].clone();
    // Somebody else each time: nobody is booked on a flight twice.
    let letter = |number: usize| char::from(b'a' + u8::try_from(number % 26).unwrap());
    let name = format!("Asha{}{}", letter(number / 26), letter(number));
    let passenger = |last_name: &str| {
        json!({
            "title": "ms", "first_name": name, "last_name": last_name, "gender": "female", "date_of_birth": "1990-05-17",
        })
    };
    let booking = json!({
        "offers": [offer("departing"), offer("returning")],
        "passengers": [passenger("Verma"), passenger("Rao")],
        "contact": { "email": traveller.email, "phone": "+919876543210" },
    });
    let booking = traveller.post("/v1/bookings", &booking).await;
    booking["booking_ref"].as_str().unwrap().to_owned()
}

/// The checkout page, unless the api dies before it answers.
pub(super) async fn try_checkout(traveller: &Traveller, reference: &str) -> Option<String> {
    let path = format!("/v1/bookings/{reference}/payment");
    let request = traveller.request(Method::POST, &path).json(&json!({}));
    let payment: Value = request.send().await.ok()?.json().await.ok()?;
    Some(payment["checkout_url"].as_str()?.to_owned())
}

/// What a killed webhook has not confirmed yet is held until it is delivered again.
pub(super) fn without_caps() -> Vec<(&'static str, &'static str)> {
    vec![
        ("MAX_HELD_SEATS", "100"),
        ("MAX_UNPAID_SEATS", "0"),
        ("MAX_UNPAID_SEATS_OF_ADDRESS", "0"),
        ("MAX_UNPAID_PERCENT_FOR_NEW_ACCOUNTS", "100"),
    ]
}

/// Buys from an api that dies at the point, and whatever was not answered is asked again once it is back.
async fn kill_api_at(
    deployment: &mut Deployment,
    point: &str,
    traveller: &Traveller,
    reference: &str,
) {
    let marker = marker(deployment, point);
    let mut armed = without_caps();
    armed.extend([
        ("FAULT_POINT", point),
        ("FAULT_MARKER", marker.to_str().unwrap()),
    ]);
    deployment.api.kill();
    deployment.api.restart_with(&armed).await;
    let mut page = try_checkout(traveller, reference).await;
    if let Some(page) = &page {
        // The answer may die with the api that has taken the money.
        let _ = try_pay(traveller, page).await;
    }
    until_true(point, PATIENCE, async || marker.exists()).await;
    assert_eq!(deployment.api.wait().code(), None, "{point}: it was killed");
    deployment.api.restart().await;
    if page.is_none() {
        page = try_checkout(traveller, reference).await;
        try_pay(traveller, &page.unwrap()).await.unwrap();
    }
}

async fn try_pay(traveller: &Traveller, page: &str) -> reqwest::Result<()> {
    let form = [("number", "4242424242424242")];
    let answer = traveller.http.post(page).form(&form).send().await?;
    answer.error_for_status().map(drop)
}

/// Lets a worker do what there is to do until it dies at the point.
pub(super) async fn kill_worker_at(deployment: &Deployment, smtp: &Smtp, point: &str) {
    let marker = marker(deployment, point);
    let armed = [
        ("FAULT_POINT", point),
        ("FAULT_MARKER", marker.to_str().unwrap()),
    ];
    let mut worker = worker(deployment, smtp, &armed);
    until_true(point, PATIENCE, async || marker.exists()).await;
    assert_eq!(worker.wait(), None, "{point}: it was killed");
}

pub(super) fn marker(deployment: &Deployment, point: &str) -> PathBuf {
    deployment.folder.path().join(point)
}

pub(super) fn worker(deployment: &Deployment, smtp: &Smtp, settings: &[(&str, &str)]) -> Worker {
    let documents = deployment.documents();
    let own = [
        ("PUBLIC_URL", deployment.api.address.as_str()),
        ("DOCUMENTS_DIR", documents.to_str().unwrap()),
        ("SMTP_URL", smtp.url()),
    ];
    Worker::start(
        &deployment.pool,
        &deployment.redis,
        &[&own, settings].concat(),
    )
}

pub(super) async fn until_confirmed(pool: &PgPool, bought: &[String]) {
    let open = "select count(*) from booking where booking_ref = any($1) and status <> 'confirmed'";
    until_true("every payment confirms its booking", PATIENCE, async || {
        let open = sqlx::query_scalar::<_, i64>(open).bind(bought);
        open.fetch_one(pool).await.unwrap() == 0
    })
    .await;
}

/// One number for each of two passengers and two airlines, all of them different, on paid bookings alone.
async fn assert_tickets(pool: &PgPool, bookings: usize) {
    let (tickets, holders, numbers, booked): (i64, i64, i64, i64) = sqlx::query_as(
        "select count(*), count(distinct (passenger_id, validating_airline)), count(distinct number), count(distinct booking_id)
         from ticket join booking b on b.id = booking_id and b.status = 'confirmed'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    let expected = i64::try_from(bookings).unwrap();
    assert_eq!(
        (tickets, holders, numbers, booked),
        (4 * expected, 4 * expected, 4 * expected, expected)
    );
    let all: i64 = sqlx::query_scalar("select count(*) from ticket")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(all, tickets, "nothing unpaid is ticketed");
}

/// Two tickets and an invoice of one revision a booking, and of each one object: the bytes that its row speaks of.
async fn assert_objects(deployment: &Deployment, bookings: usize) {
    let documents: Vec<(String, i32, Vec<u8>)> =
        sqlx::query_as("select storage_key, revision, sha256 from document where status = 'ready'")
            .fetch_all(&deployment.pool)
            .await
            .unwrap();
    assert_eq!(documents.len(), 3 * bookings);
    assert_eq!(files(&deployment.documents()).len(), documents.len());
    for (key, revision, sha256) in documents {
        let stored = std::fs::read(deployment.documents().join(&key)).unwrap();
        let digest: &[u8] = &Sha256::digest(&stored);
        assert_eq!((digest, revision), (sha256.as_slice(), 1), "{key}");
    }
}

/// Each booking is confirmed by mail, and by one: what left twice has one Message-ID.
fn assert_mails(smtp: &Smtp, bought: &[String]) {
    let mut mails: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let header = |mail: &str, name: &str| {
        let line = mail.lines().find(|line| line.starts_with(name));
        line.unwrap_or_default().to_owned()
    };
    for mail in smtp.accepted() {
        let id = header(&mail, "Message-ID:");
        if id.contains("booking_held") {
            // That it waits to be paid was true when it was sent.
            continue;
        }
        let subject = header(&mail, "Subject:");
        let booking = bought.iter().find(|reference| subject.contains(*reference));
        let booking = booking.unwrap_or_else(|| panic!("a mail about nobody's: {subject}"));
        assert!(id.contains("booking_confirmed"), "{id}");
        mails.entry(booking).or_default().insert(id);
    }
    assert_eq!(mails.len(), bought.len(), "{mails:?}");
    for (booking, ids) in mails {
        assert_eq!(ids.len(), 1, "{booking}: {ids:?}");
    }
}
