mod claims;
mod failures;
mod outages;
mod rows;

use std::collections::HashSet;

use chrono::{Duration, TimeZone, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::*;
use crate::ids::PaymentId;

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap())
}

fn job() -> ReconcilePayment {
    ReconcilePayment {
        payment_id: PaymentId::new(),
    }
}

async fn promise(conn: &mut PgConnection, clock: &Clock) -> JobId {
    put(conn, clock, None, &job()).await.unwrap()
}

async fn started(conn: &mut PgConnection, clock: &Clock) -> Lease {
    let id = promise(conn, clock).await;
    start(conn, clock, id, 1).await.unwrap().unwrap().lease
}

async fn row(conn: &mut PgConnection, id: JobId) -> (String, i32, Option<String>) {
    let row = sqlx::query!(
        "select status, attempts, last_error from outbox where id = $1",
        id.0
    )
    .fetch_one(conn)
    .await
    .unwrap();
    (row.status, row.attempts, row.last_error)
}

async fn account(conn: &mut PgConnection, email: &str) -> AccountId {
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into account (id, email, first_name, last_name, password_hash, created_at) values ($1, $2, 'A', 'B', 'x', now())",
        id,
        email,
    )
    .execute(conn)
    .await
    .unwrap();
    AccountId(id)
}
