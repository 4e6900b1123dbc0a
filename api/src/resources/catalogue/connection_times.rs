//! Connection times of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::ConnectionTime;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// A connection time as it is kept
#[derive(Debug, Object)]
#[oai(rename = "ConnectionTime", skip_serializing_if_is_none)]
pub struct ConnectionTimeView {
    /// Which one it is, in paths
    id: String,
    /// IATA code; the rule for everywhere else when absent
    airport: Option<String>,
    /// Which flights meet, the one that lands first: `domestic_international`; `airport_change`: at least that to another airport of the metro area; `longest`: the longest layover
    kind: String,
    /// Minutes
    minutes: i32,
}

/// A new connection time
#[derive(Debug, Object)]
#[oai(
    rename = "CreateConnectionTime",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateConnectionTime {
    /// IATA code; the rule for everywhere else when absent
    #[oai(validator(max_length = 3))]
    airport: Option<String>,
    /// Which flights meet, the one that lands first: `domestic_international`; `airport_change`: at least that to another airport of the metro area; `longest`: the longest layover
    #[oai(validator(max_length = 40))]
    kind: String,
    /// Minutes
    #[oai(validator(minimum(value = "0"), maximum(value = "2880")))]
    minutes: i32,
}

/// What shall be different; what is left out stays, and `null` empties what may be absent
#[derive(Debug, Default, Object)]
#[oai(
    rename = "ChangeConnectionTime",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct ChangeConnectionTime {
    /// Minutes
    #[oai(validator(minimum(value = "0"), maximum(value = "2880")))]
    minutes: Option<i32>,
}

impl FromRaw for CreateConnectionTime {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            airport: raw.optional_text("airport"),
            kind: raw.text("kind"),
            minutes: raw.integer("minutes").unwrap_or_default(),
        }
    }
}

impl Rules for CreateConnectionTime {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<ConnectionTime>(&self)
    }
}

super::without_rules!(ChangeConnectionTime);

catalogue_resource! {
    /// Connection times.
    ConnectionTimes: ConnectionTime, ConnectionTimeView, at "/connection-times", "/connection-times/:key";
    /// List connection times
    ///
    /// Minutes between two flights: the rules for everywhere, and those of airports that have their own. Needs the scope `catalogue`.
    list "list_catalogue_connection_times";
    /// Read a connection time
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_connection_time";
    /// Add a connection time
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_connection_time" from CreateConnectionTime;
    /// Delete a connection time
    ///
    /// A rule for everywhere stays: 409 `in_use`. Needs `If-Match` and the scope `catalogue`.
    delete "delete_connection_time";
    /// Change a connection time
    ///
    /// Connections that were sold stay as they are. Needs `If-Match`: of two who have read the same version one is answered 412, and nothing is lost. Needs the
    /// scope `catalogue`.
    change "change_connection_time" by ChangeConnectionTime;
}
