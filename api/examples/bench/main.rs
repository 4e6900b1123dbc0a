//! The load generator of `scripts/bench`: asks a running api over HTTP, as clients would, and prints what it measured
//! as one line of JSON.
//!
//! It takes whom to be and what to ask for from the tables `bench.caller` and `bench.target`, which the script makes.
//! It talks to loopback alone and ends by itself: every phase has an end in time and in number.

mod after_sale;
mod baseline;
mod bodies;
mod book;
mod client;
mod disrupt;
mod load;
mod paid;
mod pay;
mod search;
mod sell_out;
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
        /// Requests that are begun each second, whether or not the ones before were answered: a stall is seen as
        /// waiting. Without it each client asks when it was answered
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
        rate: Option<u32>,
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
        #[command(flatten)]
        wish: book::Wish,
    },
    /// One flight that more want than it has seats: sold out exactly, and whoever comes later is refused
    SellOut {
        #[command(flatten)]
        load: Load,
        /// The target (`bench.target.n`) that all of them want
        #[arg(long, default_value_t = 1)]
        target: i32,
    },
    /// Seat maps of the targets' flights
    SeatMap {
        #[command(flatten)]
        load: Load,
    },
    /// Autosuggest in this process, without HTTP: what people type, letter by letter, with and without a typo
    Suggest {
        #[arg(long, default_value_t = 20_000)]
        queries: usize,
    },
    /// The worst bodies of a mebibyte: what each costs the api in processor time
    Bodies {
        /// The api's process, whose time `/proc` tells (Linux)
        #[arg(long)]
        pid: u32,
    },
    /// Quotes of cancellations and of changes of paid bookings
    Quotes {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        bought: after_sale::Bought,
    },
    /// Confirms the cancellations of paid bookings, all of them once; it ends when they are
    Cancel {
        #[command(flatten)]
        load: Load,
        #[command(flatten)]
        bought: after_sale::Bought,
    },
    /// Cancels a flight with many paid bookings
    Disrupt {
        #[arg(long, default_value_t = 1_000)]
        bookings: usize,
        /// The target (`bench.target.n`) that all of them are on
        #[arg(long, default_value_t = 1)]
        target: i32,
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
    /// Measure from the first request on, without two seconds to warm up
    #[arg(long)]
    cold: bool,
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
    let busy = shop.clone();
    let mut measured: Value = match arguments.what {
        What::Suggest { queries } => suggest::run(&db, queries).await?,
        What::Search {
            load,
            kind,
            rate,
            baseline,
        } => search::run(shop, &db, load, kind, rate, baseline).await?,
        What::Baseline(_) => anyhow::bail!("the baseline serves and measures nothing"),
        What::Book { load, wish } => book::run(shop, load, wish).await?,
        What::SellOut { load, target } => sell_out::run(shop, &db, load, target).await?,
        What::SeatMap { load } => {
            load::run(load, 200, move |client, number| {
                let step = client * 7_919 + number;
                let flight = shop.targets[step % shop.targets.len()].flight_id;
                let path = format!("/v1/flights/{flight}/seat-map?cabin=economy");
                shop.get(shop.key(step), &path)
            })
            .await?
        }
        What::Bodies { pid } => bodies::run(&shop, pid).await?,
        What::Quotes { load, bought } => after_sale::quotes(shop, &db, load, bought).await?,
        What::Cancel { load, bought } => {
            after_sale::cancellations(&shop, &db, load, bought).await?
        }
        What::Disrupt { bookings, target } => disrupt::run(&shop, &db, bookings, target).await?,
        What::Pay {
            travellers,
            mail_dir,
        } => pay::run(&shop, travellers, &mail_dir).await?,
    };
    db.close().await;
    if busy.turned_away() > 0 {
        measured["turned_away_before"] = busy.turned_away().into();
    }
    writeln!(std::io::stdout().lock(), "{measured}")?;
    Ok(())
}
