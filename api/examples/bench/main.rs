//! The load generator of `scripts/bench`: asks a running api over HTTP, as clients would, and prints what it measured
//! as one line of JSON.
//!
//! It takes whom to be and what to ask for from the tables `bench.caller` and `bench.target`, which the script makes.
//! It talks to loopback alone and ends by itself: every phase has an end in time and in number.

mod baseline;
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
    /// Searches
    Search {
        #[command(flatten)]
        load: Load,
        #[arg(long, value_enum, default_value = "direct")]
        kind: search::Kind,
        /// Where `bench baseline` serves; for `--kind cached`
        #[arg(long)]
        baseline: Option<url::Url>,
    },
    /// Serves the bytes that `search --kind cached` compares with, until it is ended
    Baseline(Box<baseline::Baseline>),
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

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let What::Baseline(baseline) = arguments.what {
        // With as many threads as the api has.
        let runtime = tokio::runtime::Builder::new_multi_thread();
        return on(runtime, baseline::serve(*baseline));
    }
    on(
        tokio::runtime::Builder::new_current_thread(),
        measure(arguments),
    )
}

fn on<T>(
    mut runtime: tokio::runtime::Builder,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    runtime.enable_all().build()?.block_on(work)
}

async fn measure(arguments: Arguments) -> anyhow::Result<()> {
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
        What::Search {
            load,
            kind,
            baseline,
        } => search::run(shop, &db, load, kind, baseline).await?,
        What::Baseline(_) => anyhow::bail!("the baseline serves and measures nothing"),
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
