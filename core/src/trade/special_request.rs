//! Special service requests.

/// IATA's codes of the special service requests that can be made, with what they ask for.
const SPECIAL_REQUESTS: [(&str, &str); 21] = [
    ("AVML", "Asian vegetarian meal"),
    ("BBML", "Baby meal"),
    ("CHML", "Child meal"),
    ("DBML", "Diabetic meal"),
    ("FPML", "Fruit platter"),
    ("GFML", "Gluten-free meal"),
    ("HNML", "Hindu meal"),
    ("KSML", "Kosher meal"),
    ("LFML", "Low-fat meal"),
    ("LSML", "Low-salt meal"),
    ("MOML", "Muslim meal"),
    ("NLML", "Low-lactose meal"),
    ("RVML", "Raw vegetarian meal"),
    ("SFML", "Seafood meal"),
    ("VGML", "Vegan meal"),
    ("VLML", "Vegetarian lacto-ovo meal"),
    ("WCHR", "Wheelchair, can climb steps"),
    ("WCHS", "Wheelchair, cannot climb steps"),
    ("WCHC", "Wheelchair to the seat"),
    ("BLND", "Blind passenger"),
    ("DEAF", "Deaf passenger"),
];

/// A special service request in words, or `None` for a code that is none.
pub fn request_words(code: &str) -> Option<&'static str> {
    let known = SPECIAL_REQUESTS.iter().find(|(known, _)| *known == code);
    known.map(|(_, words)| *words)
}

/// The codes that can be asked for, in alphabetical order of their kind, with what they ask for.
pub fn special_requests() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    SPECIAL_REQUESTS.iter()
}
