//! What a booking is, as cancelling looks at it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::rule::{self, Facts};
use crate::Result;
use crate::booking::load;
use crate::booking_lock::LockedBooking;
use crate::clock::Clock;
use crate::flight;
use crate::ids::{BookingId, DirectionId, FlightId, PassengerId};
use crate::money::Currency;
use crate::trade::{Cabin, Direction, DisruptionKind, FareConditions, PassengerType, PriceLine};

/// Which booking it is, and what of its row decides.
#[derive(Clone, Copy, Debug)]
pub(in crate::booking) struct Subject {
    pub id: BookingId,
    pub booked_at: DateTime<Utc>,
    /// The first flight of the booking.
    pub departs_at: DateTime<Utc>,
    pub currency: Currency,
}

impl From<&LockedBooking> for Subject {
    fn from(booking: &LockedBooking) -> Self {
        Self {
            id: booking.id,
            booked_at: booking.created_at,
            departs_at: booking.first_departs_at,
            currency: booking.total.currency(),
        }
    }
}

/// A booking with everything that decides what cancelling gives back.
#[derive(Clone, Debug)]
pub(in crate::booking) struct Trip {
    pub now: DateTime<Utc>,
    pub booked_at: DateTime<Utc>,
    /// The first flight of the booking.
    pub departs_at: DateTime<Utc>,
    pub currency: Currency,
    pub directions: Vec<TripDirection>,
    /// In the order they were given.
    pub passengers: Vec<TripPassenger>,
    pub lines: Vec<PriceLine>,
    /// Chosen seats that were paid.
    pub seats: Vec<PaidSeat>,
    /// Who does not fly in which direction any more.
    pub cancelled: HashSet<(PassengerId, DirectionId)>,
    /// Who was not aboard the first flight of a direction.
    pub no_shows: HashSet<(PassengerId, DirectionId)>,
    /// The directions that the airline does not fly as they were booked, each with the sentence that says so: all of them
    /// comes back.
    pub disrupted: HashMap<DirectionId, String>,
    /// Whether the airline's doing is all that was cancelled of it before.
    pub is_cancelled_by_airline_alone: bool,
}

/// A direction of a booking.
#[derive(Clone, Debug)]
pub(in crate::booking) struct TripDirection {
    pub id: DirectionId,
    pub direction: Direction,
    pub is_booked: bool,
    /// IATA code of the airline whose ticket it is.
    pub validating_airline: String,
    /// Whether a flight of it has left.
    pub has_begun: bool,
    pub cabin: Cabin,
    pub conditions: FareConditions,
    /// In the order they are flown.
    pub flights: Vec<FlightId>,
    pub departs_at: DateTime<Utc>,
    /// Local date on which the last flight leaves: ages are those of this day.
    pub last_departure_date: NaiveDate,
    /// Of every airport, in the order of travel (ISO 3166).
    pub countries: Vec<String>,
}

/// A passenger of a booking.
#[derive(Clone, Debug)]
pub(in crate::booking) struct TripPassenger {
    pub id: PassengerId,
    pub kind: PassengerType,
    pub name: String,
    pub date_of_birth: NaiveDate,
    /// Of an infant: whose lap it sits on.
    pub adult_id: Option<PassengerId>,
}

/// A seat that a passenger chose and paid for.
#[derive(Clone, Debug)]
pub(in crate::booking) struct PaidSeat {
    pub passenger_id: PassengerId,
    pub flight_id: FlightId,
    /// As its line of the price says: `preferred 3A`.
    pub code: String,
    pub paid_minor: i64,
}

impl Trip {
    /// What is known about a direction.
    pub(super) fn facts(&self, direction: &TripDirection) -> Facts {
        let mut countries = self.directions.iter().flat_map(|one| &one.countries);
        let starts_in = countries.next().cloned().unwrap_or_default();
        Facts {
            now: self.now,
            booked_at: self.booked_at,
            trip_departs_at: self.departs_at,
            is_international: countries.any(|country| *country != starts_in),
            starts_in,
            departs_at: direction.departs_at,
        }
    }

    /// The directions that somebody flies still.
    pub(in crate::booking) fn live(&self) -> impl Iterator<Item = &TripDirection> {
        self.directions.iter().filter(|one| one.is_booked)
    }

    /// Whether a passenger flies in a direction still.
    pub(in crate::booking) fn flies(
        &self,
        passenger: PassengerId,
        direction: &TripDirection,
    ) -> bool {
        direction.is_booked && !self.cancelled.contains(&(passenger, direction.id))
    }

    /// Whether a passenger was not aboard a direction.
    pub(in crate::booking) fn was_no_show(
        &self,
        passenger: PassengerId,
        direction: &TripDirection,
    ) -> bool {
        self.no_shows.contains(&(passenger, direction.id))
    }

    /// A passenger by its key.
    pub(in crate::booking) fn passenger(&self, id: PassengerId) -> Option<&TripPassenger> {
        self.passengers.iter().find(|one| one.id == id)
    }
}

/// Reads a booking. Who goes on to cancel has locked it.
pub(in crate::booking) async fn trip(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: Subject,
) -> Result<Trip> {
    let now = clock.now();
    let cancelled = sqlx::query!(
        r#"
        select passenger_id as "passenger_id: PassengerId", direction_id as "direction_id: DirectionId"
        from cancelled_place where booking_id = $1
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let no_shows = sqlx::query!(
        r#"
        select t.passenger_id as "passenger_id: PassengerId", bf.direction_id as "direction_id: DirectionId"
        from ticket t
        join ticket_coupon c on c.ticket_id = t.id and c.status = 'no_show'
        join booked_flight bf on bf.id = c.booked_flight_id
        where t.booking_id = $1 and not exists (
            select from booked_flight earlier where earlier.direction_id = bf.direction_id and earlier.ordinal < bf.ordinal)
        "#,
        booking.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let lines = load::lines(conn, &[booking.id.0])
        .await?
        .remove(&booking.id);
    Ok(Trip {
        now,
        booked_at: booking.booked_at,
        departs_at: booking.departs_at,
        currency: booking.currency,
        directions: directions(conn, booking.id, now).await?,
        passengers: passengers(conn, booking.id).await?,
        lines: lines.unwrap_or_default(),
        seats: seats(conn, booking.id).await?,
        disrupted: disrupted(conn, booking.id, now).await?,
        is_cancelled_by_airline_alone: is_cancelled_by_airline_alone(conn, booking.id).await?,
        cancelled: (cancelled.into_iter())
            .map(|row| (row.passenger_id, row.direction_id))
            .collect(),
        no_shows: (no_shows.into_iter())
            .map(|row| (row.passenger_id, row.direction_id))
            .collect(),
    })
}

/// The directions of flights that the airline cancels or moves and whose owner may still choose; of a cancelled flight for
/// ever. A journey that has begun is for staff.
async fn disrupted(
    conn: &mut PgConnection,
    booking_id: BookingId,
    now: DateTime<Utc>,
) -> Result<HashMap<DirectionId, String>> {
    let rows = sqlx::query!(
        r#"
        select r.direction_id as "direction_id: DirectionId", s.kind as "kind: DisruptionKind", f.airline, f.flight_number, f.departure_date
        from disrupted_booking r
        join disruption s on s.id = r.disruption_id
        join flight f on f.id = s.flight_id
        where r.booking_id = $1
          and (r.status = 'open' and (r.decide_by > $2 or s.kind = 'cancelled') or r.status = 'lapsed' and s.kind = 'cancelled')
          -- Who has other flights since has nothing to do with it any more.
          and exists (select from booked_flight bf where bf.direction_id = r.direction_id and bf.flight_id = s.flight_id)
          and not exists (
            select from booked_flight bf join flight begun on begun.id = bf.flight_id
            where bf.direction_id = r.direction_id and begun.departs_at <= $2 and begun.status <> 'cancelled')
        order by s.position
        "#,
        booking_id.0,
        now,
    )
    .fetch_all(conn)
    .await?;
    let sentences = rows.into_iter().map(|row| {
        let name = flight::label(&row.airline, &row.flight_number, row.departure_date);
        let sentence = rule::disruption_sentence(row.kind, &name);
        (row.direction_id, sentence)
    });
    Ok(sentences.collect())
}

async fn is_cancelled_by_airline_alone(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<bool> {
    let is_alone = sqlx::query_scalar!(
        r#"
        select not exists (
            select from cancellation c
            join cancellation_quote q on q.id = c.quote_id
            cross join lateral jsonb_array_elements(q.content -> 'items') as item
            where c.booking_id = $1 and item -> 'decision' ->> 'rule' <> 'schedule_change') as "is_alone!"
        "#,
        booking_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(is_alone)
}

async fn directions(
    conn: &mut PgConnection,
    booking_id: BookingId,
    now: DateTime<Utc>,
) -> Result<Vec<TripDirection>> {
    let rows = sqlx::query!(
        r#"
        select d.id as "id: DirectionId", d.name as "direction: Direction", d.status = 'booked' as "is_booked!", d.cabin as "cabin: Cabin",
               d.conditions as "conditions: Json<FareConditions>", d.validating_airline, f.id as "flight_id: FlightId", f.departs_at, f.departure_date,
               f.departs_at <= $2 and f.status <> 'cancelled' as "has_left!",
               o.country as origin_country, a.country as destination_country
        from direction d
        join booked_flight bf on bf.direction_id = d.id
        join flight f on f.id = bf.flight_id
        join airport o on o.iata = f.origin
        join airport a on a.iata = f.destination
        where d.booking_id = $1 order by bf.ordinal
        "#,
        booking_id.0,
        now,
    )
    .fetch_all(conn)
    .await?;
    let mut directions: Vec<TripDirection> = Vec::new();
    for row in rows {
        let countries = [row.origin_country, row.destination_country];
        match directions.last_mut() {
            Some(last) if last.id == row.id => {
                last.flights.push(row.flight_id);
                last.has_begun |= row.has_left;
                last.last_departure_date = row.departure_date;
                last.countries.extend(countries);
            }
            _ => directions.push(TripDirection {
                id: row.id,
                direction: row.direction,
                is_booked: row.is_booked,
                validating_airline: row.validating_airline,
                has_begun: row.has_left,
                cabin: row.cabin,
                conditions: row.conditions.0,
                flights: vec![row.flight_id],
                departs_at: row.departs_at,
                last_departure_date: row.departure_date,
                countries: countries.into(),
            }),
        }
    }
    Ok(directions)
}

async fn passengers(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<TripPassenger>> {
    let passengers = sqlx::query_as!(
        TripPassenger,
        r#"
        select id as "id: PassengerId", passenger_type as "kind: PassengerType", concat_ws(' ', first_name, last_name) as "name!", date_of_birth,
               adult_id as "adult_id: PassengerId"
        from passenger where booking_id = $1 order by ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(passengers)
}

async fn seats(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<PaidSeat>> {
    let seats = sqlx::query_as!(
        PaidSeat,
        r#"
        select c.passenger_id as "passenger_id: PassengerId", c.flight_id as "flight_id: FlightId", c.paid_minor,
               coalesce((select l.code from price_line l where l.booking_id = c.booking_id and l.kind = 'seat' and l.flight_id = c.flight_id
                         and l.code like '% ' || c.seat_row || c.letter order by l.ordinal desc limit 1), 'standard ' || c.seat_row || c.letter) as "code!"
        from seat_choice c where c.booking_id = $1 and c.paid_minor > 0 order by c.flight_id, c.seat_row, c.letter
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(seats)
}
