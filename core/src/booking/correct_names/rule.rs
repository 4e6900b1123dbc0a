//! Whether two names are one person's: a few letters differ, or the order of the words.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

use super::load::Names;

/// First, middle and last name in small letters; the title is no name.
fn letters(names: &Names) -> Vec<char> {
    let all = [
        names.first_name.as_deref(),
        names.middle_name.as_deref(),
        Some(names.last_name.as_str()),
    ];
    let all = all.into_iter().flatten().collect::<Vec<_>>().join(" ");
    all.to_lowercase().nfc().collect()
}

/// Whether both have the same words, in whatever order: first and last name were swapped, or a name stands in another field.
pub(super) fn has_same_words(before: &Names, after: &Names) -> bool {
    let words = |names: &Names| {
        let letters = letters(names);
        let words = letters.split(|letter| *letter == ' ');
        let mut words: Vec<_> = words.map(<[char]>::to_vec).collect();
        words.sort_unstable();
        words
    };
    words(before) == words(after)
}

/// How many letters were added, left out, exchanged for another, or swapped with their neighbour (the distance of Damerau and
/// Levenshtein, by the algorithm of Lowrance and Wagner). A letter is a character in normal form C; its case does not matter.
pub(super) fn letters_between(before: &Names, after: &Names) -> usize {
    let (before, after) = (letters(before), letters(after));
    let far = before.len() + after.len();
    // The cost of making the first letters of one into the first letters of the other, behind a border that nothing crosses.
    let mut cost = vec![vec![far; after.len() + 2]; before.len() + 2];
    for (count, row) in cost.iter_mut().skip(1).enumerate() {
        row[1] = count;
    }
    for (count, cell) in cost[1].iter_mut().skip(1).enumerate() {
        *cell = count;
    }
    let mut last_row_of = HashMap::new();
    for (row, old) in before.iter().enumerate() {
        let mut last_match = 0;
        for (column, new) in after.iter().enumerate() {
            let swapped_row = last_row_of.get(new).copied().unwrap_or(0);
            let swapped =
                cost[swapped_row][last_match] + (row - swapped_row) + 1 + (column - last_match);
            let exchanged = cost[row + 1][column + 1] + usize::from(old != new);
            let added = cost[row + 2][column + 1] + 1;
            let left_out = cost[row + 1][column + 2] + 1;
            if old == new {
                last_match = column + 1;
            }
            cost[row + 2][column + 2] = exchanged.min(added).min(left_out).min(swapped);
        }
        last_row_of.insert(*old, row + 1);
    }
    cost[before.len() + 1][after.len() + 1]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(all: &str) -> Names {
        let mut words: Vec<_> = all.split('/').map(str::to_owned).collect();
        Names {
            title: "ms".to_owned(),
            last_name: words.pop().unwrap(),
            first_name: words.first().cloned(),
            middle_name: words.get(1).cloned(),
        }
    }

    fn between(before: &str, after: &str) -> usize {
        letters_between(&names(before), &names(after))
    }

    #[test]
    fn letters_that_are_added_left_out_exchanged_or_swapped_count_once() {
        for (before, after, letters) in [
            ("Asha/Verma", "Asha/Verma", 0),
            ("Asha/Verma", "ASHA/verma", 0),
            ("Asha/Verma", "Ahsa/Verma", 1),
            ("Asha/Verma", "Asha/Varma", 1),
            ("Asha/Verma", "Aasha/Varmaa", 3),
            ("Asha/Verma", "Ravi/Verma", 4),
            ("Linh/Nguyễn", "Linh/Nguyen", 1),
            ("Linh/Nguye\u{302}\u{303}n", "Linh/Nguyễn", 0),
            ("Linh/Thị/Nguyễn", "Linh/Nguyễn", 4),
            ("Anna/Maria/Rossi", "Anna Maria/Rossi", 0),
            ("Anna Maria/Rossi", "Annamaria/Rossi", 1),
            ("Ca/X", "Abc/X", 2),
            ("Madonna", "Madona", 1),
        ] {
            assert_eq!(between(before, after), letters, "{before} to {after}");
        }
    }

    #[test]
    fn the_order_of_words_is_no_other_person_and_another_word_is() {
        let same = |before, after| has_same_words(&names(before), &names(after));
        assert!(same("Linh/Thị/Nguyễn", "Nguyễn/Thị/Linh"));
        assert!(same("Anna Maria/Rossi", "Rossi Anna/Maria"));
        assert!(same("asha/VERMA", "Verma/Asha"));
        assert!(!same("Asha/Verma", "Verma/Ashaa"));
        assert!(!same("Asha/Asha/Verma", "Asha/Verma/Verma"));
        assert!(!same("Asha/Verma", "Asha"));
    }

    proptest! {
        #[test]
        fn it_is_a_distance_and_at_most_the_longer_name(one in "[a-d]{1,7}", other in "[a-d]{1,7}", third in "[a-d]{1,7}") {
            prop_assert_eq!(between(&one, &one), 0);
            prop_assert_eq!(between(&one, &other) == 0, one == other);
            prop_assert_eq!(between(&one, &other), between(&other, &one));
            prop_assert!(between(&one, &other) <= one.len().max(other.len()));
            prop_assert!(between(&one, &third) <= between(&one, &other) + between(&other, &third));
        }
    }
}
