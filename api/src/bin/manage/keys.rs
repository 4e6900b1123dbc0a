//! The keys that sign access tokens.

use clap::Subcommand;
use flightdesk_core::config::Settings;
use flightdesk_core::{Clock, account};
use sqlx::Connection;

use crate::{connect, output};

/// What is done.
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Sign access tokens with a new key from now on; nobody is logged out
    ///
    /// The key before is accepted until its last token has expired, a quarter of an hour later. Every process uses the
    /// new key with its next token: none has to be started again.
    Rotate {
        /// Accept no older key any more, because one may have leaked: people go on with their next refresh
        #[arg(long)]
        at_once: bool,
    },
}

pub(crate) async fn run(
    settings: &Settings,
    clock: &Clock,
    command: KeyCommand,
) -> anyhow::Result<()> {
    let KeyCommand::Rotate { at_once } = command;
    let mut conn = connect::database(settings).await?;
    let mut tx = conn.begin().await?;
    let key_id = account::rotate_signing_key(&mut tx, clock, at_once).await?;
    tx.commit().await?;
    output::line(&format!("signing key {key_id}"));
    Ok(())
}
