//! A real SMTP server (aiosmtpd) that answers as the test tells it to.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Folder;

pub struct Smtp {
    child: Child,
    folder: Folder,
    url: String,
}

impl Smtp {
    /// Each mail that is offered takes the next behaviour, the last one repeats: see smtp.py.
    pub fn start(behaviours: &[&str]) -> Self {
        Self::start_as("plain", 0, behaviours)
    }

    /// The same on a port that somebody knows already.
    pub fn start_on(port: u16, behaviours: &[&str]) -> Self {
        Self::start_as("plain", port, behaviours)
    }

    /// The same encrypted, from the first byte (`tls`) or after STARTTLS (`starttls`).
    pub fn start_encrypted(kind: &str) -> Self {
        Self::start_as(kind, 0, &["ok"])
    }

    fn start_as(kind: &str, port: u16, behaviours: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let python = root.join(".local/tools/venv/bin/python");
        assert!(
            python.exists(),
            "{} is missing: `scripts/tools` installs aiosmtpd there",
            python.display()
        );
        let folder = Folder::new();
        if kind != "plain" {
            let names = vec!["localhost".to_owned()];
            let made = rcgen::generate_simple_self_signed(names).unwrap();
            let write = |name: &str, text: String| {
                std::fs::write(folder.path().join(name), text).unwrap();
            };
            write("certificate.pem", made.cert.pem());
            write("key.pem", made.signing_key.serialize_pem());
        }
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/smtp.py"))
            .arg(kind)
            .arg(folder.path())
            .args(behaviours)
            .env("SMTP_PORT", port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        assert!(
            !port.trim().is_empty(),
            "the SMTP server did not start: is aiosmtpd in the tools' venv?"
        );
        let port = port.trim();
        let url = match kind {
            "tls" => format!("smtps://localhost:{port}"),
            "starttls" => format!("smtp://localhost:{port}?tls=required"),
            _ => format!("smtp://127.0.0.1:{port}"),
        };
        Self { child, folder, url }
    }

    /// The certificate of an encrypted one, which signed itself.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// How often a mail was offered.
    pub fn offers(&self) -> usize {
        std::fs::read_to_string(self.folder.path().join("offers"))
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }

    /// The mails it took, as they came over the wire.
    pub fn accepted(&self) -> Vec<String> {
        let mut names = self.folder.mails();
        names.sort();
        names
            .iter()
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap())
            .collect()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
