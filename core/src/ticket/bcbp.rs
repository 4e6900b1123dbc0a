//! The bar-coded boarding pass string of one leg (IATA Resolution 792), 60 characters and what follows them.

use std::fmt::Write;

use chrono::{Datelike, NaiveDate};

use super::name::to_latin_capitals;

/// What the barcode of one passenger on one flight says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardingPass {
    /// Family name, as written.
    pub last_name: String,
    /// First name, as written; `None` for people who have one name.
    pub first_name: Option<String>,
    /// The booking's reference.
    pub booking_ref: String,
    /// IATA code of the airport of departure.
    pub origin: String,
    /// IATA code of the airport of arrival.
    pub destination: String,
    /// IATA code of the operating airline.
    pub airline: String,
    /// Digits and, rarely, a suffix letter: `834`, `101A`.
    pub flight_number: String,
    /// The local date of departure.
    pub departure_date: NaiveDate,
    /// The cabin.
    pub compartment: Compartment,
    /// Where the passenger sits.
    pub seat: Seat,
    /// The check-in sequence number; 0 before check-in.
    pub sequence: u16,
    /// The passenger status: `0` is not checked in, `1` checked in.
    pub status: char,
    /// The conditional part; empty before check-in, or starting with `>` and the version.
    pub conditional: String,
}

/// The compartment letters of Resolution 792 that cabins map to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compartment {
    /// `F`.
    First,
    /// `J`.
    Business,
    /// `W`.
    PremiumEconomy,
    /// `Y`.
    Economy,
}

impl Compartment {
    /// The compartment of a cabin's name in the database, or `None`.
    pub fn of_cabin(cabin: &str) -> Option<Self> {
        Some(match cabin {
            "first" => Self::First,
            "business" => Self::Business,
            "premium_economy" => Self::PremiumEconomy,
            "economy" => Self::Economy,
            _ => return None,
        })
    }

    const fn letter(self) -> char {
        match self {
            Self::First => 'F',
            Self::Business => 'J',
            Self::PremiumEconomy => 'W',
            Self::Economy => 'Y',
        }
    }
}

/// Where a passenger sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// Row and letter: 12 and `A` for `12A`.
    At {
        /// The row.
        row: u16,
        /// The letter.
        letter: char,
    },
    /// On the lap of an adult.
    Infant,
    /// None yet.
    Unassigned,
}

impl BoardingPass {
    /// The string for the barcode: exactly 60 characters of `A-Z`, `0-9`, space and `/`, then the conditional part.
    ///
    /// A field that is too long is cut and one that is too short padded with spaces; of a long name the first
    /// letter of the first name always stays. A conditional part over 255 characters is left out.
    pub fn encode(&self) -> String {
        let conditional = u8::try_from(self.conditional.len()).map_or("", |_| &self.conditional);
        let mut out = String::with_capacity(60 + conditional.len());
        out.push_str("M1");
        out.push_str(&self.name());
        // An electronic ticket.
        out.push('E');
        push_field(&mut out, &self.booking_ref, 7);
        push_field(&mut out, &self.origin, 3);
        push_field(&mut out, &self.destination, 3);
        push_field(&mut out, &self.airline, 3);
        out.push_str(&self.flight());
        push_number(&mut out, self.departure_date.ordinal(), 3);
        out.push(self.compartment.letter());
        out.push_str(&self.seat.field());
        push_number(&mut out, u32::from(self.sequence), 4);
        out.push(' ');
        out.push(if self.status.is_ascii_alphanumeric() {
            self.status.to_ascii_uppercase()
        } else {
            '0'
        });
        push_hex(&mut out, conditional.len());
        out.push_str(conditional);
        out
    }

    fn name(&self) -> String {
        let or_unknown = |name: String| {
            if name.is_empty() {
                "X".to_owned()
            } else {
                name
            }
        };
        let last = or_unknown(to_latin_capitals(&self.last_name));
        // IATA's Control Authorities Working Group: a given name that the passport does not have is `FNU`.
        let first = self.first_name.as_deref();
        let first = first.map_or_else(
            || "FNU".to_owned(),
            |name| or_unknown(to_latin_capitals(name)),
        );
        let joined = format!("{last:.18}/{first}");
        format!("{joined:<20.20}")
    }

    fn flight(&self) -> String {
        let number: String = self.flight_number.trim().to_ascii_uppercase();
        let digits: u32 = number
            .chars()
            .map_while(|digit| digit.to_digit(10))
            .fold(0, |sum, digit| (sum * 10 + digit) % 10_000);
        let suffix = number
            .chars()
            .next_back()
            .filter(char::is_ascii_uppercase)
            .unwrap_or(' ');
        format!("{digits:04}{suffix}")
    }
}

impl Seat {
    fn field(self) -> String {
        match self {
            Self::At { row, letter } if row < 1000 && letter.is_ascii_alphabetic() => {
                format!("{row:03}{}", letter.to_ascii_uppercase())
            }
            Self::Infant => "INF ".to_owned(),
            Self::At { .. } | Self::Unassigned => "    ".to_owned(),
        }
    }
}

/// Letters, digits and spaces of `raw` in capitals, cut or padded to `width`.
fn push_field(out: &mut String, raw: &str, width: usize) {
    let legal = raw
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == ' ')
        .map(|c| c.to_ascii_uppercase());
    out.extend(legal.chain(std::iter::repeat(' ')).take(width));
}

/// The last `width` digits of a number, zero-padded.
fn push_number(out: &mut String, number: u32, width: usize) {
    let modulus = 10_u32.pow(u32::try_from(width).unwrap_or(9));
    // Writing to a String cannot fail.
    let _ = write!(out, "{:0width$}", number % modulus);
}

fn push_hex(out: &mut String, size: usize) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{size:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn desmarais() -> BoardingPass {
        BoardingPass {
            last_name: "Desmarais".to_owned(),
            first_name: Some("Luc".to_owned()),
            booking_ref: "ABC123".to_owned(),
            origin: "YUL".to_owned(),
            destination: "FRA".to_owned(),
            airline: "AC".to_owned(),
            flight_number: "834".to_owned(),
            departure_date: NaiveDate::from_yo_opt(2026, 226).unwrap(),
            compartment: Compartment::First,
            seat: Seat::At {
                row: 1,
                letter: 'A',
            },
            sequence: 25,
            status: '1',
            conditional: ">60000".to_owned(),
        }
    }

    #[test]
    fn the_example_of_the_trade_comes_out_byte_for_byte() {
        assert_eq!(
            desmarais().encode(),
            "M1DESMARAIS/LUC       EABC123 YULFRAAC 0834 226F001A0025 106>60000"
        );
    }

    #[test]
    fn before_check_in_there_is_no_sequence_status_or_conditional_part() {
        let pass = BoardingPass {
            sequence: 0,
            status: '0',
            conditional: String::new(),
            compartment: Compartment::Economy,
            seat: Seat::Infant,
            flight_number: "101A".to_owned(),
            ..desmarais()
        };
        assert_eq!(
            pass.encode(),
            "M1DESMARAIS/LUC       EABC123 YULFRAAC 0101A226YINF 0000 000"
        );
    }

    #[test]
    fn a_long_name_keeps_the_initial_of_the_first_name() {
        let pass = BoardingPass {
            last_name: "Wolfeschlegelsteinhau".to_owned(),
            first_name: Some("Đặng".to_owned()),
            ..desmarais()
        };
        assert_eq!(&pass.encode()[2..22], "WOLFESCHLEGELSTEIN/D");
    }

    #[test]
    fn somebody_with_one_name_has_the_first_name_of_the_trade() {
        let pass = BoardingPass {
            last_name: "Əliyeva".to_owned(),
            first_name: None,
            ..desmarais()
        };
        assert_eq!(&pass.encode()[2..22], "ELIYEVA/FNU         ");
    }

    #[test]
    fn forty_letters_each_are_cut_where_the_field_ends() {
        let name = |letter: &str| letter.repeat(40);
        let pass = BoardingPass {
            last_name: name("Ø"),
            first_name: Some(name("Ə")),
            ..desmarais()
        };
        assert_eq!(&pass.encode()[2..22], "OEOEOEOEOEOEOEOEOE/E");
    }

    prop_compose! {
        fn any_pass()(
            last_name in "\\PC{0,30}", first_name in proptest::option::of("\\PC{0,30}"), booking_ref in "\\PC{0,10}",
            origin in "\\PC{0,5}", destination in "\\PC{0,5}", airline in "\\PC{0,4}", flight_number in "\\PC{0,9}",
            day in 1_u32..=366, row: u16, letter: char, which in 0_usize..3, sequence: u16, status: char,
        ) -> BoardingPass {
            BoardingPass {
                last_name, first_name, booking_ref, origin, destination, airline, flight_number, sequence, status,
                departure_date: NaiveDate::from_yo_opt(2028, day).unwrap(),
                compartment: Compartment::Economy,
                seat: [Seat::At { row, letter }, Seat::Infant, Seat::Unassigned][which],
                conditional: String::new(),
            }
        }
    }

    proptest! {
        #[test]
        fn any_input_gives_sixty_legal_characters(pass in any_pass()) {
            let encoded = pass.encode();
            prop_assert_eq!(encoded.len(), 60);
            prop_assert!(
                encoded.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ' || b == b'/'),
                "{}", encoded
            );
        }
    }
}
