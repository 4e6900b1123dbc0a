//! Connections fall silent without being closed, under buyers, between the two real binaries and each of their servers.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use sqlx::{ConnectOptions, PgPool};
use url::Url;

use super::traveller::Traveller;
use super::{Deployment, in_a_month};
use crate::booked::Server;
use crate::consistent::assert_consistent;
use crate::s3::moto;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::smtp::Smtp;
use crate::support::{tally, until_true};

/// After so long whoever books anew succeeds.
const BOOKING: Duration = Duration::from_secs(10);
/// After so long every job is done.
const JOBS: Duration = Duration::from_mins(1);
/// Bookings that a buyer makes at most; the flight has 180 seats.
const EACH: usize = 6;

/// All five, with a proxy before each.
struct Servers {
    database: Proxy,
    url: Url,
    redis: Proxy,
    s3: Proxy,
    smtp: Proxy,
    /// The sandbox is inside the api, whose port is chosen first.
    stripe: Proxy,
    api: u16,
    _moto: Server,
    _smtp: Smtp,
}

#[derive(Clone, Copy, Debug)]
enum Silent {
    Database,
    Redis,
    S3,
    Smtp,
    Stripe,
}

impl Servers {
    async fn start(pool: &PgPool, redis: &Redis) -> Self {
        let mut url = pool.connect_options().to_url_lossy();
        let database = Proxy::start(pool.connect_options().get_port());
        url.set_port(Some(database.port())).unwrap();
        let (moto, smtp) = (moto().await, Smtp::start(&["ok"]));
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let api = free.local_addr().unwrap().port();
        Self {
            database,
            url,
            redis: Proxy::start(redis.port()),
            s3: Proxy::start(moto.port),
            smtp: Proxy::start(port(smtp.url())),
            stripe: Proxy::start(api),
            api,
            _moto: moto,
            _smtp: smtp,
        }
    }

    /// What api and worker find them by.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let at = |scheme: &str, port: u16, path: &str| format!("{scheme}://127.0.0.1:{port}{path}");
        vec![
            ("DATABASE_URL", self.url.to_string()),
            ("REDIS_URL", at("redis", self.redis.port(), "")),
            ("S3_BUCKET", "documents".to_owned()),
            ("S3_ENDPOINT", at("http", self.s3.port(), "")),
            ("S3_ACCESS_KEY_ID", "S3RVER".to_owned()),
            ("S3_SECRET_ACCESS_KEY", "S3RVER".to_owned()),
            ("SMTP_URL", at("smtp", self.smtp.port(), "")),
            (
                "STRIPE_API_BASE",
                at("http", self.stripe.port(), "/sandbox/stripe"),
            ),
            ("PORT", self.api.to_string()),
            ("PUBLIC_URL", at("http", self.api, "")),
        ]
    }

    fn silence(&self, silent: Silent) {
        match silent {
            Silent::Database => self.database.silence(),
            Silent::Redis => self.redis.silence(),
            Silent::S3 => self.s3.silence(),
            Silent::Smtp => self.smtp.silence(),
            Silent::Stripe => self.stripe.silence(),
        }
    }
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// One purchase, as far as it gets: whether it was paid.
async fn buy(traveller: &Traveller, on_hand: &AtomicUsize) -> bool {
    let bought = async {
        let date = in_a_month();
        let path =
            format!("/v1/flights/search?origin=DEL&destination=BOM&departure_date={date}&adults=1");
        let found = traveller.attempt(Method::GET, &path, None).await?;
        let offer = found["offers"][0]["offer_id"].clone();
        let hold = json!({ "offers": [offer] });
        let hold = traveller
            .attempt(Method::POST, "/v1/holds", Some(&hold))
            .await?;
        let booking = traveller.form(&hold);
        let booking = traveller
            .attempt(Method::POST, "/v1/bookings", Some(&booking))
            .await?;
        let reference = booking["booking_ref"].as_str()?;
        let path = format!("/v1/bookings/{reference}/payment");
        let payment = traveller
            .attempt(Method::POST, &path, Some(&json!({})))
            .await?;
        traveller
            .try_to_pay(payment["checkout_url"].as_str()?)
            .await
            .then_some(())
    };
    let paid = bought.await.is_some();
    on_hand.fetch_add(usize::from(paid), Ordering::Relaxed);
    paid
}

async fn falls_silent(pool: &PgPool, silent: Silent, buyers: usize) {
    let redis = Redis::start();
    let servers = Servers::start(pool, &redis).await;
    let settings = servers.settings();
    let settings: Vec<_> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let deployment = Deployment::start_with(pool, redis, &settings).await;
    let mut worker = deployment.worker_with(&settings);

    let names: Vec<_> = (0..=buyers)
        .map(|number| format!("buyer{number}"))
        .collect();
    let mut travellers = join_all(
        names
            .iter()
            .map(|name| Traveller::sign_up(&deployment, name)),
    )
    .await;
    let newcomer = travellers.pop().unwrap();
    let (paid, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let buying = join_all(travellers.iter().map(async |traveller| {
        for _ in 0..EACH {
            if over.load(Ordering::Relaxed) {
                break;
            }
            buy(traveller, &paid).await;
        }
    }));
    let cut = async {
        until_true("people buy", JOBS, async || {
            paid.load(Ordering::Relaxed) >= buyers
        })
        .await;
        servers.silence(silent);
        until_true("booking works again", BOOKING, async || {
            buy(&newcomer, &paid).await
        })
        .await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(buying, cut);
    // Whoever paid has a ticket and mail; whoever was cut off before has what was promised to him until then.
    // A ticket and an invoice for each booking that is confirmed.
    let state = "select (select count(*) from booking where status = 'confirmed'),
                        (select count(*) from document where status = 'ready'),
                        (select count(*) from outbox where status <> 'done')";
    until_true(
        "all who paid have their documents and every job is done",
        JOBS,
        async || {
            let (confirmed, documents, open): (i64, i64, i64) =
                sqlx::query_as(state).fetch_one(pool).await.unwrap();
            let paid = i64::try_from(paid.load(Ordering::Relaxed)).unwrap();
            assert_eq!(tally(pool).await.dead, 0);
            open == 0 && confirmed >= paid && documents == 2 * confirmed
        },
    )
    .await;
    assert!(worker.is_running(), "{}", worker.log());
    until_true("readiness says that all is well", JOBS, async || {
        let ready = newcomer.attempt(Method::GET, "/health/ready", None).await;
        ready.is_some_and(|report| report["status"] == "ok")
    })
    .await;
    assert_consistent(pool).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_buyers_go_on_when_postgresql_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Database, 2).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_buyers_go_on_when_postgresql_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Database, 20).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_buyers_go_on_when_redis_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Redis, 2).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_buyers_go_on_when_redis_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Redis, 20).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_buyers_go_on_when_s3_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::S3, 2).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_buyers_go_on_when_s3_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::S3, 20).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_buyers_go_on_when_the_mail_server_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Smtp, 2).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_buyers_go_on_when_the_mail_server_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Smtp, 20).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_buyers_go_on_when_stripe_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Stripe, 2).await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn twenty_buyers_go_on_when_stripe_falls_silent(pool: PgPool) {
    falls_silent(&pool, Silent::Stripe, 20).await;
}
