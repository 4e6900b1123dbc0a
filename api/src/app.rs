//! What every handler may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flightdesk_core::account::KeyMode;
use flightdesk_core::config::Settings;
use flightdesk_core::fare::{Tariff, TariffCache};
use flightdesk_core::offer::OfferSigner;
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::place::DirectoryCache;
use flightdesk_core::redis::Redis;
use flightdesk_core::reference::{Reference, ReferenceCache};
use flightdesk_core::search::{CursorSigner, Timetable, TimetableCache};
use flightdesk_core::storage::Storage;
use flightdesk_core::{Clock, Error, Shop, db};

use crate::cache::search::SearchCache;
use crate::error::ApiError;
use crate::limits::{LimitSettings, Limits};
use crate::sandbox::Sandbox;
use crate::streams::EventStreams;

/// The longest a request waits for what a process that has just begun reads.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest that Redis is waited for before its connection is thrown away. Requests give up sooner.
const REDIS_PATIENCE: Duration = Duration::from_secs(1);

/// The state of one api process: connections and settings, nothing that another process would miss.
#[derive(Clone)]
pub struct App {
    /// PostgreSQL, the only truth: the connections of requests. A request takes one for a statement or a transaction
    /// of its own, never two at once, and waits for nothing else while it has it.
    pub db: db::Pool,
    /// PostgreSQL for what all requests read from memory, and for readiness: connections that requests cannot take.
    pub background: db::Pool,
    /// Where the time comes from.
    pub clock: Clock,
    /// Everything that can be set.
    pub settings: Arc<Settings>,
    /// Redis, for rate limits and answers that are found again.
    pub redis: Redis,
    /// How many requests a caller may make.
    pub limits: Limits,
    /// Stripe, or the sandbox.
    pub stripe: Stripe,
    /// Where documents are.
    pub storage: Storage,
    /// Makes and opens offers.
    pub offers: OfferSigner,
    /// What seats cost.
    pub tariff: TariffCache,
    /// Names and places.
    pub reference: ReferenceCache,
    /// Routes and times of all flights; [`App::timetable`] reads it.
    pub timetables: TimetableCache,
    /// Searches and calendars that were answered a moment ago.
    pub search_cache: SearchCache,
    /// Makes and opens the cursors of searches.
    pub cursors: CursorSigner,
    /// Every place, for autosuggest.
    pub directory: DirectoryCache,
    /// Who waits for something to happen to a booking.
    pub streams: EventStreams,
    /// Whether the process is about to stop.
    pub stopping: Stopping,
    /// The Stripe of a machine without a Stripe key.
    pub sandbox: Option<Sandbox>,
}

impl App {
    /// Wires a process up. Nothing is connected yet: PostgreSQL and Redis may be away.
    ///
    /// Errors: an address that cannot be read. Call it within a Tokio runtime.
    pub fn new(settings: Settings, limits: LimitSettings, clock: Clock) -> anyhow::Result<Self> {
        let db = db::pool(&settings.database, "flightdesk-api")
            .map_err(|error| anyhow::anyhow!(flightdesk_core::db_error::explain(&error)))?;
        Self::with_pool(settings, limits, clock, db)
    }

    /// The same on a pool that exists already.
    pub fn with_pool(
        settings: Settings,
        limits: LimitSettings,
        clock: Clock,
        db: impl Into<db::Pool>,
    ) -> anyhow::Result<Self> {
        let db = db.into();
        let background = db::background(&db);
        db::watch(&[&db, &background]);
        let redis = Redis::new(&settings.redis, REDIS_PATIENCE)?;
        let sandbox = settings
            .uses_sandbox()
            .then(|| Sandbox::new(db.clone(), clock.clone(), &settings));
        Ok(Self {
            streams: EventStreams::new(background.clone()),
            background,
            db,
            stripe: Stripe::new(&settings)?,
            storage: Storage::from_settings(&settings)?,
            offers: OfferSigner::new(&settings),
            tariff: TariffCache::default(),
            reference: ReferenceCache::default(),
            timetables: TimetableCache::default(),
            search_cache: SearchCache::new(redis.clone(), &limits.redis_prefix, clock.clone()),
            cursors: CursorSigner::new(&settings.secret_key),
            directory: DirectoryCache::default(),
            sandbox,
            stopping: Stopping::default(),
            limits: Limits::new(limits, redis.clone()),
            redis,
            clock,
            settings: Arc::new(settings),
        })
    }

    /// The tariff and the names that sales read from memory. Not to be asked for by who has a connection: the first
    /// calls of a process wait for them to be read.
    ///
    /// Errors: 503 when that takes longer than a request may wait.
    pub async fn catalogue(&self) -> Result<(Arc<Tariff>, Arc<Reference>), ApiError> {
        let both = async {
            let tariff = self.tariff.fresh(&self.background, &self.clock).await?;
            let reference = self.reference.fresh(&self.background, &self.clock).await?;
            Ok::<_, Error>((tariff, reference))
        };
        match tokio::time::timeout(PATIENCE, both).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(ApiError::unavailable("the catalogue is still being read")),
        }
    }

    /// What every sale needs, at the prices of a tariff.
    pub fn shop<'a>(&'a self, tariff: &'a Tariff) -> Shop<'a> {
        Shop {
            clock: &self.clock,
            sales: &self.settings.sales,
            tariff,
            reference: &self.reference,
            signer: &self.offers,
        }
    }

    /// The timetable. Not to be asked for by who has a connection: the first call of a process reads all of it, however
    /// short its own patience is, and the others wait for it.
    ///
    /// Errors: 503 when that takes longer than a request may wait.
    pub async fn timetable(&self) -> Result<Arc<Timetable>, ApiError> {
        let reading = self.timetables.get(&self.background, &self.clock);
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(ApiError::unavailable("the timetable is still being read")),
        }
    }

    /// Which catalogue and tariff a search is answered from, as a part of the key of its answer: after a change nobody gets
    /// an answer from before. With it the timetable of that catalogue, for who has to compute the answer. Not to be asked
    /// for by who has a connection.
    ///
    /// A process that has not read its timetable yet answers what others have computed without waiting for it, and reads
    /// one that is no older when it computes.
    pub async fn edition(&self) -> Result<(String, Option<Arc<Timetable>>), ApiError> {
        let (tariff, reference) = self.catalogue().await?;
        let timetable = if self.timetables.is_read() {
            Some(self.timetable().await?)
        } else {
            None
        };
        let catalogue = timetable
            .as_ref()
            .map(|timetable| timetable.catalogue_version());
        let catalogue = catalogue.unwrap_or_else(|| reference.version());
        Ok((format!("{catalogue}.{}", tariff.id), timetable))
    }

    /// Whether keys made here take real money.
    pub fn key_mode(&self) -> KeyMode {
        KeyMode::of(&self.settings)
    }
}

/// Whether the process is about to stop. Readiness says so before anything else happens.
#[derive(Clone, Debug, Default)]
pub struct Stopping(Arc<AtomicBool>);

impl Stopping {
    /// Whether it is.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Says that it is.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
