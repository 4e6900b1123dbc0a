//! What every handler may use.

use std::sync::Arc;
use std::time::Duration;

use flightdesk_core::account::KeyMode;
use flightdesk_core::config::Settings;
use flightdesk_core::fare::{Tariff, TariffCache};
use flightdesk_core::offer::OfferSigner;
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::place::DirectoryCache;
use flightdesk_core::reference::ReferenceCache;
use flightdesk_core::search::{CursorSigner, Timetable, TimetableCache};
use flightdesk_core::storage::Storage;
use flightdesk_core::{Clock, Shop, db};
use secrecy::ExposeSecret;
use sqlx::PgPool;

use crate::error::ApiError;
use crate::limits::{LimitSettings, Limits};
use crate::sandbox::Sandbox;
use crate::shelf::Shelf;

/// The longest a search waits for the timetable of a process that has just begun.
const TIMETABLE_PATIENCE: Duration = Duration::from_secs(10);

/// The state of one api process: connections and settings, nothing that another process would miss.
#[derive(Clone)]
pub struct App {
    /// PostgreSQL, the only truth.
    pub db: PgPool,
    /// Where the time comes from.
    pub clock: Clock,
    /// Everything that can be set.
    pub settings: Arc<Settings>,
    /// Redis, for rate limits and answers that are found again.
    pub redis: redis::aio::ConnectionManager,
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
    pub shelf: Shelf,
    /// Makes and opens the cursors of searches.
    pub cursors: CursorSigner,
    /// Every place, for autosuggest.
    pub directory: DirectoryCache,
    /// The Stripe of a machine without a Stripe key.
    pub sandbox: Option<Sandbox>,
}

impl App {
    /// Wires a process up. Nothing is connected yet: PostgreSQL and Redis may be away.
    ///
    /// Errors: an address that cannot be read. Call it within a Tokio runtime.
    pub fn new(settings: Settings, limits: LimitSettings, clock: Clock) -> anyhow::Result<Self> {
        let db = db::pool(&settings.database, "flightdesk-api")?;
        Self::with_pool(settings, limits, clock, db)
    }

    /// The same on a pool that exists already.
    pub fn with_pool(
        settings: Settings,
        limits: LimitSettings,
        clock: Clock,
        db: PgPool,
    ) -> anyhow::Result<Self> {
        let client = redis::Client::open(settings.redis.redis_url.expose_secret())?;
        let config = redis::aio::ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(Duration::from_secs(1)));
        let redis = redis::aio::ConnectionManager::new_lazy_with_config(client, config)?;
        let sandbox = settings
            .uses_sandbox()
            .then(|| Sandbox::new(db.clone(), clock.clone(), &settings));
        Ok(Self {
            db,
            stripe: Stripe::new(&settings)?,
            storage: Storage::from_settings(&settings)?,
            offers: OfferSigner::new(&settings),
            tariff: TariffCache::default(),
            reference: ReferenceCache::default(),
            timetables: TimetableCache::default(),
            shelf: Shelf::new(redis.clone(), &limits.redis_prefix, clock.clone()),
            cursors: CursorSigner::new(&settings.secret_key),
            directory: DirectoryCache::default(),
            sandbox,
            limits: Limits::new(limits, redis.clone()),
            redis,
            clock,
            settings: Arc::new(settings),
        })
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

    /// The timetable. The first call of a process reads all of it, however short its own patience is.
    ///
    /// Errors: 503 when that takes longer than a request may wait.
    pub async fn timetable(&self) -> Result<Arc<Timetable>, ApiError> {
        if let Some(timetable) = self.timetables.fresh() {
            return Ok(timetable);
        }
        let (cache, db, clock) = (self.timetables.clone(), self.db.clone(), self.clock.clone());
        let reading = tokio::spawn(async move { cache.get(&db, &clock).await });
        match tokio::time::timeout(TIMETABLE_PATIENCE, reading).await {
            Ok(Ok(read)) => Ok(read?),
            Ok(Err(failed)) => Err(ApiError::internal(failed)),
            Err(_) => Err(ApiError::unavailable("the timetable is still being read")),
        }
    }

    /// Whether keys made here take real money.
    pub fn key_mode(&self) -> KeyMode {
        KeyMode::of(&self.settings)
    }
}
