//! From the sign-up over the mail to the first hold, through both programs and a mail server.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::traveller::Traveller;
use super::{Deployment, PATIENCE, in_a_month};
use crate::support::redis::Redis;
use crate::support::smtp::Smtp;
use crate::support::until_true;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_link_of_the_mail_opens_the_way_to_the_first_hold(pool: PgPool) {
    let asks = [("REQUIRE_VERIFIED_EMAIL", "true")];
    let deployment = Deployment::start_with(&pool, Redis::start(), &asks).await;
    let smtp = Smtp::start(&["ok"]);
    let _worker = deployment.worker_with(&[("SMTP_URL", smtp.url())]);
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    assert_eq!(
        hold(&traveller).await,
        (StatusCode::FORBIDDEN, json!("email_not_verified"))
    );

    let first = link(&smtp, &deployment, 1).await;
    // The first mail is lost: another is asked for.
    let again = json!({ "email": "asha@example.com" });
    traveller.post("/v1/email-verifications", &again).await;
    let second = link(&smtp, &deployment, 2).await;

    let shown = traveller.request(Method::GET, &second).send().await;
    assert_eq!(shown.unwrap().status(), StatusCode::OK);
    assert_eq!(hold(&traveller).await.0, StatusCode::FORBIDDEN);
    for link in [&second, &first] {
        let verified = traveller.request(Method::POST, link).send().await.unwrap();
        assert_eq!(verified.status(), StatusCode::OK);
    }
    assert_eq!(hold(&traveller).await.0, StatusCode::CREATED);
}

async fn hold(traveller: &Traveller) -> (StatusCode, Value) {
    let date = in_a_month();
    let path =
        format!("/v1/flights/search?origin=DEL&destination=BOM&departure_date={date}&adults=1");
    let offer = traveller.get(&path).await["offers"][0]["offer_id"].clone();
    let held = traveller
        .request(Method::POST, "/v1/holds")
        .json(&json!({ "offers": [offer] }))
        .send()
        .await
        .unwrap();
    let status = held.status();
    let body: Value = held.json().await.unwrap();
    (status, body["code"].clone())
}

/// The path of the link in the newest of so many mails, as its reader finds it.
async fn link(smtp: &Smtp, deployment: &Deployment, mails: usize) -> String {
    until_true("a mail with a link", PATIENCE, async || {
        smtp.accepted().len() == mails
    })
    .await;
    let mail = smtp.accepted().pop().unwrap();
    assert!(
        mail.contains("Subject: Verify your e-mail address"),
        "{mail}"
    );
    // Quoted-printable breaks lines after 76 characters.
    let text = mail
        .replace("=\r\n", "")
        .replace("=\n", "")
        .replace("=3D", "=");
    let (_, rest) = text.split_once(deployment.api.address.as_str()).unwrap();
    rest.split_ascii_whitespace().next().unwrap().to_owned()
}
