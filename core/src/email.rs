//! Addresses of mail: one check decides for sign-up, booking and sending alike.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::text;

/// An address that any relay can carry: a local part in ASCII (RFC 5321 "Dot-string"), a host name as DNS has it.
///
/// Local parts in other letters need SMTPUTF8 (RFC 6531) on every server of the way, which nobody can promise when
/// somebody signs up; so they are refused at once instead of when a ticket is to be sent. International domains need
/// nothing of the kind: they are kept and leave as `xn--…`. Whether mail arrives is known only by sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address, without surrounding blanks. The error is a sentence that says what to write.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let raw = raw.trim();
        if let Some(c) = text::find_invisible(raw) {
            return Err(text::invisible(c).1);
        }
        let Some((local, domain)) = raw.rsplit_once('@') else {
            return Err("write an e-mail address, such as asha@example.com".to_owned());
        };
        check_local(local)?;
        let domain = ascii_domain(domain)?;
        let address = format!("{local}@{domain}");
        // RFC 5321 4.5.3.1.3: a path of 256 octets, of which the angle brackets are two.
        if address.len() > 254 {
            return Err("write an address of at most 254 characters".to_owned());
        }
        Ok(Self(address))
    }

    /// As it goes over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it goes over the wire.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Enough of a hash to tell addresses apart, in any case, where the address itself shall not stand.
pub(crate) fn fingerprint(email: &str) -> String {
    let digest = Sha256::digest(email.to_lowercase().as_bytes());
    let start = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    format!("{start:016x}")
}

fn check_local(local: &str) -> Result<(), String> {
    if let Some(c) = local.chars().find(|c| !c.is_ascii()) {
        return Err(format!(
            "write an address with plain letters a-z before the @: not every mail server can carry {c} there"
        ));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    if let Some(c) = local.chars().find(|c| !is_plain(*c)) {
        let c = if c == ' ' {
            "a space".to_owned()
        } else {
            c.to_string()
        };
        return Err(format!(
            "write one address, such as asha@example.com, without {c} before the @"
        ));
    }
    match local.len() {
        0 => return Err("write a name before the @, such as asha@example.com".to_owned()),
        1..=64 => {}
        _ => return Err("write at most 64 characters before the @".to_owned()),
    }
    if local.split('.').any(str::is_empty) {
        let message =
            "before the @, write no full stop at the beginning, at the end or twice in a row";
        return Err(message.to_owned());
    }
    Ok(())
}

/// The host name in the letters of DNS, lower-cased.
fn ascii_domain(domain: &str) -> Result<String, String> {
    let unfit = || {
        format!(
            "after the @, write the name of a mail host, such as example.com; {domain} cannot be one"
        )
    };
    if domain.is_empty() {
        return Err("after the @, write the name of a mail host, such as example.com".to_owned());
    }
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| unfit())?;
    let labels: Vec<_> = ascii.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let is_numeric = top.bytes().all(|byte| byte.is_ascii_digit());
    if labels.len() < 2 || top.len() < 2 || is_numeric {
        return Err(unfit());
    }
    Ok(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_as_relays_can_carry_them() {
        for (raw, kept) in [
            ("a@b.co", "a@b.co"),
            (
                " First.Last+tag@Mail.Example.COM ",
                "First.Last+tag@mail.example.com",
            ),
            ("zoe@exämple.com", "zoe@xn--exmple-cua.com"),
            (
                "asha@उदाहरण.परीक्षा",
                "asha@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
            ),
            ("a@faß.de", "a@xn--fa-hia.de"),
            ("a@例え。jp", "a@xn--r8jz45g.jp"),
            ("o'brien/{x}@example.com", "o'brien/{x}@example.com"),
        ] {
            assert_eq!(EmailAddress::parse(raw).unwrap().as_str(), kept, "{raw}");
        }
    }

    #[test]
    fn what_no_relay_can_carry_is_refused_with_the_reason() {
        for (raw, reason) in [
            ("", "write an e-mail address"),
            ("a", "write an e-mail address"),
            ("zoë@example.com", "carry ë there"),
            ("a b@c.co", "without a space"),
            ("\"a b\"@c.co", "without \" before"),
            ("Asha <a@c.co>", "without a space"),
            ("a@@b.co", "without @ before"),
            ("a,b@c.co", "without , before"),
            ("@b.co", "a name before the @"),
            (".a@b.co", "no full stop"),
            ("a.@b.co", "no full stop"),
            ("a..b@c.co", "no full stop"),
            ("a@", "the name of a mail host"),
            ("a@b", "b cannot be one"),
            ("a@b..co", "cannot be one"),
            ("a@b.co.", "cannot be one"),
            ("a@-b.co", "cannot be one"),
            ("a@b_c.co", "cannot be one"),
            ("a@1.2.3.4", "cannot be one"),
            ("a@[1.2.3.4]", "cannot be one"),
            ("a@b.c", "cannot be one"),
            ("a@xn--a.co", "cannot be one"),
            ("a@b.co\r\nBcc: x@y.zz", "U+000D"),
            ("a@b\u{202e}.co", "U+202E"),
            ("a\0@b.co", "U+0000"),
        ] {
            let refused = EmailAddress::parse(raw).unwrap_err();
            assert!(refused.contains(reason), "{raw:?}: {refused}");
        }
        let long = |local: usize, label: usize| {
            let host = format!("{0}.{0}.{0}.{0}.co", "b".repeat(label));
            EmailAddress::parse(&format!("{}@{host}", "a".repeat(local))).is_ok()
        };
        assert!(long(64, 40) && !long(65, 40) && !long(64, 47) && !long(1, 64));
    }
}
