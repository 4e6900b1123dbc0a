//! Mail.
use flightdesk_core::config::Settings;
/// Mailer.
#[derive(Clone, Debug)]
pub struct Mailer;
impl Mailer {
    /// From settings.
    pub fn from_settings(_settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self)
    }
}
