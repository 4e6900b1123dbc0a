//! Connections fall silent without being closed, under buyers, between the two real binaries and each of their servers.

use sqlx::{ConnectOptions, PgPool};
use url::Url;

use super::Deployment;
use super::buyers::buyers_go_on;
use crate::booked::Server;
use crate::s3::moto;
use crate::support::proxy::Proxy;
use crate::support::redis::Redis;
use crate::support::smtp::Smtp;

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
    buyers_go_on(&deployment, &mut worker, buyers, async || {
        servers.silence(silent);
    })
    .await;
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
