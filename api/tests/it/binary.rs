//! The real `api` binary on a test's database.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use sqlx::{ConnectOptions, PgPool};

/// The command, with its log in a pipe.
pub fn api() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
    command.stderr(Stdio::piped());
    command
}

/// A process that does not outlive its test.
pub struct Api {
    pub child: Child,
    /// Where it listens.
    pub address: String,
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Api {
    /// Starts it on a free port and reads its log until it serves; `settings` are environment variables.
    pub async fn start(pool: &PgPool, settings: &[(&str, &str)]) -> Self {
        Self::run(api(), pool, settings).await
    }

    /// The same with so many files open at most.
    pub async fn start_with_files(pool: &PgPool, files: u32, settings: &[(&str, &str)]) -> Self {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {files} && exec {}", env!("CARGO_BIN_EXE_api"));
        command.args(["-c", &script]).stderr(Stdio::piped());
        Self::run(command, pool, settings).await
    }

    async fn run(mut command: Command, pool: &PgPool, settings: &[(&str, &str)]) -> Self {
        let url = pool.connect_options().to_url_lossy();
        command
            .env("DATABASE_URL", url.as_str())
            .env("PORT", "0")
            .env("SHUTDOWN_DELAY_SECONDS", "0")
            .env("MAX_CONNECTIONS_PER_ADDRESS", "0")
            .env("RUST_LOG", "info")
            .envs(settings.iter().copied());
        let started = move || {
            let mut child = command.spawn().unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let address = lines
                .by_ref()
                .map_while(Result::ok)
                .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line).ok())
                .find(|line| line["message"] == "listening")
                .map(|line| line["addr"].as_str().unwrap().to_owned())
                .expect("it ended before it served");
            std::thread::spawn(move || lines.for_each(drop));
            Self { child, address }
        };
        tokio::task::spawn_blocking(started).await.unwrap()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Settings under which only seats are scarce.
pub const UNLIMITED: &[(&str, &str)] = &[
    ("RATE_LIMIT_PER_MINUTE", "0"),
    ("RATE_LIMIT_ADDRESS_PER_MINUTE", "0"),
    ("MAX_OPEN_HOLDS", "100000"),
    ("MAX_HELD_SEATS", "100000"),
    ("MAX_UNPAID_SEATS", "0"),
    ("MAX_UNPAID_SEATS_OF_ADDRESS", "0"),
    ("MAX_UNPAID_PERCENT_FOR_NEW_ACCOUNTS", "100"),
    ("DATABASE_ACQUIRE_SECONDS", "60"),
];
