//! The worker's own settings, beside those it shares with the api.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser};
use flightdesk_core::config::Settings;
use flightdesk_core::outbox::Queue;

/// Runs the promised jobs of Flightdesk: documents, mail, payments, the timetable and webhooks. Any number of workers may run at once.
#[derive(Parser, Clone, Debug)]
#[command(name = "worker", version)]
pub struct Cli {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub settings: Settings,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the docstring as help")]
    pub worker: WorkerSettings,
}

/// How much a worker does at once, and how it stops.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Worker")]
pub struct WorkerSettings {
    /// Documents made at once; one per core is enough
    #[arg(long, env = "DOCUMENT_CONCURRENCY", default_value_t = 2, value_parser = at_least_one)]
    pub document_concurrency: usize,

    /// Mails sent at once
    #[arg(long, env = "MAIL_CONCURRENCY", default_value_t = 4, value_parser = at_least_one)]
    pub mail_concurrency: usize,

    /// Calls to the payment provider at once
    #[arg(long, env = "PAYMENT_CONCURRENCY", default_value_t = 4, value_parser = at_least_one)]
    pub payment_concurrency: usize,

    /// Webhooks delivered at once; one endpoint takes at most 4 of them, one that fails 1
    #[arg(long, env = "WEBHOOK_CONCURRENCY", default_value_t = 32, value_parser = at_least_one)]
    pub webhook_concurrency: usize,

    /// Beginning of every key in Redis; deployments that share a Redis need different ones
    #[arg(long, env = "QUEUE_PREFIX", default_value = "flightdesk")]
    pub queue_prefix: String,

    /// Days a finished job is kept
    #[arg(long, env = "JOB_RETENTION_DAYS", default_value_t = 7)]
    pub job_retention_days: u16,

    /// Seconds that running jobs get to finish after SIGTERM; platforms kill after 30, and signing off takes 2 more
    #[arg(long, env = "SHUTDOWN_GRACE_SECONDS", default_value_t = 25)]
    pub shutdown_grace_seconds: u64,

    /// Address for Prometheus to read metrics from, `127.0.0.1:9464`; without it there is none
    #[arg(long, env = "WORKER_METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
}

impl WorkerSettings {
    /// How many jobs of a queue this process runs at once.
    pub fn concurrency(&self, queue: Queue) -> usize {
        match queue {
            Queue::Documents => self.document_concurrency,
            Queue::Mail => self.mail_concurrency,
            Queue::Payments => self.payment_concurrency,
            // Two at once would wait for each other.
            Queue::Timetable => 1,
            Queue::Webhooks => self.webhook_concurrency,
        }
    }

    /// How long a finished job is kept.
    pub fn job_retention(&self) -> chrono::Duration {
        chrono::Duration::days(i64::from(self.job_retention_days))
    }

    /// How long running jobs may take once the process shall stop.
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }
}

fn at_least_one(raw: &str) -> Result<usize, String> {
    match raw.parse() {
        Ok(0) | Err(_) => Err("must be a whole number of at least 1".to_owned()),
        Ok(number) => Ok(number),
    }
}
