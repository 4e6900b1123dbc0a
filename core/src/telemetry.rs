//! The request that is being served, so that every log line and every promised job can name it.

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
