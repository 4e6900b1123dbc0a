//! The worker process: everything that is done by jobs or by the clock, on one screen.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser, error::ErrorKind};
use flightdesk_core::outbox::Queue;
use flightdesk_core::payment::stripe::Stripe;
use flightdesk_core::storage::Storage;
use flightdesk_core::{
    Clock, booking, db, hold, idempotency, invariants, outbox, payment, reminder, schedule,
    telemetry,
};
use flightdesk_worker::clockwork::Clockwork;
use flightdesk_worker::settings::Cli;
use flightdesk_worker::shutdown::{self, Trigger};
use flightdesk_worker::{Ctx, Mailer, Texter, attempt, metrics, queue, runtime, sweeper};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let refusals = cli.settings.refusals();
    if !refusals.is_empty() {
        Cli::command()
            .error(ErrorKind::ValueValidation, refusals.join("\n  "))
            .exit();
    }
    telemetry::init("worker");
    if let Some(addr) = cli.worker.metrics_addr {
        metrics::serve(addr)?;
    }
    let ctx = Ctx {
        db: db::pool(&cli.settings.database, "flightdesk-worker")?,
        clock: Clock::system(),
        storage: Storage::from_settings(&cli.settings)?,
        stripe: Stripe::new(&cli.settings)?,
        mail: Mailer::from_settings(&cli.settings)?,
        texter: Texter::from_settings(&cli.settings),
        settings: Arc::new(cli.settings),
    };
    let (trigger, shutdown) = shutdown::channel();
    tokio::spawn(stop_on_signal(trigger)?);

    // By the clock. Jobs: bring back what crashed, forget what is long done, keep Redis small.
    let mut clockwork = Clockwork::new(ctx.clone(), shutdown.clone());
    clockwork.every("requeue_lapsed", Duration::from_secs(1), |ctx| async move {
        while attempt::requeue_lapsed(&ctx).await? > 0 {}
        Ok(())
    });
    let kept = cli.worker.job_retention();
    clockwork.every("trim", Duration::from_mins(1), move |ctx| async move {
        while outbox::trim(&mut *ctx.db.acquire().await?, &ctx.clock, kept).await? > 0 {}
        Ok(())
    });
    let (redis, prefix) = (
        queue::connect(&ctx.settings.redis)?,
        cli.worker.queue_prefix.clone(),
    );
    clockwork.every("sweep_redis", Duration::from_secs(10), move |_| {
        sweeper::sweep_all(redis.clone(), prefix.clone())
    });
    // Signs of life, for people and for metrics.
    clockwork.every("heartbeat", Duration::from_secs(5), |ctx| async move {
        let mut conn = ctx.db.acquire().await?;
        Ok(outbox::beat(&mut conn, &ctx.clock, &runtime::process_name()).await?)
    });
    clockwork.every("observe", Duration::from_secs(5), |ctx| async move {
        Ok(metrics::observe(&ctx).await?)
    });
    // Deadlines: seats of holds and bookings that are due go back; silent payments and refunds are asked about.
    clockwork.every("sweep_holds", Duration::from_secs(5), |ctx| async move {
        hold::sweep_due(&ctx.db, &ctx.clock).await?;
        Ok(())
    });
    clockwork.every("sweep_bookings", Duration::from_secs(5), |ctx| async move {
        booking::sweep_due(&ctx.db, &ctx.clock).await?;
        booking::sweep_seat_changes(&ctx.db, &ctx.clock).await?;
        Ok(())
    });
    clockwork.every("reconcile", Duration::from_secs(15), |ctx| async move {
        let mut tx = ctx.db.begin().await?;
        payment::promise_questions(&mut tx, &ctx.clock).await?;
        payment::promise_refund_questions(&mut tx, &ctx.clock).await?;
        Ok(tx.commit().await?)
    });
    // A day before departure: a mail for everybody who flies.
    clockwork.every("remind", Duration::from_mins(5), |ctx| async move {
        let mut tx = ctx.db.begin().await?;
        reminder::promise_due(&mut tx, &ctx.clock).await?;
        Ok(tx.commit().await?)
    });
    clockwork.every(
        "purge_idempotency_keys",
        Duration::from_mins(10),
        |ctx| async move {
            idempotency::purge(&mut *ctx.db.acquire().await?, &ctx.clock).await?;
            Ok(())
        },
    );
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

    // The queues: render_document · send_mail, send_sms · create_refund, expire_checkout, reconcile_payment ·
    // materialise_flights.
    info!(name = runtime::process_name(), "worker started");
    let finished = runtime::run(ctx.clone(), &cli.worker, Queue::ALL, shutdown).await?;
    clockwork.ended().await;
    if let Ok(mut conn) = ctx.db.acquire().await {
        let _ = outbox::rest(&mut conn, &runtime::process_name()).await;
    }
    info!(finished, "worker stopped");
    Ok(ExitCode::SUCCESS)
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
