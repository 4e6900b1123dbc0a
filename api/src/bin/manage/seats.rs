//! What staff do to the seats of one flight.

use anyhow::Context;
use chrono::NaiveDate;
use clap::{Args, Subcommand};
use flightdesk_core::audit::{self, Act};
use flightdesk_core::config::Settings;
use flightdesk_core::ids::FlightId;
use flightdesk_core::inventory::Seat;
use flightdesk_core::{Clock, booking, seat};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::{connect, output};

/// A flight as people name it.
#[derive(Args)]
pub(crate) struct FlightName {
    /// IATA code of the airline
    airline: String,

    /// Flight number without the airline
    number: String,

    /// Local date of departure
    date: NaiveDate,
}

impl FlightName {
    async fn find(&self, conn: &mut PgConnection) -> anyhow::Result<FlightId> {
        let Self {
            airline,
            number,
            date,
        } = self;
        booking::find_flight(conn, airline, number, *date)
            .await
            .with_context(|| format!("{airline} {number} on {date}"))
    }
}

/// What is done.
#[derive(Subcommand)]
pub(crate) enum SeatCommand {
    /// Take a seat off sale
    Block {
        #[command(flatten)]
        flight: FlightName,
        /// Row and letter: 12A
        seat: String,
    },

    /// Put a blocked seat on sale again
    Unblock {
        #[command(flatten)]
        flight: FlightName,
        /// Row and letter: 12A
        seat: String,
    },

    /// Give a flight another aircraft type; who loses a seat gets another and a new ticket document
    SwapAircraft {
        #[command(flatten)]
        flight: FlightName,
        /// IATA code of the type: 32N
        aircraft: String,
    },
}

/// Does it in one transaction.
pub(crate) async fn run(
    settings: &Settings,
    clock: &Clock,
    command: SeatCommand,
) -> anyhow::Result<()> {
    let mut conn = connect::database(settings).await?;
    let mut tx = conn.begin().await?;
    let parse = |raw: &str| Seat::parse(raw).with_context(|| format!("{raw:?} is no seat"));
    match command {
        SeatCommand::Block { flight, seat } => {
            let id = flight.find(&mut tx).await?;
            seat::block(&mut tx, id, parse(&seat)?).await?;
            audit::record(&mut tx, clock, &act("seat_blocked", id, &seat)).await?;
            output::line(&format!("seat {seat} is off sale"));
        }
        SeatCommand::Unblock { flight, seat } => {
            let id = flight.find(&mut tx).await?;
            seat::unblock(&mut tx, id, parse(&seat)?).await?;
            audit::record(&mut tx, clock, &act("seat_unblocked", id, &seat)).await?;
            output::line(&format!("seat {seat} is on sale"));
        }
        SeatCommand::SwapAircraft { flight, aircraft } => {
            let id = flight.find(&mut tx).await?;
            let swapped = booking::swap_aircraft(&mut tx, clock, id, &aircraft).await?;
            let (kept, moved) = (swapped.kept, swapped.moved);
            output::line(&format!(
                "{kept} passengers keep their seat, {moved} have another"
            ));
        }
    }
    tx.commit().await?;
    Ok(())
}

/// What was done to a seat of a flight.
fn act<'a>(action: &'a str, flight_id: FlightId, seat: &str) -> Act<'a> {
    Act {
        action,
        object_kind: "flight",
        object_id: flight_id.to_string(),
        before: None,
        after: Some(json!({ "seat": seat.to_uppercase() })),
    }
}
