use proptest::prelude::*;

use super::*;
use crate::seat::MapSeat;
use crate::trade::SeatPreference;

/// Rows of six with one aisle; those listed are taken, the rows listed are exits.
fn cabin(rows: i16, taken: &[&str], exits: &[i16]) -> CabinMap {
    let taken: Vec<Seat> = taken.iter().filter_map(|raw| Seat::parse(raw)).collect();
    laid_out("ABCDEF", rows, &|seat| !taken.contains(&seat), exits)
}

/// Rows of these letters; the rows listed are exits.
fn laid_out(letters: &str, rows: i16, is_free: &dyn Fn(Seat) -> bool, exits: &[i16]) -> CabinMap {
    let seats = (1..=rows).flat_map(|row| letters.chars().map(move |letter| Seat { row, letter }));
    let seats = seats.map(|seat| MapSeat {
        place: Place {
            seat,
            position: match seat.letter {
                'A' | 'F' | 'K' => SeatPreference::Window,
                'B' | 'E' | 'J' => SeatPreference::Middle,
                _ => SeatPreference::Aisle,
            },
            exit_row: exits.contains(&seat.row),
        },
        is_free: is_free(seat),
    });
    CabinMap::new(seats.collect())
}

fn seat(raw: &str) -> Seat {
    Seat::parse(raw).unwrap()
}

fn adult() -> Sitter {
    Sitter {
        passenger_id: PassengerId::new(),
        is_child: false,
        may_sit_at_exit: true,
        preference: None,
        has: None,
    }
}

fn child() -> Sitter {
    Sitter {
        is_child: true,
        may_sit_at_exit: false,
        ..adult()
    }
}

fn likes(preference: SeatPreference) -> Sitter {
    Sitter {
        preference: Some(preference),
        ..adult()
    }
}

fn shown(seated: &[(PassengerId, Seat, Reason)]) -> Vec<String> {
    seated
        .iter()
        .map(|(_, seat, reason)| format!("{seat} {}", reason.as_str()))
        .collect()
}

#[test]
fn a_party_sits_side_by_side_where_a_row_has_room() {
    let free = cabin(3, &["1B", "1E", "2A"], &[]);
    let seated = allocate(&free, &[adult(), adult(), adult()]);
    assert_eq!(
        shown(&seated),
        ["2D together", "2E together", "2F together"]
    );
}

#[test]
fn a_preference_is_met_where_a_seat_is_free_and_else_the_foremost_is_assigned() {
    let free = cabin(2, &["1A", "1C", "1D", "1F", "2C", "2D"], &[]);
    let like = |wish| shown(&allocate(&free, &[likes(wish)]));
    assert_eq!(like(SeatPreference::Window), ["2A preference"]);
    assert_eq!(like(SeatPreference::Aisle), ["1B assigned"]);
}

#[test]
fn a_child_sits_beside_an_adult_and_wishes_are_met_within_that() {
    let free = cabin(1, &["1D", "1E", "1F"], &[]);
    let party = [likes(SeatPreference::Aisle), adult(), child()];
    assert_eq!(
        shown(&allocate(&free, &party)),
        ["1C preference", "1B together", "1A together"]
    );
}

#[test]
fn two_children_sit_on_both_sides_of_the_one_adult() {
    let free = cabin(4, &[], &[]);
    let party = [child(), adult(), child()];
    let seated = allocate(&free, &party);
    for child in [0, 2] {
        assert_eq!(free.link(seated[child].1, seated[1].1), Link::Side);
    }
}

#[test]
fn those_without_a_seat_join_the_one_who_named_theirs() {
    let free = cabin(30, &["20D"], &[]);
    let party = [
        Sitter {
            has: Seat::parse("20D"),
            ..adult()
        },
        adult(),
        adult(),
    ];
    assert_eq!(
        shown(&allocate(&free, &party)),
        ["20E together", "20F together"]
    );
}

#[test]
fn exit_rows_are_given_last_and_never_to_those_who_are_barred() {
    let full = ["2A", "2B", "2C", "2D", "2E"];
    let free = cabin(2, &full, &[1]);
    let party = [adult(), child()];
    let seated = allocate(&free, &party);
    assert_eq!(seated[1].1.to_string(), "2F");
    assert_eq!(seated[0].1.row, 1);
    assert_eq!(allocate(&cabin(1, &[], &[1]), &[child()]), []);
    assert_eq!(
        shown(&allocate(&cabin(2, &[], &[1]), &[adult()])),
        ["2A assigned"]
    );
}

#[test]
fn where_none_adjoin_they_get_the_nearest_and_are_told() {
    let left = [seat("1A"), seat("9F")];
    let free = laid_out("ABCDEF", 9, &|seat| left.contains(&seat), &[]);
    let seated = allocate(&free, &[adult(), adult()]);
    assert_eq!(shown(&seated), ["1A separated", "9F separated"]);
}

#[test]
fn a_party_of_ten_fills_neighbouring_rows() {
    let free = cabin(30, &[], &[]);
    let party: Vec<_> = (0..10).map(|_| adult()).collect();
    let seated = allocate(&free, &party);
    let rows: Vec<i16> = seated.iter().map(|(_, seat, _)| seat.row).collect();
    assert_eq!((rows.iter().min(), rows.iter().max()), (Some(&1), Some(&2)));
    assert!(
        seated
            .iter()
            .all(|(.., reason)| *reason == Reason::Together)
    );
}

#[test]
fn neighbours_are_neighbours_on_the_map_whatever_their_letters() {
    let link = |map: &CabinMap, a: &str, b: &str| map.link(seat(a), seat(b));
    let wide = laid_out("ADGK", 2, &|_| true, &[]);
    assert_eq!(link(&wide, "1D", "1G"), Link::Side);
    assert_eq!(link(&wide, "1A", "1D"), Link::Aisle);
    assert_eq!(link(&wide, "1G", "1K"), Link::Aisle);
    assert_eq!(link(&wide, "1A", "1K"), Link::Apart);
    assert_eq!(link(&wide, "1K", "2A"), Link::Apart);
    // A stranger sits at B.
    let narrow = cabin(1, &["1B"], &[]);
    assert_eq!(link(&narrow, "1A", "1C"), Link::Apart);
    assert_eq!(link(&narrow, "1C", "1D"), Link::Aisle);
    // No seat at B at all.
    let business = laid_out("ACDF", 1, &|_| true, &[]);
    assert_eq!(link(&business, "1A", "1C"), Link::Side);
    // The last row of a cabin with two aisles has no middle block: two aisles lie between C and H.
    let last_row = laid_out("ACHK", 1, &|_| true, &[]);
    assert_eq!(link(&last_row, "1C", "1H"), Link::Apart);
}

#[test]
fn a_pair_sits_in_the_middle_of_one_two_one_and_never_around_a_stranger() {
    let free = laid_out("ADGK", 3, &|seat| seat.row != 1, &[]);
    let party = [adult(), child()];
    assert_eq!(
        shown(&allocate(&free, &party)),
        ["2D together", "2G together"]
    );
    // Around a stranger in row 1, across the aisle in row 2, side by side in row 3.
    let left: Vec<Seat> = ["1A", "1C", "2C", "2D", "3E", "3F"].map(seat).to_vec();
    let free = |rows: i16| {
        laid_out(
            "ABCDEF",
            3,
            &|seat| left.contains(&seat) && seat.row <= rows,
            &[],
        )
    };
    let pair = [adult(), adult()];
    assert_eq!(
        shown(&allocate(&free(3), &pair)),
        ["3E together", "3F together"]
    );
    assert_eq!(
        shown(&allocate(&free(2), &pair)),
        ["2C together", "2D together"]
    );
    assert_eq!(
        shown(&allocate(&free(1), &pair)),
        ["1A separated", "1C separated"]
    );
}

#[test]
fn a_wish_does_not_part_a_child_from_its_adult() {
    let free = cabin(2, &["1B", "1C", "1D", "1E", "2C"], &[]);
    let likes_window = Sitter {
        preference: Some(SeatPreference::Window),
        ..child()
    };
    let seated = allocate(&free, &[likes(SeatPreference::Window), likes_window]);
    assert_eq!(free.link(seated[0].1, seated[1].1), Link::Side);
}

#[test]
fn a_child_with_a_seat_gets_its_adult_beside_it() {
    let free = cabin(20, &["15E"], &[]);
    let with_seat = Sitter {
        has: Seat::parse("15E"),
        ..child()
    };
    let seated = allocate(&free, &[adult(), with_seat]);
    assert_eq!(free.link(seated[0].1, seat("15E")), Link::Side);
}

/// Chooses the cabins and parties of the comparison below; printed when it fails.
const SEED: u64 = 20_261_128;

/// The least numbers of children without any adult beside or across the aisle, and of children with one across alone:
/// every seating there is, tried.
fn tried(free: &[Place], map: &CabinMap, party: &[Sitter]) -> Option<(usize, usize)> {
    fn all(
        free: &[Place],
        map: &CabinMap,
        party: &[Sitter],
        seats: &mut Vec<Seat>,
        best: &mut Option<(usize, usize)>,
    ) {
        let Some(sitter) = party.get(seats.len()) else {
            let now = loneliness(map, party, seats);
            *best = Some(best.map_or(now, |best| best.min(now)));
            return;
        };
        if let Some(seat) = sitter.has {
            seats.push(seat);
            all(free, map, party, seats, best);
            seats.pop();
            return;
        }
        for place in free {
            if seats.contains(&place.seat) || place.exit_row && !sitter.may_sit_at_exit {
                continue;
            }
            seats.push(place.seat);
            all(free, map, party, seats, best);
            seats.pop();
        }
    }
    let mut best = None;
    all(free, map, party, &mut Vec::new(), &mut best);
    best
}

/// By rules of its own: the two seats next to each other in the row's letters, and where the aisles of a row are.
fn loneliness(map: &CabinMap, party: &[Sitter], seats: &[Seat]) -> (usize, usize) {
    let letters = |row: i16| -> Vec<char> {
        let seats = map.seats().iter().map(|seat| seat.place.seat);
        seats
            .filter(|seat| seat.row == row)
            .map(|seat| seat.letter)
            .collect()
    };
    let aisles = [
        "CD", "CH", "AD", "AE", "AF", "GH", "GK", "EK", "EH", "CE", "CF",
    ];
    let company = |child: Seat, adult: Seat| -> usize {
        let row = letters(child.row);
        let at = |seat: Seat| {
            row.iter()
                .position(|letter| *letter == seat.letter)
                .unwrap()
        };
        if child.row != adult.row || at(child).abs_diff(at(adult)) != 1 {
            return 0;
        }
        let mut pair = [child.letter, adult.letter];
        pair.sort_unstable();
        match pair.iter().collect::<String>().as_str() {
            "CH" => 0,
            pair if aisles.contains(&pair) => 1,
            _ => 2,
        }
    };
    let adults = || {
        let all = party.iter().zip(seats);
        all.filter(|(sitter, _)| !sitter.is_child)
            .map(|(_, seat)| *seat)
    };
    let children = party
        .iter()
        .zip(seats)
        .filter(|(sitter, _)| sitter.is_child);
    let best: Vec<usize> = children
        .map(|(_, child)| {
            adults()
                .map(|adult| company(*child, adult))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let count = |wanted| best.iter().filter(|company| **company == wanted).count();
    (count(0), count(1))
}

#[test]
fn children_sit_beside_an_adult_wherever_any_seating_allows_it() {
    let mut state = SEED;
    let mut below = |limit: usize| {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    };
    for case in 0..5_000 {
        let letters = [
            "ABCDEF",
            "ADGK",
            "ACDEGHK",
            "ACDF",
            "ACHK",
            "AF",
            "ABCDEFGHJK",
        ][below(7)];
        let rows = 3;
        let total = letters.len() * 3;
        let mut free: Vec<usize> = Vec::new();
        for _ in 0..2 + below(8) {
            free.push(below(total));
        }
        let is_free = |seat: Seat| {
            let at = letters.find(seat.letter).unwrap()
                + letters.len() * (usize::try_from(seat.row).unwrap() - 1);
            free.contains(&at)
        };
        let exits = if below(3) == 0 { vec![2_i16] } else { vec![] };
        let map = laid_out(letters, rows, &is_free, &exits);
        let mut party: Vec<Sitter> = Vec::new();
        for _ in 0..2 + below(3) {
            party.push(match below(5) {
                0 | 1 => child(),
                2 => Sitter {
                    may_sit_at_exit: false,
                    ..adult()
                },
                _ => adult(),
            });
        }
        // One of them may have a seat already, which is not free then.
        if below(3) == 0 {
            let others: Vec<Seat> = map
                .seats()
                .iter()
                .filter(|seat| !seat.is_free)
                .map(|seat| seat.place.seat)
                .collect();
            party[0].has = others.get(below(others.len().max(1))).copied();
        }
        let places: Vec<Place> = map
            .seats()
            .iter()
            .filter(|seat| seat.is_free)
            .map(|seat| seat.place)
            .collect();
        let ordinary: Vec<Place> = places
            .iter()
            .copied()
            .filter(|place| !place.exit_row)
            .collect();
        let unseated = party.iter().filter(|sitter| sitter.has.is_none()).count();
        // Exit rows are for when nothing else is left.
        let usable = if ordinary.len() >= unseated {
            ordinary
        } else {
            places
        };
        let Some(best) = tried(&usable, &map, &party) else {
            continue;
        };
        let seated = allocate(&map, &party);
        let seats: Vec<Seat> = party
            .iter()
            .map(|sitter| {
                sitter.has.unwrap_or_else(|| {
                    let own = seated.iter().find(|(id, ..)| *id == sitter.passenger_id);
                    own.unwrap_or_else(|| panic!("seed {SEED}, case {case}: somebody has no seat"))
                        .1
                })
            })
            .collect();
        assert_eq!(
            loneliness(&map, &party, &seats),
            best,
            "seed {SEED}, case {case}: {letters}, free {usable:?}, party {party:?}, seated {seated:?}"
        );
    }
}

#[test]
fn every_reason_is_true_of_the_seat() {
    let mut state = SEED;
    let mut below = |limit: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    for case in 0..300 {
        let density = 1 + below(6);
        let taken: Vec<bool> = (0..60).map(|_| below(8) < density).collect();
        let is_free = |seat: Seat| {
            let at =
                usize::try_from(seat.row - 1).unwrap() * 6 + "ABCDEF".find(seat.letter).unwrap();
            !taken[at]
        };
        let map = laid_out("ABCDEF", 10, &is_free, &[4]);
        let wishes = [
            None,
            Some(SeatPreference::Window),
            Some(SeatPreference::Middle),
            Some(SeatPreference::Aisle),
        ];
        let party: Vec<Sitter> = (0..=below(6))
            .map(|_| Sitter {
                preference: wishes[usize::try_from(below(4)).unwrap()],
                ..if below(4) == 0 { child() } else { adult() }
            })
            .collect();
        let seated = allocate(&map, &party);
        for (id, own, reason) in &seated {
            let near = |other: Seat| {
                let (row, letter) = (
                    own.row.abs_diff(other.row),
                    u32::from(own.letter).abs_diff(u32::from(other.letter)),
                );
                (row, letter) == (0, 1) || (row, letter) == (1, 0)
            };
            let is_with = seated.iter().any(|(_, other, _)| near(*other));
            let sitter = party
                .iter()
                .find(|sitter| sitter.passenger_id == *id)
                .unwrap();
            let as_wished = sitter.preference == map.find(*own).map(|place| place.position);
            let is_true = match reason {
                Reason::Separated => party.len() > 1 && !is_with,
                Reason::Preference => as_wished && (party.len() == 1 || is_with),
                Reason::Together => party.len() > 1 && is_with,
                Reason::Assigned => party.len() == 1 && !as_wished,
                Reason::Chosen => false,
            };
            assert!(
                is_true,
                "seed {SEED}, case {case}: {own} {}",
                reason.as_str()
            );
        }
    }
}

proptest! {
    #[test]
    fn everybody_who_fits_sits_once_on_a_free_seat_that_they_may_have(
        taken in proptest::collection::hash_set((1_i16..=6, 0_u8..6), 0..34),
        kinds in proptest::collection::vec((any::<bool>(), 0_u8..4), 1..10),
    ) {
        let map = laid_out("ABCDEF", 6, &|seat| !taken.contains(&(seat.row, seat.letter as u8 - b'A')), &[3]);
        let free: Vec<Place> = map.seats().iter().filter(|seat| seat.is_free).map(|seat| seat.place).collect();
        let party: Vec<Sitter> = kinds.into_iter().map(|(is_child, wish)| {
            let preference = [None, Some(SeatPreference::Window), Some(SeatPreference::Middle), Some(SeatPreference::Aisle)][usize::from(wish)];
            Sitter { preference, ..if is_child { child() } else { adult() } }
        }).collect();
        let seated = allocate(&map, &party);
        let mut seats: Vec<Seat> = seated.iter().map(|(_, seat, _)| *seat).collect();
        seats.sort_unstable();
        seats.dedup();
        prop_assert_eq!(seats.len(), seated.len());
        for (id, seat, _) in &seated {
            let place = free.iter().find(|place| place.seat == *seat).expect("a free seat");
            let sitter = party.iter().find(|sitter| sitter.passenger_id == *id).expect("of the party");
            prop_assert!(sitter.may_sit_at_exit || !place.exit_row);
        }
        let barred = party.iter().filter(|sitter| !sitter.may_sit_at_exit).count();
        let ordinary = free.iter().filter(|place| !place.exit_row).count();
        if barred <= ordinary && party.len() <= free.len() {
            prop_assert_eq!(seated.len(), party.len());
        }
    }
}
