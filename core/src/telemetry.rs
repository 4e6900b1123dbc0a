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
