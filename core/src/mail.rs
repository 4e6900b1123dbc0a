//! What a mail about a booking says. How it looks and how it leaves is the worker's business.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;
use crate::document::{self, Document, DocumentKind};
use crate::ids::{AccountId, BookingId, RefundId};
use crate::money::{self, Money};
use crate::outbox::{self, MailKind, SendMail};
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
    /// The contact's phone, in E.164.
    pub phone: String,
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
    /// What goes back, or has gone, of the booking's payments; none that failed.
    pub returns: Vec<MailReturn>,
    /// When it has to be paid.
    pub payment_due_at: DateTime<Utc>,
    /// The tickets, one document per validating airline, and the invoices.
    documents: Vec<Document>,
    /// When the tickets were last made anew.
    changed_at: Option<DateTime<Utc>>,
    status: String,
    late_payment_resolution: Option<String>,
}

/// Money that goes back.
#[derive(Clone, Debug)]
pub struct MailReturn {
    /// The refund.
    pub id: RefundId,
    /// Why.
    pub cause: ReturnCause,
    /// What was paid.
    pub paid: Money,
    /// What of it goes back.
    pub amount: Money,
}

/// Why money goes back, as the traveller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnCause {
    /// Another amount, currency or page than what was asked for.
    NotAskedFor,
    /// The booking was paid already.
    PaidTwice,
    /// Other seats, which could not be had any more.
    SeatsGone,
    /// Chosen seats that could not be had.
    SeatFees,
    /// The booking has ended, or has another price now.
    NotOwed,
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
    /// The flight as it was booked; the same after a change of seats.
    pub id: Uuid,
    /// `departing` or `returning`
    pub direction: String,
    /// 0 or 1.
    pub direction_ordinal: i16,
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
    /// `Asia/Kolkata`
    pub time_zone: String,
    /// In the airport's zone.
    pub local: DateTime<chrono::FixedOffset>,
}

/// Promises a mail about a booking, once: a second promise of the same mail is the first. Whether it is a new one.
pub async fn promise(
    conn: &mut PgConnection,
    clock: &Clock,
    account_id: AccountId,
    booking_id: BookingId,
    mail: MailKind,
) -> Result<bool> {
    let once = format!("{}:{booking_id}", mail.name());
    let job = SendMail { mail, booking_id };
    let promised = outbox::put_once(conn, clock, Some(account_id), &once, &job).await?;
    Ok(promised.is_some())
}

impl MailContent {
    /// Reads the booking; `None` when there is none.
    pub async fn find(conn: &mut PgConnection, booking_id: BookingId) -> Result<Option<Self>> {
        let Some(booking) = sqlx::query!(
            r#"
            select booking_ref, contact_email, contact_phone, payment_due_at, status, late_payment_resolution, currency, total_minor,
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
            payment_due_at: booking.payment_due_at,
            flights: flights(conn, booking_id).await?,
            bags: bags(conn, booking_id).await?,
            returns: returns(conn, booking_id).await?,
            documents: document::list_by_booking_id(conn, booking_id).await?,
            changed_at: changed_at(conn, booking_id).await?,
            booking_ref: booking.booking_ref,
            to: booking.contact_email,
            phone: booking.contact_phone,
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
    pub fn is_still_true(&self, mail: MailKind, now: DateTime<Utc>) -> bool {
        let is_paid = matches!(self.status.as_str(), "confirmed" | "partially_cancelled");
        match mail {
            MailKind::BookingHeld => self.status == "pending_payment" && self.payment_due_at > now,
            MailKind::BookingConfirmed | MailKind::SeatsNotChanged { .. } => is_paid,
            MailKind::BookingExpired => {
                self.status == "expired" && self.late_payment_resolution.is_none()
            }
            // A newer revision has a mail of its own.
            MailKind::TicketsChanged { revision } => {
                is_paid && self.tickets().all(|ticket| ticket.revision <= revision)
            }
            MailKind::DepartureReminder { direction } => {
                let first = self.of_direction(direction).next();
                is_paid && first.is_some_and(|flight| flight.departure.local > now)
            }
            MailKind::LatePaymentRefunded => {
                self.late_payment_resolution.as_deref() == Some("refunded")
            }
            MailKind::MoneyReturned { refund_id } => self.returned(refund_id).is_some(),
        }
    }

    /// Money that goes back, unless that failed.
    pub fn returned(&self, id: RefundId) -> Option<&MailReturn> {
        self.returns.iter().find(|returned| returned.id == id)
    }

    /// The ticket documents, one per validating airline.
    pub fn tickets(&self) -> impl Iterator<Item = &Document> {
        self.documents
            .iter()
            .filter(|document| document.kind == DocumentKind::Ticket)
    }

    /// The documents that go with a mail.
    ///
    /// To a change of tickets belongs the invoice that was numbered with it, if the change cost something.
    pub fn enclosed(&self, mail: MailKind) -> Vec<&Document> {
        let since = match mail {
            MailKind::BookingConfirmed => None,
            MailKind::TicketsChanged { .. } => self.changed_at,
            MailKind::BookingHeld
            | MailKind::BookingExpired
            | MailKind::DepartureReminder { .. }
            | MailKind::LatePaymentRefunded
            | MailKind::MoneyReturned { .. }
            | MailKind::SeatsNotChanged { .. } => return Vec::new(),
        };
        let enclosed = self
            .documents
            .iter()
            .filter(|document| match document.kind {
                DocumentKind::Ticket => true,
                DocumentKind::Invoice => since.is_none_or(|since| document.created_at >= since),
                DocumentKind::RefundReceipt => false,
            });
        enclosed.collect()
    }

    /// The flights of the first (0) or second (1) direction that are still booked.
    pub fn of_direction(&self, ordinal: i16) -> impl Iterator<Item = &MailFlight> {
        self.flights
            .iter()
            .filter(move |flight| flight.direction_ordinal == ordinal)
    }
}

async fn flights(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<MailFlight>> {
    let rows = sqlx::query!(
        r#"
        select booked_flight.id, direction.name as direction, direction.ordinal as direction_ordinal, airline.name as airline, flight.airline || ' ' || flight.flight_number as "number!",
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
                id: row.id,
                direction: row.direction,
                direction_ordinal: row.direction_ordinal,
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

async fn returns(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<MailReturn>> {
    let rows = sqlx::query!(
        r#"
        select refund.id as "id: RefundId", refund.reason, refund.currency, refund.amount_minor, payment.amount_minor as paid_minor,
            payment.seat_change_id is not null as "is_for_seats!"
        from refund
        join payment on payment.id = refund.payment_id
        where refund.booking_id = $1 and refund.status <> 'failed'
        order by refund.id
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let currency = money::known_currency(&row.currency)?;
            Ok(MailReturn {
                id: row.id,
                cause: match row.reason.as_str() {
                    "mismatched_payment" => ReturnCause::NotAskedFor,
                    "duplicate_payment" => ReturnCause::PaidTwice,
                    "seat_fees" => ReturnCause::SeatFees,
                    _ if row.is_for_seats => ReturnCause::SeatsGone,
                    _ => ReturnCause::NotOwed,
                },
                paid: Money::new(row.paid_minor, currency),
                amount: Money::new(row.amount_minor, currency),
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
        where booking_id = $1
        "#,
        booking_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(changed_at)
}
