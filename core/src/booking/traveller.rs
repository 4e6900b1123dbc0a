//! One person, one place on a flight: nobody has two live bookings of a flight in one account.
//!
//! **Duplicate passengers are looked for under the account's lock.** Name, date of birth and gender, and travel
//! documents where both bookings say one: "unknown" is equal to every document, so that no unique key can decide
//! it.
//!
//! **A unique key, not a query, keeps a person from being booked twice.** Two bookings made at the same moment
//! would not see each other. `live_traveller` has a row for each person, flight and account from the booking to its
//! end; whoever inserts second waits for the first and is told its reference. The person is a digest of folded
//! names and birthday: it holds no second copy of a name, and twins within one booking stay two people.

use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::BookedPassenger;
use super::passengers::{Gender, Passenger, PassengerName};
use crate::booking_lock::LockedBooking;
use crate::ids::{AccountId, BookingId, FlightId, PassengerId};
use crate::ticket::to_latin_capitals;
use crate::{Error, Result, flight};

/// A name and a date of birth as two bookings recognise them: first and last name in A-Z.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person([u8; 32]);

impl Person {
    fn new(first_name: Option<&str>, last_name: &str, born: NaiveDate) -> Self {
        let first = to_latin_capitals(first_name.unwrap_or_default());
        let last = to_latin_capitals(last_name);
        Self(Sha256::digest(format!("{first}/{last}/{born}")).into())
    }
}

impl From<&BookedPassenger> for Person {
    fn from(passenger: &BookedPassenger) -> Self {
        let first_name = passenger.first_name.as_deref();
        Self::new(first_name, &passenger.last_name, passenger.date_of_birth)
    }
}

impl From<&Passenger> for Person {
    fn from(passenger: &Passenger) -> Self {
        let first_name = passenger.first_name.as_ref();
        Self::new(
            first_name.map(PassengerName::as_str),
            passenger.last_name.as_str(),
            passenger.date_of_birth,
        )
    }
}

/// Somebody who flies. Another gender or another travel document is another person; where one of two bookings does not
/// say the document, name, date of birth and gender decide.
#[derive(Clone, Debug)]
pub(super) struct Traveller {
    name: String,
    person: Person,
    gender: Gender,
    /// SHA-256 of the travel document, so that no number is kept a second time.
    document: Option<[u8; 32]>,
}

impl From<&Passenger> for Traveller {
    fn from(passenger: &Passenger) -> Self {
        let first_name = passenger.first_name.as_ref().map(PassengerName::as_str);
        let document = passenger.travel_document.as_ref();
        let document =
            document.map(|document| digest(&document.country, &document.kind, &document.number));
        Self {
            name: full_name(first_name, passenger.last_name.as_str()),
            person: Person::from(passenger),
            gender: passenger.gender,
            document,
        }
    }
}

fn digest(country: &str, kind: &str, number: &str) -> [u8; 32] {
    Sha256::digest(format!("{country}/{kind}/{number}")).into()
}

fn full_name(first_name: Option<&str>, last_name: &str) -> String {
    let names = first_name.into_iter().chain([last_name]);
    names.collect::<Vec<_>>().join(" ")
}

/// Puts people on flights for a booking; two of one name and birthday within the booking are two people.
///
/// Belongs after the booking's row and before its cabins are locked. [`Error::DuplicatePassenger`] names somebody who
/// is on one of the flights in another live booking of the account; a booking being made at the same time is waited
/// for.
pub(super) async fn claim(
    conn: &mut PgConnection,
    account_id: AccountId,
    booking_id: BookingId,
    people: &[Traveller],
    flights: &[FlightId],
) -> Result<()> {
    lock(conn, account_id).await?;
    let columns = Columns::new(people, flights);
    refuse_others(conn, account_id, booking_id, people, &columns).await?;
    sqlx::query!(
        r#"
        insert into live_traveller (account_id, flight_id, person, gender, document, booking_id)
        select $1, flight_id, person, gender, document, $2
        from unnest($3::uuid[]) as wanted (flight_id), unnest($4::bytea[], $5::text[], $6::bytea[]) as people (person, gender, document)
        order by flight_id, person
        on conflict on constraint live_traveller_booked_once do nothing
        "#,
        account_id.0,
        booking_id.0,
        &columns.flights,
        &columns.persons,
        &columns.genders,
        &columns.documents as &[Option<Vec<u8>>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One booking of an account after the other is put aboard. A unique key could not decide it: who has no document is
/// the same person as two people who have different ones.
pub(super) async fn lock(conn: &mut PgConnection, account_id: AccountId) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        lock_name(account_id)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The name of the lock under which an account's people are put aboard.
pub(super) fn lock_name(account_id: AccountId) -> String {
    format!("travellers:{account_id}")
}

/// People and flights in columns.
pub(super) struct Columns {
    pub flights: Vec<Uuid>,
    pub persons: Vec<Vec<u8>>,
    pub genders: Vec<String>,
    pub documents: Vec<Option<Vec<u8>>>,
}

/// Somebody who is on a flight in another live booking.
pub(super) struct Other {
    /// Which of the given people, from 1.
    pub position: i64,
    pub booking_ref: String,
    pub airline: String,
    pub flight_number: String,
    pub departure_date: NaiveDate,
}

impl Other {
    pub(super) fn refusal(self, people: &[Traveller]) -> Error {
        let index = usize::try_from(self.position - 1).unwrap_or_default();
        let name = people.get(index).map(|one| one.name.clone());
        Error::DuplicatePassenger {
            index,
            name: name.unwrap_or_default(),
            flight: flight::label(&self.airline, &self.flight_number, self.departure_date),
            booking_ref: self.booking_ref,
        }
    }
}

impl Columns {
    pub(super) fn new(people: &[Traveller], flights: &[FlightId]) -> Self {
        Self {
            flights: flights.iter().map(|flight| flight.0).collect(),
            persons: people.iter().map(|one| one.person.0.to_vec()).collect(),
            genders: people
                .iter()
                .map(|one| one.gender.as_str().to_owned())
                .collect(),
            documents: people
                .iter()
                .map(|one| one.document.map(|digest| digest.to_vec()))
                .collect(),
        }
    }
}

/// [`Error::DuplicatePassenger`] when one of them is on one of the flights in another live booking of the account.
async fn refuse_others(
    conn: &mut PgConnection,
    account_id: AccountId,
    booking_id: BookingId,
    people: &[Traveller],
    columns: &Columns,
) -> Result<()> {
    // The lock of the row waits for a booking that is ending: when it has ended, its row is gone.
    let other = sqlx::query_as!(
        Other,
        r#"
        select people.position as "position!", b.booking_ref, f.airline, f.flight_number, f.departure_date
        from unnest($3::bytea[], $4::text[], $5::bytea[]) with ordinality as people (person, gender, document, position)
        join live_traveller t on t.account_id = $1 and t.flight_id = any($2) and t.person = people.person
        join booking b on b.id = t.booking_id
        join flight f on f.id = t.flight_id
        where t.booking_id <> $6
          and (t.gender = people.gender or t.gender is null)
          and (t.document = people.document or t.document is null or people.document is null)
        order by people.position, f.departs_at, b.id
        limit 1
        for update of t
        "#,
        account_id.0,
        &columns.flights,
        &columns.persons,
        &columns.genders,
        &columns.documents as &[Option<Vec<u8>>],
        booking_id.0,
    )
    .fetch_optional(conn)
    .await?;
    match other {
        Some(other) => Err(other.refusal(people)),
        None => Ok(()),
    }
}

/// Puts other people on other flights for a booking that is locked and has some. Errors as [`claim`].
///
/// What is new is claimed before anything is given back: who waits for us then holds no cabin, and we wait for nobody
/// who waits for us.
pub(super) async fn replace(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    people: &[Traveller],
    flights: &[FlightId],
) -> Result<()> {
    claim(conn, booking.account_id, booking.id, people, flights).await?;
    let columns = Columns::new(people, flights);
    sqlx::query!(
        r#"
        delete from live_traveller t
        where t.booking_id = $1 and not (t.flight_id = any($2) and exists (
            select from unnest($3::bytea[], $4::text[], $5::bytea[]) as people (person, gender, document)
            where people.person = t.person and people.gender = t.gender and people.document is not distinct from t.document))
        "#,
        booking.id.0,
        &columns.flights,
        &columns.persons,
        &columns.genders,
        &columns.documents as &[Option<Vec<u8>>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts the party of a booking that had ended on its flights again. Errors as [`claim`].
pub(super) async fn claim_again(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    flights: &[FlightId],
) -> Result<()> {
    claim_stored(conn, booking, None, flights).await
}

/// Puts passengers of a booking on flights that it has not had before; who has cancelled is not among them, and may be on the
/// same flights by another booking. Errors as [`claim`].
pub(super) async fn claim_new(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    people: &[PassengerId],
    flights: &[FlightId],
) -> Result<()> {
    claim_stored(conn, booking, Some(people), flights).await
}

async fn claim_stored(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    people: Option<&[PassengerId]>,
    flights: &[FlightId],
) -> Result<()> {
    let people = people.map(|ids| ids.iter().map(|id| id.0).collect::<Vec<_>>());
    let rows = sqlx::query!(
        r#"
        select first_name, last_name, date_of_birth, gender as "gender: Gender", travel_document_country as country,
               travel_document_type as kind, travel_document_number as number
        from passenger where booking_id = $1 and ($2::uuid[] is null or id = any($2)) order by ordinal
        "#,
        booking.id.0,
        people.as_deref(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let people = rows.into_iter().map(|row| {
        Traveller::from(Stored {
            first_name: row.first_name,
            last_name: row.last_name,
            date_of_birth: row.date_of_birth,
            gender: row.gender,
            country: row.country,
            kind: row.kind,
            number: row.number,
        })
    });
    let people: Vec<_> = people.collect();
    claim(conn, booking.account_id, booking.id, &people, flights).await
}

/// A passenger's row, as far as it says who they are.
struct Stored {
    first_name: Option<String>,
    last_name: String,
    date_of_birth: NaiveDate,
    gender: Gender,
    country: Option<String>,
    kind: Option<String>,
    number: Option<String>,
}

impl From<Stored> for Traveller {
    fn from(row: Stored) -> Self {
        let first_name = row.first_name.as_deref();
        let document = (&row.country, &row.kind, &row.number);
        Self {
            name: full_name(first_name, &row.last_name),
            person: Person::new(first_name, &row.last_name, row.date_of_birth),
            gender: row.gender,
            document: match document {
                (Some(country), Some(kind), Some(number)) => Some(digest(country, kind, number)),
                _ => None,
            },
        }
    }
}

/// Puts passengers whose names have become others on the flights that they fly in a booking, and takes their old names off.
/// Errors as [`claim`]; the index is that of the passenger among those given.
pub(super) async fn rename(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    passengers: &[PassengerId],
) -> Result<()> {
    let rows = sqlx::query!(
        r#"
        select p.first_name, p.last_name, p.date_of_birth, p.gender as "gender: Gender", p.travel_document_country as country,
               p.travel_document_type as kind, p.travel_document_number as number,
               array(
                   select bf.flight_id from booked_flight bf
                   join direction d on d.id = bf.direction_id and d.status = 'booked'
                   where bf.booking_id = $1
                     and not exists (select from cancelled_place c where c.passenger_id = p.id and c.direction_id = d.id)
                   order by bf.ordinal
               ) as "flights!: Vec<FlightId>"
        from unnest($2::uuid[]) with ordinality as given (id, position)
        join passenger p on p.id = given.id and p.booking_id = $1
        order by given.position
        "#,
        booking.id.0,
        &passengers.iter().map(|id| id.0).collect::<Vec<_>>(),
    )
    .fetch_all(&mut *conn)
    .await?;
    for (index, row) in rows.into_iter().enumerate() {
        let traveller = Traveller::from(Stored {
            first_name: row.first_name,
            last_name: row.last_name,
            date_of_birth: row.date_of_birth,
            gender: row.gender,
            country: row.country,
            kind: row.kind,
            number: row.number,
        });
        let people = [traveller];
        claim(conn, booking.account_id, booking.id, &people, &row.flights)
            .await
            .map_err(|error| at(error, index))?;
    }
    retain(conn, booking.id).await
}

/// The same error about another passenger.
fn at(mut error: Error, passenger: usize) -> Error {
    if let Error::DuplicatePassenger { index, .. } = &mut error {
        *index = passenger;
    }
    error
}

/// Takes those who do not fly any more off the flights of a booking: they may book them again. Two people of one name and
/// birthday have one row, which stays for the one who flies.
pub(super) async fn retain(conn: &mut PgConnection, booking_id: BookingId) -> Result<()> {
    let aboard = Aboard::load(conn, booking_id).await?;
    sqlx::query!(
        r#"
        delete from live_traveller t
        where t.booking_id = $1 and not exists (
            select from unnest($2::uuid[], $3::bytea[], $4::text[]) as left_aboard (flight_id, person, gender)
            where left_aboard.flight_id = t.flight_id and left_aboard.person = t.person
              and (left_aboard.gender = t.gender or t.gender is null))
        "#,
        booking_id.0,
        &aboard.flights,
        &aboard.persons,
        &aboard.genders,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Who flies which flight of a booking, in columns.
struct Aboard {
    flights: Vec<Uuid>,
    persons: Vec<Vec<u8>>,
    genders: Vec<String>,
}

impl Aboard {
    async fn load(conn: &mut PgConnection, booking_id: BookingId) -> Result<Self> {
        let rows = sqlx::query!(
            r#"
            select bf.flight_id as "flight_id: FlightId", p.first_name, p.last_name, p.date_of_birth, p.gender as "gender: Gender"
            from booked_flight bf
            join direction d on d.id = bf.direction_id and d.status = 'booked'
            join passenger p on p.booking_id = bf.booking_id
            where bf.booking_id = $1
              and not exists (select from cancelled_place c where c.passenger_id = p.id and c.direction_id = bf.direction_id)
            "#,
            booking_id.0,
        )
        .fetch_all(conn)
        .await?;
        let mut aboard = Self {
            flights: Vec::with_capacity(rows.len()),
            persons: Vec::with_capacity(rows.len()),
            genders: Vec::with_capacity(rows.len()),
        };
        for row in rows {
            let person = Person::new(row.first_name.as_deref(), &row.last_name, row.date_of_birth);
            aboard.flights.push(row.flight_id.0);
            aboard.persons.push(person.0.to_vec());
            aboard.genders.push(row.gender.as_str().to_owned());
        }
        Ok(aboard)
    }
}

/// Files those whose rows have moved from one booking to another under the other, on the flights that they fly. Two people of
/// one name and birthday have one row: it stays while one of them does.
///
/// The caller has the [`lock`].
pub(super) async fn split(conn: &mut PgConnection, from: BookingId, to: BookingId) -> Result<()> {
    let (stay, go) = (
        Aboard::load(conn, from).await?,
        Aboard::load(conn, to).await?,
    );
    sqlx::query!(
        r#"
        update live_traveller t set booking_id = $2
        where t.booking_id = $1
          and exists (
              select from unnest($3::uuid[], $4::bytea[], $5::text[]) as go (flight_id, person, gender)
              where go.flight_id = t.flight_id and go.person = t.person and (go.gender = t.gender or t.gender is null))
          and not exists (
              select from unnest($6::uuid[], $7::bytea[], $8::text[]) as stay (flight_id, person, gender)
              where stay.flight_id = t.flight_id and stay.person = t.person and (stay.gender = t.gender or t.gender is null))
        "#,
        from.0,
        to.0,
        &go.flights,
        &go.persons,
        &go.genders,
        &stay.flights,
        &stay.persons,
        &stay.genders,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes everybody of a booking off its flights: they may book them again.
pub(super) async fn release(conn: &mut PgConnection, booking_id: BookingId) -> Result<()> {
    sqlx::query!(
        "delete from live_traveller where booking_id = $1",
        booking_id.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_blanks_make_nobody_another_person_but_a_birthday_does() {
        let born = |day| NaiveDate::from_ymd_opt(1990, 5, day).unwrap();
        let linh = Person::new(Some("Thị Linh"), "Nguyễn", born(17));
        assert_eq!(linh, Person::new(Some("THI-LINH"), "nguyen", born(17)));
        assert_ne!(linh, Person::new(Some("Thị Linh"), "Nguyễn", born(18)));
        assert_ne!(linh, Person::new(Some("Thị"), "Linh Nguyễn", born(17)));
    }
}
