//! A proxy between a process and a server that behaves as networks do: connections fall silent without being closed, and
//! what stands before PostgreSQL refuses what it does not know.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What a pooler does with the first message of a client of PostgreSQL.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It passes everything on.
    Plain,
    /// It refuses start-up parameters as `PgBouncer` does.
    Pooler,
}

/// Passes on what it is sent, on a runtime of its own, until it is told to fall silent.
pub struct Proxy {
    port: u16,
    silences: watch::Sender<u64>,
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Passes connections on to a port of this machine.
    pub fn start(port: u16) -> Self {
        Self::start_as(port, Manner::Plain)
    }

    /// The same before PostgreSQL, as `PgBouncer`: without TLS, and with few start-up parameters.
    pub fn start_pooler(port: u16) -> Self {
        Self::start_as(port, Manner::Pooler)
    }

    fn start_as(target: u16, manner: Manner) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (silences, _) = watch::channel(0);
        let told = silences.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let silence = told.subscribe();
                let server = SocketAddr::from(([127, 0, 0, 1], target));
                tokio::spawn(pass(client, server, manner, silence));
            }
        });
        Self {
            port,
            silences,
            runtime: Some(runtime),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on the connections there are carry nothing, and none is closed; new ones work.
    pub fn silence(&self) {
        self.silences.send_modify(|count| *count += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    manner: Manner,
    mut silence: watch::Receiver<u64>,
) {
    let _ = client.set_nodelay(true);
    let begin = if manner == Manner::Pooler {
        match greet(&mut client).await {
            Some(begin) => begin,
            None => return,
        }
    } else {
        Vec::new()
    };
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = server.set_nodelay(true);
    if server.write_all(&begin).await.is_err() {
        return;
    }
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = silence.changed() => std::future::pending().await,
    }
}

/// The client's start-up message, unless it is refused (<https://www.postgresql.org/docs/17/protocol-message-formats.html>).
async fn greet(client: &mut TcpStream) -> Option<Vec<u8>> {
    /// What `PgBouncer` takes by default (<https://www.pgbouncer.org/config.html#ignore_startup_parameters>).
    const TAKEN: [&str; 8] = [
        "user",
        "database",
        "application_name",
        "client_encoding",
        "DateStyle",
        "TimeZone",
        "standard_conforming_strings",
        "IntervalStyle",
    ];
    const WANTS_TLS: u32 = 80_877_103;
    loop {
        let length = client.read_u32().await.ok()?;
        let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        client.read_exact(&mut body).await.ok()?;
        if u32::from_be_bytes(body[..4].try_into().ok()?) == WANTS_TLS {
            client.write_all(b"N").await.ok()?;
            continue;
        }
        let words: Vec<_> = body[4..].split(|byte| *byte == 0).collect();
        let refused = words
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair[0]))
            .find(|name| !name.is_empty() && !TAKEN.contains(&&**name));
        if let Some(name) = refused {
            let fields =
                format!("SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: {name}\0\0");
            let mut message = b"E".to_vec();
            message.extend(u32::try_from(fields.len() + 4).ok()?.to_be_bytes());
            message.extend(fields.as_bytes());
            client.write_all(&message).await.ok()?;
            return None;
        }
        let mut message = length.to_be_bytes().to_vec();
        message.extend(&body);
        return Some(message);
    }
}
