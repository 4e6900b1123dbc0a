//! The real api binary, which the build puts beside the worker's.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, PgPool};

pub struct Api {
    command: Command,
    child: Child,
    pub address: String,
}

impl Api {
    /// Starts it on a port of its own and waits until it lives; `settings` are environment variables.
    pub async fn start(pool: &PgPool, settings: &[(&str, &str)]) -> Self {
        let binary = Path::new(env!("CARGO_BIN_EXE_worker")).with_file_name("api");
        assert!(
            binary.exists(),
            "{} is missing: build the workspace",
            binary.display()
        );
        let given = settings.iter().find(|(name, _)| *name == "PORT");
        let port = match given {
            Some((_, port)) => port.parse().unwrap(),
            None => free_port(),
        };
        let address = format!("http://127.0.0.1:{port}");
        let mut command = Command::new(binary);
        command
            .env(
                "DATABASE_URL",
                pool.connect_options().to_url_lossy().as_str(),
            )
            .env("PORT", port.to_string())
            .env("PUBLIC_URL", &address)
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let api = Self {
            command,
            child,
            address,
        };
        api.until_it_lives().await;
        api
    }

    async fn until_it_lives(&self) {
        let began = Instant::now();
        while reqwest::get(format!("{}/health/live", self.address))
            .await
            .is_err()
        {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "the api does not start"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    #[cfg(feature = "fault-points")]
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }

    /// Starts it again under the same address, with further settings.
    #[cfg(feature = "fault-points")]
    pub async fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.command.envs(settings.iter().copied());
        self.restart().await;
    }

    /// Starts it again under the same address.
    pub async fn restart(&mut self) {
        self.child = self.command.spawn().unwrap();
        self.until_it_lives().await;
    }
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

impl Drop for Api {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
