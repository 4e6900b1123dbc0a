//! What the page of a booking says of a flight that the airline has cancelled or moved, with a button for each choice.

use std::fmt::Write;

use flightdesk_core::booking::{
    self, Answer, Booking, BookingDisruption, BookingLinks, ChoiceOption, ChoiceUnavailable,
    DisruptionDecided, NotDisrupted, RefundScope,
};
use flightdesk_core::html::escape;
use flightdesk_core::ids::AccountId;
use flightdesk_core::trade::{DefaultChoice, DisruptionChoice, DisruptionKind};
use flightdesk_core::{Error, format, zone};
use poem::http::{StatusCode, header};
use poem::web::{Data, Form, Query};
use poem::{IntoResponse, Response, handler};
use serde::Deserialize;
use uuid::Uuid;

use super::booking::{Link, load, unknown};
use super::html;
use super::payment_return::cannot_show;
use crate::app::App;

/// What a button says.
#[derive(Deserialize)]
struct Chosen {
    disruption: Uuid,
    choice: String,
    #[serde(default)]
    scope: String,
}

impl Chosen {
    fn answer(&self) -> Option<Answer> {
        let (choice, scope) = match (self.choice.as_str(), self.scope.as_str()) {
            ("accept", "") => (DisruptionChoice::Accept, RefundScope::Direction),
            ("refund", "direction") => (DisruptionChoice::Refund, RefundScope::Direction),
            ("refund", "ticket") => (DisruptionChoice::Refund, RefundScope::Ticket),
            _ => return None,
        };
        Some(Answer {
            choice,
            scope,
            disruption_id: Some(self.disruption),
        })
    }
}

/// Does what a button says, and leads back to the page.
#[handler]
pub async fn choose(
    Data(app): Data<&App>,
    Query(query): Query<Link>,
    chosen: poem::Result<Form<Chosen>>,
) -> Response {
    let (account_id, booking) = match load(app, &query.link).await {
        Ok(Some(found)) => found,
        Ok(None) => return unknown(),
        Err(error) => return cannot_show(&error),
    };
    let back = BookingLinks::new(&app.settings).page(
        account_id,
        booking.reference.as_str(),
        &booking.contact.email,
    );
    let answer = chosen.ok().and_then(|Form(chosen)| chosen.answer());
    let done = match answer {
        Some(answer) => decide(app, account_id, &booking, answer).await,
        None => Err(Error::NotFound("choice")),
    };
    match done {
        Ok(()) => StatusCode::SEE_OTHER
            .with_header(header::LOCATION, back)
            .with_header(header::CACHE_CONTROL, "no-store")
            .into_response(),
        Err(error) if is_refused(&error) => {
            let body = format!(
                "<p>This option is not available: {}.</p><p><a class=\"button\" href=\"{}\">Back to the booking</a></p>",
                escape(&error.to_string()),
                escape(&back)
            );
            html::page(StatusCode::CONFLICT, false, "No longer possible", &body)
        }
        Err(error) => cannot_show(&error),
    }
}

async fn decide(
    app: &App,
    account_id: AccountId,
    booking: &Booking,
    answer: Answer,
) -> Result<(), Error> {
    let mut tx = app.db.begin().await?;
    let reference = &booking.reference;
    booking::decide_disruption(&mut tx, &app.clock, account_id, reference, answer).await?;
    Ok(tx.commit().await?)
}

fn is_refused(error: &Error) -> bool {
    error.refusal::<DisruptionDecided>().is_some()
        || error.refusal::<ChoiceUnavailable>().is_some()
        || error.refusal::<NotDisrupted>().is_some()
        || matches!(error, Error::NotFound(_))
}

/// What is open of a booking, in HTML; nothing while every flight is as it was booked.
pub(super) async fn section(
    app: &App,
    account_id: AccountId,
    booking: &Booking,
) -> Result<String, Error> {
    if booking.disruption.is_none() {
        return Ok(String::new());
    }
    let mut conn = app.db.acquire().await?;
    let reference = &booking.reference;
    let (clock, sales) = (&app.clock, &app.settings.sales);
    let all = booking::list_disruptions(&mut conn, clock, sales, account_id, reference).await?;
    drop(conn);
    let action = BookingLinks::new(&app.settings).disruption_path(
        account_id,
        reference.as_str(),
        &booking.contact.email,
    );
    let open = all.iter().filter(|one| !one.options.is_empty());
    Ok(open.map(|one| told(one, &action)).collect())
}

fn told(told: &BookingDisruption, action: &str) -> String {
    let flight = format!("{} {}", told.flight.airline.iata, told.flight.flight_number);
    let local = |at| format::moment(zone::local(at, told.flight.origin.time_zone));
    let was = local(told.before.departs_at);
    let what = match (told.kind, told.after) {
        (DisruptionKind::Retimed, Some(after)) => format!(
            "Flight {flight} leaves at {} instead of {was}.",
            local(after.departs_at)
        ),
        (DisruptionKind::Retimed | DisruptionKind::Cancelled, _) => {
            format!("Flight {flight} on {was} is cancelled.")
        }
    };
    let silence = match told.default_choice {
        DefaultChoice::Accept => "If we do not hear from you by then, you fly at the new times.",
        DefaultChoice::Refund => "If we do not hear from you by then, we will refund you in full.",
        DefaultChoice::Nothing => {
            "If we do not hear from you by then, our staff will look at your booking."
        }
    };
    let missed = if told.connection_broken {
        " You would miss a connection of your journey."
    } else {
        ""
    };
    let mut section = format!(
        "<h2>What has changed</h2><p>{}{missed} The reason: {}</p><p>Please choose by {}. {silence}</p>",
        escape(&what),
        escape(&told.reason),
        escape(&local(told.decide_by)),
    );
    for option in &told.options {
        section.push_str(&button(told.id, option, action));
    }
    section
}

fn button(id: Uuid, option: &ChoiceOption, action: &str) -> String {
    // It needs a search.
    if option.choice == DisruptionChoice::Rebook {
        return "<p>You can also change to another flight on the same route a few days earlier or later, free of charge: ask for it where you booked.</p>".to_owned();
    }
    let amount = option.refund.map_or_else(String::new, format::money);
    let label = match (option.choice, option.scope) {
        (DisruptionChoice::Accept, _) => "Fly at the new times".to_owned(),
        (DisruptionChoice::Refund, Some(RefundScope::Ticket)) => {
            format!("Cancel both directions and refund {amount}")
        }
        (DisruptionChoice::Refund, Some(RefundScope::Direction) | None) => {
            format!("Cancel this direction and refund {amount}")
        }
        (DisruptionChoice::Rebook, _) => "Fly another flight".to_owned(),
    };
    let mut form = format!(
        "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"disruption\" value=\"{id}\"><input type=\"hidden\" name=\"choice\" value=\"{}\">",
        escape(action),
        option.choice.as_str(),
    );
    if let Some(scope) = option.scope {
        // Writing to a String cannot fail.
        let _ = write!(
            form,
            "<input type=\"hidden\" name=\"scope\" value=\"{}\">",
            scope.as_str()
        );
    }
    let _ = write!(
        form,
        "<p><button class=\"button\">{}</button></p></form>",
        escape(&label)
    );
    form
}
