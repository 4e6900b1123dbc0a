//! What a mail about a booking says. How it looks and how it leaves is the worker's business.

use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;
use crate::document::{self, Baggage, Document, DocumentKind};
use crate::fare::FareConditions;
use crate::format;
use crate::ids::{AccountId, BookingId, RefundId};
use crate::money::{self, Currency, Money};
use crate::outbox::{self, MailKind, SendMail};
use crate::{Error, Result, seller, zone};

/// A booking as its mails tell it.
#[derive(Clone, Debug)]
pub struct MailContent {
    /// The booking.
    pub booking_id: BookingId,
    /// Its six-character reference.
    pub booking_ref: String,
    /// Whose booking it is.
    pub account_id: AccountId,
    /// Where the mail goes: the booking's contact.
    pub to: String,
    /// Whether that address has never paid for a booking: it may be anybody's, and who typed it unknown.
    pub is_stranger: bool,
    /// The contact's phone, in E.164.
    pub phone: String,
    /// Everybody who flies, in the order of the booking; two people may have the same name.
    pub passengers: Vec<MailPassenger>,
    /// The flights that are still booked, in order.
    pub flights: Vec<MailFlight>,
    /// What each direction's fare includes.
    pub included: Vec<MailBaggage>,
    /// Who bought extra checked baggage.
    pub bags: Vec<MailBag>,
    /// Who sells, in one line: name and, once it is set, address.
    pub seller: String,
    /// The price of everything.
    pub total: Money,
    /// Money on its way back because it came too late.
    pub refunded: Option<Money>,
    /// What another aircraft changed since the tickets that the traveller has.
    pub moves: Vec<MailMove>,
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

/// What another aircraft did to a passenger's seat.
#[derive(Clone, Debug)]
pub struct MailMove {
    /// First name.
    pub first_name: String,
    /// `AI 161`
    pub flight: String,
    /// The aircraft that was to fly: `Airbus A320neo`
    pub from_aircraft: String,
    /// The one that flies.
    pub to_aircraft: String,
    /// `12A`
    pub from_seat: String,
    /// None where no seat was free: at check-in.
    pub to_seat: Option<String>,
    /// What goes back of the seat's fee.
    pub refund: Option<Money>,
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

/// Somebody who flies.
#[derive(Clone, Debug)]
pub struct MailPassenger {
    /// What a greeting says: the first name, or the one that there is.
    pub first_name: String,
    /// Title and all names.
    pub name: String,
    /// `adult`, `child` or `infant`.
    pub passenger_type: String,
    /// The seat on each flight that has one: `AI 161 21A`.
    pub seats: Vec<String>,
}

/// What everybody with a seat may bring in one direction.
#[derive(Clone, Debug)]
pub struct MailBaggage {
    /// `departing` or `returning`.
    pub direction: String,
    /// What the fare includes.
    pub baggage: Baggage,
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
    /// `IN`
    pub country: String,
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
    let once = unique_key(booking_id, mail);
    let job = SendMail { mail, booking_id };
    let promised = outbox::put_once(conn, clock, Some(account_id), &once, &job).await?;
    Ok(promised.is_some())
}

/// Says that what a mail was waiting for is there: if it was put off, it is due now.
pub async fn hasten(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
    mail: MailKind,
) -> Result<()> {
    outbox::hasten(conn, clock, &unique_key(booking_id, mail)).await
}

fn unique_key(booking_id: BookingId, mail: MailKind) -> String {
    format!("{}:{booking_id}", mail.name())
}

/// Counts a mail about an unpaid booking to an address that has never paid. False when it has had `most` within the
/// hour before: then it shall not leave. The same mail counts once, however often it is tried.
pub async fn admit_to_stranger(
    conn: &mut PgConnection,
    clock: &Clock,
    to: &str,
    mail: &str,
    most: u16,
) -> Result<bool> {
    let recipient = Sha256::digest(to.to_lowercase().as_bytes());
    let now = clock.now();
    let hour_ago = now - Duration::hours(1);
    // Whoever counts for one address at once waits for each other, until the commit.
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 0))",
        recipient.as_slice(),
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        delete from mail_to_stranger where (recipient, mail) in (
            select recipient, mail from mail_to_stranger where asked_at <= $1 limit 100 for update skip locked)
        "#,
        hour_ago,
    )
    .execute(&mut *conn)
    .await?;
    let admitted = sqlx::query_scalar!(
        r#"
        with counted as (
            insert into mail_to_stranger (recipient, mail, asked_at)
            select $1, $2, $3 where (select count(*) from mail_to_stranger where recipient = $1 and asked_at > $5) < $4
            on conflict do nothing
            returning mail
        )
        select exists (select from counted)
            or exists (select from mail_to_stranger where recipient = $1 and mail = $2) as "admitted!"
        "#,
        recipient.as_slice(),
        mail,
        now,
        i64::from(most),
        hour_ago,
    )
    .fetch_one(conn)
    .await?;
    Ok(admitted)
}

impl MailContent {
    /// Reads the booking; `None` when there is none.
    pub async fn find(conn: &mut PgConnection, booking_id: BookingId) -> Result<Option<Self>> {
        let Some(booking) = sqlx::query!(
            r#"
            select booking_ref, account_id as "account_id: AccountId", contact_email, contact_phone, payment_due_at, status, late_payment_resolution, currency, total_minor,
                not exists (
                    select from booking paid
                    where lower(paid.contact_email) = lower(booking.contact_email) and paid.confirmed_at is not null
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
        Ok(Some(Self {
            booking_id,
            payment_due_at: booking.payment_due_at,
            flights: flights(conn, booking_id).await?,
            passengers: passengers(conn, booking_id).await?,
            included: included(conn, booking_id).await?,
            bags: bags(conn, booking_id).await?,
            moves: moves(conn, booking_id, currency).await?,
            seller: seller::get(conn).await?.in_one_line(),
            returns: returns(conn, booking_id).await?,
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

    /// Whether the booking is still what the mail would say it is.
    pub fn is_still_true(&self, mail: MailKind, now: DateTime<Utc>) -> bool {
        let is_paid = matches!(self.status.as_str(), "confirmed" | "partially_cancelled");
        match mail {
            MailKind::BookingHeld | MailKind::BookingChanged { .. } => {
                self.status == "pending_payment" && self.payment_due_at > now
            }
            MailKind::BookingCancelled => self.status == "cancelled",
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

    /// Whether a flight leaves one country for another.
    pub fn crosses_border(&self) -> bool {
        let mut flights = self.flights.iter();
        flights.any(|flight| flight.departure.country != flight.arrival.country)
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
            | MailKind::BookingChanged { .. }
            | MailKind::BookingCancelled
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
            origin.iata as origin, origin.city as origin_city, origin.country as origin_country, origin.time_zone as origin_zone,
            destination.iata as destination, destination.city as destination_city, destination.country as destination_country,
            destination.time_zone as destination_zone
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
                    "seat_fees" | "seat_swap" => ReturnCause::SeatFees,
                    _ if row.is_for_seats => ReturnCause::SeatsGone,
                    _ => ReturnCause::NotOwed,
                },
                paid: Money::new(row.paid_minor, currency),
                amount: Money::new(row.amount_minor, currency),
            })
        })
        .collect()
}

/// Since the newest tickets that were ready, and so mailed: of several swaps at once all are told.
async fn moves(
    conn: &mut PgConnection,
    booking_id: BookingId,
    currency: Currency,
) -> Result<Vec<MailMove>> {
    let rows = sqlx::query!(
        r#"
        select coalesce(passenger.first_name, passenger.last_name) as "first_name!", flight.airline || ' ' || flight.flight_number as "flight!", was.name as from_aircraft,
            becomes.name as to_aircraft, seat_move.from_seat, seat_move.to_seat, seat_move.refund_minor
        from seat_move
        join passenger on passenger.id = seat_move.passenger_id
        join flight on flight.id = seat_move.flight_id
        join aircraft_type was on was.iata = seat_move.from_aircraft
        join aircraft_type becomes on becomes.iata = seat_move.to_aircraft
        where seat_move.booking_id = $1 and seat_move.moved_at >= coalesce((
            select max(superseded_at) from document_revision
            join document on document.id = document_revision.document_id
            where document.booking_id = $1 and document_revision.ready_at is not null), '-infinity')
        order by seat_move.moved_at, flight.departs_at, passenger.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let moves = rows.into_iter().map(|row| MailMove {
        first_name: row.first_name,
        flight: row.flight,
        from_aircraft: row.from_aircraft,
        to_aircraft: row.to_aircraft,
        from_seat: row.from_seat,
        to_seat: row.to_seat,
        refund: (row.refund_minor > 0).then(|| Money::new(row.refund_minor, currency)),
    });
    Ok(moves.collect())
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
        order by direction.ordinal, passenger.ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(bags)
}

async fn passengers(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<MailPassenger>> {
    let rows = sqlx::query!(
        r#"
        select title, first_name, middle_name, last_name, passenger_type,
            array(
                select flight.airline || ' ' || flight.flight_number || ' ' || passenger_seat.seat_row || passenger_seat.letter
                from passenger_seat
                join flight on flight.id = passenger_seat.flight_id
                where passenger_seat.passenger_id = passenger.id
                order by flight.departs_at
            ) as "seats!: Vec<String>"
        from passenger where booking_id = $1 order by ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let passengers = rows.into_iter().map(|row| {
        let title = format::sentence_case(&row.title);
        let names = [
            Some(title),
            row.first_name.clone(),
            row.middle_name,
            Some(row.last_name.clone()),
        ];
        MailPassenger {
            first_name: row.first_name.unwrap_or(row.last_name),
            name: names.into_iter().flatten().collect::<Vec<_>>().join(" "),
            passenger_type: row.passenger_type,
            seats: row.seats,
        }
    });
    Ok(passengers.collect())
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

fn stop(
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
        where booking_id = $1
        "#,
        booking_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(changed_at)
}
