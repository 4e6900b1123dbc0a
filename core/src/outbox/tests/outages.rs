//! Back-ends that are away, and what is not there yet: neither is an attempt of a job.

use super::*;
use crate::backend::Backend;

/// Starts what a relay claims next.
async fn next(conn: &mut PgConnection, clock: &Clock) -> Option<Lease> {
    let claimed = claim(conn, clock, Queue::Payments, 1).await.unwrap();
    let claimed = claimed.first()?;
    let started = start(conn, clock, claimed.job_id, claimed.attempt).await;
    Some(started.unwrap().unwrap().lease)
}

async fn away(conn: &mut PgConnection, clock: &Clock, lease: &Lease) -> Verdict {
    wait_for(conn, clock, lease, Backend::Payments, "refused")
        .await
        .unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn while_a_back_end_is_away_one_job_at_a_time_finds_out_and_none_uses_up_an_attempt(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    for _ in 0..5 {
        promise(&mut conn, &clock).await;
    }
    let first = next(&mut conn, &clock).await.unwrap();
    let waits = Verdict::WaitsFor(Backend::Payments);
    assert_eq!(away(&mut conn, &clock, &first).await, waits);
    assert_eq!(
        claim(&mut conn, &clock, Queue::Payments, 10)
            .await
            .unwrap()
            .len(),
        0,
        "the queue is paused"
    );
    // Six hours of it: each probe is another job, and they come ever more rarely, up to every half minute.
    let (mut probes, mut probed) = (0, HashSet::new());
    let until = clock.now() + Duration::hours(6);
    while clock.now() < until {
        clock.advance(Duration::seconds(10));
        if let Some(probe) = next(&mut conn, &clock).await {
            assert!(next(&mut conn, &clock).await.is_none(), "one at a time");
            probes += 1;
            probed.insert(probe.job_id);
            assert_eq!(away(&mut conn, &clock, &probe).await, waits);
        }
    }
    assert!((720..=2_160).contains(&probes), "{probes} probes");
    assert_eq!(probed.len(), 5);
    assert_eq!(outages(&mut conn).await.unwrap().len(), 1);

    clock.advance(Duration::minutes(1));
    let probe = next(&mut conn, &clock).await.unwrap();
    answered(&mut conn, &clock, Backend::Payments)
        .await
        .unwrap();
    finish(&mut conn, &clock, &probe).await.unwrap();
    let rest = claim(&mut conn, &clock, Queue::Payments, 10).await.unwrap();
    assert_eq!(rest.len(), 4, "the queue goes on");
    assert!(rest.iter().all(|job| job.attempt == 1), "{rest:?}");
    assert_eq!(
        row(&mut conn, probe.job_id).await,
        ("done".to_owned(), 1, None)
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_relays_do_not_both_send_a_probe(pool: PgPool) {
    let clock = clock();
    let mut conn = pool.acquire().await.unwrap();
    promise(&mut conn, &clock).await;
    promise(&mut conn, &clock).await;
    let lease = next(&mut conn, &clock).await.unwrap();
    away(&mut conn, &clock, &lease).await;
    clock.advance(Duration::seconds(2));
    let mut one = pool.begin().await.unwrap();
    let mut other = pool.begin().await.unwrap();
    let taken = claim(&mut one, &clock, Queue::Payments, 10).await.unwrap();
    let left = claim(&mut other, &clock, Queue::Payments, 10)
        .await
        .unwrap();
    assert_eq!((taken.len(), left.len()), (1, 0));
    one.commit().await.unwrap();
    let later = claim(&mut other, &clock, Queue::Payments, 10)
        .await
        .unwrap();
    assert_eq!(later.len(), 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_was_pushed_before_the_outage_is_not_started_in_it(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    promise(&mut conn, &clock).await;
    let pushed = promise(&mut conn, &clock).await;
    let claimed = claim(&mut conn, &clock, Queue::Payments, 10).await.unwrap();
    assert_eq!(claimed.len(), 2);
    let first = start(&mut conn, &clock, claimed[0].job_id, 1)
        .await
        .unwrap()
        .unwrap();
    away(&mut conn, &clock, &first.lease).await;
    assert!(start(&mut conn, &clock, pushed, 1).await.unwrap().is_none());
    clock.advance(QUEUED_LEASE + Duration::seconds(1));
    requeue_lapsed(&mut conn, &clock).await.unwrap();
    assert_eq!(row(&mut conn, pushed).await.0, "waiting");
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_probe_that_was_not_needed_any_more_lets_the_next_one_through_at_once(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    for _ in 0..3 {
        promise(&mut conn, &clock).await;
    }
    clock.advance(Duration::seconds(1));
    let first = next(&mut conn, &clock).await.unwrap();
    // It has waited least now.
    away(&mut conn, &clock, &first).await;
    clock.advance(Duration::seconds(2));
    for _ in 0..2 {
        let unwanted = next(&mut conn, &clock).await.unwrap();
        finish(&mut conn, &clock, &unwanted).await.unwrap();
    }
    let last = next(&mut conn, &clock).await.unwrap();
    assert_eq!(last.job_id, first.job_id);
    assert_eq!(outages(&mut conn).await.unwrap().len(), 1);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_job_that_alone_finds_its_back_end_away_is_wrong_in_the_end(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let id = promise(&mut conn, &clock).await;
    let mut outages_begun = 0;
    loop {
        clock.advance(Duration::hours(1));
        let lease = next(&mut conn, &clock).await.unwrap();
        match away(&mut conn, &clock, &lease).await {
            Verdict::WaitsFor(_) => outages_begun += 1,
            Verdict::RetryAt(_) => {}
            Verdict::Dead => break,
            other @ Verdict::PutOffUntil(_) => panic!("{other:?}"),
        }
        // Others are answered.
        answered(&mut conn, &clock, Backend::Payments)
            .await
            .unwrap();
    }
    assert_eq!(outages_begun, 5);
    let (status, attempts, _) = row(&mut conn, id).await;
    assert_eq!(
        (status.as_str(), attempts),
        ("dead", Kind::ReconcilePayment.max_attempts())
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_outage_pauses_the_queue_that_needs_it_and_of_others_only_who_met_it(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let (needs_both, needs_mail) = (
        promise(&mut conn, &clock).await,
        promise(&mut conn, &clock).await,
    );
    sqlx::query!("update outbox set queue = 'mail'")
        .execute(&mut *conn)
        .await
        .unwrap();
    claim(&mut conn, &clock, Queue::Mail, 1).await.unwrap();
    let lease = start(&mut conn, &clock, needs_both, 1)
        .await
        .unwrap()
        .unwrap()
        .lease;
    wait_for(&mut conn, &clock, &lease, Backend::Storage, "away")
        .await
        .unwrap();
    let goes_on = claim(&mut conn, &clock, Queue::Mail, 10).await.unwrap();
    assert_eq!(goes_on.len(), 1);
    assert_eq!(goes_on[0].job_id, needs_mail);
    let paused = &outages(&mut conn).await.unwrap()[0];
    assert_eq!(
        (paused.backend.as_str(), paused.queue.as_str()),
        ("storage", "documents")
    );
    clock.advance(Duration::seconds(2));
    let probe = claim(&mut conn, &clock, Queue::Mail, 10).await.unwrap();
    assert_eq!(probe.len(), 1);
    assert_eq!(probe[0].job_id, needs_both);

    // The store is back and the mail server is away: who has waited for the store can find out about the mail server.
    unclaim(&mut conn, &probe).await.unwrap();
    answered(&mut conn, &clock, Backend::Storage).await.unwrap();
    let lease = start(&mut conn, &clock, needs_mail, 1).await;
    let lease = lease.unwrap().unwrap().lease;
    wait_for(&mut conn, &clock, &lease, Backend::Mail, "away")
        .await
        .unwrap();
    sqlx::query(
        "update outbox set run_after = run_after + interval '1 day' where waits_for = 'mail'",
    )
    .execute(&mut *conn)
    .await
    .unwrap();
    clock.advance(Duration::seconds(2));
    let probe = claim(&mut conn, &clock, Queue::Mail, 10).await.unwrap();
    assert_eq!(probe.len(), 1);
    assert_eq!(probe[0].job_id, needs_both);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_put_off_for_days_uses_up_no_attempt(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let id = promise(&mut conn, &clock).await;
    for _ in 0..500 {
        let lease = next(&mut conn, &clock).await.unwrap();
        let verdict = put_off(&mut conn, &clock, &lease, "no document yet").await;
        let Verdict::PutOffUntil(at) = verdict.unwrap() else {
            panic!("it was an attempt")
        };
        assert!(at - clock.now() <= Duration::minutes(10));
        clock.advance(at - clock.now());
    }
    let (status, attempts, _) = row(&mut conn, id).await;
    assert_eq!((status.as_str(), attempts), ("waiting", 0));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_relay_knows_when_the_next_job_is_due(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let clock = clock();
    let look = async |conn: &mut PgConnection| {
        let due = take_due(conn, &clock, Queue::Payments, 10).await.unwrap();
        (due.claimed.len(), due.next_at)
    };
    assert_eq!(look(&mut conn).await, (0, None));
    let lease = started(&mut conn, &clock).await;
    let Verdict::RetryAt(at) = fail(&mut conn, &clock, &lease, "x", true).await.unwrap() else {
        panic!("it is dead")
    };
    assert_eq!(look(&mut conn).await, (0, Some(at)));
    clock.advance(at - clock.now());
    assert_eq!(look(&mut conn).await, (1, None));
}
