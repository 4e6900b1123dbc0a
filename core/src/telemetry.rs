//! The request that is being served, so that every log line and every promised job can name it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, Logs};

/// The request id (`X-Request-Id`) and trace (W3C `traceparent`) of the present task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// `X-Request-Id`, ours or the caller's.
    pub request_id: Option<String>,
    /// W3C `traceparent`.
    pub trace_parent: Option<String>,
}

/// A position in a trace that began elsewhere, as a W3C `traceparent` names it
/// (<https://www.w3.org/TR/trace-context/#traceparent-header>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads a header: a version, a trace, a parent and flags in lower-case hexadecimal. Later versions may say more
    /// behind them. `None` for anything else; such a header is to be ignored.
    pub fn parse(raw: &str) -> Option<Self> {
        let parts: Vec<&str> = raw.split('-').collect();
        let (&[version, trace, parent, flags], more) = parts.split_first_chunk()?;
        let is_hex = |part: &str, length: usize| {
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            part.len() == length && part.bytes().all(is_digit)
        };
        let names_something = |part: &str| part.bytes().any(|byte| byte != b'0');
        let fits = is_hex(version, 2)
            && version != "ff"
            && (version != "00" || more.is_empty())
            && is_hex(trace, 32)
            && names_something(trace)
            && is_hex(parent, 16)
            && names_something(parent)
            && is_hex(flags, 2);
        // What a later version adds is nothing to us, and has no bound.
        fits.then(|| Self(format!("{version}-{trace}-{parent}-{flags}")))
    }

    /// The trace, as tracing systems find it: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }

    /// The header.
    pub fn into_inner(self) -> String {
        self.0
    }
}

tokio::task_local! {
    static CONTEXT: Context;
}

/// Runs a future within a request's context; jobs promised inside carry it on.
pub async fn within<F: Future>(context: Context, future: F) -> F::Output {
    CONTEXT.scope(context, future).await
}

/// The context of the present task; empty outside of any request or job.
pub fn context() -> Context {
    CONTEXT.try_with(Clone::clone).unwrap_or_default()
}

/// Starts logging to stderr for this process as the settings say.
///
/// Fields of the surrounding span, the request id first, stand in every line. A second call does nothing, so that tests
/// may call it. Errors: a filter that cannot be read.
pub fn init(process: &str, settings: &Logs) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(&settings.log_filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let is_terminal = std::io::stderr().is_terminal();
    let is_text = match settings.log_format {
        LogFormat::Auto => is_terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let started = if is_text {
        registry
            .with(lines.with_target(false).with_ansi(is_terminal))
            .try_init()
    } else {
        let json = lines
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false);
        registry.with(json).try_init()
    };
    if started.is_ok() {
        tracing::debug!(process, "logging started");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::TraceParent;

    #[test]
    fn a_traceparent_is_read_as_the_standard_writes_it_and_ignored_otherwise() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{trace}-00f067aa0ba902b7-01");
        let read = TraceParent::parse(&good).unwrap();
        assert_eq!(read.trace_id(), trace);
        assert_eq!(read.into_inner(), good);
        let later = TraceParent::parse(&format!("cc-{trace}-00f067aa0ba902b7-01-more")).unwrap();
        assert_eq!(
            later.into_inner(),
            format!("cc-{trace}-00f067aa0ba902b7-01")
        );
        for bad in [
            String::new(),
            good.to_uppercase(),
            good.replacen("00-", "ff-", 1),
            format!("{good}-more"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-00f067aa0ba902b7"),
            good.replace('-', "_"),
            good.replace('4', "é"),
        ] {
            assert_eq!(TraceParent::parse(&bad), None, "{bad}");
        }
    }
}
