//! How wide a text is in the built-in face.
//!
//! genpdf looks every letter and every pair of letters up in the font file, each time that a width is asked for, and a
//! page asks for some two hundred widths. Here each letter and each pair is looked up once for all documents.

use std::sync::OnceLock;

use genpdf::fonts::{Font, FontCache};
use printpdf::{Mm, Pt};

/// The letters of Windows-1252 beyond Latin-1.
const BEYOND_LATIN_1: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

/// Whether Windows-1252 has the letter: the printable Latin-1 and 27 more.
pub fn is_windows_1252(c: char) -> bool {
    position(c).is_some()
}

/// A letter's place in the tables.
fn position(c: char) -> Option<usize> {
    match c {
        ' '..='~' | '\u{a0}'..='\u{ff}' => Some(c as usize),
        _ => (BEYOND_LATIN_1.chars().position(|one| one == c)).map(|place| 0x80 + place),
    }
}

/// A letter at a place in the tables; none where there is none.
fn letter(position: usize) -> Option<char> {
    let c = match position {
        0x80..0xa0 => BEYOND_LATIN_1.chars().nth(position - 0x80)?,
        other => char::from(u8::try_from(other).ok()?),
    };
    is_windows_1252(c).then_some(c)
}

/// The advances of the letters of a font, and what stands between two of them, in millimetres for each point of size.
pub struct Widths {
    advances: [f64; 256],
    kerning: Vec<f32>,
}

impl Widths {
    /// The widths of regular or bold letters of the built-in face, which `fonts` has as its default.
    pub fn built_in(fonts: &FontCache, bold: bool) -> &'static Self {
        static WIDTHS: [OnceLock<Widths>; 2] = [OnceLock::new(), OnceLock::new()];
        let family = fonts.default_font_family();
        let font = if bold { family.bold } else { family.regular };
        WIDTHS[usize::from(bold)].get_or_init(|| Self::of(fonts, font))
    }

    fn of(fonts: &FontCache, font: Font) -> Self {
        let letters: Vec<_> = (0..256).map(letter).collect();
        let mut advances = [0.0; 256];
        let mut kerning = vec![0.0; 256 * 256];
        for (first, c) in letters.iter().enumerate() {
            let Some(c) = *c else { continue };
            advances[first] = font.char_width(fonts, c, 1).into();
            for (second, next) in letters.iter().enumerate() {
                let Some(next) = *next else { continue };
                let between = font.kerning(fonts, [c, next]).pop().unwrap_or(0.0);
                kerning[first * 256 + second] = between;
            }
        }
        Self { advances, kerning }
    }

    /// The width of a text of one size in points; `None` when Windows-1252 lacks one of its letters.
    pub fn width(&self, text: &str, size: u8) -> Option<f64> {
        let (mut advances, mut kerning, mut before) = (0.0, 0.0, None);
        for c in text.chars() {
            let position = position(c)?;
            advances += self.advances[position];
            if let Some(before) = before {
                kerning += self.kerning[before * 256 + position];
            }
            before = Some(position);
        }
        let kerning = Mm::from(Pt(f64::from(kerning))).0;
        Some((advances + kerning) * f64::from(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::face::Face;
    use crate::pdf::sheet::{bold, text};
    use genpdf::style::Style;

    #[test]
    fn widths_are_those_that_genpdf_draws_with() {
        let fonts = FontCache::new(Face::Helvetica.family().unwrap());
        let letters: String = (0..256).filter_map(letter).collect();
        for words in ["AVATAR To Wa. Zoë O'Brien-Müller – €", &letters, "", "Ÿ"] {
            for kind in [text(9), bold(26)] {
                let style = Style::new().with_font_size(kind.size);
                let style = if kind.bold { style.bold() } else { style };
                let theirs: f64 = style.str_width(&fonts, words).into();
                let ours = Widths::built_in(&fonts, kind.bold).width(words, kind.size);
                let difference = ours.unwrap() - theirs;
                assert!(difference.abs() < 0.001, "{words:?}: {difference} mm");
            }
        }
        assert_eq!(Widths::built_in(&fonts, false).width("Nguyễn", 9), None);
    }
}
