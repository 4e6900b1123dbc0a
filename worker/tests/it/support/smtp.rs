//! A real SMTP server (aiosmtpd) that answers as the test tells it to.

use std::io::{BufRead, BufReader};
use std::path::Path;
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
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let python = root.join(".local/tools/venv/bin/python");
        assert!(
            python.exists(),
            "{} is missing: `scripts/tools` installs aiosmtpd there",
            python.display()
        );
        let folder = Folder::new();
        let mut child = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/smtp.py"))
            .arg(folder.path())
            .args(behaviours)
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
        Self {
            child,
            folder,
            url: format!("smtp://127.0.0.1:{}", port.trim()),
        }
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
