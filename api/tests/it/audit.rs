//! What staff do is in the audit log: every operation of theirs, who did it, from where, before and after; and it stays there.

use std::collections::BTreeMap;
use std::process::Command;

use chrono::Duration;
use flightdesk_core::ids::FlightId;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, PgPool};

use crate::cancellations::{buy, departure, turn_to};
use crate::disputes::with_a_failed_refund;
use crate::support::{Answer, Client, Send, TestApp};
use crate::trip::{self, adults, reference};

/// Somebody of another account with all scopes.
pub async fn staff<'a>(app: &'a TestApp, pool: &PgPool) -> Client<'a> {
    let client = app.sign_up().await;
    sqlx::query(
        "update api_key set scopes = '{search,bookings,admin,refunds}' where account_id = $1",
    )
    .bind(client.account_id)
    .execute(pool)
    .await
    .unwrap();
    client
}

/// Where the acts of this test happen.
struct Desk<'a> {
    app: &'a TestApp,
    pool: &'a PgPool,
    client: Client<'a>,
    staff: Client<'a>,
    /// Flights that leave on the 20th and the 22nd.
    flights: [FlightId; 2],
}

impl<'a> Desk<'a> {
    async fn open(app: &'a TestApp, pool: &'a PgPool) -> Self {
        let out = trip::a_flight(pool).await;
        let back = trip::fly(pool, "AI", "102", ["BOM", "DEL"], "2026-12-22T08:00:00").await;
        Self {
            app,
            pool,
            client: app.sign_up().await,
            staff: staff(app, pool).await,
            flights: [out, back],
        }
    }

    async fn paid(&self) -> Value {
        let offer = self.client.offer_of(&[self.flights[0]], adults(1)).await;
        let people = [trip::passenger(&unused_name(), "1990-05-17")];
        buy(self.app, self.pool, &self.client, &[offer], &people).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.staff.post(&format!("/v1/admin/{path}"), body).await
    }

    async fn dead_mail(&self) -> uuid::Uuid {
        self.client.book().await;
        sqlx::query_scalar(
            "update outbox set status = 'dead', finished_at = created_at where id = (
                 select id from outbox where kind = 'send_mail' and status = 'waiting' limit 1) returning id",
        )
        .fetch_one(self.pool)
        .await
        .unwrap()
    }

    async fn failed_refund(&self) -> Value {
        let booking = with_a_failed_refund(self.app, &self.client).await;
        let path = format!("/v1/bookings/{}/refunds", reference(&booking));
        self.client.get(&path).await.body["data"][0]["id"].clone()
    }

    /// A success of an operation for staff, with the action that it is; `None` for one that tests elsewhere call: what leaves
    /// no entry is answered 500 there (`api/src/middleware/acts.rs`).
    async fn succeed(&self, operation: &str) -> Option<(&'static str, Answer)> {
        Some(match operation {
            "create_cancellation_quote_for_traveller" => {
                ("cancellation_quoted", self.quote().await.1)
            }
            "cancel_booking_for_traveller" => {
                let (booking, quote) = self.quote().await;
                let path = format!("bookings/{}/cancellations", reference(&booking));
                let body = json!({ "quote_id": quote.body["quote_id"] });
                ("booking_cancelled", self.post(&path, &body).await)
            }
            "correct_names_for_traveller" => {
                let booking = self.paid().await;
                let path = format!("bookings/{}/name-corrections", reference(&booking));
                let names =
                    json!({ "passenger_id": booking["passengers"][0]["id"], "last_name": "Le" });
                let body = json!({ "passengers": [names], "reason": "As in the passport" });
                ("names_corrected", self.post(&path, &body).await)
            }
            "disrupt_flight" => {
                let path = format!("flights/{}/disruptions", self.flights[1]);
                let body = json!({ "cancel": true, "reason": "A part has to be replaced" });
                ("flight_cancelled", self.post(&path, &body).await)
            }
            "drop_job" => {
                let path = format!("jobs/{}/drop", self.dead_mail().await);
                let body = json!({ "reason": "No such mailbox" });
                ("job_dropped", self.post(&path, &body).await)
            }
            "mark_no_show" => {
                let booking = self.paid().await;
                turn_to(self.app, departure(), Duration::seconds(0));
                let path = format!("bookings/{}/no-shows", reference(&booking));
                let body = json!({ "flight_id": self.flights[0].0, "passengers": [booking["passengers"][0]["id"]] });
                ("no_show_marked", self.post(&path, &body).await)
            }
            "resend_documents" => {
                let path = format!(
                    "bookings/{}/documents/resends",
                    reference(&self.paid().await)
                );
                ("documents_resent", self.post(&path, &Value::Null).await)
            }
            "retry_job" => {
                let path = format!("jobs/{}/retry", self.dead_mail().await);
                ("job_retried", self.post(&path, &Value::Null).await)
            }
            "retry_refund" => {
                let id = self.failed_refund().await;
                let path = format!("refunds/{}/retries", id.as_str().unwrap());
                ("refund_retried", self.post(&path, &Value::Null).await)
            }
            "settle_refund" => {
                let id = self.failed_refund().await;
                let path = format!("refunds/{}/settlements", id.as_str().unwrap());
                let body = json!({ "how": "bank_transfer", "note": "NEFT N328261234567" });
                ("refund_settled", self.post(&path, &body).await)
            }
            _ => return None,
        })
    }

    async fn quote(&self) -> (Value, Answer) {
        let booking = self.paid().await;
        let path = format!("bookings/{}/cancellation-quotes", reference(&booking));
        let answer = self.post(&path, &json!({})).await;
        (booking, answer)
    }
}

/// A first name that no other passenger of the test has.
fn unused_name() -> String {
    trip::somebody(&uuid::Uuid::new_v4().to_string())
}

/// The operations for staff that change something, by what they are called.
fn acts() -> Vec<&'static str> {
    let lines = include_str!("../../routes.txt").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).skip(1);
    let rows = rows.map(|row| row.split_whitespace().collect::<Vec<_>>());
    let acts = rows.filter(|row| row[1].starts_with("/v1/admin/") && row[0] != "GET");
    acts.map(|row| row[2]).collect()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_act_of_staff_leaves_an_entry_of_who_did_it_from_where_in_which_request(
    pool: PgPool,
) {
    let app = TestApp::start(pool.clone()).await;
    let desk = Desk::open(&app, &pool).await;
    // What turns the clock comes last.
    let mut operations = acts();
    operations.sort_by_key(|operation| *operation == "mark_no_show");
    let mut done = BTreeMap::new();
    for operation in operations {
        let Some((action, answer)) = desk.succeed(operation).await else {
            continue;
        };
        assert!(answer.status.is_success(), "{operation}: {answer:?}");
        let request = answer.header("x-request-id");
        let path = format!("/v1/admin/audit?request_id={request}");
        let listed = desk.staff.get(&path).await;
        let entries = listed.body["data"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "{operation}: {listed:?}");
        let entry = &entries[0];
        assert_eq!(entry["action"], action, "{operation}");
        let who = [&entry["actor"], &entry["account_id"], &entry["address"]];
        let staff = json!(desk.staff.account_id);
        assert_eq!(who, [&json!("staff"), &staff, &json!("127.0.0.1")]);
        done.insert(operation, entry.clone());
    }
    assert!(done.len() >= 9, "{done:?}");
    let corrected = &done["correct_names_for_traveller"];
    let names = ["before", "after"].map(|when| &corrected[when]["passengers"][0]["last_name"]);
    assert_eq!(names, ["Nguyễn", "Le"]);
    assert_eq!(done["retry_job"]["before"]["status"], "dead");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_changes_nothing_or_was_done_before_leaves_no_second_entry(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let desk = Desk::open(&app, &pool).await;
    let path = format!("flights/{}/disruptions", desk.flights[1]);
    let preview = json!({ "cancel": true, "reason": "Snow at the gate", "dry_run": true });
    assert_eq!(desk.post(&path, &preview).await.status, 200);
    let count = || {
        trip::count(
            &pool,
            "select count(*) from audit_entry where actor = 'staff'",
        )
    };
    assert_eq!(count().await, 0);
    let cancel = json!({ "cancel": true, "reason": "Snow at the gate" });
    let path = format!("/v1/admin/{path}");
    for _ in 0..2 {
        let answer = desk.staff.post_once(&path, "once", &cancel).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(count().await, 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_log_is_found_by_what_it_says_page_by_page_and_by_staff_alone(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let owner = app.sign_up().await;
    assert_eq!(
        owner.get("/v1/admin/audit").await.problem(),
        (403, "missing_scope")
    );
    let made = owner.post("/v1/api-keys", &json!({ "name": "CI" })).await;
    let id = made.body["id"].as_str().unwrap().to_owned();
    app.clock.advance(Duration::hours(1));
    for _ in 0..2 {
        assert_eq!(
            owner.delete(&format!("/v1/api-keys/{id}")).await.status,
            204
        );
    }
    let desk = staff(&app, &pool).await;
    let account = owner.account_id;
    for (query, actions) in [
        (
            format!("account_id={account}"),
            ["api_key_revoked", "api_key_created"].as_slice(),
        ),
        (format!("account_id={}", desk.account_id), &[]),
        ("action=api_key_created".to_owned(), &["api_key_created"]),
        (
            format!("object_kind=api_key&object_id={id}&from=2026-11-20T12:30:00Z"),
            &["api_key_revoked"],
        ),
        (
            "until=2026-11-20T13:00:00Z".to_owned(),
            &["api_key_created"],
        ),
    ] {
        let found = desk.get(&format!("/v1/admin/audit?{query}")).await;
        let found = found.body["data"].as_array().unwrap().clone();
        let found: Vec<_> = found
            .iter()
            .map(|entry| entry["action"].as_str().unwrap())
            .collect();
        assert_eq!(found, actions, "{query}");
    }
    let first = desk.get("/v1/admin/audit?limit=1").await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = desk
        .get(&format!("/v1/admin/audit?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(second.body["data"][0]["action"], "api_key_created");
    assert_eq!(second.body["next_cursor"], Value::Null);
    assert!(!second.text.contains(made.body["key"].as_str().unwrap()));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_database_lets_nobody_change_or_forget_an_entry(pool: PgPool) {
    let app = TestApp::start(pool.clone()).await;
    let owner = app.sign_up().await;
    owner.post("/v1/api-keys", &json!({ "name": "CI" })).await;
    for statement in [
        "update audit_entry set action = 'nothing'",
        "update audit_entry set before = null",
        "delete from audit_entry",
        "truncate audit_entry",
    ] {
        let refused = sqlx::query(statement).execute(&pool).await.unwrap_err();
        let refused = refused.into_database_error().unwrap();
        assert_eq!(
            refused.constraint(),
            Some("audit_entry_stays"),
            "{statement}"
        );
    }
    assert_eq!(
        trip::count(&pool, "select count(*) from audit_entry").await,
        1
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_address_is_the_one_that_the_trusted_proxy_saw(pool: PgPool) {
    let app = TestApp::start_with(pool.clone(), |_, limits| limits.trusted_proxies = 1).await;
    let owner = app.sign_up().await;
    let made = owner
        .request(Method::POST, "/v1/api-keys")
        .header("X-Forwarded-For", "198.51.100.1, 203.0.113.7")
        .json(&json!({ "name": "CI" }))
        .answer()
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let address: String = sqlx::query_scalar("select address from audit_entry")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(address, "203.0.113.7");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn commands_that_change_something_leave_an_entry_too(pool: PgPool) {
    let flight = trip::a_flight(&pool).await;
    for arguments in [
        &["seats", "block", "AI", "101", "2026-12-20", "21a"] as &[&str],
        &["seats", "unblock", "AI", "101", "2026-12-20", "21A"],
        &["seller", "--name", "Himalaya Travels"],
        &["createsuperuser", "--email", "root@example.com"],
        &["reset-keys", "root@example.com"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_manage"))
            .args(arguments)
            .env(
                "DATABASE_URL",
                pool.connect_options().to_url_lossy().as_str(),
            )
            .env("FLIGHTDESK_SUPERUSER_PASSWORD", "window seat at sunrise")
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let entries: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "select action, object_kind, address from audit_entry where actor = 'staff' and account_id is null order by id",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let acts: Vec<_> = entries
        .iter()
        .map(|(action, kind, _)| (action.as_str(), kind.as_str()))
        .collect();
    assert_eq!(
        acts,
        [
            ("seat_blocked", "flight"),
            ("seat_unblocked", "flight"),
            ("seller_changed", "seller"),
            ("superuser_created", "account"),
            ("api_keys_reset", "account"),
        ]
    );
    assert!(entries.iter().all(|(_, _, address)| address.is_none()));
    let object: String =
        sqlx::query_scalar("select object_id from audit_entry where action = 'seat_blocked'")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(object, flight.to_string());
}
