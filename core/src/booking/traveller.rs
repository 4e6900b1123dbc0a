//! One person, one place on a flight: nobody has two live bookings of a flight in one account.

use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::lock::LockedBooking;
use super::model::BookedPassenger;
use super::passengers::Passenger;
use crate::ids::{AccountId, BookingId, FlightId};
use crate::ticket::to_latin_capitals;
use crate::{Error, Result};

/// How often another booking may end between our claim and our look at it.
const ATTEMPTS: usize = 3;

/// A person as two bookings recognise them: first and last name in A-Z, and the date of birth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person([u8; 32]);

impl Person {
    fn new(first_name: &str, last_name: &str, born: NaiveDate) -> Self {
        let (first, last) = (to_latin_capitals(first_name), to_latin_capitals(last_name));
        Self(Sha256::digest(format!("{first}/{last}/{born}")).into())
    }
}

impl From<&BookedPassenger> for Person {
    fn from(passenger: &BookedPassenger) -> Self {
        let (first, last) = (&passenger.first_name, &passenger.last_name);
        Self::new(first, last, passenger.date_of_birth)
    }
}

impl From<&Passenger> for Person {
    fn from(passenger: &Passenger) -> Self {
        Self::new(
            passenger.first_name.as_str(),
            passenger.last_name.as_str(),
            passenger.date_of_birth,
        )
    }
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
    people: &[Person],
    flights: &[FlightId],
) -> Result<()> {
    claim_beside(conn, account_id, booking_id, people, flights, 0).await
}

/// Claims beside the `own` rows that the booking has of these people and flights.
async fn claim_beside(
    conn: &mut PgConnection,
    account_id: AccountId,
    booking_id: BookingId,
    people: &[Person],
    flights: &[FlightId],
    mut own: u64,
) -> Result<()> {
    let mut persons: Vec<Vec<u8>> = people.iter().map(|person| person.0.to_vec()).collect();
    persons.sort_unstable();
    persons.dedup();
    let flights: Vec<Uuid> = flights.iter().map(|flight| flight.0).collect();
    for _ in 0..ATTEMPTS {
        let claimed = sqlx::query!(
            r#"
            insert into live_traveller (account_id, flight_id, person, booking_id)
            select $1, flight_id, person, $2
            from unnest($3::uuid[]) as wanted (flight_id), unnest($4::bytea[]) as people (person)
            order by flight_id, person
            on conflict on constraint live_traveller_booked_once do nothing
            "#,
            account_id.0,
            booking_id.0,
            &flights,
            &persons,
        )
        .execute(&mut *conn)
        .await?;
        if own + claimed.rows_affected() == (persons.len() * flights.len()) as u64 {
            return Ok(());
        }
        let other = sqlx::query!(
            r#"
            select t.flight_id as "flight_id: FlightId", t.person, b.booking_ref
            from live_traveller t join booking b on b.id = t.booking_id
            where t.account_id = $1 and t.flight_id = any($2) and t.person = any($3) and t.booking_id <> $4
            order by b.first_departs_at, b.id limit 1
            "#,
            account_id.0,
            &flights,
            &persons,
            booking_id.0,
        )
        .fetch_optional(&mut *conn)
        .await?;
        if let Some(other) = other {
            let index = people
                .iter()
                .position(|person| person.0[..] == other.person);
            return Err(Error::DuplicatePassenger {
                index: index.unwrap_or_default(),
                flight_id: other.flight_id,
                booking_ref: other.booking_ref,
            });
        }
        release(conn, booking_id).await?;
        own = 0;
    }
    Err(Error::Busy("bookings of the same passengers"))
}

/// Puts other people on other flights for a booking that is locked and has some. Errors as [`claim`].
///
/// What is new is claimed before anything is given back: who waits for us then holds no cabin, and we wait for nobody
/// who waits for us.
pub(super) async fn replace(
    conn: &mut PgConnection,
    booking: &LockedBooking,
    people: &[Person],
    flights: &[FlightId],
) -> Result<()> {
    let persons: Vec<Vec<u8>> = people.iter().map(|person| person.0.to_vec()).collect();
    let ids: Vec<Uuid> = flights.iter().map(|flight| flight.0).collect();
    let own = sqlx::query_scalar!(
        r#"select count(*) as "own!" from live_traveller where booking_id = $1 and flight_id = any($2) and person = any($3)"#,
        booking.id.0,
        &ids,
        &persons,
    )
    .fetch_one(&mut *conn)
    .await?;
    let own = u64::try_from(own).unwrap_or_default();
    claim_beside(conn, booking.account_id, booking.id, people, flights, own).await?;
    sqlx::query!(
        "delete from live_traveller where booking_id = $1 and not (flight_id = any($2) and person = any($3))",
        booking.id.0,
        &ids,
        &persons,
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
    let rows = sqlx::query!(
        "select first_name, last_name, date_of_birth from passenger where booking_id = $1 order by ordinal",
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let people: Vec<_> = rows
        .iter()
        .map(|row| Person::new(&row.first_name, &row.last_name, row.date_of_birth))
        .collect();
    claim(conn, booking.account_id, booking.id, &people, flights).await
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
        let linh = Person::new("Thị Linh", "Nguyễn", born(17));
        assert_eq!(linh, Person::new("THI-LINH", "nguyen", born(17)));
        assert_ne!(linh, Person::new("Thị Linh", "Nguyễn", born(18)));
        assert_ne!(linh, Person::new("Thị", "Linh Nguyễn", born(17)));
    }
}
