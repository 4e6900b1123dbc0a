//! Facts about accounts and keys, against PostgreSQL.

use chrono::{TimeZone, Utc};
use sqlx::PgPool;

use super::*;

fn clock() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap())
}

async fn account(pool: &PgPool, clock: &Clock, email: &str) -> Result<(Account, NewApiKey)> {
    let details = Details {
        email: email.to_owned(),
        password: "correct horse battery".to_owned(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        phone: None,
    };
    let form = SignUp::parse(details)?;
    let hash = form.password().hash().await?;
    let mut tx = pool.begin().await?;
    let made = sign_up(&mut tx, clock, &form, &hash, KeyMode::Test, None).await?;
    tx.commit().await?;
    Ok(made)
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_address_signs_up_once_in_any_case(pool: PgPool) {
    let clock = clock();
    account(&pool, &clock, "ada@example.com").await.unwrap();
    let again = account(&pool, &clock, " ADA@Example.com").await;
    assert!(matches!(again, Err(Error::EmailTaken)), "{again:?}");
    let keys = sqlx::query_scalar!("select count(*) from api_key")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(keys, Some(1));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_database_never_holds_a_key_in_clear(pool: PgPool) {
    let (_, key) = account(&pool, &clock(), "ada@example.com").await.unwrap();
    let rows = sqlx::query_scalar!(r#"select k::text as "row!" from api_key k"#)
        .fetch_all(&pool)
        .await
        .unwrap();
    assert!(rows[0].contains(key.secret.prefix()));
    assert!(!rows[0].contains(key.secret.expose()));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_key_ends_when_it_expires_or_is_revoked(pool: PgPool) {
    let clock = clock();
    let (owner, first) = account(&pool, &clock, "ada@example.com").await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let caller = authenticate(&mut conn, &clock, first.secret.expose())
        .await
        .unwrap();
    let end = clock.now() + Duration::hours(1);
    let wish = KeyWish::parse(&clock, &caller, "short", None, Some(end)).unwrap();
    let short = create_key(&mut conn, &clock, owner.id, wish, KeyMode::Test)
        .await
        .unwrap();

    assert!(
        authenticate(&mut conn, &clock, short.secret.expose())
            .await
            .is_ok()
    );
    clock.advance(Duration::hours(1));
    let expired = authenticate(&mut conn, &clock, short.secret.expose()).await;
    assert!(matches!(
        expired,
        Err(Error::Unauthenticated(KeyProblem::Expired))
    ));

    revoke_key(&mut conn, &clock, &caller, first.key.id)
        .await
        .unwrap();
    revoke_key(&mut conn, &clock, &caller, first.key.id)
        .await
        .unwrap();
    let revoked = authenticate(&mut conn, &clock, first.secret.expose()).await;
    assert!(matches!(
        revoked,
        Err(Error::Unauthenticated(KeyProblem::Revoked))
    ));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_last_use_of_a_busy_key_is_written_once_a_minute(pool: PgPool) {
    let clock = clock();
    let (_, key) = account(&pool, &clock, "ada@example.com").await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let mut written = Vec::new();
    for seconds in [0, 30, 29, 1] {
        clock.advance(Duration::seconds(seconds));
        authenticate(&mut conn, &clock, key.secret.expose())
            .await
            .unwrap();
        let used = sqlx::query_scalar!("select last_used_at from api_key")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        written.push(used.unwrap());
    }
    let start = written[0];
    assert_eq!(written, [start, start, start, start + Duration::minutes(1)]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_key_gives_no_scope_that_it_lacks(pool: PgPool) {
    let clock = clock();
    let (_, key) = account(&pool, &clock, "ada@example.com").await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let caller = authenticate(&mut conn, &clock, key.secret.expose())
        .await
        .unwrap();
    let wish = KeyWish::parse(&clock, &caller, "more", Some(vec![Scope::Admin]), None);
    assert!(matches!(wish, Err(Error::Invalid(wrong)) if wrong[0].code == "not_granted"));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_key_makes_none_that_outlives_it(pool: PgPool) {
    let clock = clock();
    let (owner, first) = account(&pool, &clock, "ada@example.com").await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let authenticated = authenticate(&mut conn, &clock, first.secret.expose()).await;
    let end = clock.now() + Duration::hours(1);
    let wish = KeyWish::parse(&clock, &authenticated.unwrap(), "short", None, Some(end)).unwrap();
    let short = create_key(&mut conn, &clock, owner.id, wish, KeyMode::Test)
        .await
        .unwrap();
    let caller = authenticate(&mut conn, &clock, short.secret.expose())
        .await
        .unwrap();

    let wish = |end| KeyWish::parse(&clock, &caller, "child", None, end);
    let later = wish(Some(end + Duration::microseconds(1)));
    assert!(matches!(later, Err(Error::Invalid(wrong)) if wrong[0].code == "outlives_caller"));
    assert!(wish(Some(end)).is_ok());
    let unsaid = create_key(
        &mut conn,
        &clock,
        owner.id,
        wish(None).unwrap(),
        KeyMode::Test,
    )
    .await
    .unwrap();
    assert_eq!(unsaid.key.expires_at, Some(end));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_account_has_fifty_good_keys_at_most_and_a_hundred_that_ended(pool: PgPool) {
    let clock = clock();
    let (owner, first) = account(&pool, &clock, "ada@example.com").await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let caller = authenticate(&mut conn, &clock, first.secret.expose())
        .await
        .unwrap();
    let make = async |conn: &mut PgConnection| {
        let wish = KeyWish::parse(&clock, &caller, "one more", None, None)?;
        create_key(conn, &clock, owner.id, wish, KeyMode::Test).await
    };
    for _ in 1..MOST_KEYS {
        make(&mut conn).await.unwrap();
    }
    let refused = make(&mut conn).await;
    assert!(
        matches!(refused, Err(Error::TooManyKeys { limit: 50 })),
        "{refused:?}"
    );

    sqlx::query!("delete from api_key where id <> $1", first.key.id.0)
        .execute(&mut *conn)
        .await
        .unwrap();
    for _ in 0..MOST_ENDED_KEYS + 20 {
        let made = make(&mut conn).await.unwrap();
        revoke_key(&mut conn, &clock, &caller, made.key.id)
            .await
            .unwrap();
    }
    let kept = sqlx::query_scalar!("select count(*) from api_key")
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    // The first, the hundred that had ended when the last was made, and the last.
    assert_eq!(kept, Some(MOST_ENDED_KEYS + 2));
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_reset_ends_every_key_and_gives_one_that_may_do_what_the_account_may(pool: PgPool) {
    let clock = clock();
    let (_, lost) = account(&pool, &clock, "zoe@exämple.com").await.unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let reset = reset_keys(&mut conn, &clock, " ZOE@EXÄMPLE.com", KeyMode::Test)
        .await
        .unwrap();
    assert_eq!(reset.revoked, 1);
    let lost = authenticate(&mut conn, &clock, lost.secret.expose()).await;
    assert!(
        matches!(lost, Err(Error::Unauthenticated(KeyProblem::Revoked))),
        "{lost:?}"
    );
    let caller = authenticate(&mut conn, &clock, reset.key.secret.expose())
        .await
        .unwrap();
    assert_eq!(caller.scopes, [Scope::Search, Scope::Bookings]);

    sqlx::query!("update account set role = 'admin'")
        .execute(&mut *conn)
        .await
        .unwrap();
    let reset = reset_keys(&mut conn, &clock, "zoe@xn--exmple-cua.com", KeyMode::Test)
        .await
        .unwrap();
    assert_eq!(reset.key.key.scopes, Scope::ALL);
    let nobody = reset_keys(&mut conn, &clock, "ada@example.com", KeyMode::Test).await;
    assert!(matches!(nobody, Err(Error::NotFound(_))), "{nobody:?}");
}
