//! Facts about sessions, against PostgreSQL.

use std::fmt::Write;

use chrono::TimeZone;
use secrecy::ExposeSecret;
use sqlx::PgPool;

use super::*;
use crate::account::{Details, Role, Scope, SignUp, find_password, sign_up};

const PASSWORD: &str = "correct horse battery";

/// An account with a clock that stands still.
struct World {
    pool: PgPool,
    clock: Clock,
    secret: SecretString,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        let world = Self {
            pool,
            clock: Clock::manual(Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()),
            secret: SecretString::from("a secret of the deployment"),
        };
        let form = SignUp::parse(Details {
            email: "ada@example.com".to_owned(),
            password: PASSWORD.to_owned(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            phone: None,
        });
        let form = form.unwrap();
        let hash = form.password().hash().await.unwrap();
        let mut conn = world.pool.acquire().await.unwrap();
        let mode = crate::account::KeyMode::Test;
        sign_up(&mut conn, &world.clock, &form, &hash, mode, None)
            .await
            .unwrap();
        world
    }

    async fn known(&self) -> Known {
        let mut conn = self.pool.acquire().await.unwrap();
        let stored = find_password(&mut conn, " ADA@example.com").await.unwrap();
        stored.compare(PASSWORD.into()).await.unwrap()
    }

    async fn open(&self, known: &Known) -> OpenedSession {
        let mut tx = self.pool.begin().await.unwrap();
        let device = Device::new(Some("a browser"));
        let opened = open_session(&mut tx, &self.clock, &self.secret, known, &device).await;
        tx.commit().await.unwrap();
        opened.unwrap()
    }

    async fn log_in(&self) -> OpenedSession {
        self.open(&self.known().await).await
    }

    async fn refresh(&self, token: &RefreshToken) -> Result<OpenedSession, KeyProblem> {
        let mut tx = self.pool.begin().await.unwrap();
        let outcome = refresh_session(&mut tx, &self.clock, &self.secret, token.expose()).await;
        tx.commit().await.unwrap();
        match outcome.unwrap() {
            RefreshOutcome::Refreshed(opened) => Ok(*opened),
            RefreshOutcome::Refused(problem) => Err(problem),
        }
    }

    async fn caller(&self, opened: &OpenedSession) -> Result<Principal, KeyProblem> {
        let mut conn = self.pool.acquire().await.unwrap();
        let token = opened.access_token.expose_secret();
        let caller = authenticate_token(&mut conn, &self.clock, &self.secret, token, false).await;
        caller.map_err(|error| match error {
            Error::Unauthenticated(problem) => problem,
            error => panic!("{error:?}"),
        })
    }

    async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.pool).await.unwrap();
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn an_access_token_acts_with_the_scopes_of_the_present_role_for_a_quarter_of_an_hour(
    pool: PgPool,
) {
    let world = World::new(pool).await;
    let opened = world.log_in().await;
    let caller = world.caller(&opened).await.unwrap();
    assert_eq!(
        (caller.role, caller.has(Scope::Admin)),
        (Role::Traveller, false)
    );
    assert_eq!(caller.session().unwrap(), opened.session.id);
    for (role, may) in [
        ("traveller", &[Scope::Search, Scope::Bookings][..]),
        ("agent", &[Scope::Search, Scope::Bookings]),
        (
            "staff",
            &[
                Scope::Search,
                Scope::Bookings,
                Scope::Refunds,
                Scope::Catalogue,
            ],
        ),
        ("admin", Scope::ALL),
    ] {
        sqlx::query("update account set role = $1")
            .bind(role)
            .execute(&world.pool)
            .await
            .unwrap();
        let caller = world.caller(&opened).await.unwrap();
        for scope in Scope::ALL {
            assert_eq!(caller.has(*scope), may.contains(scope), "{role} {scope:?}");
        }
    }
    world
        .clock
        .advance(Duration::minutes(15) - Duration::seconds(1));
    assert!(world.caller(&opened).await.is_ok());
    world.clock.advance(Duration::seconds(1));
    let expired = world.caller(&opened).await.unwrap_err();
    assert_eq!(expired, KeyProblem::TokenExpired);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_refresh_token_that_comes_again_ends_its_session_and_no_other(pool: PgPool) {
    let world = World::new(pool).await;
    let (first, other) = (world.log_in().await, world.log_in().await);
    let second = world.refresh(&first.refresh_token).await.unwrap();
    world.clock.advance(Duration::seconds(10));
    let stolen = world.refresh(&first.refresh_token).await.unwrap_err();
    assert_eq!(stolen, KeyProblem::RefreshReused);
    let ended = world.caller(&second).await.unwrap_err();
    assert_eq!(ended, KeyProblem::SessionEnded);
    let owner = world.refresh(&second.refresh_token).await.unwrap_err();
    assert_eq!(owner, KeyProblem::SessionEnded);
    assert!(world.caller(&other).await.is_ok());
    assert!(world.refresh(&other.refresh_token).await.is_ok());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn two_tabs_refresh_at_once_and_only_one_line_of_tokens_goes_on(pool: PgPool) {
    let world = World::new(pool).await;
    let opened = world.log_in().await;
    let (one, two) = tokio::join!(
        world.refresh(&opened.refresh_token),
        world.refresh(&opened.refresh_token),
    );
    let (one, two) = (one.unwrap(), two.unwrap());
    world.clock.advance(Duration::seconds(9));
    let three = world.refresh(&opened.refresh_token).await.unwrap();
    assert!(world.caller(&one).await.is_ok() && world.caller(&three).await.is_ok());
    // The browser has kept the token of the second tab. That of the first is void with its use.
    let next = world.refresh(&two.refresh_token).await.unwrap();
    world.clock.advance(Duration::seconds(10));
    let copied = world.refresh(&one.refresh_token).await.unwrap_err();
    assert_eq!(copied, KeyProblem::RefreshReused);
    let ended = world.refresh(&next.refresh_token).await.unwrap_err();
    assert_eq!(ended, KeyProblem::SessionEnded);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_session_lasts_thirty_days_from_its_last_refresh_and_is_then_forgotten(pool: PgPool) {
    let world = World::new(pool).await;
    let (used, unused) = (world.log_in().await, world.log_in().await);
    world.clock.advance(SESSION_TIME - Duration::seconds(1));
    let used = world.refresh(&used.refresh_token).await.unwrap();
    world.clock.advance(Duration::seconds(1));
    let late = world.refresh(&unused.refresh_token).await.unwrap_err();
    assert_eq!(late, KeyProblem::RefreshUnknown);
    let mut conn = world.pool.acquire().await.unwrap();
    assert_eq!(forget_sessions(&mut conn, &world.clock).await.unwrap(), 1);
    assert!(world.refresh(&used.refresh_token).await.is_ok());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_rotation_of_keys_logs_nobody_out(pool: PgPool) {
    let world = World::new(pool).await;
    let before = world.log_in().await;
    let mut conn = world.pool.acquire().await.unwrap();
    let first = rotate_signing_key(&mut conn, &world.clock, false).await;
    let second = rotate_signing_key(&mut conn, &world.clock, false).await;
    assert_ne!(first.unwrap(), second.unwrap());
    let after = world.log_in().await;
    assert!(world.caller(&before).await.is_ok() && world.caller(&after).await.is_ok());

    // A retired key that has leaked signs nothing that is taken later, whatever end the token names.
    world.clock.advance(key::accepted_for());
    let keys = sqlx::query!("select id, salt, retired_at from signing_key order by id")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    let known = world.known().await;
    for key in &keys {
        let claims = Claims::new(known.account_id, before.session.id, world.clock.now());
        let token = token::sign(&world.secret, key.id, &key.salt, &claims).unwrap();
        let caller =
            authenticate_token(&mut conn, &world.clock, &world.secret, &token, false).await;
        assert_eq!(caller.is_ok(), key.retired_at.is_none(), "{key:?}");
    }
    assert_eq!(keys.len(), 3);

    let before = world.refresh(&before.refresh_token).await.unwrap();
    rotate_signing_key(&mut conn, &world.clock, true)
        .await
        .unwrap();
    let leaked = world.caller(&before).await.unwrap_err();
    assert_eq!(leaked, KeyProblem::TokenInvalid);
    let goes_on = world.refresh(&before.refresh_token).await.unwrap();
    assert!(world.caller(&goes_on).await.is_ok());
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn one_session_too_many_ends_that_which_was_refreshed_least_recently(pool: PgPool) {
    let world = World::new(pool).await;
    let known = world.known().await;
    let first = world.open(&known).await;
    world.clock.advance(Duration::seconds(1));
    let second = world.open(&known).await;
    world.clock.advance(Duration::seconds(1));
    let first = world.refresh(&first.refresh_token).await.unwrap();
    for _ in 2..=MOST_SESSIONS {
        world.open(&known).await;
    }
    assert!(world.caller(&first).await.is_ok());
    let ended = world.caller(&second).await.unwrap_err();
    assert_eq!(ended, KeyProblem::SessionEnded);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn whoever_showed_a_password_that_was_changed_meanwhile_gets_no_session(pool: PgPool) {
    let world = World::new(pool).await;
    let known = world.known().await;
    world
        .execute("update account set password_hash = password_hash || 'x'")
        .await;
    let mut tx = world.pool.begin().await.unwrap();
    let device = Device::default();
    let refused = open_session(&mut tx, &world.clock, &world.secret, &known, &device).await;
    assert!(
        matches!(refused, Err(Error::WrongCredentials)),
        "{refused:?}"
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn the_database_holds_no_token_in_clear_and_no_key_that_signs(pool: PgPool) {
    let world = World::new(pool).await;
    let opened = world.log_in().await;
    let refreshed = world.refresh(&opened.refresh_token).await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar(
        "select t::text from session t union all select t::text from refresh_token t union all select t::text from signing_key t",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(rows.len(), 4);
    let key = key::current(&mut world.pool.acquire().await.unwrap(), &world.clock).await;
    let derived = crate::signing::derive(&world.secret, "access token", &key.unwrap().salt);
    let derived = derived.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    for secret in [
        opened.refresh_token.expose(),
        refreshed.refresh_token.expose(),
        opened.access_token.expose_secret(),
        &derived,
    ] {
        assert!(rows.iter().all(|row| !row.contains(secret)), "{rows:?}");
    }
}
