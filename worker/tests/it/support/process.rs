//! The real worker binary.

use std::process::{Child, Command, Stdio};

use sqlx::{ConnectOptions, PgPool};

use super::Folder;
use super::redis::Redis;

pub struct Worker {
    child: Child,
    folder: Folder,
}

impl Worker {
    /// Starts a worker on the test's database and Redis; `settings` are environment variables.
    pub fn start(pool: &PgPool, redis: &Redis, settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_worker"))
            .env(
                "DATABASE_URL",
                pool.connect_options().to_url_lossy().as_str(),
            )
            .env("REDIS_URL", redis.url())
            .env("RUST_LOG", "info,sqlx=error,apalis=warn")
            .env("DOCUMENTS_DIR", folder.path().join("documents"))
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and waits until it has; its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        signal("TERM", self.child.id());
        self.wait()
    }

    /// Waits until it has ended; its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(40).collect();
            eprintln!("the worker's last words:");
            for line in tail.iter().rev() {
                eprintln!("  {line}");
            }
        }
    }
}

/// Sends a signal to a process this test started.
pub fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success(), "kill -{name} {pid} failed");
}
