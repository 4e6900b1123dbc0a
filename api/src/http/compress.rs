//! Answers compressed with brotli or gzip for clients that ask for it.
//!
//! An answer that holds a secret stays as it is: whoever can put text of his own beside a secret and watch the length
//! of the compressed answer guesses the secret letter by letter (BREACH, <https://breachattack.com>).

use std::io::Write;

use poem::http::{HeaderValue, Method, StatusCode, header};
use poem::{Body, Response};
use poem_openapi::OperationId;

/// Below this the headers cost more than is saved.
const LEAST_BYTES: usize = 1024;
/// Operations whose answers hold a secret: a new key, tokens of a session, codes, a page that takes money, a signed link.
const SECRET: [&str; 11] = [
    "begin_second_factor",
    "confirm_second_factor",
    "create_account",
    "create_api_key",
    "rotate_api_key",
    "create_session",
    "refresh_session",
    "start_payment",
    "download_document",
    "create_webhook_endpoint",
    "rotate_webhook_secret",
];
/// Pages of the documentation, which are no operations: the same for everybody.
const PAGES: [&str; 3] = ["/docs", "/openapi.json", "/problems"];
/// Text that is compressed; PDF is already.
const TEXT: [&str; 4] = [
    "application/json",
    "application/problem+json",
    "text/html",
    "text/css",
];

/// A content coding (<https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// What a client may be sent.
#[derive(Debug)]
pub struct Wish {
    coding: Option<Coding>,
    is_page: bool,
}

impl Wish {
    /// Reads `Accept-Encoding`; a client that sends none gets every answer as it is.
    pub fn of(method: &Method, path: &str, accepted: Option<&str>) -> Self {
        Self {
            coding: accepted.filter(|_| method != Method::HEAD).and_then(best),
            is_page: PAGES.iter().any(|page| path.starts_with(page)),
        }
    }

    /// The answer in the coding that was asked for, where that is worth it and safe.
    pub async fn apply(self, mut response: Response) -> Response {
        if !self.fits(&response) {
            return response;
        }
        response
            .headers_mut()
            .append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        let Some(coding) = self.coding else {
            return response;
        };
        let bytes = match response.take_body().into_vec().await {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%error, "the body of an answer cannot be read");
                response.set_status(StatusCode::INTERNAL_SERVER_ERROR);
                return response;
            }
        };
        if bytes.len() < LEAST_BYTES {
            response.set_body(bytes);
            return response;
        }
        // A page of offers takes about a millisecond: not on a thread that serves others.
        let work = tokio::task::spawn_blocking(move || compress(coding, &bytes).map_err(|_| bytes));
        let body = match work.await {
            Ok(Ok(compressed)) => {
                let headers = response.headers_mut();
                headers.remove(header::CONTENT_LENGTH);
                let coding = HeaderValue::from_static(coding.as_str());
                headers.insert(header::CONTENT_ENCODING, coding);
                compressed
            }
            Ok(Err(bytes)) => bytes,
            Err(error) => {
                tracing::error!(%error, "compressing an answer failed");
                response.set_status(StatusCode::INTERNAL_SERVER_ERROR);
                return response;
            }
        };
        response.set_body(Body::from(body));
        response
    }

    fn fits(&self, response: &Response) -> bool {
        let operation = response.data::<OperationId>();
        let is_open = operation.map_or(self.is_page, |operation| !SECRET.contains(&operation.0));
        let is_text = response.content_type().is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            TEXT.contains(&kind)
        });
        is_open && is_text && !response.headers().contains_key(header::CONTENT_ENCODING)
    }
}

/// The coding that a client likes best of ours, brotli where it likes both alike.
fn best(accepted: &str) -> Option<Coding> {
    let weight = |coding: Coding| {
        let mut any = None;
        for part in accepted.split(',') {
            let mut parts = part.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(Some(1.0), |raw| raw.parse::<f32>().ok())
                .unwrap_or_default();
            if name.eq_ignore_ascii_case(coding.as_str()) {
                return weight;
            }
            if name == "*" {
                any = Some(weight);
            }
        }
        any.unwrap_or_default()
    };
    let (brotli, gzip) = (weight(Coding::Brotli), weight(Coding::Gzip));
    if brotli > 0.0 && brotli >= gzip {
        Some(Coding::Brotli)
    } else {
        (gzip > 0.0).then_some(Coding::Gzip)
    }
}

fn compress(coding: Coding, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() / 4);
    match coding {
        // Quality 4 of 11: JSON of offers shrinks to a tenth at a hundred megabytes a second.
        Coding::Brotli => {
            let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 4, 19);
            encoder.write_all(bytes)?;
            encoder.flush()?;
        }
        Coding::Gzip => {
            let level = flate2::Compression::new(5);
            let mut encoder = flate2::write::GzEncoder::new(&mut out, level);
            encoder.write_all(bytes)?;
            encoder.finish()?;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_the_coding_that_they_weigh_most() {
        for (accepted, expected) in [
            ("gzip, deflate, br", Some(Coding::Brotli)),
            ("gzip", Some(Coding::Gzip)),
            ("GZIP;q=0.5, br;q=0.1", Some(Coding::Gzip)),
            ("br;q=0, gzip;q=0", None),
            ("*", Some(Coding::Brotli)),
            ("*;q=0.3, br;q=0", Some(Coding::Gzip)),
            ("identity", None),
            ("br;q=much", None),
            ("", None),
        ] {
            assert_eq!(best(accepted), expected, "{accepted}");
        }
    }
}
