//! Who flies: names as in the passport, types derived from dates of birth (rules.md "Passengers").

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use crate::Result;
use crate::baggage::{self, NewBag};
use crate::clock::parse_date;
use crate::email::EmailAddress;
use crate::error::Violations;
use crate::ids::PassengerId;
use crate::phone;
use crate::trade::{Party, PassengerType, SeatPreference};

mod laps;
mod name;
mod requests;
#[cfg(test)]
mod tests;

pub use name::{PassengerName, parse_name};
pub use requests::{NewTravelDocument, TravelDocument};

/// How people are addressed.
const TITLES: [&str; 7] = ["mr", "ms", "mrs", "mx", "dr", "mstr", "miss"];

/// A passenger as the caller wrote them.
#[derive(Clone, Debug, Default)]
pub struct NewPassenger {
    /// `mr`, `ms`, `mrs`, `mx`, `dr`, `mstr`, `miss`.
    pub title: String,
    /// 1-40 letters; left out by people who have one name.
    pub first_name: Option<String>,
    /// 1-40 letters, if any.
    pub middle_name: Option<String>,
    /// 1-40 letters.
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

/// A passenger who may fly.
#[derive(Clone, Debug)]
pub(super) struct Passenger {
    pub id: PassengerId,
    pub kind: PassengerType,
    pub title: String,
    /// `None` for people who have one name.
    pub first_name: Option<PassengerName>,
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

/// The last date that it is anywhere on Earth (UTC+14, Kiribati): whoever was born by then is born.
pub(super) fn latest_date(now: DateTime<Utc>) -> NaiveDate {
    (now + TimeDelta::hours(14)).date_naive()
}

/// The first date that it still is anywhere on Earth (UTC-12): no flight leaves on an earlier one.
fn earliest_date(now: DateTime<Utc>) -> NaiveDate {
    (now - TimeDelta::hours(12)).date_naive()
}

/// What can be said of passengers whose flights are not known: each by themselves, as if they flew at once. Nobody gets
/// younger until a flight leaves, and no document good again, so that what is wrong now is wrong then.
pub(super) fn rules(wrong: &mut Violations, input: &[NewPassenger], now: DateTime<Utc>) {
    for (index, passenger) in input.iter().enumerate() {
        parse(
            wrong,
            index,
            passenger,
            latest_date(now),
            earliest_date(now),
        );
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
pub(super) fn type_of(age: i32) -> PassengerType {
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
    let names = names(wrong, path, input);
    let title = title(wrong, path, input);
    let gender = Gender::parse(&input.gender);
    if gender.is_none() {
        wrong.add(
            path("gender"),
            "unknown",
            "write one of male, female, other",
        );
    }
    let wish = input.seat_preference.as_deref();
    let seat_preference = wish.and_then(SeatPreference::parse);
    if wish.is_some() && seat_preference.is_none() {
        let message = "write one of window, middle, aisle, or leave it out";
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
            first_name: names.first,
            middle_name: names.middle,
            last_name: names.last?,
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

/// The names of a passenger that can be read.
pub(super) struct Names {
    pub first: Option<PassengerName>,
    pub middle: Option<PassengerName>,
    pub last: Option<PassengerName>,
}

/// Title and names alone of somebody who is known otherwise; `None` when one of them is wrong.
pub(super) fn named(
    wrong: &mut Violations,
    path: impl Fn(&str) -> String,
    input: &NewPassenger,
) -> Option<(String, Names)> {
    let before = wrong.len();
    let names = names(wrong, &path, input);
    let title = title(wrong, &path, input);
    (wrong.len() == before).then_some((title, names))
}

fn title(wrong: &mut Violations, path: impl Fn(&str) -> String, input: &NewPassenger) -> String {
    let title = input.title.to_ascii_lowercase();
    if !TITLES.contains(&title.as_str()) {
        let message = format!("write one of {}", TITLES.join(", "));
        wrong.add(path("title"), "unknown", message);
    }
    title
}

/// Whoever has one name has a last name; a middle name stands between two others.
fn names(wrong: &mut Violations, path: impl Fn(&str) -> String, input: &NewPassenger) -> Names {
    let mut read = |field: &str, raw: &str, when_empty: &str| {
        parse_name(raw)
            .map_err(|(code, message)| {
                let message = if raw.trim().is_empty() {
                    when_empty.to_owned()
                } else {
                    message
                };
                wrong.add(path(field), code, message);
            })
            .ok()
    };
    let first = input.first_name.as_deref();
    let first = first.map(|raw| {
        let when_empty = "write 1 to 40 letters; people who have one name write it as `last_name` and leave `first_name` out";
        read("first_name", raw, when_empty)
    });
    let middle = input.middle_name.as_deref();
    let middle = middle.map(|raw| {
        let when_empty = "write 1 to 40 letters, or leave `middle_name` out";
        read("middle_name", raw, when_empty)
    });
    let when_empty =
        "write 1 to 40 letters; people who have one name write it here and leave `first_name` out";
    let last = read("last_name", &input.last_name, when_empty);
    if middle.is_some() && first.is_none() {
        let message = "a middle name needs a `first_name`; people who have one name write it as `last_name` alone";
        wrong.add(path("middle_name"), "without_first_name", message);
    }
    Names {
        first: first.flatten(),
        middle: middle.flatten(),
        last,
    }
}

fn date_of_birth(
    wrong: &mut Violations,
    field: String,
    raw: &str,
    booked_on: NaiveDate,
    last_departure: NaiveDate,
) -> Option<NaiveDate> {
    let Some(born) = parse_date(raw) else {
        wrong.add(
            field,
            "date",
            "write a date as year-month-day, such as 1990-05-17",
        );
        return None;
    };
    if born > booked_on {
        let message = "write a date of birth that is not in the future, such as 1990-05-17";
        wrong.add(field, "in_the_future", message);
        None
    } else if age_on(born, last_departure) > 120 {
        let message = "write a date of birth at most 120 years ago; the year may be wrong";
        wrong.add(field, "too_long_ago", message);
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
        let message = format!("book at most {most} passengers with a seat of their own");
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
        let count = |count: u16, one: &str, more: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {more}"),
        };
        let adults = count(adults, "adult", "adults");
        let children = count(children, "child", "children");
        let infants = count(infants, "infant", "infants");
        format!("{adults}, {children} and {infants}")
    };
    let message = format!(
        "the offer is for {}, but by their dates of birth the passengers are {} on the day of the last flight: search again for them, or correct the dates",
        words(priced),
        words(given)
    );
    wrong.add("passengers", "passenger_type_mismatch", message);
}

/// The contact as it is kept: the address as mail leaves for it, the phone number in E.164.
pub(super) fn check_contact(
    wrong: &mut Violations,
    contact: &super::model::Contact,
) -> Option<super::model::Contact> {
    let email = EmailAddress::parse(&contact.email)
        .map_err(|message| wrong.add("contact.email", "email", message));
    let phone = phone::parse(&contact.phone)
        .map_err(|message| wrong.add("contact.phone", "phone", message));
    Some(super::model::Contact {
        email: email.ok()?.into_string(),
        phone: phone.ok()?,
    })
}

/// The same for a contact that stands alone. [`crate::Error::Invalid`] with every wrong field.
pub(super) fn contact(contact: &super::model::Contact) -> Result<super::model::Contact> {
    let mut wrong = Violations::new();
    check_contact(&mut wrong, contact).ok_or_else(|| wrong.into_error())
}
