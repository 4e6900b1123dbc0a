//! All routes on one screen: `api/routes.txt`, as `manage routes` prints it.

use std::fmt::Write;

use poem::http::Method;
use serde_json::Value;

use crate::auth::Need;
use crate::limits::Kind;

/// Pages, which are not part of the document and need no key.
pub const PAGES: [(&str, &str); 16] = [
    ("GET", "/"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/problems"),
    ("GET", "/problems/{code}"),
    ("GET", "/booking"),
    ("POST", "/booking/pay"),
    ("POST", "/booking/disruption"),
    ("GET", "/return"),
    ("GET", "/return/cancelled"),
    ("GET", "/verify-email"),
    ("POST", "/verify-email"),
    ("POST", "/verify-email/again"),
    ("GET", "/reset-password"),
    ("POST", "/reset-password"),
    ("ANY", "/sandbox/{path}"),
];

const HEAD: &str = "\
# Every route: written by `scripts/generate`, checked by a test.
# need: the scope that an API key or a person's role has to have; `key`: any key or session; `session`: a session; `-`: nothing.
# limit: what a request is charged to. idempotent: `safe` changes nothing; `key` takes an Idempotency-Key; `same` has the
# same effect however often it is sent; of `-` the description says what a second request does.
";

/// The table of a document.
pub fn table(document: &Value) -> String {
    let mut rows =
        vec![["method", "path", "operation", "need", "limit", "idempotent"].map(str::to_owned)];
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            rows.push(operation_row(path, &method.to_uppercase(), operation));
        }
    }
    for (method, path) in PAGES {
        let limits = limits(method, path, false);
        let idempotent = idempotent(method, false);
        rows.push([method, path, "-", "-", &limits, idempotent].map(str::to_owned));
    }
    rows[1..].sort_by(|a, b| (&a[1], &a[0]).cmp(&(&b[1], &b[0])));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max();
    let widths: [usize; 6] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let mut table = HEAD.to_owned();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let line = cells.fold(String::new(), |mut line, (cell, width)| {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:width$}  ");
            line
        });
        table.push_str(line.trim_end());
        table.push('\n');
    }
    table
}

fn operation_row(path: &str, method: &str, operation: &Value) -> [String; 6] {
    let need = Need::of(operation).ok().flatten().map_or("-", Need::name);
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    let takes_key = parameters.any(|parameter| parameter["name"] == "Idempotency-Key");
    let idempotent = idempotent(method, takes_key);
    let id = operation["operationId"].as_str().unwrap_or_default();
    let limits = limits(method, path, need != "-");
    [method, path, id, need, &limits, idempotent].map(str::to_owned)
}

/// What a second request does.
fn idempotent(method: &str, takes_key: bool) -> &'static str {
    match method {
        "GET" => "safe",
        _ if takes_key => "key",
        "PUT" | "DELETE" => "same",
        _ => "-",
    }
}

fn limits(method: &str, path: &str, has_key: bool) -> String {
    let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
    let kinds = Kind::charged(&method, path, has_key);
    let names: Vec<_> = kinds.into_iter().map(Kind::name).collect();
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(",")
    }
}
