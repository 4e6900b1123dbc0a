//! A traveller as a program, and the checkout page as a browser.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use super::{Deployment, PATIENCE, files, in_a_month};
use crate::support::until_true;

pub struct Traveller {
    pub(super) http: reqwest::Client,
    base: String,
    key: String,
    pub email: String,
}

impl Traveller {
    /// Signs up over HTTP.
    pub async fn sign_up(deployment: &Deployment, name: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .build()
            .unwrap();
        let mut traveller = Self {
            http,
            base: deployment.api.address.clone(),
            key: String::new(),
            email: format!("{name}@example.com"),
        };
        let form = json!({
            "email": traveller.email, "password": "window seat please", "first_name": "Asha", "last_name": "Verma",
        });
        let account = traveller.post("/v1/accounts", &form).await;
        account["api_key"]["key"]
            .as_str()
            .unwrap()
            .clone_into(&mut traveller.key);
        traveller
    }

    /// A request with its key.
    pub(super) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if self.key.is_empty() {
            return request;
        }
        request.header("X-API-Key", &self.key)
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    /// `GET`, 200 or 202
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "GET {path}: {status} {body}");
        body
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// The answer, unless it is an error or takes longer than a minute. What is away is 409 or 503, never 500.
    pub(super) async fn attempt(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Value> {
        let mut request = self.request(method, path).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        answer.error_for_status().ok()?.json().await.ok()
    }

    /// Whether the page took the payment.
    pub(super) async fn try_to_pay(&self, page: &str) -> bool {
        let form = [("number", "4242424242424242")];
        let answer = self
            .http
            .post(page)
            .timeout(PATIENCE)
            .form(&form)
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::SEE_OTHER)
    }

    /// Searches, holds and books; the booking's reference.
    pub async fn book(&self) -> String {
        let date = in_a_month();
        let path =
            format!("/v1/flights/search?origin=DEL&destination=BOM&departure_date={date}&adults=1");
        let offer = self.get(&path).await["offers"][0]["offer_id"].clone();
        let hold = self.post("/v1/holds", &json!({ "offers": [offer] })).await;
        let booking = self.post("/v1/bookings", &self.form(&hold)).await;
        booking["booking_ref"].as_str().unwrap().to_owned()
    }

    /// What books a hold: somebody else each time, because nobody is booked on a flight twice.
    pub(super) fn form(&self, hold: &Value) -> Value {
        let letter = |digit: char| char::from_digit(digit.to_digit(16).unwrap() + 10, 36).unwrap();
        let id = hold["id"].as_str().unwrap().chars().rev();
        let somebody: String = id.take(12).map(letter).collect();
        json!({
            "hold_id": hold["id"],
            "passengers": [{ "title": "ms", "first_name": somebody, "last_name": "Verma", "gender": "female", "date_of_birth": "1990-05-17" }],
            "contact": { "email": self.email, "phone": "+919876543210" },
        })
    }

    /// Opens the payment; the address of the checkout page.
    pub async fn checkout(&self, reference: &str) -> String {
        let payment = self
            .post(&format!("/v1/bookings/{reference}/payment"), &json!({}))
            .await;
        payment["checkout_url"].as_str().unwrap().to_owned()
    }

    /// Pays on the page and closes the browser: nobody comes back to our return page.
    pub async fn pay(&self, page: &str) {
        let form = [("number", "4242424242424242")];
        let answer = self.http.post(page).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    }

    /// Books and pays; the booking's reference.
    pub async fn buy(&self) -> String {
        let reference = self.book().await;
        self.pay(&self.checkout(&reference).await).await;
        reference
    }

    pub async fn status(&self, reference: &str) -> String {
        let booking = self.get(&format!("/v1/bookings/{reference}")).await;
        booking["status"].as_str().unwrap().to_owned()
    }

    pub async fn until_confirmed(&self, reference: &str) {
        until_true("the booking is confirmed", PATIENCE, async || {
            self.status(reference).await == "confirmed"
        })
        .await;
    }

    /// The one document of a booking, once it is ready.
    pub async fn until_ready(&self, reference: &str) -> Value {
        let path = format!("/v1/bookings/{reference}/documents");
        until_true("the ticket is ready", PATIENCE, async || {
            self.get(&path).await["data"][0]["status"] == "ready"
        })
        .await;
        self.get(&path).await["data"][0].clone()
    }

    /// Follows the download to the bytes.
    pub async fn download(&self, document: &Value) -> Vec<u8> {
        let id = document["id"].as_str().unwrap();
        let address = format!("{}/v1/documents/{id}/download", self.base);
        let found = self
            .http
            .get(address)
            .header("X-API-Key", &self.key)
            .send()
            .await
            .unwrap();
        assert_eq!(found.status(), StatusCode::FOUND);
        let link = found.headers()["location"].to_str().unwrap().to_owned();
        // The link is the permission: no key goes with it.
        let file = self.http.get(link).send().await.unwrap();
        assert_eq!(file.status(), StatusCode::OK);
        file.bytes().await.unwrap().to_vec()
    }
}

/// Waits until no job is left to do.
pub async fn until_idle(pool: &PgPool) {
    until_true("every job is done", PATIENCE * 2, async || {
        let open = "select count(*) from outbox where status <> 'done'";
        sqlx::query_scalar::<_, i64>(open)
            .fetch_one(pool)
            .await
            .unwrap()
            == 0
    })
    .await;
}

/// R12: of a paid booking there is one ticket number, one document, one stored PDF and one mail that carries it.
pub async fn assert_delivered_once(
    deployment: &Deployment,
    traveller: &Traveller,
    reference: &str,
) {
    let document = traveller.until_ready(reference).await;
    until_idle(&deployment.pool).await;
    let booking = traveller.get(&format!("/v1/bookings/{reference}")).await;
    let numbers = booking["passengers"][0]["ticket_numbers"]
        .as_array()
        .unwrap();
    assert_eq!(
        (numbers.len(), &booking["status"]),
        (1, &json!("confirmed")),
        "{booking}"
    );

    let (tickets, documents, renders, mails): (i64, i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from ticket where booking_id = b.id), (select count(*) from document where booking_id = b.id),
                (select count(*) from outbox where kind = 'render_document' and payload ->> 'document_id' = $2),
                (select count(*) from outbox where kind = 'send_mail' and payload ->> 'booking_id' = b.id::text)
         from booking b where booking_ref = $1",
    )
    .bind(reference)
    .bind(document["id"].as_str().unwrap())
    .fetch_one(&deployment.pool)
    .await
    .unwrap();
    // A ticket and an invoice; the mails of a held and of a confirmed booking.
    assert_eq!((tickets, documents, renders, mails), (1, 2, 1, 2));

    let pdf = traveller.download(&document).await;
    assert!(pdf.starts_with(b"%PDF-"));
    let sha256 = document["sha256"].as_str().unwrap();
    let sha256: Vec<u8> = (0..32)
        .map(|byte| u8::from_str_radix(&sha256[2 * byte..][..2], 16).unwrap())
        .collect();
    let digest: &[u8] = &Sha256::digest(&pdf);
    assert_eq!(
        (digest, document["size_bytes"].as_u64()),
        (sha256.as_slice(), u64::try_from(pdf.len()).ok())
    );
    let id = document["id"].as_str().unwrap();
    let stored: Vec<_> = files(&deployment.documents())
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains(id))
        .collect();
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert_eq!(std::fs::read(&stored[0]).unwrap(), pdf);

    let to = format!("To: {}", traveller.email);
    let letters: Vec<_> = deployment
        .mails()
        .into_iter()
        .filter(|mail| mail.contains(&to))
        .collect();
    assert_eq!(letters.len(), 1, "mails to {}", traveller.email);
    let letter = &letters[0];
    assert!(
        letter.contains(reference) && letter.contains("application/pdf"),
        "{letter}"
    );
    let unfolded: String = letter.split_ascii_whitespace().collect();
    assert!(
        unfolded.contains(&STANDARD.encode(&pdf)),
        "the mail does not carry the ticket"
    );
}
