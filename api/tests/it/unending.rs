//! Requests that never end are ended, whoever takes too many connections gets no more, and slow people are served.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use sqlx::PgPool;
use tokio::net::TcpSocket;

use crate::binary::Api;
use crate::support::sign_up_form;

/// Deadlines that a test can wait for.
const SHORT: &[(&str, &str)] = &[
    ("REQUEST_HEAD_SECONDS", "1"),
    ("REQUEST_BODY_SECONDS", "2"),
    ("IDLE_SECONDS", "2"),
];

fn connect(api: &Api) -> TcpStream {
    let socket = TcpStream::connect(&api.address).unwrap();
    // Only so that a test that fails ends.
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket
}

/// What the server says until it closes the connection.
fn read_to_end(mut socket: TcpStream) -> String {
    let mut answer = Vec::new();
    match socket.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8(answer).unwrap()
}

/// The answer to a request whose client is patient.
fn ask(mut socket: &TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    read_to_end(socket.try_clone().unwrap())
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn what_never_ends_is_ended(pool: PgPool) {
    let api = Api::start(&pool, SHORT).await;
    let blocking = move || {
        // A connection on which nothing comes, half a head, the beginning of HTTP/2.
        for beginning in ["", "GET / HT", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let mut socket = connect(&api);
            socket.write_all(beginning.as_bytes()).unwrap();
            let answer = read_to_end(socket);
            assert!(!answer.contains("200"), "{beginning:?}: {answer:?}");
        }
        // A head whose lines come one by one for ever.
        let mut socket = connect(&api);
        socket.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        while socket.write_all(b"X-More: 1\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
        // A kept connection on which nothing more is asked.
        let mut socket = connect(&api);
        socket
            .write_all(b"GET /health/live HTTP/1.1\r\nHost: test\r\n\r\n")
            .unwrap();
        assert!(read_to_end(socket).starts_with("HTTP/1.1 200"));
        // A body that stops, and one whose bytes come too slowly.
        let head = "POST /v1/accounts HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{";
        let mut socket = connect(&api);
        socket.write_all(head.as_bytes()).unwrap();
        let answer = read_to_end(socket);
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert!(answer.contains("request_timeout"), "{answer}");
    };
    tokio::task::spawn_blocking(blocking).await.unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_is_asked_for_before_a_body(pool: PgPool) {
    let api = Api::start(&pool, SHORT).await;
    let blocking = move || {
        for key in ["", "X-API-Key: fd_test_nobody\r\n"] {
            let mut socket = connect(&api);
            let head = format!(
                "POST /v1/holds HTTP/1.1\r\nHost: test\r\n{key}Content-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
            );
            socket.write_all(head.as_bytes()).unwrap();
            let answer = read_to_end(socket);
            assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
        }
    };
    tokio::task::spawn_blocking(blocking).await.unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_phone_in_a_train_is_served(pool: PgPool) {
    // A body has a second and another for each 64 bytes of it: it comes in pieces for four seconds.
    let slow = [
        ("REQUEST_BODY_SECONDS", "1"),
        ("MIN_BODY_RATE", "64"),
        ("REQUEST_HEAD_SECONDS", "1"),
    ];
    let api = Api::start(&pool, &slow).await;
    let blocking = move || {
        let form = sign_up_form("ada@example.com").to_string();
        let form = format!("{form}{}", " ".repeat(400));
        let mut socket = connect(&api);
        let head = format!(
            "POST /v1/accounts HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            form.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        for piece in form.as_bytes().chunks(64) {
            socket.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(500));
        }
        let answer = read_to_end(socket);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    };
    tokio::task::spawn_blocking(blocking).await.unwrap();
}

/// A connection from an address of the machine itself.
async fn connect_from(from: &str, api: &Api) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0))?;
    let stream = socket.connect(api.address.parse().unwrap()).await?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_address_does_not_take_all_connections(pool: PgPool) {
    let settings = [("MAX_CONNECTIONS_PER_ADDRESS", "20")];
    let api = Api::start(&pool, &settings).await;
    let mut greedy = Vec::new();
    for _ in 0..20 {
        greedy.push(connect_from("127.0.0.2", &api).await.unwrap());
    }
    let one_more = connect_from("127.0.0.2", &api).await.unwrap();
    let other = connect_from("127.0.0.3", &api).await.unwrap();
    let blocking = move || {
        assert_eq!(read_to_end(one_more), "");
        assert!(ask(&other, "/health/live").starts_with("HTTP/1.1 200"));
        // The twenty are served.
        assert!(ask(&greedy[19], "/health/live").starts_with("HTTP/1.1 200"));
        drop(api);
    };
    tokio::task::spawn_blocking(blocking).await.unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn health_answers_when_there_are_no_descriptors_left(pool: PgPool) {
    // 160 open files, of which 128 are not for clients.
    let api = Api::start_with_files(&pool, 160, &[]).await;
    let mut silent = Vec::new();
    for at in 0..40 {
        let from = format!("127.0.1.{}", at + 1);
        silent.push(connect_from(&from, &api).await.unwrap());
    }
    let health = connect_from("127.0.0.2", &api).await.unwrap();
    let ready = connect_from("127.0.0.2", &api).await.unwrap();
    let other = connect_from("127.0.0.2", &api).await.unwrap();
    let blocking = move || {
        assert!(ask(&health, "/health/live").starts_with("HTTP/1.1 200"));
        assert!(ask(&ready, "/health/ready").starts_with("HTTP/1.1 200"));
        let refused = ask(&other, "/v1/airports?q=del");
        assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
        drop((api, silent));
    };
    tokio::task::spawn_blocking(blocking).await.unwrap();
}
