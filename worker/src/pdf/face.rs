//! The two typefaces a document can be set in.
//!
//! Helvetica is in every PDF reader: nothing is embedded, and its widths are those of Liberation Sans. It has the
//! letters of Windows-1252 alone. A document that says more is set in Noto Sans, embedded, from first word to last.
//!
//! **Helvetica for every name that fits, an embedded subset of Noto Sans for the others.** genpdf with a built-in
//! font is hundreds of times faster than with an embedded one; see `MEASUREMENTS.md`.

use std::borrow::Cow;
use std::sync::LazyLock;

use deunicode::deunicode;
use flightdesk_core::ticket::to_latin_capitals;
use genpdf::error::Error;
use genpdf::fonts::{FontCache, FontData, FontFamily};
use printpdf::BuiltinFont;

use super::widths::is_windows_1252;

static LIBERATION_REGULAR: &[u8] = include_bytes!("../../fonts/LiberationSans-Regular.ttf");
static LIBERATION_BOLD: &[u8] = include_bytes!("../../fonts/LiberationSans-Bold.ttf");
static NOTO_REGULAR: &[u8] = include_bytes!("../../fonts/NotoSans-Regular.subset.ttf");
static NOTO_BOLD: &[u8] = include_bytes!("../../fonts/NotoSans-Bold.subset.ttf");

/// Parsed once: reading a font takes longer than setting a page in it.
static FACES: LazyLock<Result<[FontFamily<FontData>; 2], String>> =
    LazyLock::new(|| load().map_err(|error| error.to_string()));

/// What a document is set in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// Built into every reader; Windows-1252 alone.
    Helvetica,
    /// Embedded; Latin with every accent, Vietnamese, Greek and Cyrillic.
    NotoSans,
}

impl Face {
    /// The four fonts that genpdf asks for.
    pub fn family(self) -> Result<FontFamily<FontData>, String> {
        let [helvetica, noto] = FACES.as_ref()?;
        Ok(match self {
            Self::Helvetica => helvetica.clone(),
            Self::NotoSans => noto.clone(),
        })
    }

    /// Whether it has a glyph for every letter: what has none would be an empty box.
    pub fn has(self, fonts: &FontCache, text: &str) -> bool {
        match self {
            Self::Helvetica => text.chars().all(is_windows_1252),
            Self::NotoSans => {
                let regular = fonts.default_font_family().regular;
                regular
                    .glyph_ids(fonts, text.chars())
                    .iter()
                    .all(|id| *id != 0)
            }
        }
    }
}

/// The text in letters that every face has: foreign scripts in Latin ones, control characters gone.
pub fn transliterated(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| matches!(c, ' '..='~')) {
        return Cow::Borrowed(text);
    }
    // First the letters of names as barcodes and passports have them: `Ə` is `E`, where deunicode knows only `@`.
    let text: String = text.chars().map(plain_latin).collect();
    let latin = deunicode(&text);
    Cow::Owned(latin.chars().filter(|c| matches!(c, ' '..='~')).collect())
}

/// A Latin letter in A-Z, small where it is small; anything else as it is.
fn plain_latin(c: char) -> Cow<'static, str> {
    let is_latin = matches!(c,
        '\u{c0}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}');
    let capitals = if is_latin && c.is_alphabetic() {
        to_latin_capitals(c.encode_utf8(&mut [0; 4]))
    } else {
        String::new()
    };
    Cow::Owned(if capitals.is_empty() {
        c.to_string()
    } else if c.is_lowercase() {
        capitals.to_ascii_lowercase()
    } else {
        capitals
    })
}

fn load() -> Result<[FontFamily<FontData>; 2], Error> {
    let font = |bytes: &[u8], builtin| FontData::new(bytes.to_vec(), builtin);
    let regular = font(LIBERATION_REGULAR, Some(BuiltinFont::Helvetica))?;
    let bold = font(LIBERATION_BOLD, Some(BuiltinFont::HelveticaBold))?;
    let helvetica = FontFamily {
        italic: regular.clone(),
        bold_italic: bold.clone(),
        regular,
        bold,
    };
    let noto = FontFamily {
        regular: font(NOTO_REGULAR, None)?,
        bold: font(NOTO_BOLD, None)?,
        // Never used; as built-in fonts they cost nothing, where embedded ones would double the file.
        italic: helvetica.italic.clone(),
        bold_italic: helvetica.bold_italic.clone(),
    };
    Ok([helvetica, noto])
}

#[cfg(test)]
mod tests {
    use flightdesk_core::booking::parse_name;

    use super::*;

    #[test]
    fn windows_1252_ends_where_vietnamese_begins() {
        for (text, fits) in [
            ("Zoë O'Brien-Müller – €", true),
            ("Nguyễn", false),
            ("Łukasz", false),
            ("Şimşek", false),
            ("tab\t", false),
        ] {
            assert_eq!(text.chars().all(is_windows_1252), fits, "{text}");
        }
    }

    #[test]
    fn noto_has_every_latin_letter_and_no_chinese_one() {
        let fonts = FontCache::new(Face::NotoSans.family().unwrap());
        for text in [
            "Nguyễn Thị Hồng Đào",
            "Łukasz Żółć",
            "Işık Şimşek-Yağmur",
            "Ελένη",
            "Ирина",
            "Əliyev Məmməd",
            "Ɓalarabe Ɗanladi Ƙofar Ƴanɗoto",
            "Agbeɖo Ɣeyiɣi Ŋutsu Ʋudu ʋudu Ɛnyo ɛ Ɔfori ɔ",
            "Ɨsai ɨ Ʉra ʉ Ɵ ɵ Ⱥ ⱥ Ⱦ ⱦ Ɲ ɲ Ʃ ʃ Ʒ ʒ Ʈ ʈ Ʊ ʊ Ɩ ɩ",
            "Gal·la",
        ] {
            assert!(Face::NotoSans.has(&fonts, text), "{text}");
        }
        for text in ["王小明", "محمد", "\u{7}"] {
            assert!(!Face::NotoSans.has(&fonts, text), "{text}");
        }
    }

    #[test]
    fn a_script_without_glyphs_is_written_in_latin_letters() {
        assert_eq!(transliterated("王小明"), "Wang Xiao Ming");
        assert_eq!(transliterated("a\u{7}b\n"), "ab");
    }

    /// Every letter that a name may have prints: as it is, or in A-Z where no font has it, and never as a box.
    #[test]
    fn every_letter_of_a_name_prints() {
        let fonts = FontCache::new(Face::NotoSans.family().unwrap());
        let letters = ('\u{c0}'..='\u{a7ff}').map(String::from);
        let names = letters.filter(|letter| parse_name(letter).is_ok());
        let mut count = 0;
        for name in names {
            count += 1;
            if !Face::NotoSans.has(&fonts, &name) {
                let printed = transliterated(&name);
                assert!(
                    printed.chars().any(|c| c.is_ascii_alphabetic()),
                    "{name} is lost"
                );
                assert!(printed.chars().all(is_windows_1252), "{name}: {printed}");
            }
            let barcode = to_latin_capitals(&name);
            assert!(!barcode.is_empty(), "{name} is in no barcode");
        }
        assert!(count > 700, "{count} letters");
        assert_eq!(transliterated("Ɐ Ꝁmə"), "A Kme");
    }
}
