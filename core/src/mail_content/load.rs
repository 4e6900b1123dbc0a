//! Reads a booking for its mails.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::after_sale::{
    cancellations, changes, contact_changes, disruptions, moves, renamed, returns, split_from,
    splits, unpaid_changes,
};
use super::{MailBag, MailBaggage, MailContent, MailFlight, MailPassenger, MailStop};
use crate::booking;
use crate::clock::Clock;
use crate::config::Sales;
use crate::document::{self, Baggage};
use crate::format;
use crate::ids::{AccountId, BookingId, BookingRef};
use crate::money::{self, Money};
use crate::trade::{DisruptionStatus, FareConditions};
use crate::{Error, Result, seller, zone};

impl MailContent {
    /// Reads the booking, with what can be chosen at the clock's time; `None` when there is none.
    pub async fn find(
        conn: &mut PgConnection,
        clock: &Clock,
        sales: &Sales,
        booking_id: BookingId,
    ) -> Result<Option<Self>> {
        let Some(booking) = sqlx::query!(
            r#"
            select booking_ref, account_id as "account_id: AccountId", contact_email, contact_phone, payment_due_at, status, late_payment_resolution, currency, total_minor,
                not exists (
                    select from booking paid
                    where lower(paid.contact_email) = lower(booking.contact_email) and paid.confirmed_at is not null
                        and paid.contact_changed_at is null
                ) and not exists (
                    select from account
                    where account.id = booking.account_id and account.email = lower(booking.contact_email)
                        and account.email_verified_at is not null
                ) as "is_stranger!",
                (select sum(amount_minor)::bigint from refund
                    where booking_id = booking.id and reason = 'late_payment' and status <> 'failed') as refunded_minor
            from booking
            where id = $1
            "#,
            booking_id.0,
        )
        .fetch_optional(&mut *conn)
        .await?
        else {
            return Ok(None);
        };
        let currency = money::currency(&booking.currency).ok_or_else(|| {
            Error::Catalogue(format!("booking {booking_id} has no known currency"))
        })?;
        let (flights, cancelled_flights) = flights(conn, booking_id).await?;
        let (passengers, former_passengers) = passengers(conn, booking_id).await?;
        let mut disruptions = disruptions(conn, booking_id).await?;
        if disruptions
            .iter()
            .any(|told| told.status == DisruptionStatus::Open)
        {
            let reference = BookingRef::parse(&booking.booking_ref)
                .ok_or_else(|| Error::Internal(format!("booking {booking_id} has no reference")))?;
            let all = booking::list_disruptions(conn, clock, sales, booking.account_id, &reference);
            for shown in all.await? {
                let told = disruptions.iter_mut().filter(|told| told.id == shown.id);
                told.for_each(|told| told.options.clone_from(&shown.options));
            }
        }
        Ok(Some(Self {
            booking_id,
            payment_due_at: booking.payment_due_at,
            flights,
            cancelled_flights,
            passengers,
            former_passengers,
            included: included(conn, booking_id).await?,
            bags: bags(conn, booking_id).await?,
            moves: moves(conn, booking_id, currency).await?,
            seller: seller::get(conn).await?.in_one_line(),
            returns: returns(conn, booking_id).await?,
            cancellations: cancellations(conn, booking_id).await?,
            changes: changes(conn, booking_id).await?,
            renamed: renamed(conn, booking_id).await?,
            splits: splits(conn, booking_id).await?,
            split_from: split_from(conn, booking_id).await?,
            unpaid_seat_changes: unpaid_changes(conn, booking_id, "seat_change_lost").await?,
            contact_changes: contact_changes(conn, booking_id).await?,
            disruptions,
            documents: document::list_by_booking_id(conn, booking_id).await?,
            changed_at: changed_at(conn, booking_id).await?,
            booking_ref: booking.booking_ref,
            account_id: booking.account_id,
            to: booking.contact_email,
            is_stranger: booking.is_stranger,
            phone: booking.contact_phone,
            total: Money::new(booking.total_minor, currency),
            refunded: booking
                .refunded_minor
                .map(|minor| Money::new(minor, currency)),
            status: booking.status,
            late_payment_resolution: booking.late_payment_resolution,
        }))
    }
}

/// Those that are booked, and those of directions that were cancelled.
async fn flights(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<(Vec<MailFlight>, Vec<MailFlight>)> {
    let rows = sqlx::query!(
        r#"
        select booked_flight.id, direction.name as direction, direction.ordinal as direction_ordinal, direction.status = 'booked' as "is_booked!", airline.name as airline, flight.airline || ' ' || flight.flight_number as "number!",
            flight.departs_at, flight.arrives_at,
            origin.iata as origin, origin.city as origin_city, origin.country as origin_country, origin.time_zone as origin_zone,
            destination.iata as destination, destination.city as destination_city, destination.country as destination_country,
            destination.time_zone as destination_zone
        from booked_flight
        join direction on direction.id = booked_flight.direction_id
        join flight on flight.id = booked_flight.flight_id
        join airline on airline.iata = flight.airline
        join airport origin on origin.iata = flight.origin
        join airport destination on destination.iata = flight.destination
        where booked_flight.booking_id = $1
        order by booked_flight.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let (mut booked, mut cancelled) = (Vec::new(), Vec::new());
    for row in rows {
        let which = if row.is_booked {
            &mut booked
        } else {
            &mut cancelled
        };
        which.push(MailFlight {
            id: row.id,
            direction: row.direction,
            direction_ordinal: row.direction_ordinal,
            airline: row.airline,
            number: row.number,
            departure: stop(
                row.origin_city,
                row.origin_country,
                row.origin,
                row.departs_at,
                &row.origin_zone,
            )?,
            arrival: stop(
                row.destination_city,
                row.destination_country,
                row.destination,
                row.arrives_at,
                &row.destination_zone,
            )?,
        });
    }
    Ok((booked, cancelled))
}

async fn bags(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<MailBag>> {
    let bags = sqlx::query_as!(
        MailBag,
        r#"
        select coalesce(passenger.first_name, passenger.last_name) as "first_name!", direction.name as direction, baggage_item.kg
        from baggage_item
        join passenger on passenger.id = baggage_item.passenger_id
        join direction on direction.booking_id = baggage_item.booking_id and direction.ordinal = baggage_item.direction
        where baggage_item.booking_id = $1 and direction.status = 'booked'
            and not exists (select from cancelled_place c where c.passenger_id = passenger.id and c.direction_id = direction.id)
        order by direction.ordinal, passenger.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(bags)
}

/// `Ms Asha Rani Verma`.
pub(super) fn full_name(
    title: &str,
    first_name: Option<String>,
    middle_name: Option<String>,
    last_name: String,
) -> String {
    let title = format::sentence_case(title);
    let names = [Some(title), first_name, middle_name, Some(last_name)];
    names.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Those who fly, and the names of the others.
async fn passengers(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<(Vec<MailPassenger>, Vec<String>)> {
    let rows = sqlx::query!(
        r#"
        select title, first_name, middle_name, last_name, passenger_type,
            array(
                select flight.airline || ' ' || flight.flight_number || ' ' || passenger_seat.seat_row || passenger_seat.letter
                from passenger_seat
                join flight on flight.id = passenger_seat.flight_id
                where passenger_seat.passenger_id = passenger.id
                order by flight.departs_at
            ) as "seats!: Vec<String>",
            array(
                select booked_flight.id from booked_flight
                join direction on direction.id = booked_flight.direction_id and direction.status = 'booked'
                where booked_flight.booking_id = $1 and not exists (
                    select from cancelled_place c where c.passenger_id = passenger.id and c.direction_id = direction.id)
                order by booked_flight.ordinal
            ) as "flights!: Vec<Uuid>",
            (not exists (select from cancelled_place c where c.passenger_id = passenger.id)
            or exists (
                select from direction d where d.booking_id = $1 and d.status = 'booked' and not exists (
                    select from cancelled_place c where c.passenger_id = passenger.id and c.direction_id = d.id))) as "flies!"
        from passenger
        where booking_id = $1
        order by ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let (mut passengers, mut former) = (Vec::new(), Vec::new());
    for row in rows {
        let (first, last) = (row.first_name.clone(), row.last_name.clone());
        let name = full_name(&row.title, first, row.middle_name, last);
        if row.flies {
            passengers.push(MailPassenger {
                first_name: row.first_name.unwrap_or(row.last_name),
                name,
                passenger_type: row.passenger_type,
                flights: row.flights,
                seats: row.seats,
            });
        } else {
            former.push(name);
        }
    }
    Ok((passengers, former))
}

async fn included(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<MailBaggage>> {
    let rows = sqlx::query!(
        r#"
        select name, conditions as "conditions: sqlx::types::Json<FareConditions>"
        from direction where booking_id = $1 and status = 'booked' order by ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let included = rows.into_iter().map(|row| MailBaggage {
        direction: row.name,
        baggage: Baggage::from(&row.conditions.0),
    });
    Ok(included.collect())
}

pub(super) fn stop(
    city: String,
    country: String,
    iata: String,
    instant: DateTime<Utc>,
    time_zone: &str,
) -> Result<MailStop> {
    let zone = zone::parse(time_zone)
        .ok_or_else(|| Error::Catalogue(format!("airport {iata} has no known time zone")))?;
    Ok(MailStop {
        city,
        country,
        iata,
        time_zone: time_zone.to_owned(),
        local: zone::local(instant, zone),
    })
}

async fn changed_at(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<DateTime<Utc>>> {
    let changed_at = sqlx::query_scalar!(
        r#"
        select max(superseded_at) from document_revision
        join document on document.id = document_revision.document_id
        where booking_id = $1 and kind = 'ticket'
        "#,
        booking_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(changed_at)
}
