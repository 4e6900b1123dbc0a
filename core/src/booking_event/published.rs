//! What webhooks tell of an event: a type with a version, and ids and amounts. Whoever is told reads the rest over the API.

use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::model::Kind;
use super::queries::Recorded;

/// Of what webhooks say. A field more is no other version; a field that means something else is.
pub const PUBLISHED_VERSION: u8 = 1;

impl Kind {
    /// The type that webhooks tell it as.
    pub const fn published_as(self) -> &'static str {
        match self {
            Self::Held => "booking.held",
            Self::Confirmed => "booking.confirmed",
            Self::Cancelled => "booking.cancelled",
            Self::PartiallyCancelled => "booking.partially_cancelled",
            Self::NoShow => "booking.no_show",
            Self::Expired => "booking.expired",
            Self::Changed => "booking.changed",
            Self::ContactChanged => "booking.contact_changed",
            Self::NameCorrected => "booking.name_corrected",
            Self::SeatsChanged => "booking.seats_changed",
            Self::SeatChangeLost => "booking.seat_change_lost",
            Self::FlightsChanged => "booking.flights_changed",
            Self::FlightChangeHeld => "booking.flight_change_held",
            Self::FlightChangeLost => "booking.flight_change_lost",
            Self::SplitInto => "booking.split_into",
            Self::SplitFrom => "booking.split_from",
            Self::AircraftChanged => "booking.aircraft_changed",
            Self::DocumentsReady => "booking.documents_ready",
            Self::DocumentsResent => "booking.documents_resent",
            Self::RefundPromised => "booking.refund_promised",
            Self::RefundPaid => "booking.refund_paid",
            Self::RefundFailed => "booking.refund_failed",
            Self::ReceiptReady => "booking.receipt_ready",
            Self::DisputeOpened => "booking.dispute_opened",
            Self::DisputeClosed => "booking.dispute_closed",
            Self::DepartureNear => "booking.departure_near",
            Self::Disrupted => "booking.disrupted",
            Self::DisruptionDecided => "booking.disruption_decided",
        }
    }
}

/// What a webhook says of an event: `type`, `version`, `timestamp` and `data`. The same bytes however often it is asked for.
///
/// No name, address or number of anybody, and nothing that staff have typed.
pub fn published(event: &Recorded, reference: &str, told_as: &str) -> Value {
    let mut details = event.details.clone();
    if let Some(fields) = details.as_object_mut() {
        fields.remove("version");
        // Why staff waived a charge, in their own words.
        fields.remove("waiver");
    }
    let mut data = json!({
        "event_id": event.id,
        "booking_ref": reference,
        "actor": event.actor,
        "details": details,
    });
    // Where the booking stands by it.
    if let Some(status) = event.details.pointer("/status/to") {
        data["status"] = status.clone();
    }
    json!({
        "type": told_as,
        "version": PUBLISHED_VERSION,
        "timestamp": event.occurred_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "data": data,
    })
}
