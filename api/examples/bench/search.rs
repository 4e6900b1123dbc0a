//! Searches of routes and days that exist, in a random order.

use serde_json::Value;

use crate::Load;
use crate::client::Shop;
use crate::load;

/// Searches per second, and how long one takes.
pub async fn run(shop: Shop, load: Load) -> anyhow::Result<Value> {
    load::run(load, 200, move |client, number| {
        // Targets are in a random order already: each client begins somewhere else and goes its own way.
        let step = client * 7_919 + number;
        let target = &shop.targets[step % shop.targets.len()];
        shop.search(shop.key(step), target)
    })
    .await
}
