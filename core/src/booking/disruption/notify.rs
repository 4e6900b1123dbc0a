//! The job: each booking of a flight is told, in a transaction of its own.

use sqlx::types::Json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::model::{Disruption, FlightTimes};
use super::terms::terms;
use super::{affected, connection, decide, law, queries};
use crate::booking::{end, pending};
use crate::booking_event::{self, Event};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::config::Disruptions;
use crate::ids::{BookingId, DirectionId, FlightId};
use crate::search::ConnectionTimes;
use crate::trade::{BookingStatus, Direction, DisruptionKind, DisruptionStatus};
use crate::{Result, actor, fault, inventory};

/// Bookings that are read at a time.
const BATCH: i64 = 100;

/// Tells every booking of a disruption that was not told yet, and returns how many it told.
///
/// It commits by itself, a booking at a time, so it may be killed anywhere and run twice at once: each booking gets one
/// row, one event and one mail. Bookings that wait for their money end when the flight is cancelled. A booking that cannot
/// be told hinders no other; the first such error is returned at the end. What happens is done by whoever made the
/// disruption. A newer disruption of the flight ends it: that one tells everybody.
pub async fn notify_disrupted(
    conn: &mut PgConnection,
    clock: &Clock,
    policy: &Disruptions,
    disruption_id: Uuid,
) -> Result<u64> {
    let disruption = queries::get(conn, disruption_id).await?;
    actor::within(
        disruption.actor(),
        tell_all(conn, clock, policy, &disruption),
    )
    .await
}

/// Says that the job of a disruption has told everybody, in the transaction that ends the job.
pub async fn mark_disruption_told(
    conn: &mut PgConnection,
    clock: &Clock,
    disruption_id: Uuid,
) -> Result<()> {
    sqlx::query!(
        "update disruption set finished_at = $2 where id = $1 and finished_at is null",
        disruption_id,
        clock.now(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn tell_all(
    conn: &mut PgConnection,
    clock: &Clock,
    policy: &Disruptions,
    disruption: &Disruption,
) -> Result<u64> {
    let least = match disruption.after {
        Some(_) => ConnectionTimes::load(conn).await?,
        None => ConnectionTimes::default(),
    };
    let (mut told, mut failed, mut after) = (0, None, None);
    loop {
        let batch = affected::list_untold(conn, disruption, after, BATCH).await?;
        let Some(newest) = batch.last() else {
            break;
        };
        after = Some(*newest);
        for id in batch {
            let telling = Telling {
                policy,
                least: &least,
                disruption,
            };
            match telling.tell(conn, clock, id).await {
                Ok(Told::Yes) => told += 1,
                Ok(Told::No) => {}
                Ok(Told::Superseded) => return Ok(told),
                Err(error) => {
                    tracing::error!(booking_id = %id, %error, "a booking cannot be told of a disruption");
                    failed.get_or_insert(error);
                }
            }
        }
    }
    failed.map_or(Ok(told), Err)
}

/// What became of telling a booking.
enum Told {
    Yes,
    /// It was told before, or does not fly any more.
    No,
    /// The flight has a newer disruption.
    Superseded,
}

struct Telling<'a> {
    policy: &'a Disruptions,
    least: &'a ConnectionTimes,
    disruption: &'a Disruption,
}

impl Telling<'_> {
    async fn tell(&self, conn: &mut PgConnection, clock: &Clock, id: BookingId) -> Result<Told> {
        let mut tx = conn.begin().await?;
        let booking = booking_lock::lock(&mut tx, id).await?;
        // Nobody makes a newer one known to the booking before this ends.
        if queries::get(&mut tx, self.disruption.id)
            .await?
            .is_superseded
        {
            return Ok(Told::Superseded);
        }
        let told = match booking.status {
            BookingStatus::PendingPayment if self.disruption.kind == DisruptionKind::Cancelled => {
                end::cancel_locked(&mut tx, clock, &booking).await?;
                Told::Yes
            }
            status if decide::is_paid(status) => self.write(&mut tx, clock, &booking).await?,
            BookingStatus::PendingPayment
            | BookingStatus::Confirmed
            | BookingStatus::PartiallyCancelled
            | BookingStatus::Cancelled
            | BookingStatus::Expired => Told::No,
        };
        fault::point("disruption_noted");
        tx.commit().await?;
        fault::point("disruption_note_committed");
        Ok(told)
    }

    async fn write(
        &self,
        conn: &mut PgConnection,
        clock: &Clock,
        booking: &LockedBooking,
    ) -> Result<Told> {
        let disruption = self.disruption;
        let Some((direction_id, direction)) = self.direction(conn, booking.id).await? else {
            return Ok(Told::No);
        };
        let known = supersede(conn, clock, booking, disruption).await?;
        // Who has not answered the disruption before knows the times from before that one.
        let before = known.unwrap_or(disruption.before);
        let connection_broken = match disruption.after {
            None => false,
            Some(after) => {
                let flight_id = disruption.flight_id;
                let journeys = connection::journeys(conn, flight_id, Some(booking.id)).await?;
                let legs = journeys.get(&booking.id);
                legs.is_some_and(|legs| connection::is_broken(self.least, legs, flight_id, after))
            }
        };
        let now = clock.now();
        let terms = terms(
            self.policy,
            now,
            before,
            disruption.after,
            connection_broken,
        );
        let event = law::Event {
            direction_id,
            flight_id: disruption.flight_id,
            told_at: now,
            before,
            after: disruption.after,
            connection_broken,
        };
        let entitlements = law::entitlements(conn, &event).await?;
        let inserted = sqlx::query!(
            r#"
            insert into disrupted_booking (id, disruption_id, booking_id, direction_id, departs_at, arrives_at, connection_broken,
                                           decide_by, default_choice, entitlements, created_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            on conflict on constraint disrupted_booking_once do nothing
            "#,
            Uuid::now_v7(),
            disruption.id,
            booking.id.0,
            direction_id.0,
            before.departs_at,
            before.arrives_at,
            connection_broken,
            terms.decide_by,
            terms.default_choice.as_str(),
            Json(&entitlements) as _,
            now,
        )
        .execute(&mut *conn)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(Told::No);
        }
        let disrupted = Event::Disrupted {
            disruption_id: disruption.id,
            kind: disruption.kind,
            flight_id: disruption.flight_id,
            direction,
            reason: disruption.reason.clone(),
            departs_at: before.departs_at,
            new_departs_at: disruption.after.map(|after| after.departs_at),
            connection_broken,
            decide_by: terms.decide_by,
        };
        booking_event::record(conn, clock, booking.account_id, booking.id, &disrupted).await?;
        if disruption.after.is_none() {
            drop_seats(conn, clock, booking, disruption.flight_id).await?;
        }
        Ok(Told::Yes)
    }

    /// The direction of the booking that the flight is of, unless nobody flies it any more or it was told before.
    async fn direction(
        &self,
        conn: &mut PgConnection,
        booking_id: BookingId,
    ) -> Result<Option<(DirectionId, Direction)>> {
        let row = sqlx::query!(
            r#"
            select d.id as "id: DirectionId", d.name as "name: Direction"
            from booked_flight bf
            join direction d on d.id = bf.direction_id and d.status = 'booked'
            where bf.booking_id = $1 and bf.flight_id = $2
              and not exists (select from disrupted_booking told where told.disruption_id = $3 and told.booking_id = $1)
            limit 1
            "#,
            booking_id.0,
            self.disruption.flight_id.0,
            self.disruption.id,
        )
        .fetch_optional(conn)
        .await?;
        Ok(row.map(|row| (row.id, row.name)))
    }
}

/// Closes the checkout of other seats on a flight that is cancelled: nobody pays for a seat that does not fly.
async fn drop_seats(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    flight_id: FlightId,
) -> Result<()> {
    let change = sqlx::query_scalar!(
        r#"
        select c.id from booking_change c
        where c.booking_id = $1 and c.status = 'open' and c.kind = 'seats'
          and exists (select from booking_change_seat s where s.booking_change_id = c.id and s.flight_id = $2)
        "#,
        booking.id.0,
        flight_id.0,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match change {
        Some(id) => {
            inventory::lock_of_booking(conn, booking.id).await?;
            pending::drop_open(conn, clock, booking, id).await
        }
        None => Ok(()),
    }
}

/// Ends what is open of older disruptions of the flight, and returns the times that the booking knew then.
async fn supersede(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    disruption: &Disruption,
) -> Result<Option<FlightTimes>> {
    let ended = sqlx::query!(
        r#"
        update disrupted_booking r set status = 'superseded', decided_at = $4, decided_by = $5
        from disruption s, direction d
        where s.id = r.disruption_id and d.id = r.direction_id and r.booking_id = $1 and s.flight_id = $2 and s.id <> $3
          and r.status = 'open'
        returning r.disruption_id, r.departs_at, r.arrives_at, d.name as "direction: Direction"
        "#,
        booking.id.0,
        disruption.flight_id.0,
        disruption.id,
        clock.now(),
        actor::current().as_str(),
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut known = None;
    for row in ended {
        known = Some(FlightTimes {
            departs_at: row.departs_at,
            arrives_at: row.arrives_at,
        });
        let superseded = Event::DisruptionDecided {
            disruption_id: row.disruption_id,
            direction: row.direction,
            status: DisruptionStatus::Superseded,
            is_default: false,
        };
        booking_event::record(conn, clock, booking.account_id, booking.id, &superseded).await?;
    }
    Ok(known)
}
