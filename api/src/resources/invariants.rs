//! What must hold over the whole database.

use flightdesk_core::invariants::{self, Finding};
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use crate::app::App;
use crate::auth::{Access, need};
use crate::error::ApiError;
use crate::openapi::tags::Tag;
use crate::views::Instant;

/// Invariants.
pub struct Invariants;

/// What was asked of the whole database
#[derive(Debug, Object)]
#[oai(rename = "Invariants")]
pub struct InvariantsView {
    checked_at: Instant,
    /// Whether no rule is broken
    holds: bool,
    checks: Vec<CheckView>,
}

/// A rule, and who breaks it
#[derive(Debug, Object)]
#[oai(rename = "InvariantCheck")]
pub struct CheckView {
    /// Stable
    name: String,
    /// The rule
    sentence: String,
    /// How many break it
    violations: i64,
    /// Up to ten of them, by ids and references
    examples: Vec<String>,
}

#[OpenApi(prefix_path = "/v1/admin", tag = "Tag::Operations")]
impl Invariants {
    /// Check the whole database
    ///
    /// Seats, counters, money, tickets, coupons and jobs, all of one moment. It reads everything: some seconds at a
    /// million flights. Needs the scope `admin`.
    #[oai(
        path = "/invariants",
        method = "get",
        operation_id = "check_invariants"
    )]
    async fn check(
        &self,
        Data(app): Data<&App>,
        access: Access<need::Admin>,
    ) -> Result<Json<InvariantsView>, ApiError> {
        let mut conn = app.db.acquire().await?;
        access.principal(&mut conn, app).await?;
        let findings = invariants::check_snapshot(&mut conn, &app.clock).await?;
        Ok(Json(InvariantsView {
            checked_at: app.clock.now().into(),
            holds: findings.iter().all(|finding| finding.violations == 0),
            checks: findings.into_iter().map(CheckView::from).collect(),
        }))
    }
}

impl From<Finding> for CheckView {
    fn from(finding: Finding) -> Self {
        Self {
            name: finding.name,
            sentence: finding.sentence,
            violations: finding.violations,
            examples: finding.examples,
        }
    }
}
