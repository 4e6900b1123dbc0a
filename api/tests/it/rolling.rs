//! Processes that are replaced one after the other behind a balancer lose no request.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::binary::Api;

/// A small balancer: it asks each process ten times a second whether it is ready, keeps connections to those that are,
/// and sends every request once. It repeats none: a request that is cut off has failed.
struct Balancer {
    backends: Mutex<Vec<Backend>>,
    next: AtomicUsize,
}

struct Backend {
    address: String,
    ready: Arc<AtomicBool>,
    kept: Arc<Mutex<Vec<TcpStream>>>,
}

async fn exchange(stream: &mut TcpStream, path: &str) -> std::io::Result<(u16, bool)> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.unwrap().parse::<usize>().unwrap() {
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            return Ok((status, !head.contains("connection: close")));
        }
    }
}

impl Balancer {
    fn add(&self, address: &str) -> Arc<AtomicBool> {
        let ready = Arc::new(AtomicBool::new(false));
        self.backends.lock().unwrap().push(Backend {
            address: address.to_owned(),
            ready: ready.clone(),
            kept: Arc::default(),
        });
        let (address, flag) = (address.to_owned(), ready.clone());
        tokio::spawn(async move {
            loop {
                let asked = async {
                    let mut stream = TcpStream::connect(&address).await?;
                    exchange(&mut stream, "/health/ready").await
                };
                let asked = asked.await;
                flag.store(matches!(asked, Ok((200, _))), Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        ready
    }

    async fn send(&self) -> Result<u16, String> {
        let (address, kept) = {
            let backends = self.backends.lock().unwrap();
            let ready: Vec<_> = backends
                .iter()
                .filter(|backend| backend.ready.load(Ordering::SeqCst))
                .collect();
            let Some(backend) =
                ready.get(self.next.fetch_add(1, Ordering::SeqCst) % ready.len().max(1))
            else {
                return Err("nobody is ready".to_owned());
            };
            (backend.address.clone(), backend.kept.clone())
        };
        let stream = kept.lock().unwrap().pop();
        let mut stream = match stream {
            // As every balancer does: one that was closed meanwhile is not used.
            Some(stream)
                if stream
                    .try_read(&mut [0])
                    .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock) =>
            {
                stream
            }
            _ => TcpStream::connect(&address)
                .await
                .map_err(|error| error.to_string())?,
        };
        let (status, keep) = exchange(&mut stream, "/health/live")
            .await
            .map_err(|error| error.to_string())?;
        if keep {
            kept.lock().unwrap().push(stream);
        }
        Ok(status)
    }
}

async fn until_ready(flag: &AtomicBool) {
    while !flag.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn terminate(api: &Api) {
    let pid = api.child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(sent.success());
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_rolling_restart_loses_no_request(pool: PgPool) {
    const REQUESTS: usize = 3_000;
    const CLIENTS: usize = 20;
    let settings = [
        ("SHUTDOWN_DELAY_SECONDS", "1"),
        ("RATE_LIMIT_ADDRESS_PER_MINUTE", "0"),
    ];
    let balancer = Arc::new(Balancer {
        backends: Mutex::default(),
        next: AtomicUsize::new(0),
    });
    let mut old = Vec::new();
    for _ in 0..2 {
        let api = Api::start(&pool, &settings).await;
        until_ready(&balancer.add(&api.address)).await;
        old.push(api);
    }
    let left = Arc::new(AtomicUsize::new(REQUESTS));
    // Requests go on until the last process has been replaced, and there are 3,000 at least.
    let replaced = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (balancer, left, replaced) = (balancer.clone(), left.clone(), replaced.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while left.load(Ordering::SeqCst) > 0 || !replaced.load(Ordering::SeqCst) {
                    answers.push(balancer.send().await);
                    let _ = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    });
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                answers
            })
        })
        .collect();
    let mut new = Vec::new();
    for mut api in old {
        let next = Api::start(&pool, &settings).await;
        until_ready(&balancer.add(&next.address)).await;
        terminate(&api);
        let ended = tokio::task::spawn_blocking(move || api.child.wait().unwrap())
            .await
            .unwrap();
        assert!(ended.success());
        new.push(next);
    }
    replaced.store(true, Ordering::SeqCst);
    let mut answered = 0;
    for client in clients {
        for answer in client.await.unwrap() {
            assert_eq!(answer, Ok(200), "after {answered}");
            answered += 1;
        }
    }
    assert!(answered >= REQUESTS, "{answered}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn told_to_stop_it_says_so_and_goes_on_for_a_moment(pool: PgPool) {
    let mut api = Api::start(&pool, &[("SHUTDOWN_DELAY_SECONDS", "2")]).await;
    let mut kept = TcpStream::connect(&api.address).await.unwrap();
    assert_eq!(
        exchange(&mut kept, "/health/ready").await.unwrap(),
        (200, true)
    );
    terminate(&api);
    // The signal is on its way.
    let told = loop {
        let mut stream = TcpStream::connect(&api.address).await.unwrap();
        let answer = exchange(&mut stream, "/health/ready").await.unwrap();
        if answer.0 == 503 {
            break answer;
        }
    };
    assert_eq!(told, (503, false), "it closes behind its answer");
    let mut fresh = TcpStream::connect(&api.address).await.unwrap();
    assert_eq!(
        exchange(&mut fresh, "/health/live").await.unwrap(),
        (200, false)
    );
    assert_eq!(
        exchange(&mut kept, "/health/live").await.unwrap(),
        (200, false)
    );
    let ended = tokio::task::spawn_blocking(move || api.child.wait().unwrap())
        .await
        .unwrap();
    assert!(ended.success());
}
