//! What every handler may use.

use std::sync::Arc;

use flightdesk_core::account::KeyMode;
use flightdesk_core::config::Settings;
use flightdesk_core::fare::{Tariff, TariffCache};
use flightdesk_core::offer::OfferSigner;
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::place::DirectoryCache;
use flightdesk_core::storage::Storage;
use flightdesk_core::{Clock, Shop, db};
use secrecy::ExposeSecret;
use sqlx::PgPool;

use crate::limits::{LimitSettings, Limits};
use crate::sandbox::Sandbox;

/// The state of one api process: connections and settings, nothing that another process would miss.
#[derive(Clone)]
pub struct App {
    /// PostgreSQL, the only truth.
    pub db: PgPool,
    /// Where the time comes from.
    pub clock: Clock,
    /// Everything that can be set.
    pub settings: Arc<Settings>,
    /// Redis, for rate limits and nothing that would be missed.
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
            .set_connection_timeout(Some(std::time::Duration::from_secs(1)))
            .set_response_timeout(Some(std::time::Duration::from_secs(1)));
        let redis = redis::aio::ConnectionManager::new_lazy_with_config(client, config)?;
        let sandbox = settings
            .uses_sandbox()
            .then(|| Sandbox::new(db.clone(), clock.clone(), &settings));
        Ok(Self {
            db,
            clock,
            stripe: Stripe::new(&settings)?,
            storage: Storage::from_settings(&settings)?,
            offers: OfferSigner::new(&settings),
            tariff: TariffCache::default(),
            directory: DirectoryCache::default(),
            sandbox,
            limits: Limits::new(limits, redis.clone()),
            redis,
            settings: Arc::new(settings),
        })
    }

    /// What every sale needs, at the prices of a tariff.
    pub fn shop<'a>(&'a self, tariff: &'a Tariff) -> Shop<'a> {
        Shop {
            clock: &self.clock,
            sales: &self.settings.sales,
            tariff,
            signer: &self.offers,
        }
    }

    /// Whether keys made here take real money.
    pub fn key_mode(&self) -> KeyMode {
        KeyMode::of(&self.settings)
    }
}
