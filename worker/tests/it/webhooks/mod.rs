//! Webhooks over real HTTP: what an endpoint gets, and what becomes of what it answers.

mod addresses;
mod delivered;
mod failing;
mod receiver;
mod slow;

use std::sync::Arc;

use chrono::{TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::booking_event::{self, Event};
use flightdesk_core::ids::WebhookEndpointId;
use flightdesk_core::webhook::{self, Delivery, Destinations, NewEndpoint};
use flightdesk_worker::outcome::Outcome;
use flightdesk_worker::pushed::Pushed;
use flightdesk_worker::{Ctx, WebhookClient, attempt};
use sqlx::PgPool;

use crate::support::bookings::{ACCOUNT, BOOKING};
use crate::support::ctx;

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 10, 0).unwrap())
}

/// A context whose deliveries may go to this machine, or not.
fn ctx_with(pool: &PgPool, allow_loopback: bool) -> Ctx {
    let mut ctx = ctx(pool, clock());
    let mut settings = ctx.settings.as_ref().clone();
    settings.webhooks.webhook_allow_loopback = allow_loopback;
    ctx.webhooks = WebhookClient::new(&settings);
    ctx.settings = Arc::new(settings);
    ctx
}

/// An endpoint of the fixture's account, and its secret.
async fn endpoint(ctx: &Ctx, url: &str) -> (WebhookEndpointId, String) {
    let new = NewEndpoint::parse(Destinations::new(true), url, None, None).unwrap();
    let mut conn = ctx.db.acquire().await.unwrap();
    let made = webhook::create(&mut conn, &ctx.clock, &ctx.webhooks.secrets, ACCOUNT, new).await;
    let (endpoint, secret) = made.unwrap();
    (endpoint.id, secret.expose())
}

/// Something happens to the fixture's booking, of which no mail tells.
async fn happen(ctx: &Ctx) {
    let event = Event::NameCorrected { passengers: vec![] };
    let mut conn = ctx.db.acquire().await.unwrap();
    booking_event::record(&mut conn, &ctx.clock, ACCOUNT, BOOKING, &event)
        .await
        .unwrap();
}

/// Promises what is due and runs every job that is; how many there were.
async fn run(ctx: &Ctx) -> usize {
    let mut conn = ctx.db.acquire().await.unwrap();
    webhook::promise_due(&mut conn, &ctx.clock).await.unwrap();
    let jobs: Vec<(uuid::Uuid, String, i32)> = sqlx::query_as(
        "select id, kind, attempts + 1 from outbox where status = 'waiting' and run_after <= $1 order by id",
    )
    .bind(ctx.clock.now())
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    drop(conn);
    for (id, kind, attempt) in &jobs {
        let pushed = Pushed {
            job_id: (*id).into(),
            attempt: *attempt,
            kind: kind.clone(),
            request_id: None,
            trace_parent: None,
        };
        assert_eq!(attempt::run(ctx, &pushed).await, Outcome::Done, "{kind}");
    }
    jobs.len()
}

/// The deliveries to an endpoint, oldest first.
async fn log(ctx: &Ctx, id: WebhookEndpointId) -> Vec<Delivery> {
    let mut conn = ctx.db.acquire().await.unwrap();
    let mut all = webhook::list_deliveries(&mut conn, id, None, None, 100)
        .await
        .unwrap();
    all.reverse();
    all
}
