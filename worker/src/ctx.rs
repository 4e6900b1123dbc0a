//! What every job is given.

use std::sync::Arc;

use flightdesk_core::Clock;
use flightdesk_core::config::Settings;
use flightdesk_core::db;
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::storage::Storage;

use crate::mail::Mailer;
use crate::sms::Texter;
use crate::webhooks::WebhookClient;

/// The back-ends a job may use. Clones share them.
#[derive(Clone, Debug)]
pub struct Ctx {
    /// PostgreSQL.
    pub db: db::Pool,
    /// Where the time comes from.
    pub clock: Clock,
    /// The settings of this process.
    pub settings: Arc<Settings>,
    /// Where documents are.
    pub storage: Storage,
    /// Stripe, or the sandbox.
    pub stripe: Stripe,
    /// Where mail goes.
    pub mail: Mailer,
    /// Where text messages go.
    pub texter: Texter,
    /// Calls the endpoints of accounts.
    pub webhooks: WebhookClient,
}
