//! Names as people type them.

use deunicode::deunicode;

/// Lower case, without accents, words separated by one space: `São Paulo/Guarulhos` is `sao paulo guarulhos`.
pub fn fold(text: &str) -> String {
    let plain = deunicode(text).to_lowercase();
    let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The English name of a country by its ISO 3166 code, as travellers call it; the code itself when unknown.
pub fn country_name(code: &str) -> &str {
    match code {
        "BN" => "Brunei",
        "BO" => "Bolivia",
        "CD" => "Congo-Kinshasa",
        "CG" => "Congo-Brazzaville",
        "CV" => "Cabo Verde",
        "CZ" => "Czechia",
        "FM" => "Micronesia",
        "GB" => "United Kingdom",
        "HK" => "Hong Kong",
        "IR" => "Iran",
        "KP" => "North Korea",
        "KR" => "South Korea",
        "LA" => "Laos",
        "MD" => "Moldova",
        "MK" => "North Macedonia",
        "MO" => "Macao",
        "PS" => "Palestine",
        "RU" => "Russia",
        "SY" => "Syria",
        "SZ" => "Eswatini",
        "TR" => "Türkiye",
        "TW" => "Taiwan",
        "TZ" => "Tanzania",
        "US" => "United States",
        "VE" => "Venezuela",
        "VN" => "Vietnam",
        // used by IATA and the European Union, not assigned by ISO 3166
        "XK" => "Kosovo",
        _ => code
            .parse::<iso_currency::Country>()
            .map_or(code, |country| country.name()),
    }
}

/// What else people call a country when they look for a place: in no answer, only found by.
pub fn country_words(code: &str) -> &str {
    match code {
        "AE" => "UAE Emirates",
        "BA" => "Bosnia",
        "CD" => "DRC Congo",
        "CI" => "Ivory Coast",
        "CN" => "PRC",
        "CV" => "Cape Verde",
        "CZ" => "Czech Republic",
        "GB" => "UK Great Britain",
        "KR" => "Korea",
        "MK" => "Macedonia",
        "MM" => "Burma",
        "MO" => "Macau",
        "NL" => "Holland",
        "SA" => "KSA",
        "SZ" => "Swaziland",
        "TL" => "East Timor",
        "TR" => "Turkey",
        "US" => "USA America",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_punctuation_do_not_matter() {
        assert_eq!(fold("  São Paulo/Guarulhos "), "sao paulo guarulhos");
        assert_eq!(fold("København"), "kobenhavn");
        assert_eq!(fold("Đà Nẵng"), "da nang");
    }

    #[test]
    fn countries_have_the_names_travellers_use() {
        assert_eq!(country_name("IN"), "India");
        assert_eq!(country_name("KR"), "South Korea");
        assert_eq!(country_name("XK"), "Kosovo");
        assert_eq!(country_name("US"), "United States");
        assert_eq!(country_name("TR"), "Türkiye");
        assert_eq!(country_name("QQ"), "QQ");
    }
}
