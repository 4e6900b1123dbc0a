//! Periodic tasks come again whatever happened to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flightdesk_core::Clock;
use flightdesk_worker::clockwork::Clockwork;
use flightdesk_worker::shutdown;
use sqlx::PgPool;

use crate::support::{ctx, until_true};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_tick_that_panics_or_fails_comes_again_until_the_process_stops(pool: PgPool) {
    let (trigger, shutdown) = shutdown::channel();
    let mut clockwork = Clockwork::new(ctx(&pool, Clock::system()), shutdown);
    let ticks = Arc::new(AtomicU32::new(0));
    let counted = ticks.clone();
    clockwork.every("moody", Duration::from_millis(5), move |_| {
        let tick = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_ne!(tick % 3, 0, "this one panics");
            anyhow::ensure!(tick % 3 != 1, "this one fails");
            Ok(())
        }
    });
    until_true("ten ticks", Duration::from_secs(10), async || {
        ticks.load(Ordering::SeqCst) > 10
    })
    .await;
    trigger.stop();
    clockwork.ended().await;
    let last = ticks.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(ticks.load(Ordering::SeqCst), last);
}
