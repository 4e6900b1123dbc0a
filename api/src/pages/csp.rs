//! What a page of ours may run and draw: the scripts and styles inside it, named by their hashes, and no others.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The sources of every `<tag>` element with text of a page, as a policy names them
/// (<https://www.w3.org/TR/CSP3/#grammardef-hash-source>).
pub fn hashes(html: &str, tag: &str) -> String {
    let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
    let mut sources = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once(&open) {
        let Some((_, text)) = after.split_once('>') else {
            break;
        };
        let Some((text, after)) = text.split_once(&close) else {
            break;
        };
        let hash = STANDARD.encode(Sha256::digest(text));
        sources.push(format!("'sha256-{hash}'"));
        rest = after;
    }
    sources.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_named_by_its_hash() {
        // `printf 'a{}' | openssl dgst -sha256 -binary | base64`
        let html = "<style charset=\"UTF-8\">a{}</style><script>x</script><style>a{}</style>";
        let a = "'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='";
        assert_eq!(hashes(html, "style").split(' ').count(), 2);
        assert!(
            hashes(html, "style").starts_with(a),
            "{}",
            hashes(html, "style")
        );
        assert_eq!(hashes(html, "link"), "");
    }
}
