//! A redis-server of the test's own, so that it can be flushed, stopped and killed.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Folder;

pub struct Redis {
    port: u16,
    child: Child,
    folder: Folder,
}

impl Redis {
    pub fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = Folder::new();
        let child = spawn(port, &folder);
        Self {
            port,
            child,
            folder,
        }
    }

    /// With TLS alone, and a certificate of its own.
    pub fn start_encrypted(certificate: &Path, key: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = Folder::new();
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "0", "--tls-auth-clients", "no", "--tls-port"])
            .arg(port.to_string())
            .arg("--tls-cert-file")
            .arg(certificate)
            .arg("--tls-key-file")
            .arg(key);
        let child = spawn_as(command, port, &folder);
        Self {
            port,
            child,
            folder,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Loses everything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Comes back on the same port, empty.
    pub fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder);
    }

    /// Answers nobody, closes nothing.
    pub fn freeze(&self) {
        super::process::signal("STOP", self.child.id());
    }

    pub fn thaw(&self) {
        super::process::signal("CONT", self.child.id());
    }

    pub fn connection(&self) -> ::redis::Connection {
        ::redis::Client::open(self.url())
            .unwrap()
            .get_connection()
            .unwrap()
    }

    pub fn query<T: ::redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut cmd = ::redis::cmd(command[0]);
        cmd.arg(&command[1..]);
        cmd.query(&mut self.connection()).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // SIGKILL ends a frozen one too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &Folder) -> Child {
    let mut command = Command::new("redis-server");
    command.arg("--port").arg(port.to_string());
    spawn_as(command, port, folder)
}

fn spawn_as(mut command: Command, port: u16, folder: &Folder) -> Child {
    let child = command
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .arg("--dir")
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is needed: `scripts/services start` installs it");
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "redis-server did not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}
