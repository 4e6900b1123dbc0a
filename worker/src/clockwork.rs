//! What happens by the clock. Every worker process runs every tick, so each tick is idempotent and takes its rows with
//! `skip locked`; a tick that fails or panics is logged and comes again.

use std::time::Duration;

use tokio::task::JoinSet;
use tracing::warn;

use crate::shutdown::Shutdown;
use crate::{Ctx, metrics};

/// What every tick may take at least; those that come seldom may take longer.
const LEAST: Duration = Duration::from_mins(1);

/// The periodic tasks of a process.
#[derive(Debug)]
pub struct Clockwork {
    tasks: JoinSet<()>,
    ctx: Ctx,
    shutdown: Shutdown,
}

impl Clockwork {
    /// No task yet; all of them end when the process shall stop.
    pub fn new(ctx: Ctx, shutdown: Shutdown) -> Self {
        Self {
            tasks: JoinSet::new(),
            ctx,
            shutdown,
        }
    }

    /// Runs `tick` about every `period` from now on, never twice at once in this process.
    pub fn every<F, R>(&mut self, name: &'static str, period: Duration, tick: F) -> &mut Self
    where
        F: Fn(Ctx) -> R + Send + 'static,
        R: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (ctx, shutdown) = (self.ctx.clone(), self.shutdown.clone());
        self.tasks.spawn(async move {
            // The first tick comes somewhere within the period, so that processes started together do not tick together.
            let mut pause = period.mul_f64(rand::random_range(0.0..1.0));
            let mut failing = false;
            let longest = (period * 20).max(LEAST);
            while shutdown.sleep(pause).await {
                // In a task of its own, so that a panic ends this tick and not the clockwork.
                let ticking = tokio::spawn(tick(ctx.clone()));
                let end = ticking.abort_handle();
                let problem = match ctx.db.within(longest, ticking).await {
                    Some(Ok(Ok(()))) => None,
                    Some(Ok(Err(error))) => Some(format!("{error:#}")),
                    Some(Err(_)) => Some("it panicked".to_owned()),
                    None => {
                        end.abort();
                        Some("it took too long, or its database connection fell silent".to_owned())
                    }
                };
                if let Some(problem) = &problem {
                    metrics::tick_failed(name);
                    if !failing {
                        warn!(
                            tick = name,
                            error = problem,
                            "a periodic task failed; it comes again"
                        );
                    }
                }
                failing = problem.is_some();
                pause = period.mul_f64(rand::random_range(0.9..1.1));
            }
        });
        self
    }

    /// Waits until every task has ended, which they do once the process shall stop.
    pub async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
