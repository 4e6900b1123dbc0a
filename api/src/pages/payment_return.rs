//! Where Stripe leads the traveller back to: the booking, and its ticket as soon as it is there. The id of the Checkout
//! Session, which only Stripe and the payer know, opens the page after paying; a token of ours the page after giving up.

use std::fmt::Write;

use chrono::Duration;
use flightdesk_core::booking::{self, Booking, BookingLinks, ChangeKind};
use flightdesk_core::document::{Document, DocumentKind, DocumentStatus};
use flightdesk_core::flight::Flight;
use flightdesk_core::format;
use flightdesk_core::html::escape;
use flightdesk_core::ids::AccountId;
use flightdesk_core::reference::Airport;
use flightdesk_core::trade::{
    BookingStatus, Direction, DisruptionKind, LatePayment, PassengerType,
};
use flightdesk_core::{Error, payment, zone};
use poem::http::StatusCode;
use poem::web::{Data, Query};
use poem::{Response, handler};
use serde::Deserialize;

use super::{disruption, html};
use crate::app::App;
use crate::resources::return_link;

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
        Ok((booking, papers)) => page(&booking, &papers, ""),
        Err(Error::NotFound(_)) => html::page(
            StatusCode::NOT_FOUND,
            false,
            "Payment not found",
            "<p>This address belongs to no payment of ours. If you have paid, your booking is safe: the confirmation comes by mail.</p>",
        ),
        Err(error) => cannot_show(&error),
    }
}

/// The page after giving up: what is true of the booking now, as far as the address proves that it may be told.
#[handler]
pub async fn given_up(Data(app): Data<&App>, Query(query): Query<GivenUp>) -> Response {
    match left(app, &query.booking).await {
        Ok(Some((account_id, booking))) => {
            unpaid(app, account_id, &booking).unwrap_or_else(|| page(&booking, &[], ""))
        }
        Ok(None) => html::page(
            StatusCode::OK,
            false,
            "You left the payment",
            "<p>The booking says whether it is paid. As long as it is not, its seats stay held until its deadline, and until then it can still be paid.</p>",
        ),
        Err(error) => cannot_show(&error),
    }
}

/// The booking of an address of ours.
async fn left(app: &App, token: &str) -> Result<Option<(AccountId, Booking)>, Error> {
    let Some((account_id, reference)) = return_link::open(app, token) else {
        return Ok(None);
    };
    let mut conn = app.db.acquire().await?;
    let booking = booking::get(&mut conn, account_id, &reference).await;
    booking.map(|booking| Some((account_id, booking)))
}

/// The page of a booking with its documents; while it is not paid, with a button that pays.
pub(crate) async fn of(
    app: &App,
    account_id: AccountId,
    booking: &Booking,
) -> Result<Response, Error> {
    if let Some(page) = unpaid(app, account_id, booking) {
        return Ok(page);
    }
    let disruption = disruption::section(app, account_id, booking).await?;
    let papers = papers(app, booking).await?;
    Ok(page(booking, &papers, &disruption))
}

/// The page of an unpaid booking or change; `None` when no payment is open.
fn unpaid(app: &App, account_id: AccountId, booking: &Booking) -> Option<Response> {
    let reference = escape(booking.reference.as_str());
    let (what, until, amount) = match (booking.status, &booking.change) {
        (BookingStatus::PendingPayment, _) => (
            format!("The seats of your booking {reference} stay held"),
            booking.payment_due_at,
            booking.price.total(),
        ),
        (BookingStatus::Confirmed | BookingStatus::PartiallyCancelled, Some(change)) => (
            format!(
                "Your booking {reference} stays as it is, and the other {} stay held",
                match change.kind {
                    ChangeKind::Seats => "seats",
                    ChangeKind::Flights => "flights",
                }
            ),
            change.expires_at,
            change.amount,
        ),
        (
            BookingStatus::Confirmed
            | BookingStatus::PartiallyCancelled
            | BookingStatus::Cancelled
            | BookingStatus::Expired,
            _,
        ) => return None,
    };
    if until <= app.clock.now() {
        return None;
    }
    // By the clocks of where the journey begins, as the mails say it.
    let first = booking
        .directions
        .first()
        .and_then(|way| way.flights.first());
    let until = first.map_or_else(
        || format::instant(until),
        |first| format::moment(zone::local(until, first.origin.time_zone)),
    );
    let mut body = format!(
        "<p>No payment has reached us. {what} until {until}; until then it can still be paid.</p>"
    );
    push_flights(&mut body, booking);
    let (reference, contact) = (booking.reference.as_str(), &booking.contact.email);
    let action = BookingLinks::new(&app.settings).pay_path(account_id, reference, contact);
    // Writing to a String cannot fail.
    let _ = write!(
        body,
        "<form method=\"post\" action=\"{}\"><button class=\"button\">Pay {}</button></form>",
        escape(&action),
        escape(&format::money(amount)),
    );
    Some(html::page(StatusCode::OK, false, "Not paid yet", &body))
}

pub(crate) fn cannot_show(error: &Error) -> Response {
    tracing::warn!(%error, "the return page could not be made");
    html::page(
        StatusCode::SERVICE_UNAVAILABLE,
        true,
        "One moment",
        "<p>Your booking cannot be shown at the moment. This page tries again by itself.</p>",
    )
}

struct Paper {
    /// `your Air India ticket`, `the invoice FD/26-27/000123`
    name: String,
    link: Option<String>,
}

async fn load(app: &App, session_id: &str) -> Result<(Booking, Vec<Paper>), Error> {
    // Stripe's ids are visible ASCII (https://docs.stripe.com/api/checkout/sessions/object); what is none is nobody's.
    if !session_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::NotFound("payment"));
    }
    let mut conn = app.db.acquire().await?;
    let payment = payment::get_by_session(&mut conn, session_id).await?;
    let booking = booking::get_by_id(&mut conn, payment.booking_id).await?;
    drop(conn);
    let papers = papers(app, &booking).await?;
    Ok((booking, papers))
}

async fn papers(app: &App, booking: &Booking) -> Result<Vec<Paper>, Error> {
    let mut papers = Vec::new();
    for document in &booking.documents {
        papers.push(Paper {
            name: name(booking, document),
            link: link(app, document).await?,
        });
    }
    Ok(papers)
}

/// What a document is, as people call it.
fn name(booking: &Booking, document: &Document) -> String {
    match document.kind {
        DocumentKind::Ticket => {
            let iata = document.airline.as_deref().unwrap_or_default();
            let airlines = booking.directions.iter().map(|way| &way.validating_airline);
            let airline = airlines
                .filter(|airline| airline.iata == iata)
                .map(|airline| airline.name.as_str())
                .next();
            format!("your {} ticket", airline.unwrap_or(iata))
        }
        DocumentKind::Invoice => {
            format!(
                "the invoice {}",
                document.number.as_deref().unwrap_or_default()
            )
        }
        DocumentKind::RefundReceipt => {
            format!(
                "the refund receipt {}",
                document.number.as_deref().unwrap_or_default()
            )
        }
    }
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

const fn title_of(kind: DisruptionKind) -> &'static str {
    match kind {
        DisruptionKind::Cancelled => "The airline has cancelled your flight",
        DisruptionKind::Retimed => "The airline has moved your flight",
    }
}

fn page(booking: &Booking, papers: &[Paper], disruption: &str) -> Response {
    let reference = escape(booking.reference.as_str());
    // Nobody chooses on a page that reloads under the finger.
    let waits = disruption.is_empty() && papers.iter().any(|paper| paper.link.is_none());
    let (title, words, refresh) = match (booking.status, booking.late_payment) {
        (BookingStatus::Cancelled, Some(LatePayment::Refunded)) => (
            "Your money is on its way back",
            "The booking was cancelled before the payment arrived. It is refunded to your card in full.",
            false,
        ),
        (_, Some(LatePayment::Refunded)) => (
            "Your money is on its way back",
            "The payment arrived when the booking could no longer be confirmed. It is refunded to your card in full.",
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
    let open = (booking.disruption.as_ref()).filter(|_| !disruption.is_empty());
    let (title, words) = open.map_or((title, words), |open| {
        let words = "We are sorry. Please choose what you would like.";
        (title_of(open.kind), words)
    });
    let mut body = format!(
        "<p>{words}</p><p class=\"ref\"><span>Booking reference</span><strong>{reference}</strong></p>{disruption}"
    );
    push_flights(&mut body, booking);
    if matches!(
        booking.status,
        BookingStatus::Confirmed | BookingStatus::PartiallyCancelled
    ) {
        body.push_str(&travellers(booking));
        for paper in papers {
            body.push_str(&paper_line(paper));
        }
    }
    html::page(StatusCode::OK, refresh, title, &body)
}

fn push_flights(body: &mut String, booking: &Booking) {
    for direction in &booking.directions {
        if booking.directions.len() > 1 {
            body.push_str(heading(direction.direction));
        }
        body.push_str(&flight_list(&direction.flights));
    }
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
        let stop = |airport: &Airport, local| {
            format!(
                "{} {} ({})",
                format::moment(local),
                escape(&airport.city),
                escape(&airport.iata)
            )
        };
        // Writing to a String cannot fail.
        let _ = write!(
            list,
            "<li><strong>{} {}</strong><br>{}<br>{}</li>",
            escape(&flight.airline.iata),
            escape(&flight.flight_number),
            stop(&flight.origin, flight.departs_local()),
            stop(&flight.destination, flight.arrives_local()),
        );
    }
    list.push_str("</ul>");
    list
}

/// Who flies in which seats, and what was paid.
fn travellers(booking: &Booking) -> String {
    let mut list = "<h2>Passengers</h2><ul>".to_owned();
    for passenger in &booking.passengers {
        let names = [&passenger.first_name, &passenger.middle_name];
        let mut names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        names.push(&passenger.last_name);
        let flights = booking.directions.iter().flat_map(|way| &way.flights);
        let seats: Vec<_> = flights
            .filter_map(|flight| {
                let seats = &passenger.seats;
                let seat = seats.iter().find(|seat| seat.flight_id == flight.id)?;
                let (airline, number) = (&flight.airline.iata, &flight.flight_number);
                Some(format!("{airline} {number} seat {}", seat.seat))
            })
            .collect();
        // Writing to a String cannot fail.
        let _ = write!(list, "<li>{}", escape(&names.join(" ")));
        let _ = match passenger.passenger_type {
            PassengerType::Infant => write!(list, "<br>On the lap of an adult"),
            PassengerType::Adult | PassengerType::Child if seats.is_empty() => Ok(()),
            PassengerType::Adult | PassengerType::Child => {
                write!(list, "<br>{}", escape(&seats.join(", ")))
            }
        };
        list.push_str("</li>");
    }
    let amount = escape(&format::money(booking.payment.amount_paid));
    let _ = write!(list, "</ul><p>Paid: {amount}</p>");
    list
}

fn paper_line(paper: &Paper) -> String {
    let name = escape(&paper.name);
    match &paper.link {
        Some(link) => {
            let link = escape(link);
            format!("<p><a class=\"button\" href=\"{link}\">Download {name} (PDF)</a></p>")
        }
        None => format!("<p>We are still making {name}. This page looks again by itself.</p>"),
    }
}
