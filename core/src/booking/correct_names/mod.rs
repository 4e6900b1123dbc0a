//! Correcting names on a paid booking: a typo or the order of names, by the traveller; whatever is needed, by staff.
//!
//! **A ticket is never passed on.** A traveller changes a few letters of a passenger's name, or puts its words into another order,
//! once for each passenger and within some hours of booking. What goes further is for staff, who say why. Date of birth and
//! gender stay what they are.
//!
//! **Documents follow.** Tickets get a new revision under their numbers, with the new name in the barcode; what was invoiced
//! stays as it was issued.

mod check;
mod load;
mod rule;

pub use check::name_rules;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use self::check::Renamed;
use super::traveller;
use crate::audit::{self, Act};
use crate::booking_event::{self, Event};
use crate::booking_lock::{self, LockedBooking};
use crate::clock::Clock;
use crate::config::Sales;
use crate::error::{OnConstraint, Refusal};
use crate::ids::{AccountId, BookingId, BookingRef, PassengerId};
use crate::trade::BookingStatus;
use crate::{Error, Result, document};

/// Other names for a passenger. What is `None` stays; an empty first or middle name is taken away.
#[derive(Clone, Debug)]
pub struct NameCorrection {
    /// Whose names.
    pub passenger_id: PassengerId,
    /// `mr`, `ms`, `mrs`, `mx`, `dr`, `mstr`, `miss`.
    pub title: Option<String>,
    /// 1-40 letters.
    pub first_name: Option<String>,
    /// 1-40 letters.
    pub middle_name: Option<String>,
    /// 1-40 letters.
    pub last_name: Option<String>,
}

/// Who corrects names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Corrector {
    /// The account whose booking it is; another's does not exist for it.
    Owner(AccountId),
    /// Staff, for whoever's booking it is.
    Staff {
        /// Why; kept with the correction.
        reason: String,
    },
}

/// The hours in which a traveller may correct names are over; staff still may.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "travellers can correct names within {hours} hours of booking, until {}; our staff can still do it",
    ended_at.format("%Y-%m-%dT%H:%M:%SZ")
)]
pub struct CorrectionTooLate {
    /// `NAME_CORRECTION_HOURS`.
    pub hours: u32,
    /// The last instant at which it was possible.
    pub ended_at: DateTime<Utc>,
}

impl Refusal for CorrectionTooLate {
    fn code(&self) -> &'static str {
        "correction_too_late"
    }
}

/// No passenger of the booking is left whose names a traveller may correct; staff still may.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "every passenger of this booking has flown, is cancelled or was corrected before, which travellers can do once: our staff can help"
)]
pub struct CorrectionUnavailable;

impl Refusal for CorrectionUnavailable {
    fn code(&self) -> &'static str {
        "correction_unavailable"
    }
}

/// Gives passengers of a paid booking their right names, all of them or none, and promises new tickets. Which booking it is.
///
/// Errors: [`Error::NotFound`], [`Error::WrongState`] unless paid, [`CorrectionTooLate`], [`CorrectionUnavailable`],
/// [`Error::DuplicatePassenger`] when somebody would be on a flight twice; [`Error::Invalid`] with every wrong field, also for whoever is cancelled, has flown
/// or, by a traveller, was corrected before or would become somebody else.
pub async fn correct_names(
    conn: &mut PgConnection,
    clock: &Clock,
    sales: &Sales,
    who: &Corrector,
    reference: &BookingRef,
    corrections: &[NameCorrection],
) -> Result<BookingId> {
    let booking = match who {
        Corrector::Owner(account) => {
            let booking = booking_lock::lock_of_account(conn, *account, reference).await?;
            refuse_unless_paid(&booking)?;
            refuse_when_late(clock, sales, &booking)?;
            booking
        }
        Corrector::Staff { .. } => {
            let booking = booking_lock::lock_of_anybody(conn, reference).await?;
            refuse_unless_paid(&booking)?;
            booking
        }
    };
    let people = load::people(conn, clock, booking.id).await?;
    let most_letters = match who {
        Corrector::Owner(_) if !people.iter().any(load::Person::is_open_to_traveller) => {
            return Err(CorrectionUnavailable.into());
        }
        Corrector::Owner(_) => Some(sales.name_correction_letters),
        Corrector::Staff { .. } => None,
    };
    let renamed = check::check(&people, corrections, most_letters)?;
    write(conn, clock, &booking, who, &renamed).await?;
    let passengers: Vec<_> = renamed.iter().map(|one| one.id).collect();
    traveller::rename(conn, &booking, &passengers).await?;
    let corrected = Event::NameCorrected { passengers };
    booking_event::record(conn, clock, booking.account_id, booking.id, &corrected).await?;
    document::reissue_tickets(conn, clock, booking.account_id, booking.id).await?;
    if let Corrector::Staff { reason } = who {
        let corrected = act(&booking, reason, &people, &renamed);
        audit::record(conn, clock, &corrected).await?;
    }
    Ok(booking.id)
}

/// What staff have done: the names before and after.
fn act(
    booking: &LockedBooking,
    reason: &str,
    people: &[load::Person],
    renamed: &[Renamed],
) -> Act<'static> {
    let named = |id: PassengerId, names: &load::Names| {
        json!({
            "passenger_id": id,
            "title": names.title,
            "first_name": names.first_name,
            "middle_name": names.middle_name,
            "last_name": names.last_name,
        })
    };
    let is_renamed = |one: &&load::Person| renamed.iter().any(|other| other.id == one.id);
    let before = people.iter().filter(is_renamed);
    let before: Vec<_> = before.map(|one| named(one.id, &one.names)).collect();
    let after = renamed.iter().map(|one| named(one.id, &one.names));
    let after: Vec<_> = after.collect();
    Act {
        action: "names_corrected",
        object_kind: "booking",
        object_id: booking.reference.to_string(),
        before: Some(json!({ "passengers": before })),
        after: Some(json!({ "passengers": after, "reason": reason })),
    }
}

fn refuse_unless_paid(booking: &LockedBooking) -> Result<()> {
    match booking.status {
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled => Ok(()),
        BookingStatus::PendingPayment | BookingStatus::Cancelled | BookingStatus::Expired => {
            Err(Error::WrongState {
                status: booking.status.as_str(),
                action: "given corrected names",
            })
        }
    }
}

/// The last instant at which a traveller may correct names.
pub(super) fn ends_at(sales: &Sales, booked_at: DateTime<Utc>) -> DateTime<Utc> {
    booked_at + Duration::hours(i64::from(sales.name_correction_hours))
}

fn refuse_when_late(clock: &Clock, sales: &Sales, booking: &LockedBooking) -> Result<()> {
    let hours = sales.name_correction_hours;
    let ended_at = ends_at(sales, booking.created_at);
    if clock.now() > ended_at {
        return Err(CorrectionTooLate { hours, ended_at }.into());
    }
    Ok(())
}

/// Writes the names, and that they were corrected.
async fn write(
    conn: &mut PgConnection,
    clock: &Clock,
    booking: &LockedBooking,
    who: &Corrector,
    renamed: &[Renamed],
) -> Result<()> {
    let ids: Vec<_> = renamed.iter().map(|one| one.id.0).collect();
    let names: Vec<_> = renamed.iter().map(|one| &one.names).collect();
    sqlx::query!(
        r#"
        update passenger set title = new.title, first_name = new.first_name, middle_name = new.middle_name, last_name = new.last_name
        from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[]) as new (id, title, first_name, middle_name, last_name)
        where passenger.id = new.id and passenger.booking_id = $1
        "#,
        booking.id.0,
        &ids,
        &names.iter().map(|one| one.title.clone()).collect::<Vec<_>>(),
        &names.iter().map(|one| one.first_name.clone()).collect::<Vec<_>>() as &[Option<String>],
        &names.iter().map(|one| one.middle_name.clone()).collect::<Vec<_>>() as &[Option<String>],
        &names.iter().map(|one| one.last_name.clone()).collect::<Vec<_>>(),
    )
    .execute(&mut *conn)
    .await?;
    let reason = match who {
        Corrector::Owner(_) => None,
        Corrector::Staff { reason } => Some(reason.as_str()),
    };
    sqlx::query!(
        r#"
        insert into name_correction (id, booking_id, passenger_id, corrected_at, staff_reason)
        select new.id, $1, new.passenger_id, $2, $3 from unnest($4::uuid[], $5::uuid[]) as new (id, passenger_id)
        "#,
        booking.id.0,
        clock.now(),
        reason,
        &renamed.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>(),
        &ids,
    )
    .execute(conn)
    .await
    .on_constraint("name_correction_once", check::already_corrected())?;
    Ok(())
}
