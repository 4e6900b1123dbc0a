//! Names in the letters of a barcode.

use deunicode::deunicode;

/// A name in A-Z alone, as barcodes and machine-readable zones have it: accents go, and so does everything that
/// is no letter (space, hyphen, apostrophe).
///
/// One letter for one letter where there is one (`ö` and `ø` become `O`, `ü` `U`, `đ` `D`, `ł` `L`, `ı` `I`, `ş` `S`,
/// `ğ` `G`), two where the letter is two (`ß` `SS`, `æ` `AE`, `þ` `TH`). ICAO Doc 9303 also allows `OE` for `ö`; a
/// name does not say whether it is German or Turkish, so the form that both read is taken.
pub fn to_latin_capitals(name: &str) -> String {
    deunicode(name)
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|letter| letter.to_ascii_uppercase())
        .collect()
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
            ("Jörg Müller", "JORGMULLER"),
            ("Søren Ærø Þór", "SORENAEROTHOR"),
            ("O'Brien-Smith", "OBRIENSMITH"),
            ("Škvorecký", "SKVORECKY"),
        ] {
            assert_eq!(to_latin_capitals(name), capitals);
        }
    }
}
