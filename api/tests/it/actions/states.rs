//! The states that a booking can be in, and how each is reached.

use chrono::{DateTime, Duration, Utc};
use flightdesk_core::ids::FlightId;
use flightdesk_core::{booking, ticket};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::cancellations::{self, buy, departure, flights, turn_to};
use crate::changes;
use crate::disputes::{FRAUDULENT, paid_with};
use crate::disruptions::{answer, cancellation, disrupt, disrupted, retiming, staff};
use crate::payments::open;
use crate::seats;
use crate::support::{Client, TestApp};
use crate::trip::{self, adults, fly, grown_ups, reference};

/// Where a booking stands when every action is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    // Not paid.
    Unpaid,
    OpenPage,
    WindowClosed,
    Due,
    Expired,
    CancelledUnpaid,
    UnpaidFlightCancelled,
    // Paid.
    OneWay,
    RoundTrip,
    Disputed,
    Light,
    Corrected,
    OpenSeatChange,
    OpenFlightChange,
    OpenPageOfChange,
    OpenChangeWindowClosed,
    OpenChangeOfReturn,
    TooLate,
    CheckInClosed,
    Flown,
    RoundTripFlown,
    FlownWithinADay,
    OneDirectionFlown,
    NoShow,
    WithoutOnePassenger,
    WithoutOneDirection,
    Cancelled,
    // Paid, and the airline has cancelled or moved a flight.
    Retimed,
    RetimedAgain,
    FlightCancelled,
    LightFlightCancelled,
    SeatChangeFlightCancelled,
    FlightCancelledLongAgo,
    FlightCancelledLate,
    CancelledOnTheWay,
    Refunded,
}

/// Flights between Delhi and Mumbai, those who sell them, and who may cancel them.
pub struct World {
    pub pool: PgPool,
    pub app: TestApp,
    /// There on the 20th, and back on the 22nd.
    pub booked: [FlightId; 2],
    /// A day after each of them.
    pub later: [FlightId; 2],
    /// There by way of Bengaluru.
    connection: [FlightId; 2],
}

impl World {
    pub async fn open(pool: &PgPool) -> Self {
        let booked = flights(pool, ["AI", "AI"]).await;
        let [to, on, home] = [["DEL", "BLR"], ["BLR", "BOM"], ["BOM", "DEL"]];
        Self {
            booked,
            later: [
                changes::a_day_later(pool).await,
                fly(pool, "AI", "202", home, "2026-12-23T08:00:00").await,
            ],
            connection: [
                fly(pool, "AI", "501", to, "2026-12-20T10:00:00").await,
                fly(pool, "AI", "502", on, "2026-12-20T16:00:00").await,
            ],
            app: TestApp::start(pool.clone()).await,
            pool: pool.clone(),
        }
    }

    /// Makes a booking that can get into a state.
    pub async fn book(&self, state: State, client: &Client<'_>) -> Value {
        use State as S;
        let [out, back] = self.booked;
        if let S::WindowClosed | S::FlownWithinADay = state {
            turn_to(&self.app, departure(), Duration::hours(2));
        }
        let (offers, people) = match state {
            S::Unpaid
            | S::OpenPage
            | S::WindowClosed
            | S::Due
            | S::Expired
            | S::CancelledUnpaid
            | S::UnpaidFlightCancelled => {
                let body = json!({
                    "offers": [client.offer_of(&[out], adults(1)).await], "passengers": grown_ups(1), "contact": trip::contact(),
                });
                let booked = client.post("/v1/bookings", &body).await;
                assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
                return booked.body;
            }
            S::Disputed => return paid_with(client, FRAUDULENT).await,
            S::RoundTrip
            | S::OpenChangeOfReturn
            | S::RoundTripFlown
            | S::OneDirectionFlown
            | S::WithoutOneDirection => {
                (client.offers_of(&[out], &[back], adults(1)).await.into(), 1)
            }
            S::Light | S::LightFlightCancelled => {
                let light = client.offer_at(&[out], adults(1), "light", 500_000).await;
                (vec![light], 1)
            }
            S::WithoutOnePassenger => (vec![client.offer_of(&[out], adults(2)).await], 2),
            S::CancelledOnTheWay => {
                let offer = client.offer_of(&self.connection, adults(1));
                (vec![offer.await], 1)
            }
            S::OneWay
            | S::Corrected
            | S::OpenSeatChange
            | S::OpenFlightChange
            | S::OpenPageOfChange
            | S::OpenChangeWindowClosed
            | S::TooLate
            | S::CheckInClosed
            | S::Flown
            | S::FlownWithinADay
            | S::NoShow
            | S::Cancelled
            | S::Retimed
            | S::RetimedAgain
            | S::FlightCancelled
            | S::SeatChangeFlightCancelled
            | S::FlightCancelledLongAgo
            | S::FlightCancelledLate
            | S::Refunded => (vec![client.offer_of(&[out], adults(1)).await], 1),
        };
        buy(&self.app, &self.pool, client, &offers, &grown_ups(people)).await
    }

    /// Brings the bookings, each its client's, into a state.
    pub async fn go_on(&self, state: State, bookings: &[(&Client<'_>, Value)]) {
        use State as S;
        let (app, pool) = (&self.app, &self.pool);
        let [out, back] = self.booked;
        match state {
            S::Unpaid | S::OneWay | S::RoundTrip | S::Disputed | S::Light => {}
            S::OpenPage
            | S::CancelledUnpaid
            | S::Corrected
            | S::OpenSeatChange
            | S::OpenFlightChange
            | S::WithoutOnePassenger
            | S::WithoutOneDirection
            | S::Cancelled => self.each(state, bookings).await,
            S::WindowClosed => {
                // A page that was open has moved the deadline, and was closed.
                sqlx::query("update booking set payment_due_at = $1")
                    .bind(departure())
                    .execute(pool)
                    .await
                    .unwrap();
                app.clock.advance(Duration::minutes(30));
            }
            S::Due => app.clock.advance(Duration::minutes(15)),
            S::Expired => {
                app.clock.advance(Duration::minutes(15));
                booking::sweep_due(pool, &app.clock).await.unwrap();
            }
            S::OpenPageOfChange => {
                turn_to(app, departure(), Duration::minutes(92));
                self.each(state, bookings).await;
                app.clock.advance(Duration::minutes(30));
            }
            S::OpenChangeWindowClosed => {
                turn_to(app, departure(), Duration::minutes(90));
                self.each(state, bookings).await;
            }
            S::OpenChangeOfReturn => {
                self.each(S::WithoutOneDirection, bookings).await;
                turn_to(app, departure(), Duration::minutes(20));
                self.each(state, bookings).await;
            }
            S::TooLate => turn_to(app, departure(), Duration::hours(2)),
            S::CheckInClosed => {
                turn_to(
                    app,
                    departure(),
                    Duration::minutes(60) - Duration::seconds(1),
                );
            }
            S::FlownWithinADay => turn_to(app, departure(), Duration::zero()),
            S::Flown | S::OneDirectionFlown => self.flown_since(departure()).await,
            S::RoundTripFlown => self.flown_since(departure_of(pool, back).await).await,
            S::NoShow => {
                turn_to(app, departure(), Duration::zero());
                let desk = staff(app, pool).await;
                for (_, booking) in bookings {
                    let path = format!("/v1/admin/bookings/{}/no-shows", reference(booking));
                    let absent = json!({ "flight_id": out.0, "passengers": [booking["passengers"][0]["id"]] });
                    let marked = desk.post(&path, &absent).await;
                    assert_eq!(marked.status.as_u16(), 200, "{marked:?}");
                }
            }
            S::UnpaidFlightCancelled
            | S::Retimed
            | S::RetimedAgain
            | S::FlightCancelled
            | S::LightFlightCancelled
            | S::SeatChangeFlightCancelled
            | S::FlightCancelledLongAgo
            | S::FlightCancelledLate
            | S::CancelledOnTheWay
            | S::Refunded => self.disrupt(state, bookings).await,
        }
    }

    /// The airline cancels or moves a flight.
    async fn disrupt(&self, state: State, bookings: &[(&Client<'_>, Value)]) {
        let (app, [out, _]) = (&self.app, self.booked);
        let desk = staff(app, &self.pool).await;
        match state {
            State::SeatChangeFlightCancelled => self.each(State::OpenSeatChange, bookings).await,
            State::FlightCancelledLate => turn_to(app, departure(), Duration::hours(1)),
            State::CancelledOnTheWay => {
                let first = departure_of(&self.pool, self.connection[0]).await;
                turn_to(app, first, Duration::zero());
            }
            _ => {}
        }
        match state {
            State::Retimed => {
                disrupted(&desk, out, &retiming("2026-12-20T04:30:00Z")).await;
            }
            State::RetimedAgain => {
                disrupted(&desk, out, &retiming("2026-12-20T04:30:00Z")).await;
                let again = disrupt(&desk, out, &retiming("2026-12-20T05:30:00Z")).await;
                assert_eq!(again.status.as_u16(), 200, "{again:?}");
            }
            State::CancelledOnTheWay => {
                disrupted(&desk, self.connection[1], &cancellation()).await;
            }
            _ => {
                disrupted(&desk, out, &cancellation()).await;
            }
        }
        match state {
            State::FlightCancelledLongAgo => app.clock.advance(Duration::days(4)),
            State::Refunded => self.each(state, bookings).await,
            _ => {}
        }
    }

    /// What the owner of each booking does on the way to a state.
    async fn each(&self, state: State, bookings: &[(&Client<'_>, Value)]) {
        for (number, (client, booking)) in bookings.iter().enumerate() {
            match state {
                State::OpenPage => drop(open(client, booking).await),
                State::CancelledUnpaid => {
                    let path = format!("/v1/bookings/{}/cancellations", reference(booking));
                    let done = client.post(&path, &json!({})).await;
                    assert_eq!(done.status.as_u16(), 200, "{done:?}");
                }
                State::Corrected => {
                    let done = self.attempt(client, booking, "correct_names").await;
                    assert_eq!(done.status.as_u16(), 200, "{done:?}");
                }
                State::OpenFlightChange => self.ask_for_dearer(client, booking, 0).await,
                State::OpenChangeOfReturn => self.ask_for_dearer(client, booking, 1).await,
                State::WithoutOnePassenger => {
                    let one = json!({ "passengers": [booking["passengers"][0]["id"]] });
                    cancellations::cancel(client, booking, &one).await;
                }
                State::WithoutOneDirection => {
                    let one = json!({ "scope": "departing" });
                    cancellations::cancel(client, booking, &one).await;
                }
                State::Cancelled => {
                    cancellations::cancel(client, booking, &json!({})).await;
                }
                State::Refunded => {
                    let done = answer(client, booking, &json!({ "choice": "refund" })).await;
                    assert_eq!(done.status.as_u16(), 200, "{done:?}");
                }
                _ => {
                    let seat = ["3A", "3B", "3C", "3D", "3E", "3F", "2E", "2F"][number];
                    let waiting = seats::change(client, booking, &[(0, seat)]).await;
                    assert!(waiting.body["seat_change"].is_object(), "{waiting:?}");
                    if state == State::OpenPageOfChange {
                        open(client, booking).await;
                    }
                }
            }
        }
    }

    /// Confirms a change of a direction to a fare that costs more.
    async fn ask_for_dearer(&self, client: &Client<'_>, booking: &Value, direction: usize) {
        let flights = [self.later[direction]];
        let offer = client.offer_at(&flights, adults(1), "flex", 500_000).await;
        let name = &booking["directions"][direction]["direction"];
        let body = json!({ "direction": name, "offer": offer });
        let waiting = changes::change(client, booking, &body).await;
        assert!(waiting["flight_change"].is_object(), "{waiting}");
    }

    /// Two hours after a departure, when the clock has marked who has flown.
    async fn flown_since(&self, departed_at: DateTime<Utc>) {
        turn_to(&self.app, departed_at, Duration::hours(-2));
        let mut conn = self.pool.acquire().await.unwrap();
        ticket::mark_flown(&mut conn, &self.app.clock)
            .await
            .unwrap();
    }
}

/// When a flight leaves.
async fn departure_of(pool: &PgPool, flight: FlightId) -> DateTime<Utc> {
    sqlx::query_scalar("select departs_at from flight where id = $1")
        .bind(flight.0)
        .fetch_one(pool)
        .await
        .unwrap()
}
