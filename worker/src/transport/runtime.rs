//! The consumers: one apalis worker per queue, rebuilt whenever Redis ends it.
//!
//! **Consumers are supervised by our own loop.** apalis' `Monitor::should_restart` cannot wait; a Redis that is
//! away for a minute needs a back-off. apalis' retries stay off: attempts, back-off with jitter and dead letters
//! are rows. It fetches one task at a time, because tasks that wait behind its concurrency limit send no heartbeat.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apalis::prelude::{
    BackendExt, BoxDynError, Data, ParallelizeExt, WorkerBuilder, WorkerBuilderExt, WorkerError,
};
use flightdesk_core::outbox::Queue;
use flightdesk_core::redis::{Redis, SettingError};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::relay::Relay;
use super::{deliveries, queue};
use crate::health::Health;
use crate::hint::Hints;
use crate::outcome::Outcome;
use crate::pushed::Pushed;
use crate::settings::WorkerSettings;
use crate::shutdown::Shutdown;
use crate::{Ctx, attempt, metrics};

/// How often an idle consumer looks for tasks.
const POLL: Duration = Duration::from_millis(100);
/// Pauses between a consumer's end and the next one's start.
const PAUSES: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(250)..=Duration::from_secs(5);
/// How long consumers may take to sign off once their jobs are done.
const FAREWELL: Duration = Duration::from_secs(2);

/// What every task handler is given.
#[derive(Clone, Debug)]
struct Desk {
    ctx: Ctx,
    hints: Hints,
    shutdown: Shutdown,
    /// Held for reading by each running job, for writing by whoever waits for all of them.
    busy: Arc<RwLock<()>>,
}

/// Relays and runs the jobs of the given queues until the process shall stop, then lets running jobs finish.
///
/// Returns whether all of them did within the grace period. Those that did not are run again elsewhere, once their
/// leases lapse.
pub async fn run(
    ctx: Ctx,
    settings: &WorkerSettings,
    queues: &[Queue],
    health: &Health,
    shutdown: Shutdown,
) -> Result<bool, SettingError> {
    let hints = Hints::default();
    let desk = Desk {
        ctx: ctx.clone(),
        hints: hints.clone(),
        shutdown: shutdown.clone(),
        busy: Arc::default(),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(hints.clone().listen(ctx.db.clone(), shutdown.clone()));
    tasks.spawn(deliveries::run(
        ctx.clone(),
        hints.clone(),
        hints.receive(),
        shutdown.clone(),
    ));
    for &queue in queues {
        let relay = Relay::new(
            ctx.db.clone(),
            ctx.clock.clone(),
            queue::connect(&ctx.settings.redis)?,
            queue,
            &settings.queue_prefix,
        );
        tasks.spawn(relay.run(health.clone(), hints.receive(), shutdown.clone()));
        let redis = queue::connect(&ctx.settings.redis)?;
        health.watch(queue, redis.clone());
        tasks.spawn(consume(
            desk.clone(),
            redis,
            queue::config(&settings.queue_prefix, queue),
            queue,
            settings.concurrency(queue),
        ));
    }
    shutdown.wished().await;
    let finished = tokio::time::timeout(settings.shutdown_grace(), desk.busy.write())
        .await
        .is_ok();
    let farewell = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        info!("consumers did not sign off in time; Redis forgets them by itself");
    }
    Ok(finished)
}

/// Keeps one consumer alive. Any Redis error ends an apalis worker, and its own monitor restarts without a pause.
async fn consume(
    desk: Desk,
    conn: Redis,
    config: apalis_redis::Config,
    queue: Queue,
    concurrency: usize,
) {
    let mut pause = *PAUSES.start();
    while !desk.shutdown.is_wished() {
        let began = Instant::now();
        metrics::consumer(queue, true);
        // In a task of its own, so that a panic inside apalis ends this consumer only.
        let ended = tokio::spawn(consumer(
            desk.clone(),
            conn.clone(),
            config.clone(),
            queue,
            concurrency,
        ))
        .await;
        metrics::consumer(queue, false);
        if desk.shutdown.is_wished() {
            return;
        }
        match ended {
            Ok(Ok(())) => warn!(
                queue = queue.as_str(),
                "a consumer ended by itself; it starts again"
            ),
            Ok(Err(error)) => {
                warn!(queue = queue.as_str(), %error, "a consumer lost Redis; it starts again");
            }
            Err(_) => error!(
                queue = queue.as_str(),
                "a consumer panicked; it starts again"
            ),
        }
        // One that lived for a while had nothing wrong with it.
        if began.elapsed() > Duration::from_secs(30) {
            pause = *PAUSES.start();
        }
        if !desk.shutdown.sleep(pause).await {
            return;
        }
        pause = (pause * 2).min(*PAUSES.end());
    }
}

/// Boxed here, outside of any async block, where the compiler can still see that apalis' layers may change threads.
fn consumer(
    desk: Desk,
    conn: Redis,
    config: apalis_redis::Config,
    queue: Queue,
    concurrency: usize,
) -> BoxFuture<'static, Result<(), WorkerError>> {
    let shutdown = desk.shutdown.clone();
    let stop = async move {
        shutdown.wished().await;
        Ok::<(), WorkerError>(())
    };
    WorkerBuilder::new(name(queue))
        .backend(queue::store(conn, config).poll_with_interval(POLL))
        .concurrency(concurrency)
        .catch_panic()
        .parallelize(tokio::spawn)
        .data(desk)
        .build(handle)
        .run_until(stop)
        .boxed()
}

/// Translates apalis. The answer is always yes: what happened is in the outbox, and apalis must not retry.
async fn handle(pushed: Pushed, desk: Data<Desk>) -> Result<(), BoxDynError> {
    let _busy = desk.busy.clone().read_owned().await;
    if desk.shutdown.is_wished() {
        // Not started, so nothing is lost: the lease of the push lapses and another worker gets it.
        return Ok(());
    }
    if attempt::run(&desk.ctx, &pushed).await == Outcome::Done {
        // It may have promised another one, and a back-end that answered may have jobs that wait for it.
        desk.hints.give();
    }
    Ok(())
}

/// A name no other consumer has or had: Redis refuses a name it saw within the last heartbeats.
fn name(queue: Queue) -> String {
    format!(
        "{}-{}-{:08x}",
        process_name(),
        queue.as_str(),
        rand::random::<u32>()
    )
}

/// Host and process, as `worker_heartbeat` shows them.
pub fn process_name() -> String {
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .unwrap_or_else(|| "host".to_owned());
    format!("{}-{}", host.trim(), std::process::id())
}
