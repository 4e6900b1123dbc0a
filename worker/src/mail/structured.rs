//! The flights of a mail as <https://schema.org/FlightReservation> describes them, so that mail programs show them: one
//! reservation for each passenger and flight.

use chrono::{DateTime, FixedOffset};
use flightdesk_core::mail_content::{MailContent, MailFlight, MailPassenger, MailStop};
use serde_json::{Value, json};

/// The reservations of everybody who flies, as JSON-LD.
pub(super) fn reservations(content: &MailContent, link: &str) -> Value {
    let of = |passenger: &MailPassenger| {
        let flights = content.flights.iter();
        let flights = flights.filter(|flight| passenger.flights.contains(&flight.id));
        let own = flights.map(|flight| reservation(content, passenger, flight, link));
        own.collect::<Vec<_>>()
    };
    content.passengers.iter().flat_map(of).collect()
}

fn reservation(
    content: &MailContent,
    passenger: &MailPassenger,
    flight: &MailFlight,
    link: &str,
) -> Value {
    let mut reservation = json!({
        "@context": "https://schema.org",
        "@type": "FlightReservation",
        "reservationId": content.booking_ref,
        "reservationStatus": "https://schema.org/ReservationConfirmed",
        "url": link,
        "underName": { "@type": "Person", "name": passenger.name },
        "reservationFor": {
            "@type": "Flight",
            "flightNumber": flight.number.replace(' ', ""),
            "provider": {
                "@type": "Airline",
                "name": flight.airline,
                "iataCode": flight.number.split(' ').next(),
            },
            "departureAirport": airport(&flight.departure),
            "departureTime": time(flight.departure.local),
            "arrivalAirport": airport(&flight.arrival),
            "arrivalTime": time(flight.arrival.local),
        },
    });
    let seat = passenger.seats.iter().find_map(|seat| {
        let (of, seat) = seat.rsplit_once(' ')?;
        (of == flight.number).then_some(seat)
    });
    if let Some(seat) = seat {
        reservation["reservedTicket"] = json!({
            "@type": "Ticket",
            "ticketedSeat": { "@type": "Seat", "seatNumber": seat },
        });
    }
    reservation
}

fn airport(stop: &MailStop) -> Value {
    json!({ "@type": "Airport", "name": stop.city, "iataCode": stop.iata })
}

fn time(local: DateTime<FixedOffset>) -> String {
    local.to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}
