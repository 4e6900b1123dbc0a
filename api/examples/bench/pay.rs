//! How long a traveller waits for the ticket on a system that does nothing else.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::Shop;
use crate::load::milliseconds;

/// The card that always pays (<https://docs.stripe.com/testing>).
pub const CARD: &str = "4242424242424242";
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_mins(1);

/// Milliseconds from the press of "Pay" to the ticket that can be downloaded, and to the mail in its folder.
pub async fn run(shop: &Shop, travellers: usize, mail_dir: &Path) -> anyhow::Result<Value> {
    let (mut tickets, mut mails) = (Vec::new(), Vec::new());
    for index in 0..travellers {
        let (ticket, mail) = travel(shop, index, mail_dir).await?;
        tickets.push(u32::try_from(ticket.as_micros())?);
        mails.push(u32::try_from(mail.as_micros())?);
        // Idle again before the next.
        sleep(Duration::from_millis(200)).await;
    }
    tickets.sort_unstable();
    mails.sort_unstable();
    Ok(json!({
        "travellers": travellers,
        "ticket_median_ms": milliseconds(&tickets, 50),
        "ticket_max_ms": milliseconds(&tickets, 100),
        "mail_median_ms": milliseconds(&mails, 50),
        "mail_max_ms": milliseconds(&mails, 100),
    }))
}

async fn travel(
    shop: &Shop,
    index: usize,
    mail_dir: &Path,
) -> anyhow::Result<(Duration, Duration)> {
    let key = shop.key(index);
    let mut offer = None;
    for target in shop.targets.iter().cycle().skip(index).take(100) {
        offer = shop.offer(key, &target.one_way(1)).await?;
        if offer.is_some() {
            break;
        }
    }
    let offer = offer.context("none of a hundred flights can be bought")?;
    let booking = shop.ask(|| shop.book(&offer), 201).await?;
    let reference = booking["booking_ref"].as_str().context("no booking_ref")?;
    let path = format!("/v1/bookings/{reference}/payment");
    let payment = shop.ask(|| shop.post(key, &path, &json!({})), 201).await?;
    let page = payment["checkout_url"]
        .as_str()
        .context("no checkout_url")?;
    let before = letters(mail_dir);

    let paid = Instant::now();
    let answer = shop.answer(|| shop.submit(page, CARD)).await?;
    if answer.status() != 303 {
        bail!("the checkout page answered {}", answer.status());
    }
    let path = format!("/v1/bookings/{reference}/documents");
    loop {
        let documents = shop.ask(|| shop.get(key, &path), 200).await?;
        let list = documents["data"]
            .as_array()
            .context("no list of documents")?;
        if list.iter().any(|document| document["status"] == "ready") {
            break;
        }
        wait(paid, "ticket").await?;
    }
    let ticket = paid.elapsed();
    while letters(mail_dir).is_subset(&before) {
        wait(paid, "mail").await?;
    }
    Ok((ticket, paid.elapsed()))
}

async fn wait(since: Instant, what: &str) -> anyhow::Result<()> {
    if since.elapsed() > PATIENCE {
        bail!("no {what} {} s after the payment", PATIENCE.as_secs());
    }
    sleep(BETWEEN_LOOKS).await;
    Ok(())
}

/// The finished mails; no folder yet means none.
fn letters(folder: &Path) -> HashSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect()
}
