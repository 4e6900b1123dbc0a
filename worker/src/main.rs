//! The worker process: everything that is done by jobs or by the clock, on one screen.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, error::ErrorKind};
use flightdesk_core::config::Settings;
use flightdesk_core::outbox::Queue;
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::storage::Storage;
use flightdesk_core::{
    Clock, account, booking, db, fare, flight, hold, idempotency, invariants, outbox, payment,
    reminder, schedule, telemetry, ticket, webhook,
};
use flightdesk_worker::clockwork::Clockwork;
use flightdesk_worker::health::Health;
use flightdesk_worker::settings::{Cli, WorkerSettings};
use flightdesk_worker::shutdown::{self, Shutdown, Trigger};
use flightdesk_worker::transport::{queue, runtime, sweeper};
use flightdesk_worker::{Ctx, Mailer, Texter, WebhookClient, attempt, metrics};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli: Cli = flightdesk_core::production::parse();
    let refusals = cli.settings.refusals();
    if !refusals.is_empty() {
        Cli::command()
            .error(ErrorKind::ValueValidation, refusals.join("\n  "))
            .exit();
    }
    if let Err(error) = telemetry::init("worker", &cli.settings.logs) {
        eprintln!("worker: RUST_LOG cannot be read: {error:#}");
        return ExitCode::FAILURE;
    }
    match run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Some(addr) = cli.worker.metrics_addr {
        metrics::serve(addr)
            .with_context(|| format!("cannot listen on {addr} (WORKER_METRICS_ADDR)"))?;
    }
    let ctx = context(cli.settings)?;
    if let Err(why) = db::wait_for(&ctx.db, &ctx.settings.database).await {
        eprintln!("worker: {why}");
        return Ok(ExitCode::from(db::UNREACHABLE));
    }
    refuse_other_currency(&ctx).await?;
    let (trigger, shutdown) = shutdown::channel();
    tokio::spawn(stop_on_signal(trigger)?);

    let health = Health::default();
    let clockwork = clockwork(&ctx, &cli.worker, &health, shutdown.clone())?;
    // The queues: render_document · send_mail, send_verification, send_password_reset, send_endpoint_disabled, send_sms ·
    // create_refund, expire_checkout, reconcile_payment · materialise_flights, notify_disrupted · deliver_webhook.
    info!(name = runtime::process_name(), "worker started");
    let finished = runtime::run(ctx.clone(), &cli.worker, Queue::ALL, &health, shutdown).await?;
    clockwork.ended().await;
    let sign_off = async {
        let mut conn = ctx.db.acquire().await?;
        outbox::deregister(&mut conn, &runtime::process_name()).await
    };
    let _ = ctx.db.within(Duration::from_secs(5), sign_off).await;
    info!(finished, "worker stopped");
    Ok(ExitCode::SUCCESS)
}

/// Bookings and changes of bookings that nobody has paid in time.
async fn sweep_bookings(ctx: Ctx) -> anyhow::Result<()> {
    booking::sweep_due(&ctx.db, &ctx.clock).await?;
    booking::sweep_changes(&ctx.db, &ctx.clock).await?;
    Ok(())
}

async fn sweep_disruptions(ctx: Ctx) -> anyhow::Result<()> {
    booking::sweep_disruptions(&ctx.db, &ctx.clock, &ctx.settings.disruptions).await?;
    Ok(())
}

/// What happens by the clock.
fn clockwork(
    ctx: &Ctx,
    worker: &WorkerSettings,
    health: &Health,
    shutdown: Shutdown,
) -> anyhow::Result<Clockwork> {
    // Jobs: bring back what crashed, forget what is long done, keep Redis small.
    let mut clockwork = Clockwork::new(ctx.clone(), shutdown);
    clockwork.every("requeue_lapsed", Duration::from_secs(2), |ctx| async move {
        while attempt::requeue_lapsed(&ctx).await? > 0 {}
        Ok(())
    });
    let kept = worker.job_retention();
    clockwork.every("trim", Duration::from_mins(1), move |ctx| trim(ctx, kept));
    let (redis, prefix) = (
        queue::connect(&ctx.settings.redis)?,
        worker.queue_prefix.clone(),
    );
    clockwork.every("sweep_redis", Duration::from_secs(10), move |_| {
        sweeper::sweep_all(redis.clone(), prefix.clone())
    });
    // Signs of life, for people and for metrics.
    let paths = health.clone();
    clockwork.every("heartbeat", Duration::from_secs(5), move |ctx| {
        let broken = paths.broken();
        async move {
            anyhow::ensure!(broken.is_empty(), "no sign of life: {}", broken.join(", "));
            let mut conn = ctx.db.acquire().await?;
            Ok(outbox::record_heartbeat(&mut conn, &ctx.clock, &runtime::process_name()).await?)
        }
    });
    clockwork.every("observe", Duration::from_secs(5), |ctx| async move {
        Ok(metrics::observe(&ctx, &runtime::process_name()).await?)
    });
    // Deadlines: seats of holds and bookings that are due go back; silent payments and refunds are asked about.
    clockwork.every("sweep_holds", Duration::from_secs(5), |ctx| async move {
        hold::sweep_due(&ctx.db, &ctx.clock).await?;
        Ok(())
    });
    clockwork.every("sweep_bookings", Duration::from_secs(5), sweep_bookings);
    // Flights that were cancelled or moved: who has not answered in time.
    let every = Duration::from_secs(15);
    clockwork.every("sweep_disruptions", every, sweep_disruptions);
    clockwork.every("reconcile", Duration::from_secs(15), reconcile);
    // A dispute may be heard of before the payment that it is of.
    clockwork.every("match_disputes", Duration::from_secs(15), match_disputes);
    // What a process of an older version settled during an upgrade has its receipt.
    clockwork.every(
        "number_receipts",
        Duration::from_mins(5),
        |ctx| async move {
            loop {
                let mut tx = ctx.db.begin().await?;
                let is_numbered = payment::number_missing_receipt(&mut tx, &ctx.clock).await?;
                tx.commit().await?;
                if !is_numbered {
                    return Ok(());
                }
            }
        },
    );
    // A day before departure: a mail for everybody who flies.
    clockwork.every("remind", Duration::from_mins(5), |ctx| async move {
        let mut tx = ctx.db.begin().await?;
        reminder::promise_due(&mut tx, &ctx.clock).await?;
        Ok(tx.commit().await?)
    });
    // Coupons of flights that have left.
    clockwork.every("mark_flown", Duration::from_mins(5), |ctx| async move {
        let mut conn = ctx.db.acquire().await?;
        while ticket::mark_flown(&mut conn, &ctx.clock).await? > 0 {}
        Ok(())
    });
    clockwork.every(
        "purge_idempotency_keys",
        Duration::from_mins(10),
        |ctx| async move {
            idempotency::purge(&mut *ctx.db.acquire().await?, &ctx.clock).await?;
            Ok(())
        },
    );
    // Of a database that was restored: what it says of transactions that have not been.
    clockwork.every("mend_restored", Duration::from_mins(5), |ctx| async move {
        let mut conn = ctx.db.acquire().await?;
        while flight::mend_restored(&mut conn).await? > 0 {}
        Ok(())
    });
    // Once a night: does everything hold that must?
    clockwork.every(
        "check_invariants",
        Duration::from_mins(10),
        |ctx| async move {
            invariants::run_nightly(&ctx.db, &ctx.clock).await?;
            Ok(())
        },
    );

    // Flights out of schedules: promised once a day, however often and by however many processes it is asked for.
    clockwork.every(
        "promise_flights",
        Duration::from_hours(1),
        |ctx| async move {
            let days = ctx.settings.timetable.schedule_days_ahead;
            let mut tx = ctx.db.begin().await?;
            schedule::promise(&mut tx, &ctx.clock, days).await?;
            Ok(tx.commit().await?)
        },
    );
    Ok(clockwork)
}

/// The back-ends of these settings. Nothing is connected yet.
fn context(settings: Settings) -> anyhow::Result<Ctx> {
    let db = db::pool(&settings.database, "flightdesk-worker")
        .map_err(|error| anyhow::anyhow!(flightdesk_core::db_error::explain(&error)))?;
    db::watch(&[&db]);
    Ok(Ctx {
        db,
        clock: Clock::system(),
        storage: Storage::from_settings(&settings)?,
        stripe: Stripe::new(&settings)?,
        mail: Mailer::from_settings(&settings)?,
        texter: Texter::from_settings(&settings),
        webhooks: WebhookClient::new(&settings),
        settings: Arc::new(settings),
    })
}

/// A worker of another currency than the catalogue's would settle and write invoices in it.
async fn refuse_other_currency(ctx: &Ctx) -> anyhow::Result<()> {
    let currency = ctx.settings.sales.sale_currency;
    let problems = fare::currency_problems_at_start(&ctx.db, currency).await;
    if problems.is_empty() {
        return Ok(());
    }
    anyhow::bail!(problems.join("\n  "))
}

/// Forgets jobs that are long done, deliveries of webhooks older than a month, where accounts older than a day were opened
/// from, and sessions that have expired.
async fn trim(ctx: Ctx, kept: chrono::Duration) -> anyhow::Result<()> {
    while outbox::trim(&mut *ctx.db.acquire().await?, &ctx.clock, kept).await? > 0 {}
    while webhook::trim(&mut *ctx.db.acquire().await?, &ctx.clock).await? > 0 {}
    account::forget_networks(&mut *ctx.db.acquire().await?, &ctx.clock).await?;
    while account::forget_sessions(&mut *ctx.db.acquire().await?, &ctx.clock).await? > 0 {}
    Ok(())
}

/// Has the payment provider asked about whoever was silent for too long.
async fn reconcile(ctx: Ctx) -> anyhow::Result<()> {
    let mut tx = ctx.db.begin().await?;
    payment::promise_questions(&mut tx, &ctx.clock).await?;
    payment::promise_refund_questions(&mut tx, &ctx.clock).await?;
    payment::close_needless_questions(&mut tx, &ctx.clock).await?;
    Ok(tx.commit().await?)
}

/// Finds the payments of disputes that were told first, in a transaction for each.
async fn match_disputes(ctx: Ctx) -> anyhow::Result<()> {
    loop {
        let mut tx = ctx.db.begin().await?;
        let is_matched = payment::match_dispute(&mut tx, &ctx.clock).await?;
        tx.commit().await?;
        if !is_matched {
            return Ok(());
        }
    }
}

fn stop_on_signal(trigger: Trigger) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => info!("SIGTERM: taking no more jobs"),
            _ = interrupt.recv() => info!("SIGINT: taking no more jobs"),
        }
        trigger.stop();
        // Dropping it would say the same; the loops need it until the process ends.
        std::future::pending::<()>().await;
    })
}
