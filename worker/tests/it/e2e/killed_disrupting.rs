//! R4 of a disruption: the api is killed while a flight is cancelled and while somebody answers, the worker while it tells
//! the bookings.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::Deployment;
use super::killed::{
    book_party, kill_worker_at, marker, try_checkout, until_confirmed, without_caps, worker,
};
use super::traveller::{Traveller, until_idle};
use crate::consistent::assert_consistent;
use crate::support::smtp::Smtp;

/// Where the worker is killed (`fault::point`): before a booking is told, after, and before the job is done.
const WORKER: [&str; 3] = [
    "disruption_noted",
    "disruption_note_committed",
    "disruption_told",
];

/// Where the api is killed while somebody answers.
const ANSWER: [&str; 3] = [
    "cancelled_seats_freed",
    "disruption_decided",
    "disruption_answer_committed",
];

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_at_any_step_each_booking_is_told_once_and_paid_back_once(pool: PgPool) {
    let mut deployment = Deployment::start(&pool).await;
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    sqlx::query("update api_key set scopes = '{search,bookings,admin}'")
        .execute(&pool)
        .await
        .unwrap();
    let mut bought = Vec::new();
    for number in 0..ANSWER.len() {
        let reference = book_party(&traveller, number).await;
        let page = try_checkout(&traveller, &reference).await.unwrap();
        traveller.pay(&page).await;
        bought.push(reference);
    }
    until_confirmed(&pool, &bought).await;
    let first = traveller.get(&format!("/v1/bookings/{}", bought[0])).await;
    let flight = &first["directions"][0]["flights"][0]["flight_id"];
    let path = format!("/v1/admin/flights/{}/disruptions", flight.as_str().unwrap());
    let body = json!({ "cancel": true, "reason": "A part has to be replaced" });

    arm_api(&mut deployment, "flight_disrupted").await;
    let died = traveller.attempt(Method::POST, &path, Some(&body)).await;
    assert!(died.is_none(), "{died:?}");
    restart_api(&mut deployment).await;
    let made = traveller.post(&path, &body).await;
    assert_eq!(made["bookings"], bought.len());

    let smtp = Smtp::start(&["ok"]);
    for point in WORKER {
        kill_worker_at(&deployment, &smtp, point).await;
    }
    let healthy = worker(&deployment, &smtp, &[]);
    until_idle(&pool).await;
    let job = format!("/v1/jobs/{}", made["job_id"].as_str().unwrap());
    let job = traveller.get(&job).await;
    let progress = json!({ "done": bought.len(), "total": bought.len() });
    assert_eq!(
        (&job["status"], &job["progress"]),
        (&json!("done"), &progress)
    );
    for query in [
        "select count(*) from disruption",
        "select count(*) from disrupted_booking group by booking_id",
        "select count(*) from booking_event where kind = 'disrupted' group by booking_id",
    ] {
        let counts: Vec<i64> = sqlx::query_scalar(query).fetch_all(&pool).await.unwrap();
        assert!(
            counts.iter().all(|count| *count == 1),
            "{query}: {counts:?}"
        );
    }
    assert_mails(&smtp, bought.len());

    for (reference, point) in bought.iter().zip(ANSWER) {
        let path = format!("/v1/bookings/{reference}/disruption");
        let body = json!({ "choice": "refund" });
        arm_api(&mut deployment, point).await;
        let died = traveller.attempt(Method::POST, &path, Some(&body)).await;
        assert!(died.is_none(), "{point}: {died:?}");
        restart_api(&mut deployment).await;
        // What was committed before the answer was lost is decided.
        traveller.attempt(Method::POST, &path, Some(&body)).await;
        let told: Value = traveller.get(&path).await;
        assert_eq!(told["status"], "refunded", "{point}");
    }
    until_idle(&pool).await;
    let refunds: Vec<i64> = sqlx::query_scalar("select count(*) from refund group by booking_id")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert_eq!(refunds, [1, 1, 1]);
    drop(healthy);
    assert_consistent(&pool).await;
}

async fn arm_api(deployment: &mut Deployment, point: &str) {
    let marker = marker(deployment, &format!("api_{point}"));
    let mut armed = without_caps();
    armed.extend([
        ("FAULT_POINT", point),
        ("FAULT_MARKER", marker.to_str().unwrap()),
    ]);
    deployment.api.kill();
    deployment.api.restart_with(&armed).await;
}

async fn restart_api(deployment: &mut Deployment) {
    assert_eq!(deployment.api.wait().code(), None, "it was killed");
    deployment.api.restart_with(&without_caps()).await;
}

/// What left twice has one Message-ID.
fn assert_mails(smtp: &Smtp, bookings: usize) {
    let sent = smtp.accepted();
    let ids = sent
        .iter()
        .filter_map(|mail| mail.lines().find(|line| line.starts_with("Message-ID:")));
    let told: BTreeSet<_> = ids.filter(|id| id.contains("flight_cancelled.")).collect();
    assert_eq!(told.len(), bookings, "{told:?}");
}
