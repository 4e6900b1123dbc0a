//! What can be measured from outside, for Prometheus to read on a port of its own.

use std::net::SocketAddr;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};
use metrics_exporter_prometheus::PrometheusBuilder;

/// Serves the metrics on `addr` from now on. Errors: the address is in use.
pub fn serve(addr: SocketAddr) -> anyhow::Result<()> {
    PrometheusBuilder::new()
        .with_http_listener(addr)
        .set_buckets(&[0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])?
        .install()?;
    describe_counter!(
        "flightdesk_requests_total",
        "Answered requests, by operation and status"
    );
    describe_histogram!(
        "flightdesk_request_seconds",
        "How long answers took, by operation"
    );
    describe_counter!(
        "flightdesk_kept_answers_total",
        "Searches and calendars, by whether the answer was kept (hit) or made (miss)"
    );
    describe_counter!(
        "flightdesk_kept_answers_skipped_total",
        "Times a search or a calendar went on without Redis"
    );
    describe_counter!(
        "flightdesk_rate_limit_skipped_total",
        "Requests that were counted in the process alone because Redis was slow or away"
    );
    Ok(())
}

/// Counts an answer. `operation` is its id in the OpenAPI document, or `-`: a path would make a series of each typo.
pub fn answered(operation: &'static str, status: u16, took: Duration) {
    counter!("flightdesk_requests_total", "operation" => operation, "status" => status.to_string())
        .increment(1);
    histogram!("flightdesk_request_seconds", "operation" => operation).record(took.as_secs_f64());
}

/// Counts a search or a calendar by whether its answer was kept.
pub fn kept(hit: bool) {
    let outcome = if hit { "hit" } else { "miss" };
    counter!("flightdesk_kept_answers_total", "outcome" => outcome).increment(1);
}

/// Counts a search or a calendar that went on without Redis.
pub fn not_kept() {
    counter!("flightdesk_kept_answers_skipped_total").increment(1);
}

/// Counts a request that no limit was charged for.
pub fn not_limited() {
    counter!("flightdesk_rate_limit_skipped_total").increment(1);
}
