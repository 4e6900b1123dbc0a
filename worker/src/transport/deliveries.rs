//! Has jobs promised for deliveries of webhooks that are due. It looks as relays do: at each hint, and every two seconds by
//! itself; a job that is done gives a hint, so that the next delivery of its endpoint follows.

use std::time::Duration;

use flightdesk_core::webhook::{self, Promised};
use tracing::{info, warn};

use super::relay::IDLE_PAUSE;
use crate::Ctx;
use crate::hint::{Hinted, Hints};
use crate::shutdown::Shutdown;

/// From a hint to the look that follows: the commit it is about may be on its way, and of many hints one look is enough.
const HINT_PAUSE: Duration = Duration::from_millis(40);
/// The longest that one look may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Promises until the process shall stop.
pub async fn run(ctx: Ctx, hints: Hints, mut hinted: Hinted, shutdown: Shutdown) {
    let mut away = false;
    loop {
        let looked = ctx.db.within(LONGEST, look(&ctx)).await;
        let wait = match looked {
            Some(Ok(promised)) => {
                if std::mem::take(&mut away) {
                    info!("deliveries of webhooks are promised again");
                }
                if promised.jobs > 0 {
                    // To the relay. It comes back here too, and finds out whether there is more.
                    hints.give();
                }
                let next_in = promised.next_at.map(|at| at - ctx.clock.now());
                let next_in = next_in.map(|wait| wait.to_std().unwrap_or_default());
                next_in.unwrap_or(IDLE_PAUSE).min(IDLE_PAUSE)
            }
            failed => {
                if !std::mem::replace(&mut away, true) {
                    let error = failed.and_then(Result::err);
                    warn!(
                        error = error.as_ref().map(tracing::field::display),
                        "deliveries of webhooks cannot be promised; they wait"
                    );
                }
                IDLE_PAUSE
            }
        };
        tokio::select! {
            goes_on = shutdown.sleep(wait) => if !goes_on {
                return;
            },
            () = hinted.next(), if !away => {
                if !shutdown.sleep(HINT_PAUSE).await {
                    return;
                }
            }
        }
    }
}

async fn look(ctx: &Ctx) -> flightdesk_core::Result<Promised> {
    let mut tx = ctx.db.begin().await?;
    let promised = webhook::promise_due(&mut tx, &ctx.clock).await?;
    tx.commit().await?;
    Ok(promised)
}
