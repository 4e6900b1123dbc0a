//! The page of a booking for whoever has its address from a mail: how it stands, its documents, while it is not
//! paid a button that pays, and while the airline has changed it a button for each choice.

use flightdesk_core::booking::{self, Booking, BookingLinks};
use flightdesk_core::ids::AccountId;
use flightdesk_core::{Error, html::escape};
use poem::http::{StatusCode, header};
use poem::web::{Data, Query};
use poem::{IntoResponse, Response, handler};
use serde::Deserialize;

use super::html;
use super::payment_return::{self, cannot_show};
use crate::app::App;
use crate::resources::payments;

/// What our addresses carry.
#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    pub(super) link: String,
}

/// The page.
#[handler]
pub async fn show(Data(app): Data<&App>, Query(query): Query<Link>) -> Response {
    match load(app, &query.link).await {
        Ok(Some((account_id, booking))) => {
            match payment_return::of(app, account_id, &booking).await {
                Ok(page) => page,
                Err(error) => cannot_show(&error),
            }
        }
        Ok(None) => unknown(),
        Err(error) => cannot_show(&error),
    }
}

/// Opens a page to pay on, or the one that is open, and leads there.
#[handler]
pub async fn pay(Data(app): Data<&App>, Query(query): Query<Link>) -> Response {
    let (account_id, booking) = match load(app, &query.link).await {
        Ok(Some(found)) => found,
        Ok(None) => return unknown(),
        Err(error) => return cannot_show(&error),
    };
    match payments::open_by_link(app, account_id, &booking.reference).await {
        Ok(url) => StatusCode::SEE_OTHER
            .with_header(header::LOCATION, url)
            .with_header(header::CACHE_CONTROL, "no-store")
            .into_response(),
        Err(problem) => {
            tracing::info!(
                code = problem.code(),
                "a booking could not be paid from its page"
            );
            let back = BookingLinks::new(&app.settings).page(
                account_id,
                booking.reference.as_str(),
                &booking.contact.email,
            );
            let body = format!(
                "<p>The page to pay on could not be opened. The booking may be paid, changed or ended in the meantime, or the payment provider is away for a moment.</p><p><a class=\"button\" href=\"{}\">Back to the booking</a></p>",
                escape(&back)
            );
            html::page(StatusCode::CONFLICT, false, "It cannot be paid now", &body)
        }
    }
}

/// The booking of an address, as long as its contact is the one that the address went to.
pub(super) async fn load(app: &App, token: &str) -> Result<Option<(AccountId, Booking)>, Error> {
    let Some(linked) = BookingLinks::new(&app.settings).open(token) else {
        return Ok(None);
    };
    let mut conn = app.db.acquire().await?;
    match booking::get(&mut conn, linked.account_id, &linked.reference).await {
        Ok(booking) if linked.went_to(&booking.contact.email) => {
            Ok(Some((linked.account_id, booking)))
        }
        Ok(_) | Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn unknown() -> Response {
    html::page(
        StatusCode::NOT_FOUND,
        false,
        "Booking not found",
        "<p>This address belongs to no booking, or to one that has another contact now. The newest mail about the booking has the address that works.</p>",
    )
}
