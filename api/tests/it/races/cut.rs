//! R7: PostgreSQL's connections are cut under load, and PostgreSQL is away for a while.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Client, Method};
use sqlx::{ConnectOptions, PgPool};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{a_flight, hold_of, offers, travellers};
use crate::binary::{Api, UNLIMITED};
use crate::consistent::assert_consistent;
use crate::support::Send;
use crate::trip;

const CLIENTS: usize = 16;
const REQUESTS: usize = 30;

/// Ends every connection of the api; how many those were.
async fn cut(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and application_name = 'flightdesk-api'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_was_answered_is_there_though_every_connection_was_cut(pool: PgPool) {
    let flight = a_flight(&pool).await;
    sqlx::query("update flight_cabin set capacity = 100000")
        .execute(&pool)
        .await
        .unwrap();
    let (api, http) = (Api::start(&pool, UNLIMITED).await, Client::new());
    let travellers = travellers(&pool, CLIENTS).await;
    let offers = offers(&http, &[&api.address], &travellers, 1).await;
    let clients = travellers
        .iter()
        .zip(&offers)
        .map(|(traveller, offer)| async {
            let (mut held, mut refused) = (Vec::new(), 0_u32);
            for _ in 0..REQUESTS {
                let answer = traveller
                    .post(&http, &api.address, "/v1/holds", &hold_of(offer))
                    .await;
                if answer.status.as_u16() == 201 {
                    held.push(answer.body["id"].as_str().unwrap().to_owned());
                } else {
                    assert_eq!(answer.problem(), (503, "unavailable"), "{answer:?}");
                    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
                    refused += 1;
                }
            }
            (held, refused)
        });
    let load = join_all(clients);
    tokio::pin!(load);
    let mut ended = 0;
    let done = loop {
        tokio::select! {
            done = &mut load => break done,
            () = tokio::time::sleep(Duration::from_millis(50)) => ended += cut(&pool).await,
        }
    };
    let refused: u32 = done.iter().map(|(_, refused)| refused).sum();
    assert!(
        ended > 0 && refused > 0,
        "{ended} connections cut, {refused} requests felt it"
    );
    let answered: BTreeSet<String> = done.into_iter().flat_map(|(held, _)| held).collect();
    let kept: Vec<String> = sqlx::query_scalar("select id::text from hold")
        .fetch_all(&pool)
        .await
        .unwrap();
    let kept: BTreeSet<String> = kept.into_iter().collect();
    assert!(!answered.is_empty());
    assert!(
        answered.is_subset(&kept),
        "answered and not there: {:?}",
        answered.difference(&kept)
    );
    // A commit whose answer was lost is a row too, and is counted.
    let rows = i32::try_from(kept.len()).unwrap();
    assert_eq!(trip::counters(&pool, flight).await, (rows, 0));

    let began = Instant::now();
    while travellers[0]
        .post(&http, &api.address, "/v1/holds", &hold_of(&offers[0]))
        .await
        .status
        != 201
    {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it does not recover"
        );
    }
    assert_consistent(&pool).await;
}

/// The road to PostgreSQL, which can be closed.
struct Road {
    port: u16,
    to: (String, u16),
    traffic: JoinSet<()>,
}

impl Road {
    async fn open(pool: &PgPool) -> Self {
        let url = pool.connect_options().to_url_lossy();
        let to = (url.host_str().unwrap().to_owned(), url.port().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut road = Self {
            port,
            to,
            traffic: JoinSet::new(),
        };
        road.serve(listener);
        road
    }

    fn serve(&mut self, listener: TcpListener) {
        let to = self.to.clone();
        self.traffic.spawn(async move {
            let mut travellers = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let to = to.clone();
                travellers.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
    }

    async fn close(&mut self) {
        self.traffic.shutdown().await;
    }

    async fn reopen(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.serve(listener);
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn while_postgresql_is_away_the_answer_is_503_and_then_it_goes_on_by_itself(pool: PgPool) {
    a_flight(&pool).await;
    let mut road = Road::open(&pool).await;
    let mut url = pool.connect_options().to_url_lossy();
    url.set_port(Some(road.port)).unwrap();
    let mut settings = UNLIMITED.to_vec();
    settings.extend([
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_ACQUIRE_SECONDS", "1"),
    ]);
    let (api, http) = (Api::start(&pool, &settings).await, Client::new());
    let traveller = travellers(&pool, 1).await.swap_remove(0);
    let offer = traveller.offer(&http, &api.address, 1).await;
    let hold = async || {
        traveller
            .post(&http, &api.address, "/v1/holds", &hold_of(&offer))
            .await
    };
    let health = async |path: &str| {
        let address = format!("http://{}{path}", api.address);
        http.request(Method::GET, address)
            .answer()
            .await
            .status
            .as_u16()
    };
    assert_eq!(hold().await.status.as_u16(), 201);

    road.close().await;
    for _ in 0..3 {
        let away = hold().await;
        assert_eq!(away.problem(), (503, "unavailable"), "{away:?}");
        assert!(!away.header("retry-after").is_empty(), "{away:?}");
    }
    assert_eq!(
        (health("/health/ready").await, health("/health/live").await),
        (503, 200)
    );

    road.reopen().await;
    let began = Instant::now();
    while hold().await.status != 201 {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it does not recover"
        );
    }
    assert_eq!(health("/health/ready").await, 200);
    assert_eq!(trip::count(&pool, "select count(*) from hold").await, 2);
    assert_consistent(&pool).await;
}
