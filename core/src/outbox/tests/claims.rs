//! Claimed, pushed, started, done.

use super::*;

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
