//! Whether two offers make one journey: the same party goes somewhere and comes back (rules.md "Search").
//!
//! **A journey is judged at the hold.** Offers of the two directions are signed apart, each complete in itself, so
//! that a shopper may combine any with any. What belongs to both (the party, the time between landing and leaving
//! again, the return) is checked once, before anything is written; every wrong thing is named as `offers[1]`.

use std::collections::BTreeMap;

use sqlx::PgConnection;

use super::model::HeldOffer;
use crate::Result;
use crate::error::Violations;
use crate::flight::Flight;
use crate::search::{ConnectionTimes, TooSoon};

/// Which metro areas airports belong to, for those that need to be compared.
type Metros = BTreeMap<String, String>;

/// Checks that the offers are one journey; their flights stand in the order of travel.
///
/// [`crate::Error::Invalid`] names every wrong offer: another party, a flight that is in both, a return that leaves
/// before the departing direction has landed or too soon after it, or, unless it is an open jaw, one that does not go back.
pub(super) async fn check(
    conn: &mut PgConnection,
    offers: &[HeldOffer],
    flights: &[Flight],
    times: Option<&ConnectionTimes>,
    open_jaw: bool,
) -> Result<()> {
    let ([first, second], Some(times)) = (offers, times) else {
        return Ok(());
    };
    let (first, second) = (&first.pinned, &second.pinned);
    let (departing, back) = flights.split_at(first.flights.len().min(flights.len()));
    let metros = metros(conn, departing, back).await?;
    let mut wrong = Violations::new();
    if first.party != second.party {
        let message = "the party of the first offer: search both directions for the same people";
        wrong.add("offers[1]", "party_mismatch", message);
    }
    if first.price()?.currency != second.price()?.currency {
        let message = "the currency of the first offer";
        wrong.add("offers[1]", "currency_mismatch", message);
    }
    check_flights(&mut wrong, times, departing, back, &metros, open_jaw);
    wrong.into_result()
}

fn check_flights(
    wrong: &mut Violations,
    times: &ConnectionTimes,
    departing: &[Flight],
    back: &[Flight],
    metros: &Metros,
    open_jaw: bool,
) {
    let (Some(start), Some(landing)) = (departing.first(), departing.last()) else {
        return;
    };
    let (Some(leaving), Some(end)) = (back.first(), back.last()) else {
        return;
    };
    for flight in back {
        if departing.iter().any(|other| other.id == flight.id) {
            let message = format!("flight {} is in the first offer too", name(flight));
            wrong.add("offers[1]", "same_flight", message);
        }
    }
    let turns = are_one_place(metros, &landing.destination.iata, &leaving.origin.iata);
    let is_domestic = |flight: &Flight| flight.origin.country == flight.destination.country;
    let turn = times.turn(
        turns,
        (&landing.destination.iata, is_domestic(landing)),
        (&leaving.origin.iata, is_domestic(leaving)),
        (leaving.departs_at - landing.arrives_at).num_seconds(),
    );
    match turn {
        Ok(()) => {}
        Err(TooSoon::BeforeLanding) => {
            let message = "a flight that leaves after the departing direction has landed";
            wrong.add("offers[1]", "returns_too_early", message);
        }
        Err(TooSoon::Hasty { minutes, least }) => {
            let message = format!(
                "the return leaves {minutes} minutes after the departing direction lands; {least} are needed"
            );
            wrong.add("offers[1]", "connection_too_short", message);
        }
    }
    if open_jaw {
        return;
    }
    for (is_there, from, to) in [
        (turns, &leaving.origin.iata, &landing.destination.iata),
        (
            are_one_place(metros, &end.destination.iata, &start.origin.iata),
            &end.destination.iata,
            &start.origin.iata,
        ),
    ] {
        if !is_there {
            let message =
                format!("{to} where the return has {from}, or say `open_jaw: true` to mean it");
            wrong.add("offers[1]", "does_not_go_back", message);
        }
    }
}

/// Whether two airports are the same or in the same metro area.
fn are_one_place(metros: &Metros, one: &str, other: &str) -> bool {
    one == other
        || metros
            .get(one)
            .is_some_and(|metro| metros.get(other) == Some(metro))
}

/// Asks nothing when the return leaves and ends at the very airports, as most do.
async fn metros(conn: &mut PgConnection, departing: &[Flight], back: &[Flight]) -> Result<Metros> {
    let ends = |flights: &[Flight]| {
        let (first, last) = (flights.first()?, flights.last()?);
        Some((first.origin.iata.clone(), last.destination.iata.clone()))
    };
    let (Some((start, turn)), Some((leaving, end))) = (ends(departing), ends(back)) else {
        return Ok(Metros::new());
    };
    if (&turn, &start) == (&leaving, &end) {
        return Ok(Metros::new());
    }
    let rows = sqlx::query!(
        "select iata, code from metro_area_airport where iata = any($1) order by iata, code",
        &[start, turn, leaving, end],
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.iata, row.code)).collect())
}

fn name(flight: &Flight) -> String {
    format!("{} {}", flight.airline.iata, flight.flight_number)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, Utc};
    use chrono_tz::Tz;

    use super::*;
    use crate::flight::FlightStatus;
    use crate::ids::FlightId;
    use crate::reference::{Airline, Airport};

    fn airport(iata: &str) -> Airport {
        let country = match iata {
            "DEL" | "BOM" | "BLR" => "IN",
            "LHR" | "LGW" => "GB",
            _ => "AE",
        };
        Airport {
            iata: iata.to_owned(),
            name: iata.to_owned(),
            city: iata.to_owned(),
            country: country.to_owned(),
            time_zone: Tz::UTC,
        }
    }

    fn flight(origin: &str, destination: &str, departs: &str, arrives: &str) -> Flight {
        let at = |time: &str| -> DateTime<Utc> { format!("2026-12-20T{time}Z").parse().unwrap() };
        Flight {
            id: FlightId::new(),
            airline: Arc::new(Airline {
                iata: "AI".to_owned(),
                name: "Air India".to_owned(),
            }),
            flight_number: "101".to_owned(),
            aircraft: "A320".into(),
            origin: airport(origin).into(),
            destination: airport(destination).into(),
            departure_date: at(departs).date_naive(),
            departs_at: at(departs),
            arrives_at: at(arrives),
            status: FlightStatus::Scheduled,
        }
    }

    /// What is wrong with two directions, as codes.
    fn codes(departing: &[Flight], back: &[Flight], open_jaw: bool) -> Vec<&'static str> {
        let london = ["LHR", "LGW"].map(|iata| (iata.to_owned(), "LON".to_owned()));
        let mut wrong = Violations::new();
        check_flights(
            &mut wrong,
            &ConnectionTimes::of_the_trade(),
            departing,
            back,
            &london.into(),
            open_jaw,
        );
        match wrong.into_result() {
            Err(crate::Error::Invalid(fields)) => fields.iter().map(|field| field.code).collect(),
            other => other.map(|()| Vec::new()).unwrap(),
        }
    }

    #[test]
    fn the_least_time_at_the_turn_depends_on_the_countries_of_both_flights() {
        let arriving = |origin, at| flight(origin, at, "01:00:00", "08:00:00");
        for (departing, to, least) in [
            (arriving("BOM", "DEL"), "BOM", "08:30:00"),
            (arriving("BOM", "DEL"), "DXB", "09:00:00"),
            (arriving("DXB", "DEL"), "BOM", "09:30:00"),
            (arriving("DXB", "DEL"), "DXB", "09:30:00"),
        ] {
            let back = flight("DEL", to, least, "23:00:00");
            let mut hasty = back.clone();
            hasty.departs_at -= chrono::TimeDelta::minutes(1);
            let codes = |back| codes(std::slice::from_ref(&departing), &[back], true);
            assert_eq!(codes(back), [""; 0], "{to} at {least}");
            assert_eq!(codes(hasty), ["connection_too_short"], "{to} before");
        }
    }

    #[test]
    fn another_airport_of_the_metro_area_is_the_same_place_three_hours_later() {
        let out = [flight("DEL", "LHR", "01:00:00", "10:00:00")];
        let back = |departs| [flight("LGW", "DEL", departs, "23:00:00")];
        assert_eq!(codes(&out, &back("13:00:00"), false), [""; 0]);
        assert_eq!(
            codes(&out, &back("12:59:00"), false),
            ["connection_too_short"]
        );
    }

    #[test]
    fn a_return_goes_back_unless_an_open_jaw_is_meant() {
        let out = [flight("DEL", "BOM", "01:00:00", "03:00:00")];
        let elsewhere = [flight("BLR", "DXB", "09:00:00", "13:00:00")];
        assert_eq!(
            codes(&out, &elsewhere, false),
            ["does_not_go_back", "does_not_go_back"]
        );
        assert_eq!(codes(&out, &elsewhere, true), [""; 0]);
        let before = [flight("BLR", "DXB", "02:59:00", "13:00:00")];
        assert_eq!(codes(&out, &before, true), ["returns_too_early"]);
    }

    #[test]
    fn a_flight_is_flown_once() {
        let out = [flight("DEL", "BOM", "01:00:00", "03:00:00")];
        let back = [flight("BOM", "DEL", "05:00:00", "07:00:00"), out[0].clone()];
        assert!(codes(&out, &back, true).contains(&"same_flight"));
    }
}
