//! What must hold over the whole database.

use std::process::ExitCode;

use flightdesk_core::config::Settings;
use flightdesk_core::{Clock, invariants};

use crate::{connect, output};

/// Prints every rule and who breaks it; fails when one is broken.
pub(crate) async fn check(settings: &Settings, clock: &Clock) -> anyhow::Result<ExitCode> {
    let mut conn = connect::database(settings).await?;
    let findings = invariants::check_snapshot(&mut conn, clock).await?;
    for finding in &findings {
        let mark = if finding.violations == 0 {
            "ok"
        } else {
            "BROKEN"
        };
        output::line(&format!("{mark:6} {}: {}", finding.name, finding.sentence));
        if finding.violations > 0 {
            output::line(&format!(
                "       {} violations, among them",
                finding.violations
            ));
            for example in &finding.examples {
                output::line(&format!("       {example}"));
            }
        }
    }
    let broken = findings.iter().any(|finding| finding.violations > 0);
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
