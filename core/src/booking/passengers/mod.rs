//! Who flies: names as in the passport, types derived from dates of birth (rules.md "Passengers").

use chrono::{Datelike, NaiveDate};

use crate::baggage::NewBag;
use crate::clock::parse_date;
use crate::error::Violations;
use crate::fare::{Party, PassengerType};
use crate::ids::PassengerId;
use crate::{Error, Result};

mod name;
mod requests;
#[cfg(test)]
mod tests;

pub use name::{PassengerName, parse_name};
pub use requests::{NewTravelDocument, TravelDocument, request_words};

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
/// [`Error::Invalid`] names every wrong field; a party that differs is `passenger_type_mismatch`, never a new price.
pub(super) fn check(
    input: &[NewPassenger],
    booked_on: NaiveDate,
    last_departure: NaiveDate,
    party: Party,
) -> Result<Vec<Passenger>> {
    check_with(input, booked_on, last_departure, |passengers| {
        check_types(passengers, party)
    })
}

/// The same for a party that is not priced yet: it is what the dates of birth say, of at most `most` seats.
pub(super) fn check_any(
    input: &[NewPassenger],
    booked_on: NaiveDate,
    last_departure: NaiveDate,
    most: u32,
) -> Result<Vec<Passenger>> {
    check_with(input, booked_on, last_departure, |passengers| {
        check_size(passengers, most)
    })
}

fn check_with(
    input: &[NewPassenger],
    booked_on: NaiveDate,
    last_departure: NaiveDate,
    fits: impl FnOnce(&[Passenger]) -> Result<()>,
) -> Result<Vec<Passenger>> {
    let mut wrong = Violations::new();
    let parsed: Vec<_> = input
        .iter()
        .enumerate()
        .map(|(index, passenger)| parse(&mut wrong, index, passenger, booked_on, last_departure))
        .collect();
    wrong.into_result()?;
    let mut passengers: Vec<Passenger> = parsed.into_iter().flatten().collect();
    fits(&passengers)?;
    link_infants(&mut passengers, input, last_departure)?;
    Ok(passengers)
}

fn parse(
    wrong: &mut Violations,
    index: usize,
    input: &NewPassenger,
    booked_on: NaiveDate,
    last_departure: NaiveDate,
) -> Option<Passenger> {
    let path = |field: &str| format!("passengers[{index}].{field}");
    let mut name = |field: &str, raw: &str| {
        parse_name(raw)
            .map_err(|(code, message)| wrong.add(path(field), code, message))
            .ok()
    };
    let first_name = name("first_name", &input.first_name);
    let middle_name = match &input.middle_name {
        Some(raw) => name("middle_name", raw).map(Some),
        None => Some(None),
    };
    let last_name = name("last_name", &input.last_name);
    let title = input.title.to_ascii_lowercase();
    if !["mr", "ms", "mrs", "mx", "dr", "mstr", "miss"].contains(&title.as_str()) {
        wrong.add(
            path("title"),
            "unknown",
            "one of mr, ms, mrs, mx, dr, mstr, miss",
        );
    }
    let gender = match input.gender.as_str() {
        "male" => Some(Gender::Male),
        "female" => Some(Gender::Female),
        "other" => Some(Gender::Other),
        _ => {
            wrong.add(path("gender"), "unknown", "one of male, female, other");
            None
        }
    };
    let seat_preference = match input.seat_preference.as_deref() {
        None => None,
        Some("window") => Some(SeatPreference::Window),
        Some("middle") => Some(SeatPreference::Middle),
        Some("aisle") => Some(SeatPreference::Aisle),
        Some(_) => {
            wrong.add(
                path("seat_preference"),
                "unknown",
                "one of window, middle, aisle",
            );
            None
        }
    };
    let field = path("special_requests");
    let special_requests = requests::requests(wrong, &field, &input.special_requests);
    let travel_document = input.travel_document.as_ref().and_then(|document| {
        requests::travel_document(wrong, &path("travel_document"), document, last_departure)
    });
    let date_of_birth = parse_date(&input.date_of_birth);
    match date_of_birth {
        None => wrong.add(
            path("date_of_birth"),
            "date",
            "an ISO 8601 date, such as 1990-05-17",
        ),
        Some(born) if born > booked_on => wrong.add(
            path("date_of_birth"),
            "in_the_future",
            "the date has not come yet",
        ),
        Some(born) if age_on(born, last_departure) > 120 => {
            wrong.add(
                path("date_of_birth"),
                "too_long_ago",
                "more than 120 years ago",
            );
        }
        Some(_) => {}
    }
    let date_of_birth = date_of_birth?;
    Some(Passenger {
        id: PassengerId::new(),
        kind: match age_on(date_of_birth, last_departure) {
            ..2 => PassengerType::Infant,
            2..12 => PassengerType::Child,
            12.. => PassengerType::Adult,
        },
        title,
        first_name: first_name?,
        middle_name: middle_name?,
        last_name: last_name?,
        gender: gender?,
        date_of_birth,
        adult_id: None,
        seat_preference,
        special_requests,
        travel_document,
    })
}

/// How many of each type there are.
pub(super) fn party_of(passengers: &[Passenger]) -> Party {
    let count = |kind| {
        let of_kind = passengers.iter().filter(|passenger| passenger.kind == kind);
        u16::try_from(of_kind.count()).unwrap_or(u16::MAX)
    };
    Party {
        adults: count(PassengerType::Adult),
        children: count(PassengerType::Child),
        infants: count(PassengerType::Infant),
    }
}

fn check_size(passengers: &[Passenger], most: u32) -> Result<()> {
    let mut wrong = Violations::new();
    if u32::from(party_of(passengers).seated()) > most {
        wrong.add(
            "passengers",
            "too_many",
            format!("at most {most} seated passengers"),
        );
    }
    wrong.into_result()
}

fn check_types(passengers: &[Passenger], party: Party) -> Result<()> {
    let count = |kind| {
        passengers
            .iter()
            .filter(|passenger| passenger.kind == kind)
            .count()
    };
    let given = PassengerType::ALL.map(count);
    let priced = PassengerType::ALL.map(|kind| usize::from(party.count(kind)));
    if given == priced {
        return Ok(());
    }
    let words = |[adults, children, infants]: [usize; 3]| {
        format!("{adults} adults, {children} children, {infants} infants")
    };
    let mut wrong = Violations::new();
    wrong.add(
        "passengers",
        "passenger_type_mismatch",
        format!(
            "the offer is for {}, the dates of birth say {}",
            words(priced),
            words(given)
        ),
    );
    wrong.into_result()
}

fn link_infants(
    passengers: &mut [Passenger],
    input: &[NewPassenger],
    last_departure: NaiveDate,
) -> Result<()> {
    let mut wrong = Violations::new();
    let is_grown = |passenger: &Passenger| age_on(passenger.date_of_birth, last_departure) >= 18;
    if !passengers.iter().any(is_grown)
        && passengers
            .iter()
            .any(|passenger| passenger.kind != PassengerType::Adult)
    {
        wrong.add(
            "passengers",
            "no_guardian",
            "no child or infant travels without a passenger of 18 or more",
        );
    }
    let mut laps: Vec<Option<usize>> = vec![None; passengers.len()];
    let infants: Vec<usize> = (0..passengers.len())
        .filter(|index| passengers[*index].kind == PassengerType::Infant)
        .collect();
    for (index, passenger) in input.iter().enumerate() {
        let path = format!("passengers[{index}].adult_index");
        let Some(adult) = passenger
            .adult_index
            .and_then(|adult| usize::try_from(adult).ok())
        else {
            continue;
        };
        if !infants.contains(&index) {
            wrong.add(path, "not_an_infant", "only an infant sits on a lap");
        } else if !passengers.get(adult).is_some_and(is_grown) {
            wrong.add(
                path,
                "not_an_adult",
                "the index of a passenger of 18 or more",
            );
        } else if laps[adult].is_some() {
            wrong.add(path, "lap_taken", "this passenger has an infant already");
        } else {
            laps[adult] = Some(index);
        }
    }
    for infant in infants
        .iter()
        .filter(|infant| input[**infant].adult_index.is_none())
    {
        match (0..passengers.len())
            .find(|adult| laps[*adult].is_none() && is_grown(&passengers[*adult]))
        {
            Some(adult) => laps[adult] = Some(*infant),
            None => wrong.add(
                format!("passengers[{infant}]"),
                "no_lap",
                "at most one infant per passenger of 18 or more",
            ),
        }
    }
    wrong.into_result()?;
    for (adult, infant) in laps.into_iter().enumerate() {
        if let Some(infant) = infant {
            passengers[infant].adult_id = Some(passengers[adult].id);
        }
    }
    Ok(())
}

/// Checks e-mail address and phone number of the contact.
pub(super) fn check_contact(
    contact: &super::model::Contact,
) -> Result<(), Vec<crate::error::FieldError>> {
    let mut wrong = Violations::new();
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
    match wrong.into_result() {
        Err(Error::Invalid(fields)) => Err(fields),
        _ => Ok(()),
    }
}
