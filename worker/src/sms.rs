//! Text messages: a line in the log by default, a list in tests. The number stands in neither.

use std::sync::{Arc, Mutex, PoisonError};

use flightdesk_core::config::{Settings, SmsBackend};
use tracing::info;

/// Sends text messages by whatever way the settings name. Clones share it.
#[derive(Clone, Debug)]
pub struct Texter(Arc<Backend>);

#[derive(Debug)]
enum Backend {
    Log,
    Off,
    Memory(Mutex<Vec<Sms>>),
}

/// A message to one phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// In E.164.
    pub to: String,
    /// What it says.
    pub text: String,
}

impl Texter {
    /// The back-end that the settings name.
    pub fn from_settings(settings: &Settings) -> Self {
        Self(Arc::new(match settings.sms.sms_backend {
            SmsBackend::Log => Backend::Log,
            SmsBackend::Off => Backend::Off,
        }))
    }

    /// One that keeps every message in memory, for tests.
    pub fn memory() -> Self {
        Self(Arc::new(Backend::Memory(Mutex::default())))
    }

    /// Hands the message over.
    pub fn send(&self, sms: Sms) {
        match &*self.0 {
            Backend::Log => info!(text = sms.text, "text message"),
            Backend::Off => {}
            Backend::Memory(sent) => sent
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(sms),
        }
    }

    /// What one in memory was given, in order; nothing for the others.
    pub fn sent(&self) -> Vec<Sms> {
        match &*self.0 {
            Backend::Memory(sent) => sent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Backend::Log | Backend::Off => Vec::new(),
        }
    }
}
