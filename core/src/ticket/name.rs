//! Names in the letters of a barcode.

use deunicode::deunicode_char;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A name in A-Z alone, as barcodes and machine-readable zones have it: accents go, and so does everything that
/// is no letter (space, hyphen, apostrophe, full stop). No letter is dropped.
///
/// The letters are those of ICAO Doc 9303, part 3, section 6: `Ø` is `OE`, `Æ` `AE`, `Þ` `TH`, `ß` `SS`, `Ð` and `Đ` `D`,
/// `Ł` `L`, `ı` `I`, `Ə` `E`. Where the table gives a choice (`Ä`, `Å`, `Ö`, `Ü`, `Ñ`) it is the single letter: a name does
/// not say whether it is German or Turkish, so the form that both read is taken. Hooked and barred letters that the
/// table leaves out are the letter without hook or bar, as the passports of their countries have them.
pub fn to_latin_capitals(name: &str) -> String {
    let mut capitals = String::with_capacity(name.len());
    for c in name.nfc().flat_map(char::to_uppercase) {
        push_capitals(&mut capitals, c);
    }
    capitals
}

fn push_capitals(out: &mut String, c: char) {
    if c.is_ascii() {
        out.extend(c.is_ascii_uppercase().then_some(c));
    } else if let Some(letters) = without_decomposition(c) {
        out.push_str(letters);
    } else if !is_combining_mark(c) {
        let mut parts = Vec::new();
        decompose_compatible(c, |part| parts.push(part));
        if parts == [c] {
            let latin = deunicode_char(c).unwrap_or_default();
            let letters = latin.chars().filter(char::is_ascii_alphabetic);
            out.extend(letters.map(|letter| letter.to_ascii_uppercase()));
        } else {
            for part in parts.into_iter().flat_map(char::to_uppercase) {
                push_capitals(out, part);
            }
        }
    }
}

/// Capitals that are more than a letter with an accent.
const fn without_decomposition(c: char) -> Option<&'static str> {
    Some(match c {
        'Æ' => "AE",
        'Œ' | 'Ø' => "OE",
        'Þ' => "TH",
        'ẞ' => "SS",
        'Ⱥ' => "A",
        'Ɓ' | 'Ƀ' => "B",
        'Ƈ' | 'Ȼ' => "C",
        'Ð' | 'Đ' | 'Ɖ' | 'Ɗ' => "D",
        'Ə' | 'Ǝ' | 'Ɛ' | 'Ɇ' => "E",
        'Ƒ' => "F",
        'Ɠ' | 'Ǥ' | 'Ɣ' => "G",
        'Ħ' | 'Ⱨ' => "H",
        'Ɨ' | 'Ɩ' => "I",
        'Ɉ' => "J",
        'Ƙ' | 'Ⱪ' => "K",
        'Ł' | 'Ƚ' | 'Ⱡ' => "L",
        'Ɯ' => "M",
        'Ŋ' | 'Ɲ' | 'Ƞ' => "N",
        'Ɔ' | 'Ɵ' => "O",
        'Ƥ' => "P",
        'Ɍ' | 'Ʀ' => "R",
        'Ʃ' => "S",
        'Ŧ' | 'Ƭ' | 'Ʈ' | 'Ⱦ' => "T",
        'Ʉ' | 'Ʊ' => "U",
        'Ʋ' | 'Ʌ' => "V",
        'Ƿ' => "W",
        'Ƴ' | 'Ɏ' => "Y",
        'Ƶ' | 'Ȥ' | 'Ʒ' => "Z",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::to_latin_capitals;

    #[test]
    fn accented_names_keep_their_letters() {
        for (name, capitals) in [
            ("Nguyễn Thị Đặng", "NGUYENTHIDANG"),
            ("Łukasz Żółć", "LUKASZZOLC"),
            ("Işık Yağmur Şimşek", "ISIKYAGMURSIMSEK"),
            ("İbrahim Çağrı", "IBRAHIMCAGRI"),
            ("Großmann", "GROSSMANN"),
            ("GROẞMANN", "GROSSMANN"),
            ("Jörg Müller", "JORGMULLER"),
            ("Søren Ærø Þór", "SOERENAEROETHOR"),
            ("O'Brien-Smith", "OBRIENSMITH"),
            ("St. John", "STJOHN"),
            ("Škvorecký", "SKVORECKY"),
        ] {
            assert_eq!(to_latin_capitals(name), capitals);
        }
    }

    #[test]
    fn schwa_and_hooked_and_barred_letters_are_letters() {
        for (name, capitals) in [
            ("Əliyev Məmməd", "ELIYEVMEMMED"),
            (
                "Ɓalarabe Ɗanladi Ƙofar Ƴanɗoto",
                "BALARABEDANLADIKOFARYANDOTO",
            ),
            (
                "Agbeɖo Ɣeyiɣi Ŋutsu Ʋudu Ɛnyo Ɔfori",
                "AGBEDOGEYIGINUTSUVUDUENYOOFORI",
            ),
            ("Ðorđe Ħaġar Ŧuođđar", "DORDEHAGARTUODDAR"),
            ("Kƶ Ɨsai Ʉra", "KZISAIURA"),
            ("Œuvre Ĳsbrand Gal·la Ŀa", "OEUVREIJSBRANDGALLALA"),
            ("Dʼǅemal", "DDZEMAL"),
            // Decomposed, and an accent for which there is no composed letter.
            ("Nguye\u{302}\u{303}n", "NGUYEN"),
            ("Ade\u{323}\u{301}yẹmí", "ADEYEMI"),
        ] {
            assert_eq!(to_latin_capitals(name), capitals, "{name}");
        }
    }
}
