//! Answers to searches, cached in Redis for five minutes and computed once per process, however many requests ask.
//! Without Redis each process computes its own.
//!
//! **One search is computed once in each process.** Requests that ask at once share one computation (moka's
//! `try_get_with`: when the request that computes is cancelled, one of those who wait takes over). Processes do not
//! wait for each other: a lock in Redis saved a second computation at most, and cost polling and a stall when its
//! holder died.
//!
//! **Without Redis a search has one page.** A Redis that does not answer within 150 ms is left alone for a second
//! at a time; each process then computes its own answers, without `next_cursor`, because the next page could not be read.
//! A cursor that is shown meanwhile is answered with 410 `cursor_expired`: beginning again works at once, waiting
//! might not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use flightdesk_core::Clock;
use flightdesk_core::redis::Redis;
use flightdesk_core::search::{PAGES_FOR, SEARCHES_FOR};
use moka::future::Cache;
use redis::{FromRedisValue, Pipeline};

use crate::cache::breaker::Breaker;
use crate::error::ApiError;
use crate::metrics;

/// The longest a request waits for Redis.
const PATIENCE: Duration = Duration::from_millis(150);
/// An answer leaves the memory of the process when it has been handed out; one whose request was cancelled at that
/// very moment, a second later.
const IN_MEMORY: Duration = Duration::from_secs(1);

/// The cached answers of a deployment, as one process sees them.
#[derive(Clone)]
pub struct SearchCache(Arc<Inner>);

struct Inner {
    redis: Redis,
    /// Start of every key: the deployment, and the form of the values.
    prefix: String,
    clock: Clock,
    breaker: Breaker,
    /// The answers that are being computed: the first request for a key computes, the others wait for it.
    in_flight: Cache<Flight, Cached>,
}

/// What is being computed: a key, and how new the answer has to be.
type Flight = (String, Option<DateTime<Utc>>);

/// A computed answer: what is shared under its key, and its further parts under keys of their own.
#[derive(Debug, Default)]
pub struct Computed {
    /// The shared answer.
    pub answer: Vec<u8>,
    /// Further parts, for [`SearchCache::parts`], cached for fifteen minutes.
    pub parts: Vec<(String, Vec<u8>)>,
}

/// An answer from the cache, or one just computed.
#[derive(Clone, Debug)]
pub struct Cached {
    /// The answer.
    pub answer: Arc<[u8]>,
    /// When it was computed.
    pub computed_at: DateTime<Utc>,
    /// Whether another request computed it.
    pub hit: bool,
    /// Whether it is in Redis, with its parts.
    pub stored: bool,
}

impl SearchCache {
    /// The answers of the deployment that `prefix` names.
    pub fn new(redis: Redis, prefix: &str, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            redis,
            prefix: format!("{prefix}:search:1"),
            clock,
            breaker: Breaker::default(),
            in_flight: Cache::builder().time_to_live(IN_MEMORY).build(),
        }))
    }

    /// The answer of a key that is less than five minutes old and newer than `after`; computed when there is none.
    ///
    /// Of all requests of this process that ask at once, one computes it. A caller has no connection to PostgreSQL
    /// while it waits here. Errors: those of `compute`, for all who waited for it.
    pub async fn get_or_compute<F>(
        &self,
        key: &str,
        after: Option<DateTime<Utc>>,
        compute: impl FnOnce() -> F,
    ) -> Result<Cached, ApiError>
    where
        F: Future<Output = Result<Computed, ApiError>>,
    {
        let cached = match self.find(key, after).await {
            Some(cached) => cached,
            None => self.compute_once(key, after, compute).await?,
        };
        metrics::kept(cached.hit);
        Ok(cached)
    }

    /// A part of an answer, and of another part the bytes `from` a first and before another; one round trip for both.
    ///
    /// `None` when they have expired, or Redis is away.
    pub async fn parts(
        &self,
        whole: &str,
        part: &str,
        (from, until): (usize, usize),
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut pipeline = redis::pipe();
        pipeline.get(self.key(whole));
        let last = isize::try_from(until).ok()?.checked_sub(1)?;
        pipeline.getrange(self.key(part), isize::try_from(from).ok()?, last);
        let (whole, part): (Option<Vec<u8>>, Vec<u8>) = self.query(&pipeline).await?;
        Some((whole?, part))
    }

    async fn find(&self, key: &str, after: Option<DateTime<Utc>>) -> Option<Cached> {
        let mut pipeline = redis::pipe();
        pipeline.get(self.key(key));
        let (bytes,): (Option<Vec<u8>>,) = self.query(&pipeline).await?;
        self.read(&bytes?, after)
    }

    /// What [`SearchCache::store`] wrote, unless it is too old.
    fn read(&self, bytes: &[u8], after: Option<DateTime<Utc>>) -> Option<Cached> {
        let (computed_at, answer) = bytes.split_first_chunk::<8>()?;
        let computed_at = DateTime::from_timestamp_micros(i64::from_le_bytes(*computed_at))?;
        let is_fresh = self.0.clock.now() - computed_at < SEARCHES_FOR;
        (is_fresh && after.is_none_or(|after| computed_at > after)).then(|| Cached {
            answer: answer.into(),
            computed_at,
            hit: true,
            stored: true,
        })
    }

    /// Computes the answer, or waits for the request of this process that does. When that one is cancelled, one of
    /// those who wait takes over.
    async fn compute_once<F>(
        &self,
        key: &str,
        after: Option<DateTime<Utc>>,
        compute: impl FnOnce() -> F,
    ) -> Result<Cached, ApiError>
    where
        F: Future<Output = Result<Computed, ApiError>>,
    {
        let flight = (key.to_owned(), after);
        let is_ours = AtomicBool::new(false);
        let computing = async {
            is_ours.store(true, Ordering::Relaxed);
            // Whoever computed it before may have finished since this request looked.
            match self.find(key, after).await {
                Some(cached) => Ok(cached),
                None => self.compute(key, compute).await,
            }
        };
        let cached = self
            .0
            .in_flight
            .try_get_with_by_ref(&flight, computing)
            .await;
        let cached = cached.map_err(|error: Arc<ApiError>| (*error).clone())?;
        if is_ours.into_inner() {
            self.0.in_flight.invalidate(&flight).await;
            return Ok(cached);
        }
        Ok(Cached {
            hit: true,
            ..cached
        })
    }

    async fn compute<F>(&self, key: &str, compute: impl FnOnce() -> F) -> Result<Cached, ApiError>
    where
        F: Future<Output = Result<Computed, ApiError>>,
    {
        let computed_at = self.0.clock.now();
        let computed = compute().await?;
        let stored = self.store(key, computed_at, &computed).await;
        Ok(Cached {
            answer: computed.answer.into(),
            computed_at,
            hit: false,
            stored,
        })
    }

    /// Caches an answer; whether Redis did.
    async fn store(&self, key: &str, computed_at: DateTime<Utc>, computed: &Computed) -> bool {
        let seconds = |time: chrono::Duration| time.num_seconds().unsigned_abs();
        let mut pipeline = redis::pipe();
        for (part, bytes) in &computed.parts {
            let key = self.key(part);
            pipeline
                .set_ex(key, &bytes[..], seconds(PAGES_FOR))
                .ignore();
        }
        let mut bytes = computed_at.timestamp_micros().to_le_bytes().to_vec();
        bytes.extend(&computed.answer);
        pipeline
            .set_ex(self.key(key), bytes, seconds(SEARCHES_FOR))
            .ignore();
        self.query::<()>(&pipeline).await.is_some()
    }

    /// The answer of Redis, or nothing when it is away: then no request waits for it for a moment.
    async fn query<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Option<T> {
        let inner = &self.0;
        if !inner.breaker.is_open() {
            let mut redis = inner.redis.clone();
            let answer = tokio::time::timeout(PATIENCE, pipeline.query_async(&mut redis)).await;
            if let Ok(Ok(answer)) = answer {
                return Some(answer);
            }
            if inner.breaker.open() {
                tracing::warn!(
                    "Redis does not answer: nothing is cached, every search is computed"
                );
            }
        }
        metrics::not_kept();
        None
    }

    fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.0.prefix)
    }
}
