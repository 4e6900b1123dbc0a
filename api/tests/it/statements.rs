//! How many statements each operation sends to PostgreSQL. Each is a round trip, and what is locked stays locked
//! meanwhile: a statement more must be meant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flightdesk_core::payment::Settlement;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::{PgPoolOptions, PgSslMode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};

use crate::payments::{open, paid, session, settle};
use crate::support::{Client, TestApp};
use crate::trip;

/// A road to PostgreSQL that writes down what is sent on it.
struct Wire {
    port: u16,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    /// The text of each statement that was executed.
    statements: Vec<String>,
    /// How many statements were prepared: a round trip more for each.
    prepared: usize,
}

impl Wire {
    async fn lay(host: String, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            log: Arc::default(),
        };
        let log = wire.log.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect((host.as_str(), port)).await.unwrap();
                server.set_nodelay(true).unwrap();
                client.set_nodelay(true).unwrap();
                let (from_client, mut to_client) = client.into_split();
                let (mut from_server, to_server) = server.into_split();
                tokio::spawn(
                    async move { tokio::io::copy(&mut from_server, &mut to_client).await },
                );
                tokio::spawn(Self::listen(from_client, to_server, log.clone()));
            }
        });
        wire
    }

    /// Passes on what a client says, message by message (PostgreSQL's manual, "Message Formats").
    async fn listen(
        mut client: OwnedReadHalf,
        mut server: impl AsyncWriteExt + Unpin,
        log: Arc<Mutex<Log>>,
    ) -> std::io::Result<()> {
        // The first message has no type.
        let length = client.read_u32().await?;
        let mut message = length.to_be_bytes().to_vec();
        message.resize(length as usize, 0);
        client.read_exact(&mut message[4..]).await?;
        server.write_all(&message).await?;
        let (mut prepared, mut bound) = (HashMap::<String, String>::new(), String::new());
        loop {
            let (kind, length) = (client.read_u8().await?, client.read_u32().await?);
            let mut body = vec![0; length as usize - 4];
            client.read_exact(&mut body).await?;
            let mut texts = body
                .split(|byte| *byte == 0)
                .map(|text| String::from_utf8_lossy(text).into_owned());
            let mut text = || texts.next().unwrap_or_default();
            {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                match kind {
                    // Parse: a name and a text. Bind: a portal and a name.
                    b'P' => {
                        let (name, statement) = (text(), text());
                        // The requests of keys are written behind the back of all requests.
                        log.prepared += usize::from(!statement.contains("api_key_request"));
                        prepared.insert(name, statement);
                    }
                    b'B' => {
                        bound = prepared
                            .get(&(text(), text()).1)
                            .cloned()
                            .unwrap_or_default();
                    }
                    b'E' => log.statements.push(bound.clone()),
                    b'Q' => log.statements.push(text()),
                    // A Sync alone is the pool's: it asks a connection that came back whether it lives.
                    _ => {}
                }
            }
            server.write_u8(kind).await?;
            server.write_u32(length).await?;
            server.write_all(&body).await?;
        }
    }

    /// What was sent since this was last asked.
    fn sent(&self) -> Log {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log {
    /// What differs from the expected number of statements, apart from `BEGIN` and `COMMIT`, and of transactions that were
    /// committed.
    fn compare(self, operation: &str, statements: usize, commits: usize) -> Option<String> {
        assert_eq!(self.prepared, 0, "{operation}: {:#?}", self.statements);
        let commit = |statement: &&String| statement.as_str() == "COMMIT";
        let committed = self.statements.iter().filter(commit).count();
        // The hint to the workers is given behind the back of all requests.
        let is_counted = |statement: &&String| {
            let is_behind = ["pg_notify", "api_key_request"]
                .iter()
                .any(|behind| statement.contains(behind));
            !["BEGIN", "COMMIT"].contains(&statement.as_str()) && !is_behind
        };
        let shown = self.statements.iter().filter(is_counted).map(|statement| {
            let words: Vec<_> = statement.split_whitespace().collect();
            words.join(" ").chars().take(160).collect::<String>()
        });
        let shown: Vec<String> = shown.collect();
        ((shown.len(), committed) != (statements, commits)).then(|| {
            format!(
                "{operation}: {} statements and {committed} commits, not {statements} and {commits}\n  {}\n",
                shown.len(),
                shown.join("\n  ")
            )
        })
    }
}

/// An api that has one connection for its requests, on a wire.
async fn start(pool: &PgPool) -> (TestApp, Wire) {
    let options = (*pool.connect_options()).clone();
    let wire = Wire::lay(options.get_host().to_owned(), options.get_port()).await;
    let options = options
        .host("127.0.0.1")
        .port(wire.port)
        // As the product's own pool.
        .statement_cache_capacity(1_000)
        .ssl_mode(PgSslMode::Disable);
    let one = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false)
        .connect_lazy_with(options);
    let app = TestApp::start_with(one, |settings, _| {
        let defaults = crate::support::settings();
        settings.sales = defaults.sales;
    })
    .await;
    (app, wire)
}

/// An account that is older than a day, as most are.
async fn old_account<'a>(app: &'a TestApp, pool: &PgPool) -> Client<'a> {
    let client = app.sign_up().await;
    sqlx::query("update account set created_at = created_at - interval '2 days'")
        .execute(pool)
        .await
        .unwrap();
    client
}

async fn offers(client: &Client<'_>) -> Value {
    let found = client
        .get("/v1/flights/search?origin=DEL&destination=BOM&departure_date=2026-12-20&return_date=2026-12-22&adults=2")
        .await;
    let offer = |way: &str| found.body[way]["offers"][0]["offer_id"].clone();
    json!([offer("departing"), offer("returning")])
}

/// Two people whom nobody else's number has.
fn two(number: u8) -> Value {
    let name = |first: &str| format!("{first} {}", char::from(b'A' + number));
    json!([
        trip::passenger(&name("Linh"), "1990-05-17"),
        trip::passenger(&name("Mai"), "1990-05-17")
    ])
}

/// What two people do on a flight there and a flight back, the second time: the first time prepares the statements.
#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_operation_sends_no_statement_more_than_it_needs(pool: PgPool) {
    trip::a_flight(&pool).await;
    trip::fly(&pool, "AI", "102", ["BOM", "DEL"], "2026-12-22T08:00:00").await;
    let later = trip::fly(&pool, "AI", "104", ["BOM", "DEL"], "2026-12-23T08:00:00").await;
    let (app, wire) = start(&pool).await;
    let client = old_account(&app, &pool).await;
    let post = async |path: &str, key: String, body: Value| {
        let answer = client.post_once(path, &key, &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    };
    let mut different = Vec::new();
    for round in 0..2 {
        let mut operation = |name: &str, statements: usize, commits: usize| {
            let sent = wire.sent();
            if round == 1 {
                different.extend(sent.compare(name, statements, commits));
            }
        };
        let once = |name: &str| format!("{name} {round}").replace(' ', "-");
        let found = offers(&client).await;
        operation("search that nothing keeps", 7, 1);

        let held = post("/v1/holds", once("hold"), json!({ "offers": found })).await;
        operation("hold", 6, 1);

        let body =
            json!({ "hold_id": held["id"], "passengers": two(round), "contact": trip::contact() });
        let booked = post("/v1/bookings", once("book a hold"), body).await;
        operation("booking of a hold", 6, 1);

        let body =
            json!({ "offers": found, "passengers": two(round + 10), "contact": trip::contact() });
        let unpaid = post("/v1/bookings", once("book offers"), body).await;
        operation("booking of offers", 8, 1);

        let path = format!("/v1/bookings/{}", trip::reference(&unpaid));
        let contact = json!({ "email": "mai@example.com", "phone": "+84901234567" });
        let patched = client.patch(&path, &json!({ "contact": contact })).await;
        assert_eq!(patched.status, 200, "{patched:?}");
        operation("other contact", 24, 1);

        open(&client, &booked).await;
        operation("start of a payment", 28, 4);
        let checkout = session(&app, &pool).await;
        wire.sent();
        let settled = settle(&app, &paid(&checkout)).await;
        assert_eq!(settled, Settlement::Confirmed);
        operation("settling", 10, 1);

        let booking = client.booking(&booked).await;
        operation("read of a booking", 13, 0);
        let seat = ["21A", "22A"][usize::from(round)];
        let seated = crate::seats::change(&client, &booking, &[(0, seat)]).await;
        assert_eq!(seated.status, 200, "{seated:?}");
        operation("change of seats that costs nothing", 27, 1);

        let path = format!("/v1/bookings/{}", trip::reference(&booked));
        let offer = client.offer_of(&[later], trip::adults(2)).await;
        wire.sent();
        let wanted = json!({ "direction": "returning", "offer": offer });
        let quoted = post(
            &format!("{path}/change-quotes"),
            once("quote change"),
            wanted,
        )
        .await;
        operation("quote of a change", 19, 1);
        let quote = json!({ "quote_id": quoted["quote_id"] });
        let changed = client.post(&format!("{path}/changes"), &quote).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        operation("change of flights", 63, 1);
        let waits = client.booking(&booked).await["pending_change"].is_object();
        if waits {
            open(&client, &booked).await;
            let checkout = session(&app, &pool).await;
            wire.sent();
            let settled = settle(&app, &paid(&checkout)).await;
            assert_eq!(settled, Settlement::Confirmed);
            operation("settling of a change", 0, 1);
        }

        wire.sent();
        let wanted = json!({ "scope": "both" });
        let path_of_quotes = format!("{path}/cancellation-quotes");
        let quoted = post(&path_of_quotes, once("quote cancellation"), wanted).await;
        operation("quote of a cancellation", 13, 1);
        let quote = json!({ "quote_id": quoted["quote_id"] });
        let cancelled = client.post(&format!("{path}/cancellations"), &quote).await;
        assert_eq!(cancelled.status, 200, "{cancelled:?}");
        operation("cancellation", 44, 1);
    }
    assert!(different.is_empty(), "{}", different.join(""));
}

/// The answer to a booking is made of what was written, not read.
#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_answer_to_a_booking_is_what_is_read_after_it(pool: PgPool) {
    trip::a_flight(&pool).await;
    trip::fly(&pool, "AI", "102", ["BOM", "DEL"], "2026-12-22T08:00:00").await;
    let app = TestApp::start(pool.clone()).await;
    let client = app.sign_up().await;
    let found = offers(&client).await;
    let held = client.post("/v1/holds", &json!({ "offers": found })).await;
    assert_eq!(held.status, 201, "{held:?}");
    let path = format!("/v1/holds/{}", held.body["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.body, held.body);
    for (number, source) in [(1, ("offers", &found)), (2, ("hold_id", &held.body["id"]))] {
        let mut passengers = two(number);
        passengers[0].as_object_mut().unwrap().remove("first_name");
        passengers[0]["last_name"] =
            json!(format!("Madonna {}", ["", "A", "B"][usize::from(number)]));
        passengers[0]["seat_preference"] = json!("window");
        passengers[1]["middle_name"] = json!("Thị");
        passengers[1]["special_requests"] = json!(["VGML", "WCHR"]);
        passengers[1]["baggage"] = json!([
            { "direction": "returning", "kg": 5 },
            { "direction": "departing", "kg": 10 }
        ]);
        passengers[1]["travel_document"] = json!({ "type": "passport", "number": "Z1234567", "country": "IN", "expires_on": "2030-05-17" });
        let body = json!({ source.0: source.1, "passengers": passengers, "contact": trip::contact(), "coupon": "flat500" });
        let booked = client.post("/v1/bookings", &body).await;
        assert_eq!(booked.status, 201, "{booked:?}");
        assert_eq!(booked.body["coupon"]["code"], "FLAT500");
        assert_eq!(client.booking(&booked.body).await, booked.body);
    }
}
