//! Mail over SMTP, encrypted wherever it leaves the machine.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use url::{Host, Url};

use super::MailError;

pub(super) type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// How long the server may take to answer one command.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The transport of an `SMTP_URL`. Without TLS it goes to loopback alone, in development also to a catcher on the
/// local network, and never with a password. `authority` is a file of certificates that the server's may be of, besides
/// those of the public authorities.
pub(super) fn transport(
    url: &str,
    authority: Option<&Path>,
    production: bool,
) -> anyhow::Result<Transport> {
    // The parser's own error could repeat the password.
    let parsed: Url = url
        .parse()
        .ok()
        .context("SMTP_URL is no address: write `smtps://user:password@host:465`")?;
    let tls = parsed
        .query_pairs()
        .find(|(key, _)| key == "tls")
        .map(|(_, value)| value.into_owned());
    match (parsed.scheme(), tls.as_deref()) {
        ("smtps", _) | ("smtp", Some("required")) => {}
        ("smtp", None) if is_loopback(&parsed) => {}
        ("smtp", None) if !production && parsed.password().is_none() => {
            tracing::warn!("SMTP_URL has no TLS: mail crosses the network readable");
        }
        ("smtp", _) => bail!("SMTP_URL must use smtps:// or ?tls=required outside of loopback"),
        _ => bail!("SMTP_URL must begin with smtps:// or smtp://"),
    }
    let mut transport = Transport::from_url(url)
        .ok()
        .context("SMTP_URL is no address of a mail server")?;
    if let (Some(file), true) = (authority, parsed.scheme() == "smtps" || tls.is_some()) {
        let parameters = parameters(&parsed, file)?;
        transport = transport.tls(if parsed.scheme() == "smtps" {
            Tls::Wrapper(parameters)
        } else {
            Tls::Required(parameters)
        });
    }
    let transport = transport
        .timeout(Some(TIMEOUT))
        .pool_config(
            // None is kept: before one is used again the server is asked whether it lives, and each that has fallen
            // silent would cost the whole of `TIMEOUT`, one after the other.
            PoolConfig::new().max_size(0),
        )
        .build();
    Ok(transport)
}

/// How to encrypt with a server whose certificate may be of an authority in a file.
fn parameters(url: &Url, file: &Path) -> anyhow::Result<TlsParameters> {
    let read = || format!("SMTP_CA_FILE {} cannot be read", file.display());
    let pem = std::fs::read(file).with_context(read)?;
    // The parser skips invalid lines.
    let holds_some = String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----");
    let authority = Certificate::from_pem(&pem).ok().filter(|_| holds_some);
    let authority = authority.context("SMTP_CA_FILE holds no certificate in PEM")?;
    let host = url.host_str().context("SMTP_URL names no host")?;
    let builder = TlsParameters::builder(host.to_owned()).add_root_certificate(authority);
    Ok(builder.build()?)
}

/// How long all commands of one mail may take.
const LONGEST: Duration = Duration::from_secs(25);

/// Hands the mail to the server. Given up from here, because the client says goodbye after an answer that did not come,
/// and waits as long again for the answer to that.
pub(super) async fn send(transport: &Transport, message: Message) -> Result<(), MailError> {
    let Ok(sent) = tokio::time::timeout(LONGEST, transport.send(message)).await else {
        return Err(MailError::Temporary(
            "the mail server did not answer in time".to_owned(),
        ));
    };
    sent.map(drop).map_err(|error| {
        let code = error.status().map(u16::from);
        let text = describe(&error);
        match code {
            // 53x is about us, not about the mail: a password that staff will mend must not kill every mail meanwhile.
            // 421 and 454 close the door, 452 4.3.1 is a full disk (<https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3>).
            Some(421 | 454 | 530..=539) => MailError::Away(text),
            Some(452) if text.contains("4.3.1") => MailError::Away(text),
            Some(_) if error.is_permanent() => MailError::Permanent(text),
            Some(_) => MailError::Temporary(text),
            // What lettre will not hand to this server: an address with letters beyond ASCII and no SMTPUTF8.
            None if error.is_client() && text.contains("non-ascii") => MailError::Permanent(text),
            None => MailError::Away(text),
        }
    })
}

/// The error with its causes: the outermost alone only says that there is one.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // Of a scheme it does not know, the parser leaves every host a name.
        Some(Host::Domain(name)) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn plain_smtp_stays_on_the_machine() {
        for (url, development, production) in [
            ("smtp://127.0.0.1:1025", true, true),
            ("smtp://localhost:1025", true, true),
            ("smtp://mail.example.com:25", true, false),
            ("smtp://user:secret@mail.example.com:25", false, false),
            (
                "smtp://mail.example.com:587?tls=opportunistic",
                false,
                false,
            ),
            (
                "smtp://user:secret@mail.example.com:587?tls=required",
                true,
                true,
            ),
            ("smtps://user:secret@mail.example.com", true, true),
            ("http://mail.example.com", false, false),
            ("mail.example.com", false, false),
        ] {
            assert_eq!(
                transport(url, None, false).is_ok(),
                development,
                "{url} in development"
            );
            assert_eq!(
                transport(url, None, true).is_ok(),
                production,
                "{url} in production"
            );
        }
    }

    #[tokio::test]
    async fn a_wrong_address_is_reported_without_its_password() {
        for url in [
            "ftp://user:secret@host",
            "smtp://user:secret@host:99999",
            "smtp://user:secret@host",
        ] {
            let error = transport(url, None, true).unwrap_err();
            let text = format!("{error:#}");
            assert!(
                text.contains("SMTP_URL") && !text.contains("secret"),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_certificate_is_named() {
        for file in ["no-such-file.pem", "Cargo.toml"] {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            let wrong = transport("smtps://mail.example.com", Some(&file), true);
            let text = format!("{:#}", wrong.unwrap_err());
            assert!(text.contains("SMTP_CA_FILE"), "{text}");
        }
    }
}
