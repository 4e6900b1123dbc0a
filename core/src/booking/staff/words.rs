//! What staff type to find a booking, and everything that it may mean.

use crate::error::Violations;
use crate::ids::BookingRef;
use crate::{Result, text};

const LONGEST: usize = 200;
/// The fewest digits of the end of a telephone number that are looked for.
const FEWEST_DIGITS: usize = 6;
/// The fewest letters before a star.
const FEWEST_LETTERS: usize = 3;
/// A name has no more words than this.
const MOST_WORDS: usize = 8;

/// What a text may mean: a reference, an e-mail address, a ticket number, a telephone number or a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchWords {
    pub(super) reference: Option<BookingRef>,
    pub(super) email: Option<String>,
    pub(super) ticket: Option<String>,
    /// The digits from the last to the first.
    pub(super) phone: Option<Phone>,
    pub(super) names: Vec<Name>,
}

/// A telephone number that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phone {
    /// As it is kept, backwards.
    Whole(String),
    /// How it ends, backwards.
    End(String),
}

/// A way to read a text as names; what is `None` may be anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub first: Option<String>,
    pub middle: Option<String>,
    pub last: Option<String>,
    /// Whether the names only begin so.
    pub is_beginning: bool,
}

impl SearchWords {
    /// Reads a text. Case, accents and punctuation do not matter; `LAST/FIRST`, `first last` and `last, first` are the same. A
    /// star at the end of one word stands for whatever follows it.
    ///
    /// Errors: [`crate::Error::Invalid`] naming `q` for a text that is empty, longer than 200 characters, or that nothing
    /// can be looked for by.
    pub fn parse(raw: &str) -> Result<Self> {
        let mut wrong = Violations::new();
        let line = text::one_line(raw, LONGEST).map_err(|(code, message)| {
            wrong.add("q", code, message);
        });
        wrong.into_result()?;
        let read = Self::read(&line.unwrap_or_default());
        if read == Self::default() {
            let mut wrong = Violations::new();
            let message = "write a reference, a name, an e-mail address, a ticket number, or at least six digits of a telephone number";
            wrong.add("q", "format", message);
            return Err(wrong.into_error());
        }
        Ok(read)
    }

    fn read(line: &str) -> Self {
        if line.contains('@') {
            return Self {
                email: Some(line.to_lowercase()),
                ..Self::default()
            };
        }
        if line.chars().all(|c| c.is_ascii_digit() || is_separator(c)) {
            return Self::of_digits(line);
        }
        Self {
            reference: BookingRef::parse(line),
            names: names(line),
            ..Self::default()
        }
    }

    fn of_digits(line: &str) -> Self {
        let digits = |part: &str| -> String { part.chars().filter(char::is_ascii_digit).collect() };
        // The check digit of a ticket number is printed in brackets behind it.
        let number = digits(line.split('(').next().unwrap_or_default());
        let is_ticket = number.len() == 13 && !line.starts_with(['+', '(']);
        let all = digits(line);
        let backwards = |digits: &str| digits.chars().rev().collect::<String>();
        let phone = if line.starts_with('+') {
            Some(Phone::Whole(format!("{}+", backwards(&all))))
        } else if let Some(whole) = all.strip_prefix("00") {
            Some(Phone::Whole(format!("{}+", backwards(whole))))
        } else {
            // The zero that is dialled at home alone.
            Some(Phone::End(backwards(all.trim_start_matches('0'))))
        };
        Self {
            // As a reference of digits alone: 7, 8 and 9 are of its alphabet.
            reference: BookingRef::parse(line),
            ticket: is_ticket.then_some(number),
            phone: phone.filter(|_| all.len() >= FEWEST_DIGITS),
            ..Self::default()
        }
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || "+-().".contains(c)
}

/// Every way to read words as first, middle and last names, in both orders.
fn names(line: &str) -> Vec<Name> {
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '/' | ',');
    let words: Vec<&str> = line
        .split(is_blank)
        .filter(|word| !word.is_empty())
        .collect();
    let whole = words.concat();
    if words.is_empty() || words.len() > MOST_WORDS {
        return Vec::new();
    }
    let is_beginning = words.len() == 1 && whole.ends_with('*');
    if is_beginning && whole.chars().count() <= FEWEST_LETTERS {
        return Vec::new();
    }
    let mut names = vec![
        Name {
            first: None,
            middle: None,
            last: Some(whole.clone()),
            is_beginning,
        },
        Name {
            first: Some(whole),
            middle: None,
            last: None,
            is_beginning,
        },
    ];
    let part = |from: usize, to: usize| words[from..to].concat();
    for first in 1..words.len() {
        for last in first..words.len() {
            let middle = (first < last).then(|| part(first, last));
            names.push(Name {
                first: Some(part(0, first)),
                middle,
                last: Some(part(last, words.len())),
                is_beginning: false,
            });
        }
        names.push(Name {
            first: Some(part(first, words.len())),
            middle: None,
            last: Some(part(0, first)),
            is_beginning: false,
        });
        for middle in first + 1..words.len() {
            names.push(Name {
                first: Some(part(first, middle)),
                middle: Some(part(middle, words.len())),
                last: Some(part(0, first)),
                is_beginning: false,
            });
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn read(raw: &str) -> SearchWords {
        SearchWords::parse(raw).unwrap()
    }

    #[test]
    fn a_text_is_what_it_looks_like() {
        assert_eq!(
            read(" Asha@Example.com ").email.as_deref(),
            Some("asha@example.com")
        );
        for printed in ["125-2106312810 (3)", "1252106312810", "125 2106312810"] {
            let ticket = read(printed).ticket;
            assert_eq!(ticket.as_deref(), Some("1252106312810"), "{printed}");
        }
        let whole = Phone::Whole("012345678919+".to_owned());
        for written in ["+91 98765-43210", "0091 9876543210"] {
            assert_eq!(read(written).phone, Some(whole.clone()), "{written}");
        }
        let end = Phone::End("0123456789".to_owned());
        assert_eq!(read("098765 43210").phone, Some(end));
        let reference = read("e89lwl").reference;
        assert_eq!(reference, BookingRef::parse("E89LWL"));
    }

    #[test]
    fn a_name_is_read_in_both_orders_and_with_names_between() {
        let name = |first: &str, middle: Option<&str>, last: &str| Name {
            first: Some(first.to_owned()),
            middle: middle.map(str::to_owned),
            last: Some(last.to_owned()),
            is_beginning: false,
        };
        for written in ["LOVELACE/ADA", "Lovelace, Ada", "ada lovelace"] {
            let names = read(written).names;
            let both = [("ada", "lovelace"), ("lovelace", "ada")];
            let found = both.map(|(first, last)| {
                let is_it = |one: &Name| {
                    let same = |is: &Option<String>, wanted: &str| {
                        is.as_deref()
                            .is_some_and(|is| is.eq_ignore_ascii_case(wanted))
                    };
                    same(&one.first, first) && same(&one.last, last)
                };
                names.iter().any(is_it)
            });
            assert_eq!(found, [true, true], "{written}");
        }
        let names = read("ada king lovelace").names;
        assert!(names.contains(&name("ada", Some("king"), "lovelace")));
        assert!(names.contains(&name("adaking", None, "lovelace")));
        assert!(names.contains(&name("ada", None, "kinglovelace")));
    }

    #[test]
    fn what_nothing_is_found_by_is_refused() {
        for raw in ["", "  ", "12345", "+-", "ab*", &"a".repeat(201), "a\u{0}b"] {
            let refused = SearchWords::parse(raw);
            assert!(matches!(refused, Err(Error::Invalid(_))), "{raw:?}");
        }
    }
}
