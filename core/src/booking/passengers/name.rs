//! Names as in the passport.

/// A name that can stand on a ticket: 1-20 Latin letters with accents, spaces, hyphens, apostrophes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassengerName(String);

impl PassengerName {
    /// As written, without surrounding blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a name. The error is a field error's code and message: `length` or `name_script`.
pub fn parse_name(raw: &str) -> Result<PassengerName, (&'static str, &'static str)> {
    let name = raw.trim();
    let letters = name.chars().count();
    if letters == 0 || letters > 20 {
        return Err(("length", "1 to 20 characters"));
    }
    if name.chars().all(is_name_character) && name.chars().any(char::is_alphabetic) {
        Ok(PassengerName(name.to_owned()))
    } else {
        Err((
            "name_script",
            "Latin letters, spaces, hyphens and apostrophes, as in the passport's machine-readable zone",
        ))
    }
}

/// Latin letters of every European and the Vietnamese alphabet, composed or with combining accents.
fn is_name_character(c: char) -> bool {
    let latin_letter = c.is_alphabetic()
        && matches!(c, 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
    latin_letter || matches!(c, ' ' | '-' | '\'' | '\u{2019}' | '\u{300}'..='\u{36f}')
}
