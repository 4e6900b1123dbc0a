//! Each action as a client would try it on a booking as it is shown.

use reqwest::Method;
use serde_json::{Value, json};

use super::states::World;
use crate::support::{Answer, Client, Send};
use crate::trip::{adults, reference};
use crate::{cancellations, changes, disruptions};

impl World {
    /// Tries an action; of two steps the answer of the one that refuses, else of the last.
    pub async fn attempt(&self, client: &Client<'_>, booking: &Value, action: &str) -> Answer {
        let path = format!("/v1/bookings/{}", reference(booking));
        match action {
            "pay" => client.open_payment(booking).await,
            "change" => {
                let offer = client.offer_of(&self.later[..1], adults(1)).await;
                client.patch(&path, &json!({ "offers": [offer] })).await
            }
            "change_contact" => {
                let contact = json!({ "email": "asha@example.org", "phone": "+919876543210" });
                client.patch(&path, &json!({ "contact": contact })).await
            }
            "change_seats" => self.other_seat(client, booking, &path).await,
            "change_flights" => self.other_flights(client, booking).await,
            "correct_names" => {
                let (who, _) = last_place(booking);
                let body =
                    json!({ "passengers": [{ "passenger_id": who, "last_name": "Nguyen" }] });
                client
                    .post(&format!("{path}/name-corrections"), &body)
                    .await
            }
            "cancel" if booking["confirmed_at"].is_string() => {
                let (_, direction) = last_place(booking);
                let scope = json!({ "scope": booking["directions"][direction]["direction"] });
                let quoted = cancellations::quote(client, booking, &scope).await;
                if !quoted.status.is_success() {
                    return quoted;
                }
                cancellations::confirm(client, booking, &quoted.body).await
            }
            "cancel" => {
                client
                    .post(&format!("{path}/cancellations"), &json!({}))
                    .await
            }
            "answer_disruption" => self.first_option(client, booking, &path).await,
            other => panic!("nobody has said how {other} is tried"),
        }
    }

    /// A free seat on the last flight that is ahead.
    async fn other_seat(&self, client: &Client<'_>, booking: &Value, path: &str) -> Answer {
        let (who, direction) = last_place(booking);
        let flights = booking["directions"][direction]["flights"].as_array();
        let flight = &flights.unwrap().last().unwrap()["flight_id"];
        let wish = json!({ "passenger_id": who, "flight_id": flight, "seat": "20C" });
        let request = client.request(Method::PUT, &format!("{path}/seats"));
        request.json(&json!({ "seats": [wish] })).answer().await
    }

    /// The flight a day later, for those who fly still.
    async fn other_flights(&self, client: &Client<'_>, booking: &Value) -> Answer {
        let (_, direction) = last_place(booking);
        let people = booking["passengers"].as_array().unwrap();
        let flying = people.iter().filter(|one| flies(one, direction)).count();
        let party = adults(u16::try_from(flying.max(1)).unwrap());
        let offer = client.offer_of(&[self.later[direction]], party).await;
        let direction = &booking["directions"][direction]["direction"];
        let body = json!({ "direction": direction, "offer": offer });
        let quoted = changes::quote(client, booking, &body).await;
        if !quoted.status.is_success() {
            return quoted;
        }
        changes::confirm(client, booking, &quoted.body).await
    }

    /// What the disruption of the booking offers first; a refund where it offers nothing.
    async fn first_option(&self, client: &Client<'_>, booking: &Value, path: &str) -> Answer {
        let told = client.get(&format!("{path}/disruption")).await;
        let first = &told.body["options"][0];
        let mut choice = json!({ "choice": "refund" });
        if first.is_object() {
            choice["choice"] = first["choice"].clone();
        }
        if choice["choice"] == "rebook" {
            choice["offer"] = json!(client.offer_of(&self.later[..1], adults(1)).await);
        }
        disruptions::answer(client, booking, &choice).await
    }
}

/// The last passenger and the last direction that are not cancelled; when everything is, those that were.
fn last_place(booking: &Value) -> (&Value, usize) {
    let directions = booking["directions"].as_array().unwrap();
    let direction = directions.iter().rposition(|one| one["status"] == "booked");
    let direction = direction.unwrap_or(directions.len() - 1);
    let people = booking["passengers"].as_array().unwrap();
    let flying = people.iter().rfind(|one| flies(one, direction));
    (&flying.unwrap_or(&people[0])["id"], direction)
}

fn flies(passenger: &Value, direction: usize) -> bool {
    passenger["directions"][direction]["status"] == "booked"
}
