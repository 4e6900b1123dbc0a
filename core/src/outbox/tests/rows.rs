//! Keys, trimming, and what can be known of a job.

use super::*;

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
    record_heartbeat(&mut conn, &clock, "one").await.unwrap();
    record_heartbeat(&mut conn, &clock, "two").await.unwrap();
    clock.advance(Duration::seconds(15));
    record_heartbeat(&mut conn, &clock, "two").await.unwrap();
    clock.advance(Duration::seconds(10));
    assert_eq!(
        count_live(&mut conn, &clock, Duration::seconds(20))
            .await
            .unwrap(),
        1
    );
    deregister(&mut conn, "two").await.unwrap();
    assert_eq!(
        count_live(&mut conn, &clock, Duration::seconds(20))
            .await
            .unwrap(),
        0
    );
}
