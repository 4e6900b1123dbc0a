//! What is promised to whom, and how much of it is under way at once.

use chrono::{Duration, TimeZone, Utc};
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::*;
use crate::booking_event::{self, Event};
use crate::ids::{AccountId, BookingId, JobId, WebhookEndpointId};
use crate::trade::Direction;
use crate::{Clock, Error};

const CONFIRMED: &str = "booking.confirmed";
const CORRECTED: &str = "booking.name_corrected";

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap())
}

async fn account(conn: &mut PgConnection, email: &str) -> AccountId {
    let id = AccountId::new();
    sqlx::query("insert into account (id, email, first_name, last_name, password_hash, created_at) values ($1, $2, 'A', 'B', 'x', now())")
        .bind(id.0)
        .bind(email)
        .execute(conn)
        .await
        .unwrap();
    id
}

fn secrets() -> WebhookSecrets {
    WebhookSecrets::new(&SecretString::from("a secret of the deployment"))
}

async fn endpoint(conn: &mut PgConnection, owner: AccountId, events: &[&str]) -> WebhookEndpointId {
    let events = events.iter().map(|event| (*event).to_owned()).collect();
    let url = "https://example.com/hook";
    let new = NewEndpoint::parse(Destinations::new(false), url, None, Some(events)).unwrap();
    let made = create(conn, &clock(), &secrets(), owner, new).await;
    made.unwrap().0.id
}

async fn correct_names(conn: &mut PgConnection, owner: AccountId) {
    let event = Event::NameCorrected { passengers: vec![] };
    booking_event::record(conn, &clock(), owner, BookingId::new(), &event)
        .await
        .unwrap();
}

async fn deliveries(conn: &mut PgConnection, id: WebhookEndpointId) -> Vec<Delivery> {
    list_deliveries(conn, id, None, None, 100).await.unwrap()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_event_is_promised_to_each_enabled_endpoint_of_its_account_that_wants_it(pool: PgPool) {
    let mut tx = pool.begin().await.unwrap();
    let (owner, other) = (
        account(&mut tx, "a@example.com").await,
        account(&mut tx, "b@example.com").await,
    );
    let all = endpoint(&mut tx, owner, &[]).await;
    let some = endpoint(&mut tx, owner, &[CORRECTED]).await;
    let others = endpoint(&mut tx, owner, &[CONFIRMED]).await;
    let disabled = endpoint(&mut tx, owner, &[]).await;
    let change = EndpointChange::parse(
        Destinations::new(false),
        None,
        None,
        None,
        Some(EndpointStatus::Disabled),
    );
    update(&mut tx, &clock(), owner, disabled, change.unwrap())
        .await
        .unwrap();
    let foreign = endpoint(&mut tx, other, &[]).await;
    correct_names(&mut tx, owner).await;
    for (id, expected) in [
        (all, 1),
        (some, 1),
        (others, 0),
        (disabled, 0),
        (foreign, 0),
    ] {
        assert_eq!(deliveries(&mut tx, id).await.len(), expected, "{id}");
    }
    let [delivery] = &deliveries(&mut tx, all).await[..] else {
        panic!("one delivery")
    };
    assert_eq!(
        (delivery.event_type.as_str(), delivery.status),
        (CORRECTED, DeliveryStatus::Pending)
    );
    // What did not happen is not told.
    tx.rollback().await.unwrap();
    let left: i64 = sqlx::query_scalar("select count(*) from webhook_delivery")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn what_is_recorded_once_is_told_once(pool: PgPool) {
    let mut tx = pool.begin().await.unwrap();
    let owner = account(&mut tx, "a@example.com").await;
    let id = endpoint(&mut tx, owner, &[]).await;
    let (booking, event) = (
        BookingId::new(),
        Event::DepartureNear {
            direction: Direction::Departing,
        },
    );
    for is_new in [true, false] {
        let recorded = booking_event::record(&mut tx, &clock(), owner, booking, &event).await;
        assert_eq!(recorded.unwrap(), is_new);
    }
    assert_eq!(deliveries(&mut tx, id).await.len(), 1);
    let mails: i64 = sqlx::query_scalar("select count(*) from outbox")
        .fetch_one(&mut *tx)
        .await
        .unwrap();
    assert_eq!(mails, 1);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_few_deliveries_of_an_endpoint_are_under_way_and_of_one_that_fails_one(pool: PgPool) {
    let clock = clock();
    let mut conn = pool.acquire().await.unwrap();
    let owner = account(&mut conn, "a@example.com").await;
    let busy = endpoint(&mut conn, owner, &[]).await;
    let failing = endpoint(&mut conn, owner, &[]).await;
    sqlx::query("update webhook_endpoint set failing_since = now() where id = $1")
        .bind(failing.0)
        .execute(&mut *conn)
        .await
        .unwrap();
    for _ in 0..10 {
        correct_names(&mut conn, owner).await;
    }
    let under_way = async |id: WebhookEndpointId| -> Vec<(Uuid, Uuid)> {
        sqlx::query_as("select d.id, o.id from webhook_delivery d join outbox o on o.id = d.job_id where endpoint_id = $1 order by position")
            .bind(id.0)
            .fetch_all(&pool)
            .await
            .unwrap()
    };
    assert_eq!(promise_due(&mut conn, &clock).await.unwrap().jobs, 5);
    assert_eq!(
        promise_due(&mut conn, &clock).await.unwrap(),
        Promised::default()
    );
    let jobs = under_way(busy).await;
    assert_eq!((jobs.len(), under_way(failing).await.len()), (4, 1));
    // The oldest first, and one more when one is over.
    let oldest: Vec<_> = deliveries(&mut conn, busy)
        .await
        .iter()
        .rev()
        .map(|one| one.id.0)
        .take(4)
        .collect();
    assert_eq!(
        jobs.iter()
            .map(|(delivery, _)| *delivery)
            .collect::<Vec<_>>(),
        oldest
    );
    let (delivery, job) = jobs[0];
    let attempt = begin(&mut conn, &clock, &secrets(), delivery.into(), JobId(job)).await;
    // Its booking is none: it cannot be told, and the job says so.
    assert!(matches!(attempt, Err(Error::Internal(_))), "{attempt:?}");
    release_dead(&mut conn, delivery.into()).await.unwrap();
    assert_eq!(promise_due(&mut conn, &clock).await.unwrap().jobs, 1);
    assert_eq!(under_way(busy).await.len(), 4);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_secrets_are_good_while_one_is_rotated_and_never_three(pool: PgPool) {
    let clock = clock();
    let mut conn = pool.acquire().await.unwrap();
    let owner = account(&mut conn, "a@example.com").await;
    let id = endpoint(&mut conn, owner, &[]).await;
    let good = async || -> i64 {
        sqlx::query_scalar("select count(*) from webhook_secret where endpoint_id = $1 and (valid_until is null or valid_until > $2)")
            .bind(id.0)
            .bind(clock.now())
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    assert_eq!(good().await, 1);
    for _ in 0..3 {
        let rotated = rotate(&mut conn, &clock, &secrets(), owner, id, None)
            .await
            .unwrap()
            .0;
        assert_eq!(
            rotated.previous_secret_until,
            Some(clock.now() + Duration::hours(24))
        );
        assert_eq!(good().await, 2);
    }
    clock.advance(Duration::hours(24));
    assert_eq!(good().await, 1);
    rotate(&mut conn, &clock, &secrets(), owner, id, Some(0))
        .await
        .unwrap();
    assert_eq!(good().await, 1);
    let stranger = account(&mut conn, "b@example.com").await;
    let refused = rotate(&mut conn, &clock, &secrets(), stranger, id, None).await;
    assert!(matches!(refused, Err(Error::NotFound(_))));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_account_has_ten_endpoints_at_most(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let owner = account(&mut conn, "a@example.com").await;
    for _ in 0..MOST_ENDPOINTS {
        endpoint(&mut conn, owner, &[]).await;
    }
    let new = NewEndpoint::parse(Destinations::new(false), "https://example.com/", None, None);
    let refused = create(&mut conn, &clock(), &secrets(), owner, new.unwrap()).await;
    assert!(matches!(
        refused,
        Err(Error::TooManyEndpoints { limit: 10 })
    ));
}
