//! The real servers that operators put before PostgreSQL: PgBouncer and HAProxy.

use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::Folder;

/// A process that passes connections on to PostgreSQL.
pub struct Balancer {
    port: u16,
    command: Command,
    child: Child,
    _folder: Folder,
}

/// What `PgBouncer` is told beside where PostgreSQL is.
pub struct Pooling<'a> {
    /// `transaction` or `session`.
    pub mode: &'a str,
    /// Prepared statements that it keeps track of; one that is older than 1.21 keeps track of none.
    pub statements: u32,
    /// The folder of a `certificate.pem` and a `key.pem`, to take encrypted connections only.
    pub tls: Option<&'a Path>,
}

impl Pooling<'_> {
    /// Fewer than both programs open, where they can share them: a session keeps its own to its end.
    fn server_connections(&self) -> u8 {
        if self.mode == "session" { 60 } else { 8 }
    }
}

impl Balancer {
    pub fn pgbouncer(target: &PgConnectOptions, pooling: &Pooling) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let url = target.to_url_lossy();
        let mut config = format!(
            "[databases]\n* = host={} port={} user={} password={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\ndefault_pool_size = {}\npool_mode = {}\n",
            target.get_host(),
            target.get_port(),
            target.get_username(),
            url.password().unwrap_or_default(),
            pooling.server_connections(),
            pooling.mode,
        );
        if keeps_track_of_statements() {
            writeln!(config, "max_prepared_statements = {}", pooling.statements).unwrap();
        }
        if let Some(tls) = pooling.tls {
            let tls = tls.display();
            writeln!(
                config,
                "client_tls_sslmode = require\nclient_tls_cert_file = {tls}/certificate.pem\nclient_tls_key_file = {tls}/key.pem"
            )
            .unwrap();
        }
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("pgbouncer");
        command.arg("--quiet").arg(file);
        if is_root() {
            // It refuses to be root.
            command.args(["--user", "postgres"]);
        }
        Self::spawn(port, command, folder)
    }

    pub fn haproxy(target: u16) -> Self {
        let (folder, port) = (Folder::new(), free_port());
        let file = folder.path().join("haproxy.cfg");
        let config = format!(
            "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 1m\n  timeout server 1m\n\
             listen postgresql\n  bind 127.0.0.1:{port}\n  server primary 127.0.0.1:{target}\n"
        );
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(file);
        Self::spawn(port, command, folder)
    }

    fn spawn(port: u16, mut command: Command, folder: Folder) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = start(&mut command, port);
        Self {
            port,
            command,
            child,
            _folder: folder,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as a crash would, with all its connections, and starts it again.
    pub fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = start(&mut self.command, self.port);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the PgBouncer of this machine is 1.21 or newer: Debian 12 has 1.18.
pub fn keeps_track_of_statements() -> bool {
    let output = Command::new("pgbouncer").arg("--version").output();
    let output = output.expect("pgbouncer is needed: `scripts/tools` installs it");
    let said = String::from_utf8(output.stdout).unwrap();
    // PgBouncer 1.24.1
    let minor = said.split(['.', '\n']).nth(1);
    minor.and_then(|minor| minor.parse::<u32>().ok()).unwrap() >= 21
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

fn start(command: &mut Command, port: u16) -> Child {
    let child = command
        .spawn()
        .expect("pgbouncer and haproxy are needed: `scripts/tools` installs them");
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let waited = began.elapsed();
        assert!(
            waited < Duration::from_secs(10),
            "{command:?} does not start"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

fn free_port() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}
