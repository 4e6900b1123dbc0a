//! What clients send about webhook endpoints.

use chrono::{DateTime, Utc};
use flightdesk_core::error::Error;
use flightdesk_core::webhook::{Destinations, EndpointChange, NewEndpoint};
use poem_openapi::Object;
use poem_openapi::types::ParseFromParameter;

use super::destinations;
use super::views::EndpointStatusView;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};
use crate::views::Instant;

/// A new webhook endpoint
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct CreateWebhookEndpoint {
    /// `https`, at a public address, without credentials; the port is 443 or one from 1024 on
    #[oai(validator(max_length = 2000))]
    url: String,
    /// What it is for, in your words
    #[oai(validator(max_length = 200))]
    description: Option<String>,
    /// The types that are told; without it all, also those that come later
    #[oai(validator(max_items = 50))]
    events: Option<Vec<String>>,
}

impl CreateWebhookEndpoint {
    /// Errors: 422 with every wrong field.
    pub fn parse(self, to: Destinations) -> Result<NewEndpoint, Error> {
        NewEndpoint::parse(to, &self.url, self.description.as_deref(), self.events)
    }
}

impl FromRaw for CreateWebhookEndpoint {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            url: raw.text("url"),
            description: raw.optional_text("description"),
            events: None,
        }
    }
}

impl Rules for CreateWebhookEndpoint {
    fn rules(self, app: &App) -> Result<(), Error> {
        self.parse(destinations(app)).map(drop)
    }
}

/// What shall be another of a webhook endpoint
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct PatchWebhookEndpoint {
    /// As for a new one
    #[oai(validator(max_length = 2000))]
    url: Option<String>,
    /// What it is for, in your words
    #[oai(validator(max_length = 200))]
    description: Option<String>,
    /// The types that are told; an empty list: all of them
    #[oai(validator(max_items = 50))]
    events: Option<Vec<String>>,
    /// Whether anything is delivered
    status: Option<EndpointStatusView>,
}

impl PatchWebhookEndpoint {
    /// Errors: 422 with every wrong field.
    pub fn parse(self, to: Destinations) -> Result<EndpointChange, Error> {
        let (url, description) = (self.url.as_deref(), self.description.as_deref());
        let status = self.status.map(Into::into);
        EndpointChange::parse(to, url, description, self.events, status)
    }
}

impl FromRaw for PatchWebhookEndpoint {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            url: raw.optional_text("url"),
            description: raw.optional_text("description"),
            events: None,
            status: None,
        }
    }
}

impl Rules for PatchWebhookEndpoint {
    fn rules(self, app: &App) -> Result<(), Error> {
        self.parse(destinations(app)).map(drop)
    }
}

/// How a secret is rotated
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct RotateWebhookSecret {
    /// Hours for which the secret before is good too
    #[oai(validator(maximum(value = "168")))]
    pub overlap_hours: Option<u32>,
}

impl FromRaw for RotateWebhookSecret {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            overlap_hours: raw.integer("overlap_hours"),
        }
    }
}

impl Rules for RotateWebhookSecret {}

/// Which events are delivered again
#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
pub struct ReplayWebhooks {
    /// Events that happened then or later
    from: Instant,
    /// Events that happened before then
    to: Instant,
}

impl ReplayWebhooks {
    /// From when until when.
    pub fn range(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.from.0, self.to.0)
    }
}

impl FromRaw for ReplayWebhooks {
    fn from_raw(raw: Raw<'_>) -> Self {
        let instant = |name: &str| {
            let text = raw.text(name);
            Instant::parse_from_parameter(&text).unwrap_or(Instant(DateTime::UNIX_EPOCH))
        };
        Self {
            from: instant("from"),
            to: instant("to"),
        }
    }
}

/// Which comes first is asked once both can be read.
impl Rules for ReplayWebhooks {}
