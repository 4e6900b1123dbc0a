//! Who flies: names as in the passport, types derived from dates of birth (rules.md "Passengers").

use chrono::{Datelike, NaiveDate};

use crate::Result;
use crate::baggage::{self, NewBag};
use crate::clock::parse_date;
use crate::error::Violations;
use crate::fare::{Party, PassengerType};
use crate::ids::PassengerId;

mod laps;
mod name;
mod requests;
#[cfg(test)]
mod tests;

pub use name::{PassengerName, parse_name};
pub use requests::{NewTravelDocument, TravelDocument, request_words};

/// How people are addressed.
const TITLES: [&str; 7] = ["mr", "ms", "mrs", "mx", "dr", "mstr", "miss"];

/// A passenger as the caller wrote them.
#[derive(Clone, Debug, Default)]
pub struct NewPassenger {
    /// `mr`, `ms`, `mrs`, `mx`, `dr`, `mstr`, `miss`.
    pub title: String,
    /// 1-20 characters.
    pub first_name: String,
    /// 1-20 characters, if any.
    pub middle_name: Option<String>,
    /// 1-20 characters.
    pub last_name: String,
    /// `male`, `female`, `other`.
    pub gender: String,
    /// ISO 8601.
    pub date_of_birth: String,
    /// An infant's adult: index into the list of passengers, from 0.
    pub adult_index: Option<u32>,
    /// `window`, `middle`, `aisle`.
    pub seat_preference: Option<String>,
    /// Extra checked baggage, a weight a direction.
    pub baggage: Vec<NewBag>,
    /// IATA codes of special service requests: `VGML`, `WCHR`.
    pub special_requests: Vec<String>,
    /// What they travel with, if it is known yet.
    pub travel_document: Option<NewTravelDocument>,
}

/// As in the passport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Gender {
    /// M.
    Male,
    /// F.
    Female,
    /// X.
    Other,
}

impl Gender {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Other => "other",
        }
    }

    fn parse(raw: &str) -> Option<Self> {
        [Self::Male, Self::Female, Self::Other]
            .into_iter()
            .find(|gender| gender.as_str() == raw)
    }
}

/// Where somebody would like to sit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SeatPreference {
    /// At the window.
    Window,
    /// Between others.
    Middle,
    /// At the aisle.
    Aisle,
}

impl SeatPreference {
    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::Middle => "middle",
            Self::Aisle => "aisle",
        }
    }

    fn parse(raw: &str) -> Option<Self> {
        [Self::Window, Self::Middle, Self::Aisle]
            .into_iter()
            .find(|wish| wish.as_str() == raw)
    }
}

/// A passenger who may fly.
#[derive(Clone, Debug)]
pub(super) struct Passenger {
    pub id: PassengerId,
    pub kind: PassengerType,
    pub title: String,
    pub first_name: PassengerName,
    pub middle_name: Option<PassengerName>,
    pub last_name: PassengerName,
    pub gender: Gender,
    pub date_of_birth: NaiveDate,
    pub adult_id: Option<PassengerId>,
    pub seat_preference: Option<SeatPreference>,
    pub special_requests: Vec<String>,
    pub travel_document: Option<TravelDocument>,
}

/// Whole years on a day; a leap day's child has birthdays on 1 March in other years.
pub(super) fn age_on(born: NaiveDate, day: NaiveDate) -> i32 {
    let had_birthday = (day.month(), day.day()) >= (born.month(), born.day());
    day.year() - born.year() - i32::from(!had_birthday)
}

/// Checks everybody, derives types on the local departure date of the last flight, links infants to adults of 18 or
/// more, and compares with the party that was priced.
///
/// [`crate::Error::Invalid`] names every wrong field; a party that differs is `passenger_type_mismatch`, never a new price.
pub(super) fn check(
    input: &[NewPassenger],
    booked_on: NaiveDate,
    last_departure: NaiveDate,
    party: Party,
) -> Result<Vec<Passenger>> {
    check_with(input, booked_on, last_departure, |wrong, given| {
        check_types(wrong, given, party);
    })
}

/// The same for a party that is not priced yet: it is what the dates of birth say, of at most `most` seats.
pub(super) fn check_any(
    input: &[NewPassenger],
    booked_on: NaiveDate,
    last_departure: NaiveDate,
    most: u32,
) -> Result<Vec<Passenger>> {
    check_with(input, booked_on, last_departure, |wrong, given| {
        check_size(wrong, given, most);
    })
}

fn check_with(
    input: &[NewPassenger],
    booked_on: NaiveDate,
    last_departure: NaiveDate,
    fits: impl FnOnce(&mut Violations, Party),
) -> Result<Vec<Passenger>> {
    let mut wrong = Violations::new();
    let parsed: Vec<_> = input
        .iter()
        .enumerate()
        .map(|(index, passenger)| parse(&mut wrong, index, passenger, booked_on, last_departure))
        .collect();
    // The dates of birth make the party, whatever else is wrong with somebody.
    let born: Option<Vec<_>> = parsed.iter().map(|(born, _)| *born).collect();
    let mut laps = Vec::new();
    if let Some(born) = born {
        let ages = born.iter().map(|born| age_on(*born, last_departure));
        let ages: Vec<_> = ages.collect();
        let kinds: Vec<_> = ages.iter().map(|age| type_of(*age)).collect();
        fits(&mut wrong, party_of(&kinds));
        laps = laps::assign(&mut wrong, &ages, input);
    }
    wrong.into_result()?;
    let mut passengers: Vec<Passenger> = parsed.into_iter().filter_map(|(_, one)| one).collect();
    for (adult, infant) in laps.into_iter().enumerate() {
        if let Some(infant) = infant {
            passengers[infant].adult_id = Some(passengers[adult].id);
        }
    }
    Ok(passengers)
}

/// What can be said of passengers whose flights are not known: each by themselves, as if they flew today. Nobody gets
/// younger until a flight leaves, and no document good again, so that what is wrong today is wrong then.
pub(super) fn rules(wrong: &mut Violations, input: &[NewPassenger], today: NaiveDate) {
    for (index, passenger) in input.iter().enumerate() {
        parse(wrong, index, passenger, today, today);
        baggage::check(wrong, index, &passenger.baggage, None, None);
    }
}

/// What each of them is on the day of the last flight, where the date of birth can be read.
pub(super) fn kinds(
    input: &[NewPassenger],
    booked_on: NaiveDate,
    last_departure: NaiveDate,
) -> Vec<Option<PassengerType>> {
    let kind = |new: &NewPassenger| {
        let born = parse_date(&new.date_of_birth).filter(|born| *born <= booked_on)?;
        Some(type_of(age_on(born, last_departure)))
    };
    input.iter().map(kind).collect()
}

/// Infants are under 2, children under 12 (rules.md "Passengers").
fn type_of(age: i32) -> PassengerType {
    match age {
        ..2 => PassengerType::Infant,
        2..12 => PassengerType::Child,
        12.. => PassengerType::Adult,
    }
}

/// A date of birth that can be one, and the passenger if nothing else is wrong either.
fn parse(
    wrong: &mut Violations,
    index: usize,
    input: &NewPassenger,
    booked_on: NaiveDate,
    last_departure: NaiveDate,
) -> (Option<NaiveDate>, Option<Passenger>) {
    let path = |field: &str| format!("passengers[{index}].{field}");
    let before = wrong.len();
    let mut name = |field: &str, raw: &str| {
        parse_name(raw)
            .map_err(|(code, message)| wrong.add(path(field), code, message))
            .ok()
    };
    let first_name = name("first_name", &input.first_name);
    let middle_name = input
        .middle_name
        .as_deref()
        .map(|raw| name("middle_name", raw));
    let last_name = name("last_name", &input.last_name);
    let title = input.title.to_ascii_lowercase();
    if !TITLES.contains(&title.as_str()) {
        let message = format!("one of {}", TITLES.join(", "));
        wrong.add(path("title"), "unknown", message);
    }
    let gender = Gender::parse(&input.gender);
    if gender.is_none() {
        wrong.add(path("gender"), "unknown", "one of male, female, other");
    }
    let wish = input.seat_preference.as_deref();
    let seat_preference = wish.and_then(SeatPreference::parse);
    if wish.is_some() && seat_preference.is_none() {
        let message = "one of window, middle, aisle";
        wrong.add(path("seat_preference"), "unknown", message);
    }
    let field = path("special_requests");
    let special_requests = requests::requests(wrong, &field, &input.special_requests);
    let travel_document = input.travel_document.as_ref().and_then(|document| {
        requests::travel_document(wrong, &path("travel_document"), document, last_departure)
    });
    let field = path("date_of_birth");
    let born = date_of_birth(
        wrong,
        field,
        &input.date_of_birth,
        booked_on,
        last_departure,
    );
    let passenger = || {
        Some(Passenger {
            id: PassengerId::new(),
            kind: type_of(age_on(born?, last_departure)),
            title,
            first_name: first_name?,
            middle_name: middle_name.flatten(),
            last_name: last_name?,
            gender: gender?,
            date_of_birth: born?,
            adult_id: None,
            seat_preference,
            special_requests,
            travel_document,
        })
    };
    let is_right = wrong.len() == before;
    (born, is_right.then(passenger).flatten())
}

fn date_of_birth(
    wrong: &mut Violations,
    field: String,
    raw: &str,
    booked_on: NaiveDate,
    last_departure: NaiveDate,
) -> Option<NaiveDate> {
    let Some(born) = parse_date(raw) else {
        wrong.add(field, "date", "an ISO 8601 date, such as 1990-05-17");
        return None;
    };
    if born > booked_on {
        wrong.add(field, "in_the_future", "the date has not come yet");
        None
    } else if age_on(born, last_departure) > 120 {
        wrong.add(field, "too_long_ago", "more than 120 years ago");
        None
    } else {
        Some(born)
    }
}

/// How many of each type there are.
fn party_of(kinds: &[PassengerType]) -> Party {
    let count = |wanted| {
        let of_kind = kinds.iter().filter(|kind| **kind == wanted);
        u16::try_from(of_kind.count()).unwrap_or(u16::MAX)
    };
    Party {
        adults: count(PassengerType::Adult),
        children: count(PassengerType::Child),
        infants: count(PassengerType::Infant),
    }
}

/// The party of people of whom some are not known yet: those count as adults, who need most.
pub(super) fn largest_party(kinds: &[Option<PassengerType>]) -> Party {
    let or_adult = |kind: &Option<PassengerType>| kind.unwrap_or(PassengerType::Adult);
    let kinds: Vec<_> = kinds.iter().map(or_adult).collect();
    party_of(&kinds)
}

fn check_size(wrong: &mut Violations, party: Party, most: u32) {
    if u32::from(party.seated()) > most {
        let message = format!("at most {most} seated passengers");
        wrong.add("passengers", "too_many", message);
    }
}

fn check_types(wrong: &mut Violations, given: Party, priced: Party) {
    if given == priced {
        return;
    }
    let words = |party: Party| {
        let Party {
            adults,
            children,
            infants,
        } = party;
        format!("{adults} adults, {children} children, {infants} infants")
    };
    let message = format!(
        "the offer is for {}, the dates of birth say {}",
        words(priced),
        words(given)
    );
    wrong.add("passengers", "passenger_type_mismatch", message);
}

/// Checks e-mail address and phone number of the contact.
pub(super) fn check_contact(wrong: &mut Violations, contact: &super::model::Contact) {
    if !crate::account::is_email(&contact.email) {
        wrong.add(
            "contact.email",
            "email",
            "an e-mail address, such as asha@example.com",
        );
    }
    if !crate::account::is_e164(&contact.phone) {
        wrong.add(
            "contact.phone",
            "phone",
            "an international number (E.164), such as +919876543210",
        );
    }
}
