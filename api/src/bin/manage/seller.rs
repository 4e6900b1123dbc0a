//! Who sells, as invoices say it.

use clap::Args;
use flightdesk_core::Clock;
use flightdesk_core::config::Settings;
use flightdesk_core::seller::{self, SellerPatch};
use sqlx::Connection;

use crate::{connect, output};

/// What shall be another.
#[derive(Args)]
pub(crate) struct NewSeller {
    /// Name, as registered
    #[arg(long)]
    name: Option<String>,

    /// Where to write to, in one line
    #[arg(long)]
    address: Option<String>,

    /// The number taxes are paid under, a GSTIN in India; empty for none
    #[arg(long)]
    tax_number: Option<String>,

    /// One or two capital letters that begin every invoice number
    #[arg(long)]
    number_prefix: Option<String>,

    /// Month that a fiscal year begins with; change it between two years, or a year is numbered in two ways
    #[arg(long, value_name = "MONTH")]
    fiscal_year_month: Option<u8>,

    /// IANA zone whose midnight begins a day of invoices: Asia/Kolkata
    #[arg(long)]
    time_zone: Option<String>,
}

/// Changes what is given and prints who sells then.
pub(crate) async fn run(settings: &Settings, clock: &Clock, new: NewSeller) -> anyhow::Result<()> {
    let patch = SellerPatch {
        name: new.name,
        address: new.address,
        tax_number: new.tax_number,
        number_prefix: new.number_prefix,
        fiscal_year_month: new.fiscal_year_month,
        time_zone: new.time_zone,
    };
    let mut conn = connect::database(settings).await?;
    let mut tx = conn.begin().await?;
    let seller = seller::change(&mut tx, clock, patch)
        .await
        .map_err(output::explained)?;
    tx.commit().await?;
    output::line(&seller.to_string());
    Ok(())
}
