//! Who sells, and whose keys are lost, on the command line.

use std::process::Command;

use flightdesk_core::seller;
use sqlx::{ConnectOptions, PgPool};

use crate::trip;

/// `manage` with arguments: its exit code, and what it says.
fn manage(pool: &PgPool, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_manage"))
        .args(arguments)
        .env(
            "DATABASE_URL",
            pool.connect_options().to_url_lossy().as_str(),
        )
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn nobody_is_fit_to_sell_who_has_not_said_who_they_are(pool: PgPool) {
    trip::a_flight(&pool).await;
    let line = |said: &str| {
        let found = said.lines().find(|line| line.contains("  seller "));
        found.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let (_, before) = manage(&pool, &["check", "--deploy"]);
    assert!(line(&before).starts_with("FAIL"), "{before}");
    let (_, here) = manage(&pool, &["check"]);
    assert!(
        line(&here).starts_with("ok"),
        "a developer's machine: {here}"
    );

    let (code, said) = manage(
        &pool,
        &[
            "seller",
            "--address",
            "",
            "--number-prefix",
            "FLY",
            "--time-zone",
            "Mars/Base",
        ],
    );
    assert_eq!(code, Some(1));
    for field in ["address", "number_prefix", "time_zone"] {
        assert!(said.contains(field), "{field} is missing in {said}");
    }
    let unchanged = seller::get(&mut pool.acquire().await.unwrap())
        .await
        .unwrap();
    assert!(unchanged.is_placeholder());

    let address = "1 Janpath, New Delhi 110001";
    let (code, said) = manage(
        &pool,
        &[
            "seller",
            "--name",
            "Asha Travel",
            "--address",
            address,
            "--tax-number",
            "07AABCU9603R1ZP",
        ],
    );
    assert_eq!(code, Some(0), "{said}");
    let (_, after) = manage(&pool, &["check", "--deploy"]);
    assert_eq!(
        line(&after),
        format!(
            "ok    seller      Asha Travel, {address}, 07AABCU9603R1ZP; numbers FD/…, fiscal year from month 4 by Asia/Kolkata"
        )
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn lost_keys_are_reset_on_the_command_line(pool: PgPool) {
    let app = crate::support::TestApp::start(pool.clone()).await;
    let mut owner = app.sign_up().await;
    let email = owner.get("/v1/account").await.body["email"].clone();
    let email = email.as_str().unwrap().to_uppercase();
    let (code, said) = manage(&pool, &["reset-keys", &email]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("keys revoked 1\n"), "{said}");
    let lost = owner.get("/v1/account").await;
    assert_eq!(lost.problem(), (401, "unauthenticated"));
    let key = said.lines().find_map(|line| line.strip_prefix("api key "));
    owner.key = key.unwrap().to_owned();
    assert_eq!(owner.get("/v1/account").await.status, 200);
    assert_eq!(said.matches(&owner.key).count(), 1, "the key is shown once");

    let (code, said) = manage(&pool, &["reset-keys", "nobody@example.com"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("there is no such account with this e-mail address"),
        "{said}"
    );
    let (_, help) = manage(&pool, &["--help"]);
    assert!(help.contains("reset-keys"), "{help}");
}
