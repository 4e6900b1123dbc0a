//! The load generator of `scripts/bench`: asks a running api over HTTP, as clients would, and prints what it measured
//! as one line of JSON.
//!
//! It takes whom to be and what to ask for from the tables `bench.caller` and `bench.target`, which the script makes.
//! It talks to loopback alone and ends by itself: every phase has an end in time and in number.

mod book;
mod client;
mod load;
mod pay;
mod search;
mod suggest;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;

use client::Shop;

#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    /// Address of the api; loopback
    #[arg(long, env = "PUBLIC_URL")]
    base: url::Url,
    /// The database of the api, to read callers and targets from
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Searches of random routes and days
    Search(Load),
    /// One-step bookings of offers that were searched for before the clock starts
    Book {
        #[command(flatten)]
        load: Load,
        /// Offers to search for; each is booked again and again
        #[arg(long, default_value_t = 2_000)]
        offers: usize,
        /// Book this target (`bench.target.n`) alone instead of all
        #[arg(long)]
        hot: Option<i32>,
    },
    /// Autosuggest in this process, without HTTP: what people type, letter by letter, with and without a typo
    Suggest {
        #[arg(long, default_value_t = 20_000)]
        queries: usize,
    },
    /// One traveller after the other: from the payment to the ticket, and to the mail
    Pay {
        #[arg(long, default_value_t = 20)]
        travellers: usize,
        /// `MAIL_DIR` of the worker
        #[arg(long)]
        mail_dir: PathBuf,
    },
}

/// How much at once, and how long.
#[derive(Args, Clone, Copy)]
struct Load {
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    clients: u16,
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let is_loopback = match arguments.base.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    anyhow::ensure!(
        is_loopback,
        "this loads machines: it talks to loopback alone"
    );
    let db = PgPoolOptions::new()
        .max_connections(1)
        .connect(&arguments.database_url)
        .await?;
    let shop = Shop::open(&arguments.base, &db).await?;
    let measured: Value = match arguments.what {
        What::Suggest { queries } => suggest::run(&db, queries).await?,
        What::Search(load) => search::run(shop, load).await?,
        What::Book { load, offers, hot } => book::run(shop, load, offers, hot).await?,
        What::Pay {
            travellers,
            mail_dir,
        } => pay::run(&shop, travellers, &mail_dir).await?,
    };
    db.close().await;
    writeln!(std::io::stdout().lock(), "{measured}")?;
    Ok(())
}
