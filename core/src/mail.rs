//! What a mail about a booking says. How it looks and how it leaves is the worker's business.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::document::{Document, DocumentKind, DocumentStatus};
use crate::ids::{BookingId, DocumentId};
use crate::money::{self, Money};
use crate::outbox::MailKind;
use crate::{Error, Result, zone};

/// A booking as its mails tell it.
#[derive(Clone, Debug)]
pub struct MailContent {
    /// The booking.
    pub booking_id: BookingId,
    /// Its six-character reference.
    pub booking_ref: String,
    /// Where the mail goes: the booking's contact.
    pub to: String,
    /// First names in the order of the booking; two people may have the same.
    pub first_names: Vec<String>,
    /// The flights that are still booked, in order.
    pub flights: Vec<MailFlight>,
    /// Who bought extra checked baggage.
    pub bags: Vec<MailBag>,
    /// The price of everything.
    pub total: Money,
    /// Money on its way back because it came too late.
    pub refunded: Option<Money>,
    /// The ticket documents, one per validating airline.
    pub tickets: Vec<Document>,
    status: String,
    late_payment_resolution: Option<String>,
}

/// Extra checked baggage of one passenger in one direction.
#[derive(Clone, Debug)]
pub struct MailBag {
    /// First name.
    pub first_name: String,
    /// `departing` or `returning`.
    pub direction: String,
    /// Kilograms.
    pub kg: i16,
}

/// One flight of a mail.
#[derive(Clone, Debug)]
pub struct MailFlight {
    /// `departing` or `returning`
    pub direction: String,
    /// `Air India`
    pub airline: String,
    /// `AI 161`
    pub number: String,
    /// Where and when it leaves.
    pub departure: MailStop,
    /// Where and when it lands.
    pub arrival: MailStop,
}

/// An airport and the time on its clocks.
#[derive(Clone, Debug)]
pub struct MailStop {
    /// `New Delhi`
    pub city: String,
    /// `DEL`
    pub iata: String,
    /// In the airport's zone.
    pub local: DateTime<chrono::FixedOffset>,
}

impl MailContent {
    /// Reads the booking; `None` when there is none.
    pub async fn find(conn: &mut PgConnection, booking_id: BookingId) -> Result<Option<Self>> {
        let Some(booking) = sqlx::query!(
            r#"
            select booking_ref, contact_email, status, late_payment_resolution, currency, total_minor,
                array(select first_name from passenger where booking_id = booking.id order by ordinal) as "first_names!",
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
        Ok(Some(Self {
            booking_id,
            flights: flights(conn, booking_id).await?,
            bags: bags(conn, booking_id).await?,
            tickets: tickets(conn, booking_id).await?,
            booking_ref: booking.booking_ref,
            to: booking.contact_email,
            first_names: booking.first_names,
            total: Money::new(booking.total_minor, currency),
            refunded: booking
                .refunded_minor
                .map(|minor| Money::new(minor, currency)),
            status: booking.status,
            late_payment_resolution: booking.late_payment_resolution,
        }))
    }

    /// Whether the booking is still what the mail would say it is.
    pub fn is_still_true(&self, mail: MailKind) -> bool {
        match mail {
            MailKind::BookingConfirmed => {
                matches!(self.status.as_str(), "confirmed" | "partially_cancelled")
            }
            MailKind::LatePaymentRefunded => {
                self.late_payment_resolution.as_deref() == Some("refunded")
            }
        }
    }
}

async fn flights(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<MailFlight>> {
    let rows = sqlx::query!(
        r#"
        select direction.name as direction, airline.name as airline, flight.airline || ' ' || flight.flight_number as "number!",
            flight.departs_at, flight.arrives_at,
            origin.iata as origin, origin.city as origin_city, origin.time_zone as origin_zone,
            destination.iata as destination, destination.city as destination_city, destination.time_zone as destination_zone
        from booked_flight
        join direction on direction.id = booked_flight.direction_id and direction.status = 'booked'
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
    rows.into_iter()
        .map(|row| {
            Ok(MailFlight {
                direction: row.direction,
                airline: row.airline,
                number: row.number,
                departure: stop(
                    row.origin_city,
                    row.origin,
                    row.departs_at,
                    &row.origin_zone,
                )?,
                arrival: stop(
                    row.destination_city,
                    row.destination,
                    row.arrives_at,
                    &row.destination_zone,
                )?,
            })
        })
        .collect()
}

async fn bags(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<MailBag>> {
    let bags = sqlx::query_as!(
        MailBag,
        r#"
        select passenger.first_name, direction.name as direction, baggage_item.kg
        from baggage_item
        join passenger on passenger.id = baggage_item.passenger_id
        join direction on direction.booking_id = baggage_item.booking_id and direction.ordinal = baggage_item.direction
        where baggage_item.booking_id = $1 and direction.status = 'booked'
        order by direction.ordinal, passenger.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(bags)
}

fn stop(city: String, iata: String, instant: DateTime<Utc>, time_zone: &str) -> Result<MailStop> {
    let zone = zone::parse(time_zone)
        .ok_or_else(|| Error::Catalogue(format!("airport {iata} has no known time zone")))?;
    Ok(MailStop {
        city,
        iata,
        local: zone::local(instant, zone),
    })
}

async fn tickets(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<Document>> {
    Ok(sqlx::query_as!(
        Document,
        r#"
        select document.id as "id: DocumentId", booking_id as "booking_id: BookingId", booking_ref,
            kind as "kind: DocumentKind", airline, document.status as "status: DocumentStatus", revision,
            document.created_at, ready_at, storage_key, sha256, size_bytes
        from document
        join booking on booking.id = document.booking_id
        where booking_id = $1 and kind = 'ticket'
        order by document.id
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?)
}
