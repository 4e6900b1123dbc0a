//! Where Stripe leads the traveller back to: the booking, and its ticket as soon as it is there. No script, nothing
//! from elsewhere. The id of the Checkout Session, which only Stripe and the payer know, opens the page.

use std::fmt::Write;

use chrono::Duration;
use flightdesk_core::booking::{self, Booking, BookingStatus, Direction, LatePayment};
use flightdesk_core::document::{Document, DocumentStatus};
use flightdesk_core::flight::Flight;
use flightdesk_core::html::escape;
use flightdesk_core::{Error, payment};
use poem::http::{StatusCode, header};
use poem::web::{Data, Html, Query};
use poem::{IntoResponse, Response, handler};
use serde::Deserialize;

use crate::app::App;

/// What Stripe puts into our success address.
#[derive(Deserialize)]
struct Paid {
    #[serde(default)]
    session_id: String,
}

/// What we put into our cancel address.
#[derive(Deserialize)]
struct GivenUp {
    #[serde(default)]
    booking: String,
}

/// The page after paying.
#[handler]
pub async fn paid(Data(app): Data<&App>, Query(query): Query<Paid>) -> Response {
    match load(app, &query.session_id).await {
        Ok((booking, tickets)) => page(&booking, &tickets),
        Err(Error::NotFound(_)) => document(
            StatusCode::NOT_FOUND,
            false,
            "Payment not found",
            "<p>This address belongs to no payment of ours. If you have paid, your booking is safe: the confirmation comes by mail.</p>",
        ),
        Err(error) => {
            tracing::warn!(%error, "the return page could not be made");
            document(
                StatusCode::SERVICE_UNAVAILABLE,
                true,
                "One moment",
                "<p>Your booking cannot be shown at the moment. This page tries again by itself.</p>",
            )
        }
    }
}

/// The page after giving up.
#[handler]
pub fn given_up(Query(query): Query<GivenUp>) -> Response {
    let reference = booking::BookingRef::parse(&query.booking)
        .map(|reference| format!(" {reference}"))
        .unwrap_or_default();
    let body = format!(
        "<p>Nothing was charged. The seats of your booking{reference} stay held until its deadline; until then it can still be paid.</p>"
    );
    document(StatusCode::OK, false, "Not paid", &body)
}

struct TicketLink {
    name: String,
    link: Option<String>,
}

async fn load(app: &App, session_id: &str) -> Result<(Booking, Vec<TicketLink>), Error> {
    // Stripe's ids are visible ASCII (https://docs.stripe.com/api/checkout/sessions/object); what is none is nobody's.
    if !session_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::NotFound("payment"));
    }
    let mut conn = app.db.acquire().await?;
    let payment = payment::get_by_session(&mut conn, session_id).await?;
    let booking = booking::get_by_id(&mut conn, payment.booking_id).await?;
    drop(conn);
    let mut tickets = Vec::new();
    for document in &booking.documents {
        tickets.push(TicketLink {
            name: document.file_name(),
            link: link(app, document).await?,
        });
    }
    Ok((booking, tickets))
}

async fn link(app: &App, document: &Document) -> Result<Option<String>, Error> {
    match (document.status, &document.storage_key) {
        (DocumentStatus::Ready, Some(key)) => {
            let (name, now) = (document.file_name(), app.clock.now());
            app.storage
                .link(key, &name, "application/pdf", now, Duration::hours(1))
                .await
                .map(Some)
        }
        _ => Ok(None),
    }
}

fn page(booking: &Booking, tickets: &[TicketLink]) -> Response {
    let reference = escape(booking.reference.as_str());
    let waits = tickets.iter().any(|ticket| ticket.link.is_none());
    let (title, words, refresh) = match (booking.status, booking.late_payment) {
        (BookingStatus::Cancelled, Some(LatePayment::Refunded)) => (
            "Your money is on its way back",
            "The booking was cancelled before the payment came. All of it goes back to your card.",
            false,
        ),
        (_, Some(LatePayment::Refunded)) => (
            "Your money is on its way back",
            "The booking could not be confirmed any more when the payment came. All of it goes back to your card.",
            false,
        ),
        (
            BookingStatus::Confirmed | BookingStatus::PartiallyCancelled,
            Some(LatePayment::OtherSeats),
        ) => (
            "Your booking is confirmed",
            "The payment came late: you have other seats in the same cabin.",
            waits,
        ),
        (BookingStatus::Confirmed | BookingStatus::PartiallyCancelled, _) => (
            "Your booking is confirmed",
            "Thank you. The ticket also comes by mail.",
            waits,
        ),
        (BookingStatus::PendingPayment, _) => (
            "Waiting for your payment",
            "This page looks again by itself.",
            true,
        ),
        (BookingStatus::Cancelled, _) => (
            "This booking is cancelled",
            "Money that still arrives for it goes back.",
            false,
        ),
        (BookingStatus::Expired, _) => (
            "This booking has expired",
            "Nobody paid in time, and the seats were freed.",
            false,
        ),
    };
    let mut body = format!(
        "<p>{words}</p><p class=\"ref\"><span>Booking reference</span><strong>{reference}</strong></p>"
    );
    for direction in &booking.directions {
        if booking.directions.len() > 1 {
            body.push_str(heading(direction.direction));
        }
        body.push_str(&flight_list(&direction.flights));
    }
    if booking.status == BookingStatus::Confirmed {
        for ticket in tickets {
            body.push_str(&ticket_line(ticket));
        }
    }
    document(StatusCode::OK, refresh, title, &body)
}

fn heading(direction: Direction) -> &'static str {
    match direction {
        Direction::Departing => "<h2>Departing</h2>",
        Direction::Returning => "<h2>Returning</h2>",
    }
}

fn flight_list(flights: &[Flight]) -> String {
    let mut list = "<ul>".to_owned();
    for flight in flights {
        let (leaves, lands) = (flight.departs_local(), flight.arrives_local());
        // Writing to a String cannot fail.
        let _ = write!(
            list,
            "<li>{} {}: {} ({}) {} to {} ({}) {}</li>",
            escape(&flight.airline.iata),
            escape(&flight.flight_number),
            escape(&flight.origin.city),
            escape(&flight.origin.iata),
            leaves.format("%a %-d %b %Y %H:%M"),
            escape(&flight.destination.city),
            escape(&flight.destination.iata),
            lands.format("%a %-d %b %H:%M"),
        );
    }
    list.push_str("</ul>");
    list
}

fn ticket_line(ticket: &TicketLink) -> String {
    let Some(link) = &ticket.link else {
        return "<p>Your ticket is being made. This page looks again by itself.</p>".to_owned();
    };
    let (link, name) = (escape(link), escape(&ticket.name));
    format!("<p><a class=\"button\" href=\"{link}\">Download {name}</a></p>")
}

fn document(status: StatusCode, refresh: bool, title: &str, body: &str) -> Response {
    let again = if refresh {
        "<meta http-equiv=\"refresh\" content=\"2\">"
    } else {
        ""
    };
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">{again}<title>{title} – Flightdesk</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    Html(html)
        .with_status(status)
        .with_header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
        .with_header(header::CACHE_CONTROL, "no-store")
        // The address of this page opens it: no other site may learn it.
        .with_header(header::REFERRER_POLICY, "no-referrer")
        .into_response()
}

const STYLE: &str = "body{margin:0;background:#f4f6f8;color:#14202b;font:17px/1.5 system-ui,sans-serif}main{max-width:36rem;margin:3rem auto;padding:2rem;background:#fff;border-radius:12px;box-shadow:0 1px 4px #0002}h1{font-size:1.6rem;margin-top:0}h2{font-size:1.1rem;margin:1.2rem 0 0}ul{margin:.4rem 0 1rem;padding-left:1.2rem}.ref span{display:block;color:#51606e;font-size:.9rem}.ref strong{font-size:2rem;letter-spacing:.12em}.button{display:inline-block;background:#0b5cad;color:#fff;padding:.7rem 1.2rem;border-radius:8px;text-decoration:none}.button:focus-visible{outline:3px solid #ffb000}@media(max-width:40rem){main{margin:0;border-radius:0}}";
