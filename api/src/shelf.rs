//! Answers that many ask for, kept in Redis for five minutes and made once, however many ask and in however many
//! processes. Without Redis each process makes its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use flightdesk_core::Clock;
use flightdesk_core::search::{PAGES_FOR, SEARCHES_FOR};
use redis::aio::ConnectionManager;
use redis::{FromRedisValue, Pipeline};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::breaker::Breaker;
use crate::error::ApiError;
use crate::metrics;
use crate::spare::Spare;

/// The longest a request waits for Redis to answer.
const PATIENCE: Duration = Duration::from_millis(150);
/// The longest a request waits for somebody else to make the answer; then it makes its own.
const TURN: Duration = Duration::from_secs(5);
/// How often it looks whether another process has made it.
const LOOK: Duration = Duration::from_millis(20);
/// A process that died while it made an answer blocks the others no longer than this.
const LOCK_MILLISECONDS: u64 = 10_000;
/// Deletes a lock that is still ours.
const UNLOCK: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/// The kept answers of a deployment, as one process sees them.
#[derive(Clone)]
pub struct Shelf(Arc<Inner>);

struct Inner {
    redis: ConnectionManager,
    /// Start of every key: the deployment, and the form of what is kept.
    prefix: String,
    clock: Clock,
    breaker: Breaker,
    making: Mutex<HashMap<String, Weak<OnceCell<Kept>>>>,
}

/// An answer that was made: what is shared under its key, and what it is kept with beside, by keys of its own.
#[derive(Debug, Default)]
pub struct Made {
    /// What those who ask get.
    pub answer: Vec<u8>,
    /// Further parts, for [`Shelf::parts`], that live for fifteen minutes.
    pub parts: Vec<(String, Vec<u8>)>,
}

/// An answer, kept or just made.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What was made.
    pub answer: Arc<[u8]>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Whether somebody else had made it.
    pub hit: bool,
    /// Whether Redis has it, its parts among it.
    pub stored: bool,
}

/// How it stands with an answer that was not there a moment ago.
enum Standing {
    /// It is ours to make.
    Ours(Turn),
    /// Another process makes it.
    Theirs,
    /// Another process has just made it.
    Made(Kept),
    /// Redis does not answer.
    Away,
}

/// The right to make an answer; given back when it is made, or when its request is given up.
struct Turn {
    shelf: Shelf,
    key: String,
    token: String,
    is_over: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut pipeline = redis::pipe();
        self.shelf.unlock(&mut pipeline, &self.key, &self.token);
        let answers = self.shelf.clone();
        tokio::spawn(async move { answers.ask::<()>(&pipeline).await });
    }
}

impl Shelf {
    /// The answers of the deployment that `prefix` names.
    pub fn new(redis: ConnectionManager, prefix: &str, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            redis,
            prefix: format!("{prefix}:kept:1"),
            clock,
            breaker: Breaker::default(),
            making: Mutex::default(),
        }))
    }

    /// The answer of a key that is less than five minutes old and newer than `after`; made when there is none.
    ///
    /// Of all who ask at once, in all processes, one makes it; the others give their spare connection back while they
    /// wait. Errors: those of `make`.
    pub async fn get_or_make<M, F>(
        &self,
        key: &str,
        after: Option<DateTime<Utc>>,
        spare: &Spare,
        make: M,
    ) -> Result<Kept, ApiError>
    where
        M: Fn() -> F,
        F: Future<Output = Result<Made, ApiError>>,
    {
        let kept = match self.find(key, after).await {
            Some(kept) => kept,
            None => self.make_in_turn(key, after, spare, make).await?,
        };
        metrics::kept(kept.hit);
        Ok(kept)
    }

    /// A part of an answer, and of another part the bytes `from` a first and before another; one round trip for both.
    ///
    /// `None` when they are kept no longer, or Redis is away.
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
        let (whole, part): (Option<Vec<u8>>, Vec<u8>) = self.ask(&pipeline).await?;
        Some((whole?, part))
    }

    async fn find(&self, key: &str, after: Option<DateTime<Utc>>) -> Option<Kept> {
        let mut pipeline = redis::pipe();
        pipeline.get(self.key(key));
        let (bytes,): (Option<Vec<u8>>,) = self.ask(&pipeline).await?;
        self.read(&bytes?, after)
    }

    /// What [`Shelf::store`] wrote, unless it is too old.
    fn read(&self, bytes: &[u8], after: Option<DateTime<Utc>>) -> Option<Kept> {
        let (made_at, answer) = bytes.split_first_chunk::<8>()?;
        let made_at = DateTime::from_timestamp_micros(i64::from_le_bytes(*made_at))?;
        let is_fresh = self.0.clock.now() - made_at < SEARCHES_FOR;
        (is_fresh && after.is_none_or(|after| made_at > after)).then(|| Kept {
            answer: answer.into(),
            made_at,
            hit: true,
            stored: true,
        })
    }

    /// One request of this process makes the answer, the others wait for it.
    async fn make_in_turn<M, F>(
        &self,
        key: &str,
        after: Option<DateTime<Utc>>,
        spare: &Spare,
        make: M,
    ) -> Result<Kept, ApiError>
    where
        M: Fn() -> F,
        F: Future<Output = Result<Made, ApiError>>,
    {
        let (cell, is_first) = self.cell(key);
        if !is_first {
            spare.release();
        }
        let made_here = AtomicBool::new(false);
        let turn = cell.get_or_try_init(async || {
            made_here.store(true, Ordering::Relaxed);
            self.make_under_lock(key, after, spare, &make).await
        });
        tokio::pin!(turn);
        let is_ours = || made_here.load(Ordering::Relaxed);
        let shared = tokio::select! {
            shared = &mut turn => shared?.clone(),
            () = tokio::time::sleep(TURN) => {
                if is_ours() {
                    turn.await?.clone()
                } else {
                    return self.make_now(key, None, &make).await;
                }
            }
        };
        Ok(Kept {
            hit: shared.hit || !is_ours(),
            ..shared
        })
    }

    /// The attempt of this process at a key, and whether it has just begun.
    fn cell(&self, key: &str) -> (Arc<OnceCell<Kept>>, bool) {
        let mut making = self.0.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = making.get(key).and_then(Weak::upgrade) {
            return (cell, false);
        }
        making.retain(|_, cell| cell.strong_count() > 0);
        let cell = Arc::new(OnceCell::new());
        making.insert(key.to_owned(), Arc::downgrade(&cell));
        (cell, true)
    }

    /// One process makes the answer, the others wait for it.
    async fn make_under_lock<M, F>(
        &self,
        key: &str,
        after: Option<DateTime<Utc>>,
        spare: &Spare,
        make: &M,
    ) -> Result<Kept, ApiError>
    where
        M: Fn() -> F,
        F: Future<Output = Result<Made, ApiError>>,
    {
        match self.take_turn(key, after).await {
            Standing::Made(kept) => Ok(kept),
            Standing::Ours(turn) => self.make_now(key, Some(turn), make).await,
            Standing::Theirs => {
                spare.release();
                match self.wait(key, after).await {
                    Some(kept) => Ok(kept),
                    None => self.make_now(key, None, make).await,
                }
            }
            Standing::Away => self.make_now(key, None, make).await,
        }
    }

    async fn make_now<M, F>(
        &self,
        key: &str,
        turn: Option<Turn>,
        make: &M,
    ) -> Result<Kept, ApiError>
    where
        M: Fn() -> F,
        F: Future<Output = Result<Made, ApiError>>,
    {
        let made_at = self.0.clock.now();
        let new = make().await?;
        let stored = self.store(key, turn, made_at, &new).await;
        Ok(Kept {
            answer: new.answer.into(),
            made_at,
            hit: false,
            stored,
        })
    }

    /// Keeps an answer and ends the turn. Whether Redis has done it.
    async fn store(
        &self,
        key: &str,
        turn: Option<Turn>,
        made_at: DateTime<Utc>,
        made: &Made,
    ) -> bool {
        let seconds = |time: chrono::Duration| time.num_seconds().unsigned_abs();
        let mut pipeline = redis::pipe();
        for (part, bytes) in &made.parts {
            let key = self.key(part);
            pipeline
                .set_ex(key, &bytes[..], seconds(PAGES_FOR))
                .ignore();
        }
        let mut bytes = made_at.timestamp_micros().to_le_bytes().to_vec();
        bytes.extend(&made.answer);
        pipeline
            .set_ex(self.key(key), bytes, seconds(SEARCHES_FOR))
            .ignore();
        if let Some(mut turn) = turn {
            self.unlock(&mut pipeline, key, &turn.token);
            turn.is_over = true;
        }
        self.ask::<()>(&pipeline).await.is_some()
    }

    fn unlock(&self, pipeline: &mut Pipeline, key: &str, token: &str) {
        let unlock = pipeline.cmd("EVAL").arg(UNLOCK).arg(1);
        unlock.arg(self.lock_key(key)).arg(token).ignore();
    }

    /// Asks for the turn, and looks again: whoever had it may have ended it since the first look.
    async fn take_turn(&self, key: &str, after: Option<DateTime<Utc>>) -> Standing {
        let token = Uuid::now_v7().simple().to_string();
        let mut pipeline = redis::pipe();
        let set = pipeline.cmd("SET").arg(self.lock_key(key)).arg(&token);
        set.arg("NX").arg("PX").arg(LOCK_MILLISECONDS);
        pipeline.get(self.key(key));
        let answer: Option<(Option<String>, Option<Vec<u8>>)> = self.ask(&pipeline).await;
        let Some((locked, bytes)) = answer else {
            return Standing::Away;
        };
        let turn = locked.map(|_| Turn {
            shelf: self.clone(),
            key: key.to_owned(),
            token,
            is_over: false,
        });
        match (bytes.and_then(|bytes| self.read(&bytes, after)), turn) {
            (Some(kept), _) => Standing::Made(kept),
            (None, Some(turn)) => Standing::Ours(turn),
            (None, None) => Standing::Theirs,
        }
    }

    /// What another process makes; `None` when it has given up or takes too long, or Redis is away.
    async fn wait(&self, key: &str, after: Option<DateTime<Utc>>) -> Option<Kept> {
        let mut pipeline = redis::pipe();
        pipeline.exists(self.lock_key(key)).get(self.key(key));
        let until = Instant::now() + TURN;
        while Instant::now() < until {
            let (is_locked, bytes): (bool, Option<Vec<u8>>) = self.ask(&pipeline).await?;
            if let Some(kept) = bytes.and_then(|bytes| self.read(&bytes, after)) {
                return Some(kept);
            }
            if !is_locked {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
        None
    }

    /// What Redis answers, or nothing when it does not. A request that finds it away does not wait.
    async fn ask<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Option<T> {
        let inner = &self.0;
        if !inner.breaker.is_open() {
            let mut redis = inner.redis.clone();
            let answer = tokio::time::timeout(PATIENCE, pipeline.query_async(&mut redis)).await;
            if let Ok(Ok(answer)) = answer {
                return Some(answer);
            }
            if inner.breaker.open() {
                tracing::warn!("Redis does not answer: nothing is kept, every search is made");
            }
        }
        metrics::not_kept();
        None
    }

    fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.0.prefix)
    }

    fn lock_key(&self, key: &str) -> String {
        format!("{}:{key}:lock", self.0.prefix)
    }
}
