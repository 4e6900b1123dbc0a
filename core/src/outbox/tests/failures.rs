//! What fails, crashes or goes silent.

use super::*;

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
