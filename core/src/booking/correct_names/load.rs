//! Who is on a paid booking, and whether their names can still be corrected.

use sqlx::PgConnection;

use crate::Result;
use crate::clock::Clock;
use crate::ids::{BookingId, PassengerId};

/// Title and names as they are kept; texts that were checked when they were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub title: String,
    pub first_name: Option<String>,
    pub middle_name: Option<String>,
    pub last_name: String,
}

/// A passenger as the rules of a correction see them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub id: PassengerId,
    pub names: Names,
    /// The traveller has corrected the names before.
    pub is_corrected: bool,
    pub journey: Journey,
}

impl Person {
    /// Whether a traveller may correct the names.
    pub(super) fn is_open_to_traveller(&self) -> bool {
        self.journey == Journey::Ahead && !self.is_corrected
    }
}

/// How far a passenger's journey is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// Every flight of theirs is still to leave.
    Ahead,
    /// One has left, and one is still to leave.
    Begun,
    /// None is still to leave.
    Over,
    /// They do not fly in any direction any more.
    Cancelled,
}

/// Everybody of a booking, in its order.
pub(super) async fn people(
    conn: &mut PgConnection,
    clock: &Clock,
    booking_id: BookingId,
) -> Result<Vec<Person>> {
    // The clock marks coupons as flown some time after departure; a traveller does not have that time.
    let rows = sqlx::query!(
        r#"
        select p.id as "id: PassengerId", p.title, p.first_name, p.middle_name, p.last_name,
            exists (select from name_correction n where n.passenger_id = p.id and n.staff_reason is null) as "is_corrected!",
            not exists (
                select from direction d
                where d.booking_id = $1 and d.status = 'booked'
                  and not exists (select from cancelled_place gone where gone.passenger_id = p.id and gone.direction_id = d.id)
            ) as "is_cancelled!",
            coalesce(bool_or(c.status in ('flown', 'no_show') or (c.status = 'open' and f.departs_at <= $2 and f.status <> 'cancelled')), false)
                as "has_flown!",
            coalesce(bool_or(c.status = 'open' and f.departs_at > $2), false) as "will_fly!"
        from passenger p
        left join ticket t on t.passenger_id = p.id
        left join ticket_coupon c on c.ticket_id = t.id
        left join booked_flight bf on bf.id = c.booked_flight_id
        left join flight f on f.id = bf.flight_id
        where p.booking_id = $1
        group by p.id
        order by p.ordinal
        "#,
        booking_id.0,
        clock.now(),
    )
    .fetch_all(conn)
    .await?;
    let people = rows.into_iter().map(|row| Person {
        id: row.id,
        names: Names {
            title: row.title,
            first_name: row.first_name,
            middle_name: row.middle_name,
            last_name: row.last_name,
        },
        is_corrected: row.is_corrected,
        journey: match (row.is_cancelled, row.has_flown, row.will_fly) {
            (true, _, _) => Journey::Cancelled,
            (false, false, true) => Journey::Ahead,
            (false, true, true) => Journey::Begun,
            (false, _, false) => Journey::Over,
        },
    });
    Ok(people.collect())
}
