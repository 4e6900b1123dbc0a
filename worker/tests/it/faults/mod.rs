//! R5, R6 and what else may break under a job: Redis, PostgreSQL's connections, the worker itself.

mod backlog;
mod redis;
mod worker;

use std::time::Duration;

/// What the queue may take to recover once everything is back.
const RECOVERY: Duration = Duration::from_mins(1);
