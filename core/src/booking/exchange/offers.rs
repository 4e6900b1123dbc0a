//! Whether offers can take the place of what is booked: the same people on the same route with the same airline, one journey
//! with the direction that stays.

use std::collections::HashSet;

use chrono::NaiveDate;
use sqlx::PgConnection;

use super::model::ChangeRequest;
use crate::booking::cancel::load::{Trip, TripDirection, TripPassenger};
use crate::booking::passengers::{age_on, type_of};
use crate::booking::split;
use crate::error::Violations;
use crate::flight::{self, Flight};
use crate::hold::{self, HeldOffer};
use crate::ids::{AccountId, PassengerId};
use crate::search::{ConnectionTimes, TooSoon};
use crate::trade::{Direction, Party, PassengerType};
use crate::{Error, Result, Shop};

/// A direction with what shall be flown instead.
pub(super) struct Wanted<'a> {
    pub direction: &'a TripDirection,
    /// Where it was written in the request.
    field: String,
    pub offer: HeldOffer,
    pub flights: Vec<Flight>,
    /// Everybody who flies in it and changes.
    pub people: Vec<&'a TripPassenger>,
}

/// What a request asks for.
pub(super) struct Asked<'a> {
    pub directions: Vec<Wanted<'a>>,
    /// Who gets a booking of their own, in the order of the booking: others fly in the directions too, and keep their flights.
    pub split: Option<Vec<PassengerId>>,
}

/// Opens the offers of a request and checks them against the booking.
///
/// Errors: [`Error::OfferInvalid`], [`crate::offer::OfferExpired`], [`Error::Invalid`] with every wrong field.
pub(super) async fn find<'a>(
    conn: &mut PgConnection,
    shop: Shop<'_>,
    account_id: AccountId,
    trip: &'a Trip,
    request: &ChangeRequest,
) -> Result<Asked<'a>> {
    let asked = asked(trip, request)?;
    let directions: Vec<_> = asked.iter().map(|(direction, ..)| *direction).collect();
    let named = named(trip, &directions, request.passengers.as_deref())?;
    let changes = |one: &TripPassenger| named.as_ref().is_none_or(|named| named.contains(&one.id));
    let tokens: Vec<_> = asked.iter().map(|(.., token)| token.clone()).collect();
    let opened = hold::open_offers(conn, shop, account_id, &tokens).await;
    let offers = opened.map_err(|error| named_as_asked(error, request))?;
    let mut wanted = Vec::with_capacity(offers.len());
    for ((direction, field, _), offer) in asked.into_iter().zip(offers) {
        let flights = flight::list_by_id(conn, &offer.pinned.flights).await?;
        let flying = trip.passengers.iter();
        wanted.push(Wanted {
            people: flying
                .filter(|one| trip.flies(one.id, direction) && changes(one))
                .collect(),
            direction,
            field,
            offer,
            flights,
        });
    }
    let mut wrong = Violations::new();
    for one in &wanted {
        let booked = flight::list_by_id(conn, &one.direction.flights).await?;
        check(conn, &mut wrong, trip, one, &booked).await?;
    }
    check_order(conn, &mut wrong, trip, &wanted).await?;
    wrong.into_result()?;
    let split = named.map(|named| {
        let people = trip.passengers.iter().map(|one| one.id);
        people.filter(|one| named.contains(one)).collect()
    });
    Ok(Asked {
        directions: wanted,
        split,
    })
}

/// Those who are named and get a booking of their own; `None` where everybody who flies in the directions changes.
///
/// [`Error::Invalid`] when somebody is unknown, does not fly in any of the directions, or when a child or infant would be
/// without an adult in either booking.
fn named(
    trip: &Trip,
    directions: &[&TripDirection],
    asked: Option<&[PassengerId]>,
) -> Result<Option<HashSet<PassengerId>>> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    let mut wrong = Violations::new();
    let flies = |id| directions.iter().any(|one| trip.flies(id, one));
    for (index, id) in asked.iter().enumerate() {
        let field = format!("passengers[{index}]");
        match trip.passenger(*id) {
            None => {
                let message = "write the `id` of a passenger of this booking";
                wrong.add(field, "unknown", message);
            }
            Some(_) if asked[..index].contains(id) => {
                wrong.add(field, "duplicate", "name each passenger once");
            }
            Some(passenger) if !flies(*id) => {
                let message = format!(
                    "{} does not fly there any more: leave this passenger out",
                    passenger.name
                );
                wrong.add(field, "already_cancelled", message);
            }
            Some(_) => {}
        }
    }
    wrong.into_result()?;
    let named: HashSet<_> = asked.iter().copied().collect();
    let stays = |one: &&TripPassenger| flies(one.id) && !named.contains(&one.id);
    if trip.passengers.iter().all(|one| !stays(&one)) {
        return Ok(None);
    }
    let mut wrong = Violations::new();
    split::check(&mut wrong, trip, &named);
    wrong.into_result()?;
    Ok(Some(named))
}

/// A wrong offer under the name that it has in the request.
fn named_as_asked(error: Error, request: &ChangeRequest) -> Error {
    match error.into_fields() {
        Ok(mut fields) => {
            if request.offer.is_some() {
                for field in &mut fields {
                    field.field = field.field.replace("offers[0]", "offer");
                }
            }
            Error::Invalid(fields)
        }
        Err(error) => error,
    }
}

/// The directions that shall change, where each is written, and its offer.
fn asked<'a>(
    trip: &'a Trip,
    request: &ChangeRequest,
) -> Result<Vec<(&'a TripDirection, String, String)>> {
    let mut wrong = Violations::new();
    let live: Vec<_> = trip.live().collect();
    let asked = match (&request.offer, &request.offers) {
        (Some(offer), None) => {
            let direction = one_direction(&mut wrong, trip, request.direction);
            direction.map(|direction| vec![(direction, "offer".to_owned(), offer.clone())])
        }
        (None, Some(offers)) => {
            if request.direction.is_some() {
                let message = "leave it out: `offers` has one for each direction";
                wrong.add("direction", "not_with_offers", message);
            }
            if offers.len() != 2 || live.len() != 2 {
                let message = "write two offers, for the departing and the returning direction of a round trip; for one direction write `offer`";
                wrong.add("offers", "count", message);
            }
            let places = live.into_iter().zip(offers).enumerate();
            Some(
                places
                    .map(|(index, (direction, offer))| {
                        (direction, format!("offers[{index}]"), offer.clone())
                    })
                    .collect(),
            )
        }
        (Some(_), Some(_)) | (None, None) => {
            wrong.add("offer", "one_of", "either offer or offers");
            None
        }
    };
    match asked {
        Some(asked) if wrong.is_empty() => Ok(asked),
        _ => Err(wrong.into_error()),
    }
}

fn one_direction<'a>(
    wrong: &mut Violations,
    trip: &'a Trip,
    asked: Option<Direction>,
) -> Option<&'a TripDirection> {
    let Some(asked) = asked else {
        let live: Vec<_> = trip.live().collect();
        if let [only] = live[..] {
            return Some(only);
        }
        let message = "say which direction of the round trip: `departing` or `returning`";
        wrong.add("direction", "required", message);
        return None;
    };
    let found = trip.directions.iter().find(|one| one.direction == asked);
    match found {
        Some(one) if one.is_booked => Some(one),
        Some(_) => {
            let message = format!("the {} direction is cancelled", asked.as_str());
            wrong.add("direction", "already_cancelled", message);
            None
        }
        None => {
            let message = format!("the booking has no {} direction", asked.as_str());
            wrong.add("direction", "not_booked", message);
            None
        }
    }
}

async fn check(
    conn: &mut PgConnection,
    wrong: &mut Violations,
    trip: &Trip,
    wanted: &Wanted<'_>,
    booked: &[Flight],
) -> Result<()> {
    let field = &wanted.field;
    let (Some(first), Some(last)) = (wanted.flights.first(), wanted.flights.last()) else {
        return Err(Error::NotFound("flight"));
    };
    let (Some(was_first), Some(was_last)) = (booked.first(), booked.last()) else {
        return Err(Error::NotFound("flight"));
    };
    if first.airline.iata != was_first.airline.iata {
        let message = format!(
            "the ticket is one of {}: search with `airlines={}`",
            was_first.airline.name, was_first.airline.iata
        );
        wrong.add(field, "other_airline", message);
    }
    for (new, old) in [
        (&first.origin.iata, &was_first.origin.iata),
        (&last.destination.iata, &was_last.destination.iata),
    ] {
        if !are_one_place(conn, new, old).await? {
            let message = format!("{old} where the offer has {new}: the route stays the same");
            wrong.add(field, "other_route", message);
        }
    }
    let pinned = &wanted.offer.pinned;
    let is_same_fare = pinned.family == wanted.direction.conditions.fare_family;
    if pinned.flights == wanted.direction.flights
        && pinned.cabin == wanted.direction.cabin
        && is_same_fare
    {
        let message = "other flights, another cabin or another fare: this is what is booked";
        wrong.add(field, "same_flights", message);
    }
    if pinned.price()?.currency != trip.currency {
        let message = format!("the booking is in {}", trip.currency.code());
        wrong.add(field, "currency_mismatch", message);
    }
    let day = last.departure_date;
    let kind = |one: &TripPassenger| kind_on(one, day);
    let count = |wanted_kind| {
        let of_kind = wanted.people.iter().filter(|one| kind(one) == wanted_kind);
        u16::try_from(of_kind.count()).unwrap_or(u16::MAX)
    };
    let party = Party {
        adults: count(PassengerType::Adult),
        children: count(PassengerType::Child),
        infants: count(PassengerType::Infant),
    };
    if let Some(grown) = wanted.people.iter().find(|one| kind(one) != one.kind) {
        let message = format!(
            "{} is booked as {} and would be {} on the new flights: our staff can change this booking",
            grown.name,
            with_article(grown.kind),
            with_article(kind(grown))
        );
        wrong.add(field, "passenger_type_mismatch", message);
    } else if party != pinned.party {
        let message = format!(
            "search for those who change in this direction: {} adults, {} children, {} infants",
            party.adults, party.children, party.infants
        );
        wrong.add(field, "party_mismatch", message);
    }
    Ok(())
}

/// What a passenger is on a day (rules.md "Passengers").
fn kind_on(passenger: &TripPassenger, day: NaiveDate) -> PassengerType {
    type_of(age_on(passenger.date_of_birth, day))
}

const fn with_article(kind: PassengerType) -> &'static str {
    match kind {
        PassengerType::Adult => "an adult",
        PassengerType::Child => "a child",
        PassengerType::Infant => "an infant",
    }
}

/// The way back leaves a legal connection after the way there lands, whichever of the two is another.
async fn check_order(
    conn: &mut PgConnection,
    wrong: &mut Violations,
    trip: &Trip,
    wanted: &[Wanted<'_>],
) -> Result<()> {
    let mut flights = Vec::new();
    for direction in trip.live() {
        let own = wanted
            .iter()
            .find(|one| one.direction.direction == direction.direction);
        flights.push(match own {
            Some(one) => one.flights.clone(),
            None => flight::list_by_id(conn, &direction.flights).await?,
        });
    }
    let [departing, returning] = &flights[..] else {
        return Ok(());
    };
    let (Some(landing), Some(leaving)) = (departing.last(), returning.first()) else {
        return Ok(());
    };
    let field = wanted.last().map_or("offer", |one| one.field.as_str());
    if departing
        .iter()
        .any(|flight| returning.iter().any(|other| other.id == flight.id))
    {
        wrong.add(field, "same_flight", "a flight can be flown once");
    }
    let times = ConnectionTimes::load(conn).await?;
    let turns = are_one_place(conn, &landing.destination.iata, &leaving.origin.iata).await?;
    let is_domestic = |flight: &Flight| flight.origin.country == flight.destination.country;
    let turn = times.turn(
        turns,
        (&landing.destination.iata, is_domestic(landing)),
        (&leaving.origin.iata, is_domestic(leaving)),
        (leaving.departs_at - landing.arrives_at).num_seconds(),
    );
    match turn {
        Ok(()) => {}
        Err(TooSoon::BeforeLanding) => {
            let message = "the returning direction would leave before the departing one has landed";
            wrong.add(field, "returns_too_early", message);
        }
        Err(TooSoon::Hasty { minutes, least }) => {
            let message = format!(
                "the return would leave {minutes} minutes after the departing direction lands; {least} are needed"
            );
            wrong.add(field, "connection_too_short", message);
        }
    }
    Ok(())
}

/// Whether two airports are the same or in the same metro area.
async fn are_one_place(conn: &mut PgConnection, one: &str, other: &str) -> Result<bool> {
    if one == other {
        return Ok(true);
    }
    let shared = sqlx::query_scalar!(
        r#"
        select exists (
            select from metro_area_airport a join metro_area_airport b on b.code = a.code
            where a.iata = $1 and b.iata = $2) as "shared!"
        "#,
        one,
        other,
    )
    .fetch_one(conn)
    .await?;
    Ok(shared)
}
