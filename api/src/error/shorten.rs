//! Texts of callers, cut before they go into an answer or the log.

/// A text of at most `most` bytes; of a longer one the beginning and a mark.
pub fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("éééé", 5), "éé…");
    }
}
