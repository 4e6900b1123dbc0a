//! Mail: a directory of .eml files by default, SMTP when `SMTP_URL` is set, a list in tests.

pub mod calendar;
mod cancelled;
mod changed;
mod contact;
mod directory;
mod disrupted;
pub mod endpoint_disabled;
mod layout;
mod message;
mod moved;
pub mod password_reset;
mod returned;
mod smtp;
mod structured;
pub mod templates;
pub mod verification;

use std::sync::{Arc, Mutex, PoisonError};

use flightdesk_core::config::{Environment, Settings};
use lettre::message::Mailbox;
use secrecy::ExposeSecret;

pub use message::{Attachment, Mail};

/// Sends mail by whatever way the settings name. Clones share it.
#[derive(Clone, Debug)]
pub struct Mailer(Arc<Office>);

#[derive(Debug)]
struct Office {
    from: Mailbox,
    reply_to: Mailbox,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    Smtp(smtp::Transport),
    Directory(std::path::PathBuf),
    Memory(Mutex<Vec<Mail>>),
}

/// Why a mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server was away, cut the connection, or takes no mail from us at all.
    #[error("the mail server is away: {0}")]
    Away(String),
    /// The server says "later" about this mail; the same mail may leave then.
    #[error("mail could not be sent now: {0}")]
    Temporary(String),
    /// The server or the mail itself says no; the same mail will never leave.
    #[error("mail was refused: {0}")]
    Permanent(String),
}

impl Mailer {
    /// The mailer that the settings name; an error names the setting that is wrong.
    pub fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        let mail = &settings.mail;
        let backend = match &mail.smtp_url {
            Some(url) => Backend::Smtp(smtp::transport(
                url.expose_secret(),
                mail.smtp_ca_file.as_deref(),
                settings.environment == Environment::Production,
            )?),
            None => Backend::Directory(mail.mail_dir.clone()),
        };
        Self::new(&mail.mail_from, mail.mail_reply_to.as_deref(), backend)
    }

    /// A mailer that keeps every mail in memory, for tests.
    pub fn memory() -> Self {
        let from = Mailbox::new(
            None,
            lettre::Address::new("tickets", "flightdesk.example")
                .unwrap_or_else(|_| unreachable!("the address is well-formed")),
        );
        Self(Arc::new(Office {
            reply_to: from.clone(),
            from,
            backend: Backend::Memory(Mutex::default()),
        }))
    }

    fn new(from: &str, reply_to: Option<&str>, backend: Backend) -> anyhow::Result<Self> {
        let parse = |setting: &str, raw: &str| {
            raw.parse::<Mailbox>().map_err(|_| {
                anyhow::anyhow!("{setting} is no mail address: write `Name <local@host>`")
            })
        };
        let from = parse("MAIL_FROM", from)?;
        let reply_to = match reply_to {
            Some(raw) => parse("MAIL_REPLY_TO", raw)?,
            None => from.clone(),
        };
        Ok(Self(Arc::new(Office {
            from,
            reply_to,
            backend,
        })))
    }

    /// The bare address that mails come from.
    pub fn from(&self) -> String {
        self.0.from.email.to_string()
    }

    /// The bare address that answers go to.
    pub fn reply_to(&self) -> String {
        self.0.reply_to.email.to_string()
    }

    /// The host that Message-IDs end in: that of the sender.
    pub fn host(&self) -> &str {
        self.0.from.email.domain()
    }

    /// Hands the mail over. Sending the same mail again sends it again, under the same Message-ID; a directory keeps
    /// one file for it.
    pub async fn send(
        &self,
        mail: Mail,
        sent_at: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), MailError> {
        match &self.0.backend {
            Backend::Smtp(transport) => {
                smtp::send(
                    transport,
                    mail.compose(&self.0.from, &self.0.reply_to, sent_at)?,
                )
                .await
            }
            Backend::Directory(folder) => {
                let name = mail.file_name();
                let bytes = mail
                    .compose(&self.0.from, &self.0.reply_to, sent_at)?
                    .formatted();
                directory::write(folder, &name, &bytes).await
            }
            Backend::Memory(sent) => {
                mail.compose(&self.0.from, &self.0.reply_to, sent_at)?;
                sent.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(mail);
                Ok(())
            }
        }
    }

    /// What a mailer in memory was given, in order; nothing for the others.
    pub fn sent(&self) -> Vec<Mail> {
        match &self.0.backend {
            Backend::Memory(sent) => sent.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Backend::Smtp(_) | Backend::Directory(_) => Vec::new(),
        }
    }
}
