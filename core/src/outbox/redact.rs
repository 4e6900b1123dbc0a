//! What may be kept of an error: a few hundred characters without addresses, credentials or keys.

/// Characters of an error that are kept.
const MOST: usize = 500;
/// Beginnings of secrets that have a shape of their own.
const SECRET_MARKS: [&str; 7] = [
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "whsec_",
    "fd_live_",
    "fd_test_",
    "fd_refresh_",
];

/// The text without words that hold an `@` (mail addresses, `user:password@host`) or look like a key, cut to 500
/// characters. Servers like to repeat the recipient in what they answer.
pub fn redact(text: &str) -> String {
    let mut kept = String::new();
    for word in text.split_whitespace() {
        if !kept.is_empty() {
            kept.push(' ');
        }
        let secret = word.contains('@') || SECRET_MARKS.iter().any(|mark| word.contains(mark));
        kept.push_str(if secret { "[redacted]" } else { word });
    }
    match kept.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &kept[..end]),
        None => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_credentials_and_keys_are_not_kept() {
        assert_eq!(
            redact("550 5.1.1 <asha@example.com>: no such user, see smtp://u:p@host/ sk_live_abc"),
            "550 5.1.1 [redacted] no such user, see [redacted] [redacted]"
        );
    }

    #[test]
    fn a_long_error_is_cut_between_characters() {
        let cut = redact(&"é".repeat(2_000));
        assert_eq!(cut.chars().count(), MOST + 1);
        assert!(cut.ends_with('…'));
    }

    #[test]
    fn a_plain_error_stays_as_it_is() {
        assert_eq!(redact("connection refused"), "connection refused");
    }
}
