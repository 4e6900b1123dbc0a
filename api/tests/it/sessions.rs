//! People log in, go on, and log out.

use chrono::Duration;
use reqwest::{Method, RequestBuilder};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::{Answer, Send, TestApp, sign_up_form};
use crate::trip;

const PASSWORD: &str = "correct horse battery";

/// Somebody who has logged in.
pub struct Person<'a> {
    app: &'a TestApp,
    pub access: String,
    pub refresh: String,
    pub id: String,
}

impl<'a> Person<'a> {
    pub fn of(app: &'a TestApp, answer: &Answer) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            app,
            access: text(&answer.body["access_token"]),
            refresh: text(&answer.body["refresh_token"]),
            id: text(&answer.body["session"]["id"]),
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.app.request(method, path).bearer_auth(&self.access)
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).answer().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).answer().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request(Method::POST, path).json(body).answer().await
    }

    pub async fn refreshed(&self) -> Answer {
        refresh(self.app, &self.refresh).await
    }
}

pub async fn refresh(app: &TestApp, token: &str) -> Answer {
    let body = json!({ "refresh_token": token });
    let request = app
        .request(Method::POST, "/v1/sessions/refresh")
        .json(&body);
    request.answer().await
}

pub async fn try_password(app: &TestApp, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    let request = app.request(Method::POST, "/v1/sessions").json(&body);
    request.header("User-Agent", "a browser").answer().await
}

pub async fn sign_up(app: &TestApp, email: &str) {
    let form = sign_up_form(email);
    let made = app.request(Method::POST, "/v1/accounts").json(&form);
    assert_eq!(made.answer().await.status, 201);
}

pub async fn log_in<'a>(app: &'a TestApp, email: &str) -> Person<'a> {
    let answer = try_password(app, email, PASSWORD).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    Person::of(app, &answer)
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_person_logs_in_books_goes_on_and_logs_out(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    sign_up(&app, "ada@example.com").await;
    let opened = try_password(&app, " ADA@Example.com", PASSWORD).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    assert_eq!(opened.body["expires_in"], 900);
    assert_eq!(opened.body["session"]["user_agent"], "a browser");
    assert_eq!(opened.body["session"]["expires_at"], "2026-12-20T12:00:00Z");
    let person = Person::of(&app, &opened);
    let location = format!("/v1/sessions/{}", person.id);
    assert_eq!(opened.header("location"), location);
    assert_eq!(
        person.get("/v1/account").await.body["email"],
        "ada@example.com"
    );

    // Whatever an API key does, and the timeline says in which session.
    let offers = "/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&adults=1";
    let offer = person.get(offers).await.body["offers"][0]["offer_id"].clone();
    let booking = json!({
        "offers": [offer],
        "passengers": [trip::passenger("Asha", "1990-05-17")],
        "contact": trip::contact(),
    });
    let booked = person.post("/v1/bookings", &booking).await;
    assert_eq!(booked.status, 201, "{booked:?}");
    let path = format!("/v1/bookings/{}/events", trip::reference(&booked.body));
    let event = &person.get(&path).await.body["data"][0];
    assert_eq!(
        (&event["actor"], &event["api_key_id"]),
        (&json!("account"), &Value::Null)
    );
    assert_eq!(event["session_id"], person.id);

    app.clock.advance(Duration::minutes(15));
    let expired = person.get("/v1/account").await;
    assert_eq!(expired.problem(), (401, "unauthenticated"));
    assert!(expired.header("www-authenticate").contains("Bearer"));
    let person = Person::of(&app, &person.refreshed().await);
    assert_eq!(person.get("/v1/account").await.status, 200);
    let listed = person.get("/v1/sessions").await;
    assert_eq!(
        listed.body["data"][0]["refreshed_at"],
        "2026-11-20T12:15:00Z"
    );

    assert_eq!(person.delete("/v1/sessions").await.status, 204);
    for _ in 0..2 {
        assert_eq!(
            person.get("/v1/account").await.problem(),
            (401, "unauthenticated")
        );
        assert_eq!(person.refreshed().await.problem(), (401, "unauthenticated"));
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn devices_are_listed_and_logged_out_one_by_one_or_all(pool: PgPool) {
    let app = TestApp::start(pool).await;
    let key = app.sign_up().await;
    for email in ["ada@example.com", "eve@example.com"] {
        sign_up(&app, email).await;
    }
    let (phone, laptop) = (
        log_in(&app, "ada@example.com").await,
        log_in(&app, "ada@example.com").await,
    );
    let stranger = log_in(&app, "eve@example.com").await;
    let listed = laptop.get("/v1/sessions").await;
    let shown: Vec<_> = listed.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["id"], &one["is_current"]))
        .collect();
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(shown, [(&json!(laptop.id), &yes), (&json!(phone.id), &no)]);

    let path = format!("/v1/sessions/{}", phone.id);
    assert_eq!(stranger.delete(&path).await.problem(), (404, "not_found"));
    assert_eq!(key.delete(&path).await.problem(), (403, "session_required"));
    assert_eq!(phone.get("/v1/account").await.status, 200);
    for _ in 0..2 {
        assert_eq!(laptop.delete(&path).await.status, 204);
    }
    assert_eq!(phone.get("/v1/account").await.status, 401);

    let tablet = log_in(&app, "ada@example.com").await;
    assert_eq!(
        laptop.delete("/v1/sessions?everywhere=true").await.status,
        204
    );
    for gone in [&laptop, &tablet] {
        assert_eq!(gone.get("/v1/account").await.status, 401);
    }
    assert_eq!(stranger.get("/v1/account").await.status, 200);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nothing_but_a_live_access_token_of_ours_is_believed(pool: PgPool) {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let app = TestApp::start(pool).await;
    let key = app.sign_up().await;
    sign_up(&app, "ada@example.com").await;
    let person = log_in(&app, "ada@example.com").await;
    let parts: Vec<&str> = person.access.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        panic!("{}", person.access)
    };
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let write = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let changed = |part: &str, name: &str, value: Value| {
        let mut object = read(part);
        object[name] = value;
        write(&object)
    };
    let far = changed(claims, "exp", json!(4_000_000_000_u64));
    let somebody = changed(claims, "sub", json!(key.account_id));
    let (none, public) = (
        changed(header, "alg", json!("none")),
        changed(header, "alg", json!("RS256")),
    );
    let other_key = changed(header, "kid", json!("01a1fabf-3c80-7a55-b1f2-0d5c7e9a4b31"));
    let no_key = write(&json!({ "alg": "HS256", "typ": "JWT" }));
    let forged = [
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{public}.{claims}.{signature}"),
        format!("{header}.{far}.{signature}"),
        format!("{header}.{somebody}.{signature}"),
        format!("{other_key}.{claims}.{signature}"),
        format!("{no_key}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        person.refresh.clone(),
        key.key.clone(),
        "x".to_owned(),
        String::new(),
    ];
    for token in &forged {
        for (method, path) in [
            (Method::GET, "/v1/account"),
            (Method::DELETE, "/v1/sessions"),
        ] {
            let request = app.request(method, path).bearer_auth(token);
            assert_eq!(
                request.answer().await.problem(),
                (401, "unauthenticated"),
                "{token}"
            );
        }
    }
    // An access token is no refresh token and no API key, and two credentials are one too many.
    let as_refresh = refresh(&app, &person.access).await;
    assert_eq!(as_refresh.wrong_fields(), ["refresh_token: max_length"]);
    let as_refresh = refresh(&app, &key.key).await;
    assert_eq!(as_refresh.problem(), (401, "unauthenticated"));
    let as_key = app
        .request(Method::GET, "/v1/account")
        .header("X-API-Key", &person.access);
    assert_eq!(as_key.answer().await.problem(), (401, "unauthenticated"));
    let both = person
        .request(Method::GET, "/v1/account")
        .header("X-API-Key", &key.key);
    assert_eq!(both.answer().await.problem(), (401, "unauthenticated"));
    assert_eq!(person.get("/v1/account").await.status, 200);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_log_in_tells_nobody_who_has_an_account(pool: PgPool) {
    let app = TestApp::start(pool).await;
    sign_up(&app, "ada@example.com").await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.com", "wrong horse battery"),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
    ] {
        let answer = try_password(&app, email, password).await;
        assert_eq!(answer.problem(), (401, "wrong_credentials"));
        let names: Vec<_> = answer.headers.keys().cloned().collect();
        answers.push((answer.body["detail"].clone(), names));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

/// Processor time of this process, in which the api runs too: what other processes do does not count.
fn processor_time() -> std::time::Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap();
    std::time::Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap())
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_wrong_log_in_takes_as_long_whether_there_is_an_account_or_not(pool: PgPool) {
    let app = TestApp::start(pool).await;
    sign_up(&app, "ada@example.com").await;
    let emails = ["ada@example.com", "nobody@example.com"];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..16 {
        for (email, times) in emails.iter().zip(&mut times) {
            let before = processor_time();
            let answer = try_password(&app, email, "wrong horse battery").await;
            assert_eq!(answer.status, 401);
            // The first of each prepares statements.
            if round > 0 {
                times.push(processor_time().saturating_sub(before));
            }
        }
    }
    let [known, unknown] = times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    let ratio = known / unknown;
    assert!((0.9..1.1).contains(&ratio), "{known} s and {unknown} s");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn guesses_at_one_account_wait_and_slow_down_nobody_elsewhere(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| {
        limits.rate_limit_passwords_per_hour = 3;
        limits.trusted_proxies = 1;
    })
    .await;
    for email in ["ada@example.com", "eve@example.com"] {
        sign_up(&app, email).await;
    }
    let try_from = async |address: &str, email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        let request = app.request(Method::POST, "/v1/sessions").json(&body);
        request.header("X-Forwarded-For", address).answer().await
    };
    for email in ["ada@example.com", "nobody@example.com"] {
        for _ in 0..3 {
            let wrong = try_from("192.0.2.1", email, "wrong horse battery").await;
            assert_eq!(wrong.problem(), (401, "wrong_credentials"));
        }
        let refused = try_from("192.0.2.1", &email.to_uppercase(), PASSWORD).await;
        assert_eq!(refused.problem(), (429, "rate_limited"));
        assert!(!refused.header("retry-after").is_empty());
    }
    // The stranger has locked nobody out but herself, and not even that for another account.
    let owner = try_from("198.51.100.7", "ada@example.com", PASSWORD).await;
    assert_eq!(owner.status, 201, "{owner:?}");
    let other = try_from("192.0.2.1", "eve@example.com", PASSWORD).await;
    assert_eq!(other.status, 201, "{other:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn log_ins_of_an_address_have_a_limit_of_their_own(pool: PgPool) {
    let app = TestApp::start_with(pool, |_, limits| limits.rate_limit_log_ins_per_hour = 2).await;
    let mut statuses = Vec::new();
    for name in ["a", "b", "c"] {
        let email = format!("{name}@example.com");
        let answer = try_password(&app, &email, PASSWORD).await;
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 429]);
    assert_eq!(
        app.request(Method::GET, "/v1/airlines")
            .answer()
            .await
            .status,
        401
    );
}
