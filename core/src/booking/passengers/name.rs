//! Names as in the passport.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::text;
use crate::ticket::to_latin_capitals;

/// As many letters as the name field of a passport's machine-readable zone has places (39), and one.
const LONGEST: usize = 40;

/// A name that can stand on a ticket: 1-40 characters in normal form C, each a letter of the Latin alphabet that A-Z can
/// stand for, with accents; spaces, hyphens, apostrophes, full stops, and the middle dot of Catalan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassengerName(String);

impl PassengerName {
    /// As written, but for surrounding blanks and look-alikes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a name. Typographic apostrophes, hyphens and blanks, full-width letters and ligatures become the plain ones.
///
/// The error is a field error's code and message: `length`, `name_script` for letters that are not Latin,
/// `invisible_character`, or `name_character` for what is no letter.
pub fn parse_name(raw: &str) -> Result<PassengerName, (&'static str, String)> {
    // No name of 40 letters is longer, however it is composed: more is not worth a look.
    if raw.len() > LONGEST * 16 {
        return Err((
            "length",
            format!(
                "write at most {LONGEST} letters; this has {} bytes",
                raw.len()
            ),
        ));
    }
    let plain: String = raw.trim().chars().flat_map(plain).nfc().collect();
    let name = plain.split(' ').filter(|word| !word.is_empty());
    let name = name.collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        return Err(("length", format!("write 1 to {LONGEST} letters")));
    }
    let mut after_letter = false;
    for c in name.chars() {
        let is_mark = matches!(c, '\u{300}'..='\u{34e}' | '\u{350}'..='\u{36f}');
        if !(is_latin_letter(c) || is_mark && after_letter || " -'.·".contains(c)) {
            return Err(refusal(c));
        }
        after_letter = is_latin_letter(c) || is_mark;
    }
    if to_latin_capitals(&name).is_empty() {
        return Err((
            "name_character",
            "write at least one Latin letter".to_owned(),
        ));
    }
    match name.chars().count() {
        ..=LONGEST => Ok(PassengerName(name)),
        count => Err((
            "length",
            format!(
                "write at most {LONGEST} letters (this has {count}), shortened as in the passport's machine-readable zone"
            ),
        )),
    }
}

/// The character that is meant by one that looks like it.
fn plain(c: char) -> Vec<char> {
    let same = match c {
        // Apostrophes, primes, the okina, letters that look like one, the acute and grave of a keyboard.
        '\u{60}'
        | '\u{b4}'
        | '\u{2b9}'
        | '\u{2bb}'..='\u{2bf}'
        | '\u{2c8}'
        | '\u{2ca}'
        | '\u{2cb}'
        | '\u{2018}'
        | '\u{2019}'
        | '\u{201b}'
        | '\u{2032}'
        | '\u{2035}'
        | '\u{a78b}'
        | '\u{a78c}'
        | '\u{ff07}'
        | '\u{ff40}' => '\'',
        // Hyphens, dashes, the minus.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{2027}' | '\u{2219}' | '\u{22c5}' => '·',
        // A place to break a word, if it has to be: no part of the name.
        '\u{ad}' => return Vec::new(),
        // Full-width letters of East Asian keyboards, and ligatures.
        '\u{ff01}'..='\u{ff5e}' | '\u{fb00}'..='\u{fb06}' => return c.nfkc().collect(),
        c if c.is_whitespace() && text::find_invisible(c.encode_utf8(&mut [0; 4])).is_none() => ' ',
        c => c,
    };
    vec![same]
}

/// Has a capital and a small form, as the letters of alphabets have, and letters in A-Z.
fn is_latin_letter(c: char) -> bool {
    let latin = matches!(c,
        'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}');
    let is_cased = !c.to_uppercase().eq([c]) || !c.to_lowercase().eq([c]);
    latin && is_cased && !to_latin_capitals(c.encode_utf8(&mut [0; 4])).is_empty()
}

fn refusal(c: char) -> (&'static str, String) {
    if text::find_invisible(c.encode_utf8(&mut [0; 4])).is_some() {
        text::invisible(c)
    } else if c.is_alphabetic() || is_combining_mark(c) {
        let message = format!(
            "write Latin letters, as in the two lines of capitals at the foot of the passport's photo page; {c} is none of them"
        );
        ("name_script", message)
    } else {
        let message = format!(
            "write letters, spaces, hyphens, apostrophes and full stops alone, without {c}"
        );
        ("name_character", message)
    }
}
