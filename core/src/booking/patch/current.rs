//! A booking as it is before it changes, in the words of a caller who would book the same.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::Result;
use crate::baggage::NewBag;
use crate::booking::model::{BookedPassenger, Booking};
use crate::booking::passengers::{NewPassenger, NewTravelDocument};
use crate::booking::queries;
use crate::booking_lock::LockedBooking;
use crate::coupon;
use crate::hold::{self, Hold};

/// What is kept where a patch says nothing else.
pub(super) struct Current {
    pub booking: Booking,
    pub hold: Hold,
    /// Its code, and since when it is used.
    pub coupon: Option<(String, DateTime<Utc>)>,
}

pub(super) async fn load(conn: &mut PgConnection, booking: &LockedBooking) -> Result<Current> {
    Ok(Current {
        booking: queries::get_by_id(conn, booking.id).await?,
        hold: hold::get(conn, booking.account_id, booking.hold_id).await?,
        coupon: coupon::find_redemption(conn, booking.id).await?,
    })
}

/// Everybody as they were asked for. They are checked again: on another day somebody is of another type, and a passport
/// may have run out.
pub(super) fn passengers(booking: &Booking) -> Vec<NewPassenger> {
    let all = &booking.passengers;
    all.iter().map(|passenger| form(passenger, all)).collect()
}

fn form(passenger: &BookedPassenger, all: &[BookedPassenger]) -> NewPassenger {
    let adult = passenger.adult_id;
    let adult = adult.and_then(|id| all.iter().position(|other| other.id == id));
    NewPassenger {
        title: passenger.title.clone(),
        first_name: passenger.first_name.clone(),
        middle_name: passenger.middle_name.clone(),
        last_name: passenger.last_name.clone(),
        gender: passenger.gender.as_str().to_owned(),
        date_of_birth: passenger.date_of_birth.to_string(),
        adult_index: adult.and_then(|index| u32::try_from(index).ok()),
        seat_preference: passenger
            .seat_preference
            .map(|wish| wish.as_str().to_owned()),
        baggage: passenger
            .baggage
            .iter()
            .map(|bag| NewBag {
                direction: bag.direction.as_str().to_owned(),
                kg: u16::try_from(bag.kg).unwrap_or_default(),
            })
            .collect(),
        special_requests: passenger.special_requests.clone(),
        travel_document: passenger
            .travel_document
            .as_ref()
            .map(|document| NewTravelDocument {
                kind: document.kind.clone(),
                number: document.number.clone(),
                country: document.country.clone(),
                expires_on: document.expires_on.to_string(),
            }),
    }
}
