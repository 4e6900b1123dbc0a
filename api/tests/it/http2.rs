//! HTTP/2 connections of clients that take more than they should: too many requests, requests that are taken back at
//! once, heads that are too long, answers that nobody reads.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sqlx::PgPool;

use crate::binary::Api;

// <https://www.rfc-editor.org/rfc/rfc9113#section-6>
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END: u8 = 5;
const INITIAL_WINDOW_SIZE: u8 = 4;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// A client that keeps to no rule but the form of frames.
struct Client(TcpStream);

impl Client {
    /// Connects and says how much of each answer it takes.
    fn connect(api: &Api, window: u32) -> Self {
        let socket = TcpStream::connect(&api.address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let mut client = Self(socket);
        client
            .0
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .unwrap();
        let mut setting = vec![0, INITIAL_WINDOW_SIZE];
        setting.extend(window.to_be_bytes());
        client.send(SETTINGS, 0, 0, &setting).unwrap();
        client
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame)
    }

    /// A request without a body (<https://www.rfc-editor.org/rfc/rfc7541#appendix-A>).
    fn get(&mut self, stream: u32, path: &str, more: &[u8]) -> std::io::Result<()> {
        // `:method GET`, `:scheme http`, `:path` and `:authority` as literals that are not kept.
        let mut head = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        head.extend(path.as_bytes());
        head.extend(b"\x01\x04test");
        head.extend(more);
        self.send(HEADERS, END, stream, &head)
    }

    /// The next frame; `None` when nothing comes for a moment, an error when the connection has ended.
    fn next(&mut self) -> std::io::Result<Option<Frame>> {
        let mut head = [0; 9];
        match self.0.peek(&mut head) {
            Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        self.0.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let (kind, flags) = (head[3], head[4]);
        if matches!(kind, SETTINGS | PING) && flags & ACK == 0 {
            let payload = if kind == PING { &payload[..] } else { &[] };
            self.send(kind, ACK, 0, payload)?;
        }
        Ok(Some(Frame {
            kind,
            flags,
            stream,
            payload,
        }))
    }

    /// All frames until nothing comes for a moment, and whether the connection lives.
    fn frames(&mut self) -> (Vec<Frame>, bool) {
        let mut frames = Vec::new();
        loop {
            match self.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, true),
                Err(_) => return (frames, false),
            }
        }
    }
}

async fn blocking(work: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whoever_reads_no_answer_is_given_up_though_he_goes_on_asking(pool: PgPool) {
    let api = Api::start(&pool, &[("IDLE_SECONDS", "2")]).await;
    blocking(move || {
        let mut client = Client::connect(&api, 0);
        client.get(1, "/openapi.json", &[]).unwrap();
        let began = Instant::now();
        for stream in 1.. {
            // A problem has a body as well; only its head arrives.
            let asked = client.get(2 * stream + 1, "/health/live", &[]);
            let (frames, lives) = client.frames();
            assert!(frames.iter().all(|frame| frame.kind != DATA));
            if asked.is_err() || !lives {
                break;
            }
            let waited = began.elapsed();
            assert!(waited < Duration::from_secs(10), "it is still open");
        }
        assert!(began.elapsed() > Duration::from_secs(1));
    })
    .await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whoever_reads_slowly_but_reads_is_served(pool: PgPool) {
    let settings = [("IDLE_SECONDS", "1"), ("MIN_BODY_RATE", "1024")];
    let api = Api::start(&pool, &settings).await;
    blocking(move || {
        let mut client = Client::connect(&api, 4_096);
        client.get(1, "/openapi.json", &[]).unwrap();
        // Three seconds at 20 KB a second, while the least is one; then as fast as it goes.
        let (mut taken, began) = (0, Instant::now());
        loop {
            let (frames, lives) = client.frames();
            assert!(lives, "cut after {taken} bytes");
            let data = frames.iter().filter(|frame| frame.kind == DATA);
            taken += data.map(|frame| frame.payload.len()).sum::<usize>();
            if frames
                .iter()
                .any(|frame| frame.kind == DATA && frame.flags & 1 == 1)
            {
                break;
            }
            let slowly = began.elapsed() < Duration::from_secs(3);
            let more: u32 = if slowly { 4_096 } else { 1_000_000 };
            for stream in [0, 1] {
                client.send(8, 0, stream, &more.to_be_bytes()).unwrap();
            }
        }
        assert!(taken > 100_000, "{taken}");
    })
    .await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn requests_beyond_the_limit_of_streams_are_refused_and_those_within_answered(pool: PgPool) {
    let api = Api::start(&pool, &[("MAX_HTTP2_STREAMS", "5")]).await;
    blocking(move || {
        let mut client = Client::connect(&api, 0);
        for stream in 0..8 {
            client.get(2 * stream + 1, "/openapi.json", &[]).unwrap();
        }
        let (frames, lives) = client.frames();
        assert!(lives);
        let refused = frames.iter().filter(|frame| frame.kind == RST_STREAM);
        let refused: Vec<_> = refused.map(|frame| frame.stream).collect();
        assert_eq!(refused, [11, 13, 15]);
        let heads = frames.iter().filter(|frame| frame.kind == HEADERS);
        assert_eq!(heads.count(), 5);
    })
    .await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_head_that_is_too_long_is_refused_and_the_connection_goes_on(pool: PgPool) {
    let api = Api::start(&pool, &[]).await;
    blocking(move || {
        let mut client = Client::connect(&api, 65_535);
        // Indexed 200 times: a head of 18 KB in 200 bytes (<https://www.rfc-editor.org/rfc/rfc7541#section-7.3>).
        let mut bomb = b"\x40\x01x\x3a".to_vec();
        bomb.extend([b'v'; 58]);
        bomb.extend([0xbe; 200]);
        client.get(1, "/health/live", &bomb).unwrap();
        client.get(3, "/health/live", &[]).unwrap();
        let (frames, lives) = client.frames();
        assert!(lives);
        let answer = |stream| {
            let head = frames
                .iter()
                .find(|frame| frame.stream == stream && frame.kind == HEADERS);
            head.map(|frame| frame.payload[0])
        };
        // `:status 200` is 0x88 in the static table, 431 is not in it.
        assert_ne!(answer(1), Some(0x88));
        assert_eq!(answer(3), Some(0x88));
    })
    .await;
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whoever_takes_back_thousands_of_requests_is_sent_away(pool: PgPool) {
    let api = Api::start(&pool, &[]).await;
    blocking(move || {
        let mut client = Client::connect(&api, 65_535);
        let began = Instant::now();
        let mut stream = 1;
        let left = loop {
            let sent = (0..100).try_for_each(|_| {
                client.get(stream, "/v1/places?q=del", &[])?;
                client.send(RST_STREAM, 0, stream, &8_u32.to_be_bytes())?;
                stream += 2;
                Ok::<_, std::io::Error>(())
            });
            if sent.is_err() {
                break true;
            }
            let (frames, lives) = client.frames();
            if !lives || frames.iter().any(|frame| frame.kind == GOAWAY) {
                break true;
            }
            if began.elapsed() > Duration::from_secs(20) {
                break false;
            }
        };
        assert!(left, "{stream} streams were taken");
    })
    .await;
}
