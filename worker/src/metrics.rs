//! What can be measured from outside, for Prometheus to read on a port of its own.
//!
//! **One worker measures for all.** Gauges that are the same for every worker are set by the first by name of those
//! that beat; with the others they are absent, or `NaN` after it was their turn: `max` and `absent` of the alarms
//! work with both.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flightdesk_core::backend::Backend;
use flightdesk_core::invariants;
use flightdesk_core::outbox::{self, JobStatus, Kind, Lapsed, Queue, Verdict};
use flightdesk_core::webhook;
use metrics::{
    Gauge, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::PgConnection;

use crate::Ctx;
use crate::outcome::Outcome;

/// A worker that has not said anything for so long does not count as alive.
const SILENCE: chrono::Duration = chrono::Duration::seconds(20);
/// Whether this process was the one that measures for all.
static WAS_MINE: AtomicBool = AtomicBool::new(false);

/// Serves the metrics on `addr` from now on.
pub fn serve(addr: SocketAddr) -> anyhow::Result<()> {
    PrometheusBuilder::new()
        .with_http_listener(addr)
        .set_buckets(&[0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 20.0, 60.0, 300.0])?
        .install()?;
    describe_counter!(
        "flightdesk_jobs_total",
        "Attempts of jobs, by kind and outcome"
    );
    describe_histogram!("flightdesk_job_seconds", "How long attempts took, by kind");
    describe_counter!(
        "flightdesk_jobs_relayed_total",
        "Jobs pushed to Redis, by queue"
    );
    describe_counter!(
        "flightdesk_webhooks_total",
        "Attempts to deliver webhooks, by outcome"
    );
    describe_counter!(
        "flightdesk_relay_failures_total",
        "Times the relay found Redis or PostgreSQL away, by queue"
    );
    describe_counter!(
        "flightdesk_jobs_lapsed_total",
        "Jobs that came back because a lease lapsed, by what had it"
    );
    describe_counter!(
        "flightdesk_tick_failures_total",
        "Periodic tasks that failed, by name"
    );
    describe_gauge!(
        "flightdesk_queue_jobs",
        "Jobs by queue and status, done ones not counted"
    );
    describe_gauge!(
        "flightdesk_relay_lag_seconds",
        "How long the most overdue job has been waiting, by queue"
    );
    describe_gauge!(
        "flightdesk_queue_paused",
        "Whether a queue is paused because its back-end is away, by queue"
    );
    describe_gauge!(
        "flightdesk_backend_outage_seconds",
        "How long a back-end has been away, by back-end; zero when it answers"
    );
    describe_gauge!(
        "flightdesk_invariant_violations",
        "Violations of each rule over the whole database, as the last nightly check found them"
    );
    describe_gauge!(
        "flightdesk_workers_living",
        "Workers with a heartbeat within the last 20 seconds"
    );
    describe_gauge!(
        "flightdesk_consumers_up",
        "Whether this process takes jobs from a queue"
    );
    Ok(())
}

/// Counts an attempt.
pub fn ran(kind: Kind, outcome: Outcome, took: Duration) {
    let outcome = match outcome {
        Outcome::Done => "done",
        Outcome::Failed(Verdict::RetryAt(_)) => "retry",
        Outcome::Failed(Verdict::Dead) => "dead",
        Outcome::Failed(Verdict::PutOffUntil(_)) => "put_off",
        Outcome::Failed(Verdict::WaitsFor(_)) => "waits_for_backend",
        Outcome::Unwanted => "unwanted",
        Outcome::Lost => "lost",
        Outcome::Unrecorded => "unrecorded",
    };
    counter!("flightdesk_jobs_total", "kind" => kind.as_str(), "outcome" => outcome).increment(1);
    histogram!("flightdesk_job_seconds", "kind" => kind.as_str()).record(took.as_secs_f64());
}

/// Counts an attempt to deliver a webhook.
pub fn delivered(verdict: webhook::Verdict) {
    let outcome = match verdict {
        webhook::Verdict::Delivered => "delivered",
        webhook::Verdict::RetryAt(_) => "retry",
        webhook::Verdict::Failed => "failed",
    };
    counter!("flightdesk_webhooks_total", "outcome" => outcome).increment(1);
}

/// Counts jobs pushed to Redis.
pub fn relayed(queue: Queue, jobs: usize) {
    counter!("flightdesk_jobs_relayed_total", "queue" => queue.as_str()).increment(jobs as u64);
}

/// Counts a relay that found Redis or PostgreSQL away.
pub fn relay_failed(queue: Queue) {
    counter!("flightdesk_relay_failures_total", "queue" => queue.as_str()).increment(1);
}

/// Counts jobs whose lease lapsed.
pub fn lapsed(lapsed: &Lapsed) {
    counter!("flightdesk_jobs_lapsed_total", "held_by" => "queue").increment(lapsed.unstarted);
    counter!("flightdesk_jobs_lapsed_total", "held_by" => "worker")
        .increment(lapsed.abandoned + lapsed.dead.len() as u64);
}

/// Counts a periodic task that failed.
pub fn tick_failed(name: &'static str) {
    counter!("flightdesk_tick_failures_total", "tick" => name).increment(1);
}

/// Says whether this process takes jobs from a queue.
pub fn consumer(queue: Queue, up: bool) {
    gauge!("flightdesk_consumers_up", "queue" => queue.as_str()).set(if up { 1.0 } else { 0.0 });
}

/// Reads the gauges that live in PostgreSQL and are the same for every worker. One worker does: with the others they are
/// absent, or not a number if it was their turn before.
pub async fn observe(ctx: &Ctx, name: &str) -> flightdesk_core::Result<()> {
    let mut conn = ctx.db.acquire().await?;
    let is_mine = outbox::speaks_for_all(&mut conn, &ctx.clock, name, SILENCE).await?;
    if is_mine {
        measure(ctx, &mut conn).await?;
    } else if WAS_MINE.load(Ordering::Relaxed) {
        forget();
    }
    WAS_MINE.store(is_mine, Ordering::Relaxed);
    Ok(())
}

const STATUSES: [JobStatus; 4] = [
    JobStatus::Waiting,
    JobStatus::Queued,
    JobStatus::Running,
    JobStatus::Dead,
];

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge of jobs is exact far beyond any number of jobs"
)]
async fn measure(ctx: &Ctx, conn: &mut PgConnection) -> flightdesk_core::Result<()> {
    let depths = outbox::depths(conn).await?;
    for queue in Queue::ALL {
        for status in STATUSES {
            let jobs = depths
                .iter()
                .find(|depth| depth.queue == queue.as_str() && depth.status == status)
                .map_or(0, |depth| depth.jobs);
            jobs_gauge(*queue, status).set(jobs as f64);
        }
        let lag = outbox::lag(conn, &ctx.clock, *queue).await?;
        lag_gauge(*queue).set(lag.as_seconds_f64());
    }
    let outages = outbox::outages(conn).await?;
    for backend in Backend::ALL {
        let outage = outages
            .iter()
            .find(|outage| outage.backend == backend.as_str());
        let seconds = outage.map_or(0.0, |outage| {
            (ctx.clock.now() - outage.began_at).as_seconds_f64()
        });
        outage_gauge(*backend).set(seconds);
        paused_gauge(*backend).set(if outage.is_some() { 1.0 } else { 0.0 });
    }
    let live = outbox::count_live(conn, &ctx.clock, SILENCE).await?;
    gauge!("flightdesk_workers_living").set(live as f64);
    for rule in invariants::last_run(conn)
        .await?
        .into_iter()
        .flat_map(|run| run.findings)
    {
        gauge!("flightdesk_invariant_violations", "rule" => rule.name).set(rule.violations as f64);
    }
    Ok(())
}

/// Resets the gauges that another worker reports now, so that old values are not scraped here.
fn forget() {
    for queue in Queue::ALL {
        for status in STATUSES {
            jobs_gauge(*queue, status).set(f64::NAN);
        }
        lag_gauge(*queue).set(f64::NAN);
    }
    for backend in Backend::ALL {
        outage_gauge(*backend).set(f64::NAN);
        paused_gauge(*backend).set(f64::NAN);
    }
    gauge!("flightdesk_workers_living").set(f64::NAN);
}

fn jobs_gauge(queue: Queue, status: JobStatus) -> Gauge {
    gauge!("flightdesk_queue_jobs", "queue" => queue.as_str(), "status" => status.as_str())
}

fn lag_gauge(queue: Queue) -> Gauge {
    gauge!("flightdesk_relay_lag_seconds", "queue" => queue.as_str())
}

fn outage_gauge(backend: Backend) -> Gauge {
    gauge!("flightdesk_backend_outage_seconds", "backend" => backend.as_str())
}

fn paused_gauge(backend: Backend) -> Gauge {
    gauge!("flightdesk_queue_paused", "queue" => backend.queue().as_str())
}
