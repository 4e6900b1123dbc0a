//! Takes out of Redis what apalis leaves there for ever: finished tasks, their payloads, metadata and keys, and the
//! records of workers that are gone.

use flightdesk_core::outbox::Queue;
use flightdesk_core::redis::Redis;
use redis::{AsyncCommands, Script};

use super::queue;

/// Tasks that one script run takes out; it blocks Redis for well under a millisecond.
const BATCH: usize = 200;

const SWEEP: &str = r"
local swept = 0
for set = 1, 2 do
    for _, id in ipairs(redis.call('spop', KEYS[set], ARGV[3])) do
        local meta = ARGV[1] .. ':' .. id
        local key = redis.call('hget', meta, 'idempotency_key')
        if key and #key > 0 then
            redis.call('del', ARGV[2] .. ':' .. key)
        end
        redis.call('hdel', KEYS[3], id)
        redis.call('del', meta)
        swept = swept + 1
    end
end
return swept
";

/// Empties every queue of what is finished.
pub async fn sweep_all(mut redis: Redis, prefix: String) -> anyhow::Result<()> {
    for &queue in Queue::ALL {
        sweep(&mut redis, &prefix, queue).await?;
    }
    Ok(())
}

/// Empties one queue of what is finished and returns how many tasks that were.
pub async fn sweep(
    redis: &mut Redis,
    prefix: &str,
    queue: Queue,
) -> Result<usize, redis::RedisError> {
    let config = queue::config(prefix, queue);
    let script = Script::new(SWEEP);
    let mut swept = 0;
    loop {
        let batch: usize = script
            .key(config.done_jobs_set())
            .key(config.dead_jobs_set())
            .key(config.job_data_hash())
            .arg(config.job_meta_hash())
            .arg(config.idempotency_key_set())
            .arg(BATCH)
            .invoke_async(redis)
            .await?;
        swept += batch;
        if batch < BATCH {
            break;
        }
    }
    forget_workers(redis, &config).await?;
    Ok(swept)
}

/// Deletes the records of workers that are no longer registered.
async fn forget_workers(
    redis: &mut Redis,
    config: &apalis_redis::Config,
) -> Result<(), redis::RedisError> {
    let prefix = format!("{}:metadata:", config.workers_set());
    let mut records = Vec::new();
    {
        let mut found = redis.scan_match::<_, String>(format!("{prefix}*")).await?;
        while let Some(record) = found.next_item().await {
            records.push(record?);
        }
    }
    for record in records {
        let name = record.trim_start_matches(&prefix);
        let registered: Option<f64> = redis.zscore(config.workers_set(), name).await?;
        if registered.is_none() {
            let _: () = redis.del(&record).await?;
        }
    }
    Ok(())
}
