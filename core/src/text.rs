//! Free text that people write: what may stand in it wherever it is stored, shown, printed or mailed.

/// The first character of a text that nobody sees and that changes what others see: a control character, a line or
/// paragraph separator, a mark that turns the direction of writing, a zero-width or tag character.
///
/// The zero-width joiners stay: Persian and the scripts of India need them.
pub fn find_invisible(text: &str) -> Option<char> {
    text.chars().find(|c| is_invisible(*c))
}

/// Control characters (Cc), separators of lines (Zl, Zp), format characters (Cf) but for the two joiners, fillers
/// that are letters only in name, and code points that are no characters.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// One line of text as it is stored: without surrounding blanks, 1 to `most` characters, none of them invisible.
///
/// The error is a field error's code and message: `length` or `invisible_character`.
pub fn one_line(raw: &str, most: usize) -> Result<String, (&'static str, String)> {
    let line = raw.trim();
    if let Some(c) = find_invisible(line) {
        return Err(invisible(c));
    }
    match line.chars().count() {
        0 => Err(("length", format!("write 1 to {most} characters"))),
        count if count > most => Err((
            "length",
            format!("write at most {most} characters; this has {count}"),
        )),
        _ => Ok(line.to_owned()),
    }
}

/// What to do about an invisible character: a field error's code and message.
pub fn invisible(c: char) -> (&'static str, String) {
    let message = format!(
        "delete the invisible character U+{:04X}; retyping the text removes it",
        u32::from(c)
    );
    ("invisible_character", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_and_what_turns_the_writing_is_found() {
        for c in [
            '\0',
            '\t',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202b}',
            '\u{202c}',
            '\u{202d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2067}',
            '\u{2068}',
            '\u{2069}',
            '\u{feff}',
            '\u{fffe}',
            '\u{e0041}',
            '\u{10ffff}',
        ] {
            let text = format!("Ada{c}Lovelace");
            assert_eq!(find_invisible(&text), Some(c), "U+{:04X}", u32::from(c));
            let (code, message) = one_line(&text, 100).unwrap_err();
            assert_eq!(code, "invisible_character");
            assert!(!message.contains(c), "{message:?} shows it");
        }
    }

    #[test]
    fn words_of_every_script_are_text() {
        for text in [
            "Ada Lovelace",
            "王小明",
            "محمد",
            "ക്രിസ്റ്റി\u{200d}",
            "می\u{200c}خواهم",
            "CI 🚀",
        ] {
            assert_eq!(one_line(&format!(" {text} "), 100).as_deref(), Ok(text));
        }
        assert_eq!(one_line("abc", 2).unwrap_err().0, "length");
        assert_eq!(one_line("  ", 2).unwrap_err().0, "length");
    }
}
