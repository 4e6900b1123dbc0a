//! Reads what became of a booking after it was paid: refunds, cancellations, changes, disruptions.

use sqlx::PgConnection;
use uuid::Uuid;

use super::MailSplit;
use super::load::{full_name, stop};
use super::{
    MailCancellation, MailCancelled, MailChange, MailContactChange, MailDisruption, MailMove,
    MailReturn, MailTimes, ReturnCause,
};
use crate::Result;
use crate::booking::pending;
use crate::booking::{self, CancellationContent, ChangeKind, QuoteItem};
use crate::entitlement::Entitlement;
use crate::flight::{self, Flight};
use crate::format;
use crate::ids::{BookingId, RefundId};
use crate::money::{self, Currency, Money};
use crate::trade::{DefaultChoice, DisruptionKind, DisruptionStatus};

pub(super) async fn returns(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<MailReturn>> {
    let rows = sqlx::query!(
        r#"
        select refund.id as "id: RefundId", refund.reason, refund.currency, refund.amount_minor, payment.amount_minor as paid_minor,
            (select kind from booking_change where id = payment.booking_change_id) as "is_for?: ChangeKind", refund.status = 'succeeded' as "is_paid!",
            payment.card_brand, payment.card_last4, refund.settled_by is not null as "is_bank_transfer!"
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
                    _ => match row.is_for {
                        Some(ChangeKind::Seats) => ReturnCause::SeatsGone,
                        Some(ChangeKind::Flights) => ReturnCause::FlightsGone,
                        None => ReturnCause::NotOwed,
                    },
                },
                paid: Money::new(row.paid_minor, currency),
                amount: Money::new(row.amount_minor, currency),
                is_paid: row.is_paid,
                card_brand: row.card_brand,
                card_last4: row.card_last4,
                is_bank_transfer: row.is_bank_transfer,
            })
        })
        .collect()
}

pub(super) async fn cancellations(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<MailCancellation>> {
    let rows = booking::list_cancellations(conn, booking_id).await?;
    let of = |content: &CancellationContent, item: &QuoteItem| MailCancelled {
        name: item.passenger.clone(),
        direction: item.direction.as_str().to_owned(),
        paid: Money::new(item.paid_minor(), content.currency),
        refund: Money::new(item.refund_minor(), content.currency),
        rule: item.decision.sentence.clone(),
    };
    let cancellations = rows.into_iter().map(|(id, content)| MailCancellation {
        id,
        items: content
            .items
            .iter()
            .map(|item| of(&content, item))
            .collect(),
        fees_kept: Money::new(content.fees_kept_minor, content.currency),
        fees_back: Money::new(content.fees_back_minor(), content.currency),
        is_by_airline: content.is_by_airline(),
        refund: content.refund(),
    });
    Ok(cancellations.collect())
}

pub(super) async fn changes(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<MailChange>> {
    let unpaid = unpaid_changes(conn, booking_id, "flight_change_lost").await?;
    let open = pending::find_open(conn, booking_id).await?;
    let mut changes = Vec::new();
    for (id, done_at, content) in booking::list_changes(conn, booking_id).await? {
        let former = content.directions.iter().flat_map(|one| {
            let left = one.from.iter().filter(|flight| !one.to.contains(*flight));
            left.copied()
        });
        let former = flight::list_by_id(conn, &former.collect::<Vec<_>>()).await?;
        let wanted = content.directions.iter().flat_map(|one| one.to.clone());
        let wanted = flight::list_by_id(conn, &wanted.collect::<Vec<_>>()).await?;
        let name = |passenger| {
            let item = (content.items.iter()).find(|item| item.passenger_id == passenger);
            item.map(|item| item.passenger.clone()).unwrap_or_default()
        };
        let lost = content.seats.iter().filter(|seat| seat.to.is_none());
        changes.push(MailChange {
            id,
            done_at,
            held_until: (open.as_ref())
                .filter(|open| open.id == id)
                .map(|open| open.expires_at),
            is_unpaid: unpaid.contains(&id),
            wanted: wanted.iter().map(in_a_line).collect(),
            former: former.iter().map(in_a_line).collect(),
            amount: content.amount(),
            lost_seats: lost
                .map(|seat| format!("{}, {}", name(seat.passenger_id), seat.seat))
                .collect(),
        });
    }
    Ok(changes)
}

/// The changes of a booking that ended because nobody paid them in time, by the kind of the event that says so.
pub(super) async fn unpaid_changes(
    conn: &mut PgConnection,
    booking_id: BookingId,
    kind: &str,
) -> Result<Vec<Uuid>> {
    let ids = sqlx::query_scalar!(
        r#"
        select coalesce(details ->> 'change_id', details ->> 'seat_change_id')::uuid as "change_id!" from booking_event
        where booking_id = $1 and kind = $2 and details ->> 'reason' = 'unpaid'
        "#,
        booking_id.0,
        kind,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids)
}

pub(super) async fn splits(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<MailSplit>> {
    let splits = sqlx::query_as!(
        MailSplit,
        r#"
        select n.id as "new_booking_id: BookingId", n.booking_ref as new_booking_ref,
               -- As the event names them: some may have another booking again since.
               array(select concat_ws(' ', p.first_name, p.last_name)
                     from booking_event e
                     cross join lateral jsonb_array_elements_text(e.details -> 'passenger_ids') with ordinality as gone (id, position)
                     join passenger p on p.id = gone.id::uuid
                     where e.booking_id = n.id and e.kind = 'split_from' order by gone.position) as "names!",
               -- Of several divisions at once all are told.
               exists (
                   select from booking_event e
                   where e.booking_id = $1 and e.kind = 'split_into' and e.details ->> 'booking_ref' = n.booking_ref
                     and e.occurred_at >= coalesce((
                         select max(superseded_at) from document_revision
                         join document on document.id = document_revision.document_id
                         where document.booking_id = $1 and document.kind = 'ticket' and document_revision.ready_at is not null), '-infinity')
               ) as "is_new!"
        from booking_split s join booking n on n.id = s.new_booking_id
        where s.booking_id = $1 order by s.split_at, n.id
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(splits)
}

/// The reference of the booking that all passengers of this one were in before.
pub(super) async fn split_from(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Option<String>> {
    let reference = sqlx::query_scalar!(
        "select b.booking_ref from booking_split s join booking b on b.id = s.booking_id where s.new_booking_id = $1",
        booking_id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(reference)
}

/// `AI 161 from Delhi to Mumbai on Sunday, 20 December 2026, 08:00`
fn in_a_line(flight: &Flight) -> String {
    format!(
        "{} {} from {} to {} on {}",
        flight.airline.iata,
        flight.flight_number,
        flight.origin.city,
        flight.destination.city,
        format::moment(flight.departs_local())
    )
}

pub(super) async fn disruptions(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<MailDisruption>> {
    let rows = sqlx::query!(
        r#"
        select s.id, s.kind as "kind: DisruptionKind", told.status as "status: DisruptionStatus", s.reason,
            flight.airline || ' ' || flight.flight_number as "flight!", told.departs_at, told.arrives_at, s.new_departs_at, s.new_arrives_at,
            told.connection_broken, told.decide_by, told.default_choice as "default_choice: DefaultChoice",
            told.entitlements as "entitlements: sqlx::types::Json<Vec<Entitlement>>", told.decided_at,
            origin.iata as origin, origin.city as origin_city, origin.country as origin_country, origin.time_zone as origin_zone,
            destination.iata as destination, destination.city as destination_city, destination.country as destination_country,
            destination.time_zone as destination_zone
        from disrupted_booking told
        join disruption s on s.id = told.disruption_id
        join flight on flight.id = s.flight_id
        join airport origin on origin.iata = flight.origin
        join airport destination on destination.iata = flight.destination
        where told.booking_id = $1
        order by s.position
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let times = |departs_at, arrives_at| -> Result<MailTimes> {
                Ok(MailTimes {
                    departure: stop(
                        row.origin_city.clone(),
                        row.origin_country.clone(),
                        row.origin.clone(),
                        departs_at,
                        &row.origin_zone,
                    )?,
                    arrival: stop(
                        row.destination_city.clone(),
                        row.destination_country.clone(),
                        row.destination.clone(),
                        arrives_at,
                        &row.destination_zone,
                    )?,
                })
            };
            let before = times(row.departs_at, row.arrives_at)?;
            let after = row.new_departs_at.zip(row.new_arrives_at);
            let after = after.map(|(departs_at, arrives_at)| times(departs_at, arrives_at));
            Ok(MailDisruption {
                id: row.id,
                kind: row.kind,
                status: row.status,
                reason: row.reason,
                flight: row.flight,
                decide_by: row.decide_by.with_timezone(before.departure.local.offset()),
                before,
                after: after.transpose()?,
                connection_broken: row.connection_broken,
                default_choice: row.default_choice,
                options: Vec::new(),
                entitlements: row.entitlements.0,
                decided_at: row.decided_at,
            })
        })
        .collect()
}

/// Since the newest tickets that were ready, and so mailed: of several swaps at once all are told.
pub(super) async fn moves(
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
            where document.booking_id = $1 and document.kind = 'ticket' and document_revision.ready_at is not null), '-infinity')
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

/// Since the newest tickets that were ready, and so mailed: of several corrections at once all are told.
pub(super) async fn renamed(conn: &mut PgConnection, booking_id: BookingId) -> Result<Vec<String>> {
    let rows = sqlx::query!(
        r#"
        select title, first_name, middle_name, last_name from passenger
        where booking_id = $1 and exists (
            select from name_correction n
            where n.passenger_id = passenger.id and n.corrected_at >= coalesce((
                select max(superseded_at) from document_revision
                join document on document.id = document_revision.document_id
                where document.booking_id = $1 and document.kind = 'ticket' and document_revision.ready_at is not null), '-infinity'))
        order by ordinal
        "#,
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    let renamed = rows
        .into_iter()
        .map(|row| full_name(&row.title, row.first_name, row.middle_name, row.last_name));
    Ok(renamed.collect())
}

pub(super) async fn contact_changes(
    conn: &mut PgConnection,
    booking_id: BookingId,
) -> Result<Vec<MailContactChange>> {
    let changes = sqlx::query_as!(
        MailContactChange,
        "select id, from_email from contact_change where booking_id = $1 order by position",
        booking_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(changes)
}
