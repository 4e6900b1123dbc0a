//! Writes a sample ticket, invoice or receipt of a refund, and says how many a core makes a second.
//!
//! `cargo run --release -p flightdesk-worker --example ticket -- FILE [COUNT] [PASSENGERS] [FIRST_NAME LAST_NAME [return] [invoice | credit | receipt] [void]]`

use std::io::Write;
use std::time::Instant;

use anyhow::Context;
use flightdesk_worker::pdf;

mod sample;

/// As the worker has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .context("the first argument is the file to write")?;
    let mut number = |default: usize| {
        arguments
            .next()
            .map_or(Ok(default), |raw| raw.parse().context("not a number"))
    };
    let (count, passengers) = (number(0)?, number(1)?);
    let first_name = arguments.next().unwrap_or_else(|| "Zoë".to_owned());
    let last_name = arguments
        .next()
        .unwrap_or_else(|| "O'Brien-Müller".to_owned());
    let rest: Vec<_> = arguments.collect();
    let wants = |what: &str| rest.iter().any(|word| word == what);
    let content = if wants("return") {
        sample::round_trip(passengers, &first_name, &last_name)?
    } else {
        sample::ticket(passengers, &first_name, &last_name)?
    };
    let invoice = sample::invoice(&content);
    let mut receipt = if wants("receipt") {
        sample::refund_receipt(&content)
    } else {
        sample::credit_note(&content)
    };
    if wants("void") {
        receipt.returned_on = chrono::NaiveDate::from_ymd_opt(2026, 12, 3);
    }
    let make = || {
        if wants("invoice") {
            pdf::invoice(&invoice)
        } else if wants("credit") || wants("receipt") {
            pdf::refund_receipt(&receipt)
        } else {
            pdf::ticket(&content)
        }
    };
    let ticket = make()?;
    std::fs::write(&file, &ticket)?;

    let begun = Instant::now();
    for _ in 0..count {
        make()?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{{\"bytes\": {}, \"tickets\": {count}, \"seconds\": {seconds:.3}}}",
        ticket.len()
    )?;
    Ok(())
}
