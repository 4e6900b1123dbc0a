use std::collections::HashSet;

use chrono::{Duration, TimeZone, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::*;
use crate::ids::PaymentId;

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap())
}

fn job() -> ReconcilePayment {
    ReconcilePayment {
        payment_id: PaymentId::new(),
    }
}

async fn promise(conn: &mut PgConnection, clock: &Clock) -> JobId {
    put(conn, clock, None, &job()).await.unwrap()
}

async fn started(conn: &mut PgConnection, clock: &Clock) -> Lease {
    let id = promise(conn, clock).await;
    start(conn, clock, id, 1).await.unwrap().unwrap().lease
}

async fn row(conn: &mut PgConnection, id: JobId) -> (String, i32, Option<String>) {
    let row = sqlx::query!(
        "select status, attempts, last_error from outbox where id = $1",
        id.0
    )
    .fetch_one(conn)
    .await
    .unwrap();
    (row.status, row.attempts, row.last_error)
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_job_that_succeeds_is_done_and_never_comes_back(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let id = promise(&mut conn, &clock).await;

    let claimed = claim(&mut conn, &clock, Queue::Payments, 10).await.unwrap();
    assert_eq!((claimed[0].job_id, claimed[0].attempt), (id, 1));
    let lease = start(&mut conn, &clock, id, 1)
        .await
        .unwrap()
        .unwrap()
        .lease;
    finish(&mut conn, &clock, &lease).await.unwrap();

    clock.advance(Duration::days(1));
    let lapsed = requeue_lapsed(&mut conn, &clock).await.unwrap();
    assert_eq!((lapsed.unstarted, lapsed.abandoned), (0, 0));
    assert!(
        claim(&mut conn, &clock, Queue::Payments, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(start(&mut conn, &clock, id, 2).await.unwrap().is_none());
    assert_eq!(row(&mut conn, id).await, ("done".to_owned(), 1, None));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_job_is_claimed_in_its_own_queue_once_it_is_due_and_as_far_as_there_is_room(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let first = promise(&mut conn, &clock).await;
    clock.advance(Duration::seconds(1));
    let second = promise(&mut conn, &clock).await;
    let third = promise(&mut conn, &clock).await;
    sqlx::query!(
        "update outbox set run_after = run_after + interval '1 hour' where id = $1",
        third.0
    )
    .execute(&mut *conn)
    .await
    .unwrap();

    assert!(
        claim(&mut conn, &clock, Queue::Mail, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        claim(&mut conn, &clock, Queue::Payments, 0)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        claim(&mut conn, &clock, Queue::Payments, -3)
            .await
            .unwrap()
            .is_empty()
    );
    let one = claim(&mut conn, &clock, Queue::Payments, 1).await.unwrap();
    assert_eq!(one[0].job_id, first, "the one due longest goes first");
    let rest = claim(&mut conn, &clock, Queue::Payments, 10).await.unwrap();
    assert_eq!(
        rest.iter().map(|row| row.job_id).collect::<Vec<_>>(),
        [second]
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_relays_take_different_rows_and_do_not_wait_for_each_other(pool: PgPool) {
    let clock = clock();
    let mut conn = pool.acquire().await.unwrap();
    for _ in 0..20 {
        promise(&mut conn, &clock).await;
    }
    let mut one = pool.begin().await.unwrap();
    let mut other = pool.begin().await.unwrap();
    // The first transaction stays open: without `skip locked` the second would wait for it, for ever.
    let taken = claim(&mut one, &clock, Queue::Payments, 12).await.unwrap();
    let left = claim(&mut other, &clock, Queue::Payments, 12)
        .await
        .unwrap();
    one.commit().await.unwrap();
    other.commit().await.unwrap();

    let all: HashSet<_> = taken.iter().chain(&left).map(|row| row.job_id).collect();
    assert_eq!((taken.len(), left.len(), all.len()), (12, 8, 20));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn of_two_workers_with_the_same_push_one_starts(pool: PgPool) {
    let clock = clock();
    let id = promise(&mut pool.acquire().await.unwrap(), &clock).await;
    let attempts = (0..8).map(|_| {
        let (pool, clock) = (pool.clone(), clock.clone());
        tokio::spawn(async move {
            let mut conn = pool.acquire().await.unwrap();
            start(&mut conn, &clock, id, 1).await.unwrap().is_some()
        })
    });
    let starts = futures::future::join_all(attempts.collect::<Vec<_>>()).await;
    assert_eq!(
        starts
            .into_iter()
            .filter(|start| *start.as_ref().unwrap())
            .count(),
        1
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_push_that_was_lost_is_made_again_under_another_key_and_costs_no_attempt(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let id = promise(&mut conn, &clock).await;
    let lost = claim(&mut conn, &clock, Queue::Payments, 1).await.unwrap();

    clock.advance(QUEUED_LEASE - Duration::seconds(1));
    assert_eq!(
        requeue_lapsed(&mut conn, &clock).await.unwrap().unstarted,
        0
    );
    clock.advance(Duration::seconds(2));
    assert_eq!(
        requeue_lapsed(&mut conn, &clock).await.unwrap().unstarted,
        1
    );
    let again = claim(&mut conn, &clock, Queue::Payments, 1).await.unwrap();
    assert_eq!((again[0].job_id, again[0].attempt), (id, 1));
    assert_ne!(again[0].push, lost[0].push);

    // Both pushes arrive after all: the job starts once.
    assert!(start(&mut conn, &clock, id, 1).await.unwrap().is_some());
    assert!(start(&mut conn, &clock, id, 1).await.unwrap().is_none());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_failed_push_gives_its_rows_back_but_not_those_that_were_started(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let (back, running) = (
        promise(&mut conn, &clock).await,
        promise(&mut conn, &clock).await,
    );
    let claimed = claim(&mut conn, &clock, Queue::Payments, 10).await.unwrap();
    start(&mut conn, &clock, running, 1).await.unwrap().unwrap();
    unclaim(&mut conn, &claimed).await.unwrap();
    assert_eq!(row(&mut conn, back).await, ("waiting".to_owned(), 0, None));
    assert_eq!(row(&mut conn, running).await.0, "running");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_worker_that_went_silent_can_neither_finish_nor_fail_what_another_has(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let silent = started(&mut conn, &clock).await;
    clock.advance(RUNNING_LEASE + Duration::seconds(1));
    assert_eq!(
        requeue_lapsed(&mut conn, &clock).await.unwrap().abandoned,
        1
    );
    let id = silent.job_id;
    let other = start(&mut conn, &clock, id, 2)
        .await
        .unwrap()
        .unwrap()
        .lease;

    let lost = |error: Error| matches!(error, Error::LeaseLost(job) if job == id);
    assert!(lost(finish(&mut conn, &clock, &silent).await.unwrap_err()));
    assert!(lost(extend(&mut conn, &clock, &silent).await.unwrap_err()));
    assert!(lost(
        fail(&mut conn, &clock, &silent, "x", true)
            .await
            .unwrap_err()
    ));
    finish(&mut conn, &clock, &other).await.unwrap();
    assert!(
        lost(finish(&mut conn, &clock, &other).await.unwrap_err()),
        "done is done"
    );
    assert_eq!(row(&mut conn, id).await, ("done".to_owned(), 2, None));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_job_that_shows_signs_of_life_is_not_given_to_another(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let lease = started(&mut conn, &clock).await;
    for _ in 0..12 {
        clock.advance(RUNNING_LEASE / 3);
        extend(&mut conn, &clock, &lease).await.unwrap();
        assert_eq!(
            requeue_lapsed(&mut conn, &clock).await.unwrap().abandoned,
            0
        );
        assert!(
            start(&mut conn, &clock, lease.job_id, 2)
                .await
                .unwrap()
                .is_none()
        );
    }
    finish(&mut conn, &clock, &lease).await.unwrap();
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_failure_is_tried_again_later_until_its_attempts_are_used_up(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let id = promise(&mut conn, &clock).await;
    for attempt in 1..=Kind::ReconcilePayment.max_attempts() {
        assert_eq!(
            claim(&mut conn, &clock, Queue::Payments, 1).await.unwrap()[0].attempt,
            attempt
        );
        let lease = start(&mut conn, &clock, id, attempt)
            .await
            .unwrap()
            .unwrap()
            .lease;
        let verdict = fail(&mut conn, &clock, &lease, "Stripe is away", true)
            .await
            .unwrap();
        if attempt < Kind::ReconcilePayment.max_attempts() {
            let Verdict::RetryAt(at) = verdict else {
                panic!("attempt {attempt} was the last")
            };
            assert!(at > clock.now());
            assert!(
                claim(&mut conn, &clock, Queue::Payments, 1)
                    .await
                    .unwrap()
                    .is_empty()
            );
            clock.advance(at - clock.now());
        } else {
            assert_eq!(verdict, Verdict::Dead);
        }
    }
    clock.advance(Duration::days(1));
    assert!(
        claim(&mut conn, &clock, Queue::Payments, 1)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        row(&mut conn, id).await,
        ("dead".to_owned(), 5, Some("Stripe is away".to_owned()))
    );

    retry_dead(&mut conn, &clock, id).await.unwrap();
    assert_eq!(
        claim(&mut conn, &clock, Queue::Payments, 1).await.unwrap()[0].attempt,
        6
    );
    assert!(matches!(
        retry_dead(&mut conn, &clock, id).await,
        Err(Error::NotFound(_))
    ));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_failure_that_no_repetition_mends_is_dead_at_once_and_keeps_no_address(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let lease = started(&mut conn, &clock).await;
    let error = "550 <asha@example.com> unknown";
    assert_eq!(
        fail(&mut conn, &clock, &lease, error, false).await.unwrap(),
        Verdict::Dead
    );
    let (status, attempts, error) = row(&mut conn, lease.job_id).await;
    assert_eq!((status.as_str(), attempts), ("dead", 1));
    assert_eq!(error.as_deref(), Some("550 [redacted] unknown"));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_crash_counts_as_an_attempt_and_the_last_one_kills_the_job(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let id = promise(&mut conn, &clock).await;
    let most = Kind::ReconcilePayment.max_attempts();
    for attempt in 1..=most {
        start(&mut conn, &clock, id, attempt)
            .await
            .unwrap()
            .unwrap();
        clock.advance(RUNNING_LEASE + Duration::seconds(1));
        let lapsed = requeue_lapsed(&mut conn, &clock).await.unwrap();
        assert_eq!(
            (lapsed.abandoned, lapsed.dead.len()),
            if attempt < most { (1, 0) } else { (0, 1) }
        );
        if let Some(dead) = lapsed.dead.first() {
            assert_eq!((dead.job_id, dead.kind.as_str()), (id, "reconcile_payment"));
        }
    }
    assert_eq!(row(&mut conn, id).await.0, "dead");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_effect_of_a_lost_lease_is_rolled_back(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let silent = started(&mut conn, &clock).await;
    clock.advance(RUNNING_LEASE + Duration::seconds(1));
    requeue_lapsed(&mut conn, &clock).await.unwrap();

    let mut tx = pool.begin().await.unwrap();
    let effect = promise(&mut tx, &clock).await;
    assert!(finish(&mut tx, &clock, &silent).await.is_err());
    drop(tx);
    let kept = sqlx::query_scalar!("select count(*) from outbox where id = $1", effect.0)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(kept, Some(0));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_keyed_promise_is_made_once_whoever_makes_it_and_survives_trimming(pool: PgPool) {
    let clock = clock();
    let racers = (0..8).map(|_| {
        let (pool, clock) = (pool.clone(), clock.clone());
        tokio::spawn(async move {
            let mut conn = pool.acquire().await.unwrap();
            put_once(&mut conn, &clock, None, "mail:1", &job())
                .await
                .unwrap()
        })
    });
    let ids: Vec<_> = futures::future::join_all(racers.collect::<Vec<_>>())
        .await
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(ids.len(), 1);

    let mut conn = pool.acquire().await.unwrap();
    let lease = start(&mut conn, &clock, ids[0], 1)
        .await
        .unwrap()
        .unwrap()
        .lease;
    finish(&mut conn, &clock, &lease).await.unwrap();
    clock.advance(Duration::days(365));
    assert_eq!(trim(&mut conn, &clock, Duration::days(7)).await.unwrap(), 0);
    assert!(
        put_once(&mut conn, &clock, None, "mail:1", &job())
            .await
            .unwrap()
            .is_none()
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn trimming_takes_what_was_done_a_week_ago_and_nothing_else(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let old = started(&mut conn, &clock).await;
    finish(&mut conn, &clock, &old).await.unwrap();
    let dead = started(&mut conn, &clock).await;
    fail(&mut conn, &clock, &dead, "x", false).await.unwrap();
    let waiting = promise(&mut conn, &clock).await;
    clock.advance(Duration::days(7) + Duration::seconds(1));
    let recent = started(&mut conn, &clock).await;
    finish(&mut conn, &clock, &recent).await.unwrap();

    assert_eq!(trim(&mut conn, &clock, Duration::days(7)).await.unwrap(), 1);
    let left: HashSet<_> = sqlx::query_scalar!("select id from outbox")
        .fetch_all(&mut *conn)
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(
        left,
        HashSet::from([dead.job_id.0, waiting.0, recent.job_id.0])
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_kind_this_program_does_not_know_is_left_to_one_that_does(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let id = promise(&mut conn, &clock).await;
    sqlx::query!(
        "update outbox set kind = 'fold_paper_plane' where id = $1",
        id.0
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    assert!(
        claim(&mut conn, &clock, Queue::Payments, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(start(&mut conn, &clock, id, 1).await.unwrap().is_none());
    assert_eq!(row(&mut conn, id).await.0, "waiting");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_request_that_promised_a_job_is_known_wherever_it_runs(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let context = telemetry::Context {
        request_id: Some("req-1".to_owned()),
        trace_parent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    };
    let id = telemetry::within(context.clone(), promise(&mut conn, &clock)).await;
    let claimed = claim(&mut conn, &clock, Queue::Payments, 1).await.unwrap();
    assert_eq!(claimed[0].context, context);
    let started = start(&mut conn, &clock, id, 1).await.unwrap().unwrap();
    assert_eq!(started.context, context);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn another_accounts_job_does_not_exist(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let (mine, other) = (
        account(&mut conn, "a@example.com").await,
        account(&mut conn, "b@example.com").await,
    );
    let id = put(&mut conn, &clock, Some(mine), &job()).await.unwrap();
    let state = find(&mut conn, mine, id).await.unwrap();
    assert_eq!(
        (state.id, state.kind.as_str(), state.status),
        (id, "reconcile_payment", JobStatus::Waiting)
    );
    for (account, job) in [(other, id), (mine, JobId::new())] {
        assert!(matches!(
            find(&mut conn, account, job).await,
            Err(Error::NotFound("job"))
        ));
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn depths_and_lag_tell_what_waits_where_and_how_long(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    promise(&mut conn, &clock).await;
    promise(&mut conn, &clock).await;
    let lease = started(&mut conn, &clock).await;
    finish(&mut conn, &clock, &lease).await.unwrap();
    started(&mut conn, &clock).await;
    clock.advance(Duration::seconds(42));

    let depth = |status, jobs| Depth {
        queue: "payments".to_owned(),
        status,
        jobs,
    };
    assert_eq!(
        depths(&mut conn).await.unwrap(),
        [depth(JobStatus::Running, 1), depth(JobStatus::Waiting, 2)]
    );
    assert_eq!(
        lag(&mut conn, &clock, Queue::Payments).await.unwrap(),
        Duration::seconds(42)
    );
    assert_eq!(
        lag(&mut conn, &clock, Queue::Mail).await.unwrap(),
        Duration::zero()
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_worker_that_stops_beating_no_longer_counts_as_alive(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    beat(&mut conn, &clock, "one").await.unwrap();
    beat(&mut conn, &clock, "two").await.unwrap();
    clock.advance(Duration::seconds(15));
    beat(&mut conn, &clock, "two").await.unwrap();
    clock.advance(Duration::seconds(10));
    assert_eq!(
        living(&mut conn, &clock, Duration::seconds(20))
            .await
            .unwrap(),
        1
    );
    rest(&mut conn, "two").await.unwrap();
    assert_eq!(
        living(&mut conn, &clock, Duration::seconds(20))
            .await
            .unwrap(),
        0
    );
}

async fn account(conn: &mut PgConnection, email: &str) -> AccountId {
    let id = Uuid::now_v7();
    sqlx::query!(
        "insert into account (id, email, first_name, last_name, password_hash, created_at) values ($1, $2, 'A', 'B', 'x', now())",
        id,
        email,
    )
    .execute(conn)
    .await
    .unwrap();
    AccountId(id)
}
