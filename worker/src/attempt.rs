//! One attempt of one job: begin it, keep its lease while it runs, record what became of it.

use std::time::{Duration, Instant};

use flightdesk_core::outbox::{self, Kind, Lease, RUNNING_LEASE, Started, Verdict};
use flightdesk_core::{Error, fault, telemetry};
use tokio::task::JoinHandle;
use tracing::{Instrument, info, info_span, warn};

use crate::error::Cause;
use crate::outcome::Outcome;
use crate::pushed::Pushed;
use crate::{Ctx, JobError, jobs, metrics};

/// The longest an attempt may take before it is given up and tried again.
const MOST_TIME: Duration = Duration::from_mins(10);

/// The longest that PostgreSQL is waited for by what surrounds a job.
const PATIENCE: Duration = Duration::from_secs(12);
/// What a job gets to end by itself when the connections to PostgreSQL fell silent: it may wait for a mail server.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the attempt that a push stands for, if it is still wanted. Never fails: what happened is in the row.
pub async fn run(ctx: &Ctx, pushed: &Pushed) -> Outcome {
    let started = match start(ctx, pushed).await {
        Ok(Some(started)) => started,
        Ok(None) => return Outcome::Unwanted,
        Err(error) => {
            warn!(job_id = %pushed.job_id, %error, "a job could not be started; it will be pushed again");
            return Outcome::Unrecorded;
        }
    };
    fault::point("job_started");
    let span = info_span!(
        "job",
        job_id = %started.lease.job_id,
        kind = started.kind.as_str(),
        attempt = started.lease.attempt,
        account_id = started.lease.account_id.map(tracing::field::display),
        request_id = started.context.request_id.as_deref(),
        trace_parent = started.context.trace_parent.as_deref(),
    );
    let began = Instant::now();
    let kind = started.kind;
    let outcome = complete(ctx, started).instrument(span).await;
    metrics::ran(kind, outcome, began.elapsed());
    outcome
}

async fn start(ctx: &Ctx, pushed: &Pushed) -> Result<Option<Started>, Error> {
    answered(ctx, async {
        let mut conn = ctx.db.acquire().await?;
        outbox::start(&mut conn, &ctx.clock, pushed.job_id, pushed.attempt).await
    })
    .await
}

/// What PostgreSQL answers, while it does.
async fn answered<T>(ctx: &Ctx, ask: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let answer = ctx.db.within(PATIENCE, ask).await;
    answer.unwrap_or_else(|| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()).into()))
}

async fn complete(ctx: &Ctx, started: Started) -> Outcome {
    // In a task of its own, so that a panic ends the attempt and not the worker.
    let job = tokio::spawn({
        let (ctx, started) = (ctx.clone(), started.clone());
        telemetry::within(started.context.clone(), async move {
            jobs::run(&ctx, started.kind, &started.payload, &started.lease).await
        })
        .in_current_span()
    });
    match keep(ctx, &started.lease, job).await {
        JobEnd::Returned(Ok(())) => {
            info!("job done");
            Outcome::Done
        }
        JobEnd::Returned(Err(error)) => record(ctx, &started, &error).await,
        JobEnd::LeaseLost => {
            warn!("the lease of the job was lost; another worker has it");
            Outcome::Lost
        }
    }
}

/// How an attempt ended.
enum JobEnd {
    Returned(Result<(), JobError>),
    LeaseLost,
}

/// Waits for the job and extends its lease three times within each.
async fn keep(ctx: &Ctx, lease: &Lease, mut job: JoinHandle<Result<(), JobError>>) -> JobEnd {
    let mut renewal = tokio::time::interval(RUNNING_LEASE.to_std().unwrap_or_default() / 3);
    renewal.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    renewal.tick().await;
    let too_long = tokio::time::sleep(MOST_TIME);
    tokio::pin!(too_long);
    let silent = ctx.db.renewed();
    tokio::pin!(silent);
    loop {
        tokio::select! {
            joined = &mut job => return JobEnd::Returned(joined.unwrap_or_else(|_| {
                // The panic's own words are in the log; they may hold what must not be kept.
                Err(JobError::retry("the job panicked"))
            })),
            _ = renewal.tick() => match extend(ctx, lease).await {
                Ok(()) => {}
                Err(Error::LeaseLost(_)) => {
                    // Either the job finished a moment ago, or somebody else has it.
                    let soon = tokio::time::timeout(Duration::from_secs(1), &mut job).await;
                    if let Ok(Ok(Ok(()))) = soon {
                        return JobEnd::Returned(Ok(()));
                    }
                    job.abort();
                    return JobEnd::LeaseLost;
                }
                Err(error) => warn!(%error, "a job's lease could not be extended"),
            },
            () = &mut silent => {
                // It may wait for an answer that never comes, and would keep its lease all the while.
                if let Ok(joined) = tokio::time::timeout(GRACE, &mut job).await {
                    return JobEnd::Returned(joined.unwrap_or_else(|_| Err(JobError::retry("the job panicked"))));
                }
                job.abort();
                return JobEnd::Returned(Err(JobError::retry("the connections to PostgreSQL fell silent")));
            }
            () = &mut too_long => {
                job.abort();
                return JobEnd::Returned(Err(JobError::retry("the attempt took too long")));
            }
        }
    }
}

async fn extend(ctx: &Ctx, lease: &Lease) -> Result<(), Error> {
    answered(ctx, async {
        let mut conn = ctx.db.acquire().await?;
        outbox::extend(&mut conn, &ctx.clock, lease).await
    })
    .await
}

/// Writes down the failure. When PostgreSQL stays away the lease lapses, which counts as the same failure.
async fn record(ctx: &Ctx, started: &Started, failure: &JobError) -> Outcome {
    for wait in [0, 500, 2_000, 5_000] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        match answered(ctx, write_failure(ctx, started, failure)).await {
            Ok(verdict) => {
                match verdict {
                    Verdict::Dead => {
                        tracing::error!(error = %failure, "job is dead: it needs a person");
                    }
                    Verdict::RetryAt(at) => {
                        warn!(error = %failure, retry_at = %at, "job failed and will be tried again");
                    }
                    Verdict::PutOffUntil(at) => {
                        info!(reason = %failure, again_at = %at, "job cannot be done yet");
                    }
                    Verdict::WaitsFor(backend) => {
                        info!(error = %failure, backend = backend.as_str(), "job waits for a back-end");
                    }
                }
                return Outcome::Failed(verdict);
            }
            Err(Error::LeaseLost(_)) => {
                warn!("the lease of the job was lost; another worker has it");
                return Outcome::Lost;
            }
            Err(error) => warn!(%error, "a job's failure could not be recorded"),
        }
    }
    Outcome::Unrecorded
}

async fn write_failure(ctx: &Ctx, started: &Started, failure: &JobError) -> Result<Verdict, Error> {
    let mut tx = ctx.db.begin().await?;
    let (clock, lease, reason) = (&ctx.clock, &started.lease, failure.to_string());
    if let Some(backend) = failure.answered() {
        outbox::answered(&mut tx, clock, backend).await?;
    }
    let verdict = match failure.cause() {
        Cause::Away(backend) => outbox::wait_for(&mut tx, clock, lease, backend, &reason).await?,
        Cause::NotYet => outbox::put_off(&mut tx, clock, lease, &reason).await?,
        Cause::Passing => outbox::fail(&mut tx, clock, lease, &reason, true).await?,
        Cause::Wrong => outbox::fail(&mut tx, clock, lease, &reason, false).await?,
    };
    if verdict == Verdict::Dead {
        jobs::on_dead(&mut tx, started.kind, &started.payload).await?;
    }
    tx.commit().await?;
    Ok(verdict)
}

/// Brings back jobs whose lease lapsed, and gives up those that had no attempt left. Returns how many came back.
pub async fn requeue_lapsed(ctx: &Ctx) -> flightdesk_core::Result<u64> {
    let mut tx = ctx.db.begin().await?;
    let lapsed = outbox::requeue_lapsed(&mut tx, &ctx.clock).await?;
    for job in &lapsed.dead {
        if let Some(kind) = Kind::parse(&job.kind) {
            jobs::on_dead(&mut tx, kind, &job.payload).await?;
        }
    }
    tx.commit().await?;
    for job in &lapsed.dead {
        tracing::error!(job_id = %job.job_id, kind = job.kind, "job is dead: every worker that had it went silent");
    }
    if lapsed.unstarted + lapsed.abandoned > 0 {
        warn!(
            unstarted = lapsed.unstarted,
            abandoned = lapsed.abandoned,
            "jobs came back because their leases lapsed"
        );
    }
    metrics::lapsed(&lapsed);
    Ok(lapsed.unstarted + lapsed.abandoned)
}
