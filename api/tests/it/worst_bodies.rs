//! No request of a mebibyte keeps the processor busy or fills the memory, whatever it holds.

use std::time::Duration;

use peak_alloc::PeakAlloc;
use poem::http::{Method, Uri};
use poem::{Body, Endpoint, IntoResponse, Request};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use sqlx::PgPool;

use crate::contract;
use crate::support::TestApp;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;
/// Processor time of one request. Without optimisation the same work takes longer: three times as long is allowed, of
/// which the worst body took 26 ms and the worst query 42 ms when this was written.
const TIME: Duration = Duration::from_millis(if cfg!(debug_assertions) { 150 } else { 50 });
const MEMORY: usize = 20 * MIB;

/// Processor time of the whole process: what left the thread that serves counts too.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
}

/// An array of as many of an item as fit.
fn many(item: &str) -> String {
    let count = (MIB - 2) / (item.len() + 1);
    format!("[{}]", vec![item; count].join(","))
}

/// Junk that fits no schema.
fn junk() -> Vec<(String, String)> {
    let names = |count: usize| -> Map<String, Value> {
        (0..count).map(|n| (format!("n{n}"), json!(n))).collect()
    };
    let text = "x".repeat(MIB - 8);
    let mut all = vec![
        ("open arrays".to_owned(), "[".repeat(MIB)),
        ("open objects".to_owned(), r#"{"a":"#.repeat(MIB / 5)),
        (
            "deep arrays".to_owned(),
            format!("{}{}", "[".repeat(MIB / 2), "]".repeat(MIB / 2)),
        ),
        ("one text".to_owned(), format!("\"{text}\"")),
        (
            "escapes".to_owned(),
            format!("\"{}\"", "\\u0000".repeat(MIB / 6 - 1)),
        ),
        ("one number".to_owned(), "9".repeat(MIB)),
        (
            "one fraction".to_owned(),
            format!("0.{}", "1".repeat(MIB - 2)),
        ),
        (
            "unknown fields".to_owned(),
            json!(names(80_000)).to_string(),
        ),
        (
            "unknown fields within bounds".to_owned(),
            json!(names(15_000)).to_string(),
        ),
        ("one unknown name".to_owned(), format!("{{\"{text}\":1}}")),
        ("no JSON".to_owned(), "x".repeat(MIB)),
        ("commas".to_owned(), ",".repeat(MIB)),
        (
            "one name again and again".to_owned(),
            format!("{{{}\"a\":1}}", r#""a":1,"#.repeat(MIB / 6 - 2)),
        ),
        ("long names".to_owned(), {
            let names: Vec<_> = (0..15_000).map(|n| format!("\"{n:0>64}\":0")).collect();
            format!("{{{}}}", names.join(","))
        }),
    ];
    for item in [
        "0",
        "{}",
        "[]",
        "\"\"",
        r#"{"a":0}"#,
        "null",
        "1e308",
        "\"\\u0000\"",
        "[[0]]",
    ] {
        all.push((format!("many {item}"), many(item)));
    }
    all
}

/// The least value that has the form of a schema, and the pointers of its parts.
fn sample(schema: &'static Value, at: &str, parts: &mut Vec<(String, &'static Value)>) -> Value {
    let schema = contract::resolve(schema);
    if let Some(first) = schema["allOf"].get(0) {
        return sample(first, at, parts);
    }
    parts.push((at.to_owned(), schema));
    match schema["type"].as_str() {
        Some("object") => {
            let members = schema["properties"].as_object().into_iter().flatten();
            let member = |(name, schema): (&String, &'static Value)| {
                let value = sample(schema, &format!("{at}/{name}"), parts);
                (name.clone(), value)
            };
            Value::Object(members.map(member).collect())
        }
        Some("array") => json!([sample(&schema["items"], &format!("{at}/0"), parts)]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ => schema["example"]
            .as_str()
            .map_or(json!("x"), |text| json!(text)),
    }
}

/// Bodies of a mebibyte that have the form of a schema but for one part.
fn spoiled(schema: &'static Value) -> Vec<(String, String)> {
    const HERE: &str = "\"worst of all\"";
    let mut parts = Vec::new();
    let whole = sample(schema, "", &mut parts);
    let mut all = Vec::new();
    for (at, schema) in parts {
        let mut body = whole.clone();
        *body.pointer_mut(&at).unwrap() = json!("worst of all");
        let body = body.to_string();
        let mut put = |what: &str, worst: &str| {
            let body = body.replacen(HERE, worst, 1);
            if body.len() <= MIB {
                all.push((format!("{at} {what}"), body));
            }
        };
        let room = MIB - body.len();
        put("text", &format!("\"{}\"", "a".repeat(room)));
        put(
            "text of NUL",
            &format!("\"{}\"", "\\u0000".repeat(room / 6)),
        );
        put("digits", &"7".repeat(room));
        // As many as are read, and as fit.
        for count in [15_000, room / 5] {
            put(
                &format!("{count} zeros"),
                &format!("[{}0]", "0,".repeat(count.min(room / 2 - 2))),
            );
            put(
                &format!("{count} objects"),
                &format!("[{}{{}}]", "{},".repeat(count.min(room / 3 - 2))),
            );
        }
        if schema["type"] == "array" {
            let item = sample(&schema["items"], "", &mut Vec::new()).to_string();
            let count = room / (item.len() + 1);
            put(
                "right items",
                &format!("[{}]", vec![item.as_str(); count].join(",")),
            );
            let half = vec![item.as_str(); (15_000 / (item.matches(',').count() + 2)).min(count)];
            put(
                "right items within bounds",
                &format!("[{}]", half.join(",")),
            );
        }
        if schema["type"] == "object" {
            let names: Map<_, _> = (0..14_000).map(|n| (format!("n{n}"), json!({}))).collect();
            put("unknown fields", &json!(names).to_string());
        }
    }
    all
}

/// Asks an endpoint on this thread and measures.
struct Measure<E> {
    endpoint: E,
    key: String,
    slowest: (Duration, String),
    largest: (usize, String),
    asked: usize,
}

impl<E: Endpoint> Measure<E> {
    async fn ask(&mut self, method: &str, uri: &str, what: &str, body: String) {
        let method: Method = method.parse().unwrap();
        let name = format!("{method} {} {what}", &uri[..uri.len().min(60)]);
        let request = Request::builder()
            .method(method)
            .uri(uri.parse::<Uri>().unwrap())
            .header("X-API-Key", &self.key)
            .header("Idempotency-Key", "worst")
            .content_type("application/json")
            .body(Body::from_string(body));
        ALLOCATOR.reset_peak_usage();
        let (before, began) = (ALLOCATOR.current_usage(), processor_time());
        let answer = Box::pin(self.endpoint.call(request)).await.unwrap();
        let answer = answer.into_response();
        let status = answer.status();
        let length = answer.into_body().into_vec().await.unwrap().len();
        let took = processor_time().saturating_sub(began);
        let more = ALLOCATOR.peak_usage().saturating_sub(before);
        assert!(!status.is_server_error(), "{name}: {status}");
        assert!(length < 128 * 1024, "{name}: an answer of {length} bytes");
        assert!(took < TIME, "{name}: {took:?} of processor time");
        assert!(more < MEMORY, "{name}: {more} bytes");
        self.slowest = self.slowest.clone().max((took, name.clone()));
        self.largest = self.largest.clone().max((more, name));
        self.asked += 1;
    }
}

async fn measure(pool: PgPool) -> Measure<impl Endpoint> {
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let key = client.key.clone();
    let endpoint = flightdesk_api::app(app.app.clone()).unwrap();
    let mut measure = Measure {
        endpoint,
        key,
        slowest: <_>::default(),
        largest: <_>::default(),
        asked: 0,
    };
    // What is made once, the compiled schemas among it, is no request's.
    for (method, path, operation) in contract::operations() {
        if operation["requestBody"].is_object() {
            let request = Request::builder()
                .method(method.parse::<Method>().unwrap())
                .uri(in_full(path).parse::<Uri>().unwrap())
                .header("X-API-Key", &measure.key)
                .content_type("application/json")
                .body("[]");
            Box::pin(measure.endpoint.call(request)).await.unwrap();
        }
    }
    measure.asked = 0;
    measure
}

/// A path with something in the place of its parameters.
fn in_full(path: &str) -> String {
    path.replace("{booking_ref}", "ABCDEF")
        .replace("{iata}", "DEL")
        .split('/')
        .map(|part| {
            if part.starts_with('{') {
                "01900000-0000-7000-8000-000000000000"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

impl<E> Measure<E> {
    /// Shown when somebody wants to know: `cargo nextest run --no-capture`.
    fn tell(&self) {
        eprintln!(
            "{} requests; most processor time {:?}, most memory {:?}",
            self.asked, self.slowest, self.largest
        );
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn no_body_of_a_mebibyte_takes_much_time_or_memory(pool: PgPool) {
    let mut measure = Box::pin(measure(pool)).await;
    for (method, path, operation) in contract::operations() {
        let content = &operation["requestBody"]["content"];
        let Some(content) = content.as_object() else {
            continue;
        };
        let path = in_full(path);
        for (what, body) in junk() {
            Box::pin(measure.ask(&method, &path, &what, body)).await;
        }
        let schema = &content.values().next().unwrap()["schema"];
        for (what, body) in spoiled(schema) {
            Box::pin(measure.ask(&method, &path, &what, body)).await;
        }
    }
    measure.tell();
    assert!(measure.asked > 500, "{}", measure.asked);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn no_query_takes_much_time_or_memory(pool: PgPool) {
    /// The longest that the type of a request's address takes.
    const LONGEST: usize = 65_000;
    crate::trip::a_flight(&pool).await;
    let mut measure = Box::pin(measure(pool)).await;
    for (method, path, operation) in contract::operations() {
        if method != "GET" {
            continue;
        }
        let path = in_full(path);
        let room = LONGEST - path.len();
        let mut queries = vec![
            ("empty parameters", "&".repeat(room)),
            ("one name", "a&".repeat(room / 2)),
            ("one long name", "a".repeat(room)),
            ("escapes", "%FF".repeat(room / 3)),
            (
                "many names",
                (0..room / 7)
                    .map(|n| format!("{n:x}="))
                    .collect::<Vec<_>>()
                    .join("&"),
            ),
        ];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|one| one["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            let of = room - name.len() - 1;
            queries.push((
                "one again and again",
                format!("{name}=1&").repeat(room / (name.len() + 3)),
            ));
            for item in ["9", "a", "AI,", "DEL,", "%20", "%F0%9F%9B%AB"] {
                queries.push((
                    "one long",
                    format!("{name}={}", item.repeat(of / item.len())),
                ));
            }
            // As long as it may be.
            for item in ["AI,", "QQQ,", "z"] {
                let text = item.repeat(4_000 / item.len());
                let rest = "origin=DEL&destination=BOM&departure_date=2026-12-20";
                let text = text.trim_end_matches(',');
                queries.push(("the longest", format!("{rest}&{name}={text}")));
            }
        }
        for (what, mut query) in queries {
            query.truncate(room - 1);
            let uri = format!("{path}?{query}");
            Box::pin(measure.ask(&method, &uri, what, String::new())).await;
        }
    }
    measure.tell();
    assert!(measure.asked > 200, "{}", measure.asked);
}
