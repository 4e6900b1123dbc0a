//! The timetable in memory follows the database.

use sqlx::{Connection, PgPool};

use super::world::{Fly, fly, noon};
use crate::search::TimetableCache;
use crate::{Clock, fixtures, flight};

async fn count(cache: &TimetableCache, pool: &PgPool) -> usize {
    cache.get(pool, &Clock::manual(noon())).await.unwrap().len()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn flights_that_are_added_moved_or_cancelled_are_seen(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let first = fly(&mut conn, Fly("AI 1", "DEL", "BOM", "12-20T08:00", 120)).await;
    let cache = TimetableCache::new(chrono::Duration::zero());
    assert_eq!(count(&cache, &pool).await, 1);
    fly(&mut conn, Fly("AI 2", "DEL", "BOM", "12-20T09:00", 120)).await;
    assert_eq!(count(&cache, &pool).await, 2);
    sqlx::query("update flight set departs_at = departs_at + interval '3 days', arrives_at = arrives_at + interval '3 days' where id = $1")
        .bind(first)
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(count(&cache, &pool).await, 2);
    sqlx::query("update flight set status = 'cancelled' where id = $1")
        .bind(first)
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(count(&cache, &pool).await, 1);
    let clock = Clock::manual(noon());
    clock.advance(chrono::Duration::days(40));
    assert!(cache.get(&pool, &clock).await.unwrap().is_empty());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_flight_that_is_committed_late_is_not_missed(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let cache = TimetableCache::new(chrono::Duration::zero());
    assert_eq!(count(&cache, &pool).await, 0);
    let mut late = pool.acquire().await.unwrap();
    let mut late = late.begin().await.unwrap();
    fly(&mut late, Fly("AI 1", "DEL", "BOM", "12-20T08:00", 120)).await;
    // A younger transaction commits, and the timetable is read, before the older one commits.
    fly(&mut conn, Fly("AI 2", "DEL", "BOM", "12-20T09:00", 120)).await;
    assert_eq!(count(&cache, &pool).await, 1);
    assert_eq!(count(&cache, &pool).await, 1);
    late.commit().await.unwrap();
    assert_eq!(count(&cache, &pool).await, 2);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn seats_that_are_sold_do_not_count_as_a_change_of_the_timetable(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let flight = fly(&mut conn, Fly("AI 1", "DEL", "BOM", "12-20T08:00", 120)).await;
    let written = "select changed_in::text from flight where id = $1";
    let before: Option<String> = sqlx::query_scalar(written)
        .bind(flight)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    sqlx::query("update flight set aircraft = '321' where id = $1")
        .bind(flight)
        .execute(&mut *conn)
        .await
        .unwrap();
    let after: Option<String> = sqlx::query_scalar(written)
        .bind(flight)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(before, after);
    assert!(before.is_some());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn flights_that_transactions_of_the_future_changed_are_mended(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let restored = fly(&mut conn, Fly("AI 1", "DEL", "BOM", "12-20T08:00", 120)).await;
    let own = fly(&mut conn, Fly("AI 2", "DEL", "BOM", "12-20T09:00", 120)).await;
    let cache = TimetableCache::new(chrono::Duration::zero());
    assert_eq!(count(&cache, &pool).await, 2);
    // As in a database that was restored from one that had counted further.
    sqlx::query("update flight set changed_in = '9000000000000'::xid8 where id = $1")
        .bind(restored)
        .execute(&mut *conn)
        .await
        .unwrap();
    let changed = crate::search::cache::changes(&mut conn, 3).await.unwrap();
    assert_eq!(changed, [own.0], "what has not changed is read again");
    assert_eq!(flight::mend_restored(&mut conn).await.unwrap(), 1);
    assert_eq!(flight::mend_restored(&mut conn).await.unwrap(), 0);
    let marked = "select id from flight where changed_in is not null";
    let marked: Vec<uuid::Uuid> = sqlx::query_scalar(marked)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(marked, [own.0]);
    // What changes afterwards is seen as ever.
    sqlx::query("update flight set status = 'cancelled' where id = $1")
        .bind(restored)
        .execute(&mut *conn)
        .await
        .unwrap();
    assert_eq!(count(&cache, &pool).await, 1);
}
