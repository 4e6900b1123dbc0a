//! A mail as we write it, and as it goes over the wire.

use chrono::{DateTime, Utc};
use flightdesk_core::email::EmailAddress;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use super::MailError;

/// A mail to one person, in text and HTML, with files.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `booking_confirmed.{booking}@{host}`: the same for the same mail, however often it is sent. Without brackets.
    pub message_id: String,
    /// A bare address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// For those who read text.
    pub text: String,
    /// For everybody else.
    pub html: String,
    /// Files.
    pub attachments: Vec<Attachment>,
}

/// A file that goes with a mail.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// `ticket-K7XQ3M-AI.pdf`
    pub file_name: String,
    /// `application/pdf`
    pub content_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Mail {
    /// The name of the file a directory keeps the mail in: its Message-ID, which has no other characters than these.
    pub fn file_name(&self) -> String {
        format!("{}.eml", plain(&self.message_id))
    }

    /// The mail in the form of RFC 5322. Every value is parsed, encoded or reduced to plain characters, so that none
    /// can begin a header of its own.
    pub(super) fn compose(
        &self,
        from: &Mailbox,
        reply_to: &Mailbox,
        sent_at: DateTime<Utc>,
    ) -> Result<Message, MailError> {
        let unfit = |what: &str| MailError::Permanent(format!("{what} cannot stand in a mail"));
        // The check that decided when the address was given; those from before it are made fit or refused here.
        let to = EmailAddress::parse(&self.to).map_err(|_| unfit("the recipient's address"))?;
        let to: Address = to
            .as_str()
            .parse()
            .map_err(|_| unfit("the recipient's address"))?;
        let alternatives = MultiPart::alternative_plain_html(self.text.clone(), self.html.clone());
        let mut parts = MultiPart::mixed().multipart(alternatives);
        for file in &self.attachments {
            // Outlook shows the name that the type has, and calls a file without it ATT00001.
            let named = format!("{}; name=\"{}\"", file.content_type, plain(&file.file_name));
            let content_type =
                ContentType::parse(&named).map_err(|_| unfit("the attachment's type"))?;
            parts = parts.singlepart(attachment(file, content_type));
        }
        let auto_submitted = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        Message::builder()
            .from(from.clone())
            .reply_to(reply_to.clone())
            .to(Mailbox::new(None, to))
            .subject(one_line(&self.subject))
            .date(sent_at.into())
            .message_id(Some(format!("<{}>", plain(&self.message_id))))
            .raw_header(auto_submitted)
            .multipart(parts)
            .map_err(|_| unfit("the message"))
    }
}

fn attachment(file: &Attachment, content_type: ContentType) -> SinglePart {
    lettre::message::Attachment::new(plain(&file.file_name)).body(file.bytes.clone(), content_type)
}

/// Only characters that mean nothing in a header, a Message-ID or a path.
fn plain(raw: &str) -> String {
    raw.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-@".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

fn one_line(raw: &str) -> String {
    raw.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn mail() -> Mail {
        Mail {
            message_id: "booking_confirmed.1@flightdesk.example".to_owned(),
            to: "asha@example.com".to_owned(),
            subject: "Your booking K7XQ3M is confirmed".to_owned(),
            text: "Hello".to_owned(),
            html: "<p>Hello</p>".to_owned(),
            attachments: vec![Attachment {
                file_name: "ticket-K7XQ3M-AI.pdf".to_owned(),
                content_type: "application/pdf",
                bytes: b"%PDF-1.3".to_vec(),
            }],
        }
    }

    fn sent_at() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 9, 0, 0).unwrap()
    }

    fn compose(mail: &Mail) -> Result<String, MailError> {
        let from = "Flightdesk <tickets@flightdesk.example>".parse().unwrap();
        mail.compose(&from, &from, sent_at())
            .map(|message| String::from_utf8(message.formatted()).unwrap())
    }

    fn headers(raw: &str) -> Vec<String> {
        raw.split("\r\n\r\n")
            .next()
            .unwrap()
            .split("\r\n")
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn a_mail_has_both_forms_the_file_and_its_own_message_id() {
        let raw = compose(&mail()).unwrap();
        for expected in [
            "Message-ID: <booking_confirmed.1@flightdesk.example>",
            "From: Flightdesk <tickets@flightdesk.example>",
            "Reply-To: Flightdesk <tickets@flightdesk.example>",
            "To: asha@example.com",
            "Auto-Submitted: auto-generated",
            "Content-Type: multipart/alternative",
            "Content-Type: text/plain",
            "Content-Type: text/html",
            "Content-Type: application/pdf; name=\"ticket-K7XQ3M-AI.pdf\"",
            "filename=\"ticket-K7XQ3M-AI.pdf\"",
        ] {
            assert!(raw.contains(expected), "{expected} is missing in\n{raw}");
        }
    }

    #[test]
    fn no_value_can_begin_a_header_of_its_own() {
        let evil = "x\r\nBcc: victim@example.com\r\n\r\nbody";
        let mut mail = mail();
        mail.subject = evil.to_owned();
        mail.message_id = evil.to_owned();
        mail.attachments[0].file_name = evil.to_owned();
        let raw = compose(&mail).unwrap();
        assert!(
            !headers(&raw).iter().any(|line| line.starts_with("Bcc")),
            "{raw}"
        );
        assert!(!raw.contains("\r\nBcc: "), "{raw}");
    }

    #[test]
    fn an_address_that_carries_more_than_an_address_is_refused() {
        for to in [
            "a@example.com\r\nBcc: victim@example.com",
            "a@example.com, victim@example.com",
            "Asha <a@example.com>",
            "a@example.com\0",
            "",
        ] {
            let mail = Mail {
                to: to.to_owned(),
                ..mail()
            };
            assert!(
                matches!(compose(&mail), Err(MailError::Permanent(_))),
                "{to:?} was taken"
            );
        }
    }

    #[test]
    fn an_international_domain_leaves_in_the_letters_of_dns() {
        let mail = Mail {
            to: "zoe@exämple.com".to_owned(),
            ..mail()
        };
        let from = "Flightdesk <tickets@flightdesk.example>".parse().unwrap();
        let message = mail.compose(&from, &from, sent_at()).unwrap();
        let to = message.envelope().to()[0].to_string();
        assert_eq!(to, "zoe@xn--exmple-cua.com");
        let raw = compose(&mail).unwrap();
        assert!(raw.contains("To: zoe@xn--exmple-cua.com\r\n"), "{raw}");
    }

    #[test]
    fn every_address_that_is_taken_can_be_sent_to() {
        // Every character that an address may have, and every shape: what core takes and lettre does not would be
        // found out when a ticket is to be sent.
        let locals = "!#$%&'*+-/=?^_`{|}~".chars().map(String::from);
        let locals = locals.chain(["a".repeat(64), "a.b".to_owned(), "A1".to_owned()]);
        let hosts = [
            "b.co".to_owned(),
            "1.co".to_owned(),
            "a--b.example".to_owned(),
            "例え.jp".to_owned(),
            "उदाहरण.परीक्षा".to_owned(),
            "faß.de".to_owned(),
            "bücher.example".to_owned(),
            format!("{}.co", "b".repeat(63)),
            format!("{0}.{0}.{0}.co", "b".repeat(60)),
        ];
        for local in locals {
            for host in &hosts {
                let to = format!("{local}@{host}");
                assert!(EmailAddress::parse(&to).is_ok(), "{to} is refused");
                let mail = Mail { to, ..mail() };
                assert!(compose(&mail).is_ok(), "{} cannot be sent to", mail.to);
            }
        }
    }

    #[test]
    fn a_file_name_leads_out_of_no_folder() {
        let mail = Mail {
            message_id: "../../etc/passwd\0@x".to_owned(),
            ..mail()
        };
        assert_eq!(mail.file_name(), ".._.._etc_passwd_@x.eml");
    }
}
