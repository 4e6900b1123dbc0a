//! The first account of a deployment, and accounts whose keys are lost.

use std::io::BufRead;

use anyhow::{Context, bail};
use clap::Args;
use flightdesk_core::Clock;
use flightdesk_core::account::{self, Details, KeyMode, SignUp};
use flightdesk_core::config::Settings;
use sqlx::Connection;

use crate::connect;
use crate::output;

const PASSWORD: &str = "FLIGHTDESK_SUPERUSER_PASSWORD";

/// Who it is.
#[derive(Args)]
pub(crate) struct NewSuperuser {
    /// E-mail address to sign in with
    #[arg(long)]
    email: String,

    /// First name
    #[arg(long, default_value = "Flightdesk")]
    first_name: String,

    /// Last name
    #[arg(long, default_value = "Administrator")]
    last_name: String,
}

/// Opens the account and prints its API key, which is shown only here.
pub(crate) async fn create(
    settings: &Settings,
    clock: &Clock,
    wish: NewSuperuser,
) -> anyhow::Result<()> {
    let sign_up = SignUp::parse(Details {
        email: wish.email,
        password: password()?,
        first_name: wish.first_name,
        last_name: wish.last_name,
        phone: None,
    })
    .map_err(output::explained)?;
    let hash = sign_up.password().hash().await?;
    let mut conn = connect::database(settings).await?;
    let mut tx = conn.begin().await?;
    let mode = KeyMode::of(settings);
    let (account, key) = account::create_superuser(&mut tx, clock, &sign_up, &hash, mode)
        .await
        .map_err(output::explained)?;
    tx.commit().await?;
    output::line(&format!("account {}", account.email));
    output::line(&format!("api key {}", key.secret.expose()));
    output::problem("keep the key now: it is not shown again");
    Ok(())
}

/// Ends the account's keys and prints the one that takes their place, which is shown only here.
pub(crate) async fn reset_keys(
    settings: &Settings,
    clock: &Clock,
    email: &str,
) -> anyhow::Result<()> {
    let mut conn = connect::database(settings).await?;
    let mut tx = conn.begin().await?;
    let reset = account::reset_keys(&mut tx, clock, email, KeyMode::of(settings))
        .await
        .map_err(output::explained)?;
    tx.commit().await?;
    output::line(&format!("account {}", reset.account.email));
    output::line(&format!("keys revoked {}", reset.revoked));
    output::line(&format!("api key {}", reset.key.secret.expose()));
    output::problem("keep the key now: it is not shown again");
    Ok(())
}

fn password() -> anyhow::Result<String> {
    if let Ok(password) = std::env::var(PASSWORD) {
        return Ok(password);
    }
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the password from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("no password: set {PASSWORD} or give it on standard input");
    }
    Ok(password.to_owned())
}
