//! Interline agreements of the catalogue, for staff.

use flightdesk_core::Error;
use flightdesk_core::catalogue::InterlineAgreement;
use poem_openapi::{Object, OpenApi};

use super::operations::catalogue_resource;
use crate::app::App;
use crate::http::body::Rules;
use crate::openapi::raw::{FromRaw, Raw};

/// An interline agreement as it is kept
#[derive(Debug, Object)]
#[oai(rename = "InterlineAgreement", skip_serializing_if_is_none)]
pub struct InterlineAgreementView {
    /// Which one it is, in paths
    id: String,
    /// IATA code of the airline whose tickets they are
    airline: String,
    /// IATA code of the airline whose flights they may hold
    partner: String,
}

/// A new interline agreement
#[derive(Debug, Object)]
#[oai(
    rename = "CreateInterlineAgreement",
    deny_unknown_fields,
    skip_serializing_if_is_none
)]
pub struct CreateInterlineAgreement {
    /// IATA code of the airline whose tickets they are
    #[oai(validator(max_length = 2))]
    airline: String,
    /// IATA code of the airline whose flights they may hold
    #[oai(validator(max_length = 2))]
    partner: String,
}

impl FromRaw for CreateInterlineAgreement {
    fn from_raw(raw: Raw<'_>) -> Self {
        Self {
            airline: raw.text("airline"),
            partner: raw.text("partner"),
        }
    }
}

impl Rules for CreateInterlineAgreement {
    fn rules(self, _app: &App) -> Result<(), Error> {
        super::rules::<InterlineAgreement>(&self)
    }
}

catalogue_resource! {
    /// Interline agreements.
    InterlineAgreements: InterlineAgreement, InterlineAgreementView, at "/interline-agreements", "/interline-agreements/:key";
    /// List interline agreements
    ///
    /// Whose flights the tickets of an airline may hold beside its own. The other way round is an agreement of its own. Needs the scope `catalogue`.
    list "list_catalogue_interline_agreements";
    /// Read an interline agreement
    ///
    /// The `ETag` names this version of it, for a change. Needs the scope `catalogue`.
    get "get_catalogue_interline_agreement";
    /// Add an interline agreement
    ///
    /// Doing it again is answered by 409 `already_exists`. Needs the scope `catalogue`.
    create "create_interline_agreement" from CreateInterlineAgreement;
    /// Delete an interline agreement
    ///
    /// What was sold by it stays as it is. Needs `If-Match` and the scope `catalogue`.
    delete "delete_interline_agreement";
}
