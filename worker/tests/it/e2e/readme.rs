//! The journey that README shows, run as it stands there.

use std::process::Command;

use sqlx::PgPool;

use super::Deployment;

/// The script between the fences.
fn script() -> &'static str {
    let readme = include_str!("../../../../README.md");
    let (_, rest) = readme.split_once("## The journey in curl").unwrap();
    let (_, rest) = rest.split_once("```bash\n").unwrap();
    rest.split_once("```").unwrap().0
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_journey_of_the_readme_ends_with_a_ticket_each_time_it_is_run(pool: PgPool) {
    let deployment = Deployment::start(&pool).await;
    let _worker = deployment.worker();
    let address = "api=http://127.0.0.1:8000\n";
    assert_eq!(script().matches(address).count(), 1);
    let script = script().replace(address, &format!("api={}\n", deployment.api.address));
    for _ in 0..2 {
        let (folder, script) = (deployment.folder.path().to_owned(), script.clone());
        let run = move || {
            let mut bash = Command::new("bash");
            // No variable of the test's own may be needed.
            bash.env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap());
            bash.arg("-c")
                .arg(script)
                .current_dir(folder)
                .output()
                .unwrap()
        };
        let ran = tokio::task::spawn_blocking(run).await.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let failed = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{said}{failed}");
        assert!(said.contains(r#""status": "confirmed""#), "{said}");
        let ticket = deployment.folder.path().join("ticket.pdf");
        assert!(std::fs::read(&ticket).unwrap().starts_with(b"%PDF-"));
        std::fs::remove_file(ticket).unwrap();
    }
    let tickets = sqlx::query_scalar::<_, i64>("select count(*) from ticket");
    assert_eq!(tickets.fetch_one(&pool).await.unwrap(), 2);
}

#[test]
fn the_journey_of_the_readme_sends_the_key_to_nobody_but_the_api() {
    // curl sends its own headers on to wherever a redirect leads.
    for line in script().lines().filter(|line| line.contains("curl")) {
        let follows = line.split_whitespace().any(|word| {
            word == "--location"
                || (word.starts_with('-') && !word.starts_with("--") && word.contains('L'))
        });
        assert!(!follows, "{line}");
    }
    let keyed: Vec<_> = script()
        .lines()
        .filter(|line| line.contains("X-API-Key"))
        .collect();
    assert_eq!(keyed.len(), 1, "{keyed:?}");
    assert!(
        script()
            .lines()
            .filter(|line| line.contains("call \""))
            .all(|line| line.contains("\"$api/"))
    );
}
