//! A crowd that does everything at once and at random: whatever it does, the counters are what the rows say.

use std::sync::Mutex;

use chrono::Duration;
use flightdesk_core::{booking, hold};
use futures::future::join_all;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::{travellers, wide};
use crate::consistent::assert_consistent;
use crate::payments::pay_with;
use crate::seed;
use crate::support::{Answer, Client, TestApp};
use crate::trip;

const PEOPLE: usize = 10;
const STEPS: usize = 20;
const ROUNDS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A party holds seats, some of them by name.
    Hold {
        adults: u32,
        named: usize,
    },
    Release,
    Book,
    BookAtOnce,
    OpenPayment,
    Pay,
    Decline,
    Cancel,
    /// Time passes, for everybody; less than the minute that a page's 31 leave for opening it.
    Wait {
        seconds: i64,
    },
    SweepHolds,
    SweepBookings,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1_u32..4, 0_usize..3).prop_map(|(adults, named)| Step::Hold { adults, named }),
        2 => Just(Step::Release),
        5 => Just(Step::Book),
        2 => Just(Step::BookAtOnce),
        5 => Just(Step::OpenPayment),
        5 => Just(Step::Pay),
        1 => Just(Step::Decline),
        3 => Just(Step::Cancel),
        2 => (1_i64..6).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::SweepHolds),
        1 => Just(Step::SweepBookings),
    ]
}

/// Somebody, and the last that they know of.
struct Person<'a> {
    client: Client<'a>,
    hold: Option<Value>,
    booking: Option<Value>,
    page: Option<String>,
}

struct Place<'a> {
    app: &'a TestApp,
    pool: &'a PgPool,
    /// The foremost seats: few, so that people want the same.
    seats: Vec<String>,
    served: Mutex<std::collections::BTreeMap<String, u32>>,
}

impl Place<'_> {
    /// Anything but a failure of ours is an answer.
    fn served(&self, what: &str, answer: &Answer) -> bool {
        let status = answer.status.as_u16();
        assert!(status < 500 && status != 422, "{what}: {answer:?}");
        if status >= 400 {
            let (_, code) = answer.problem();
            *self
                .served
                .lock()
                .unwrap()
                .entry(format!("{what}: {code}"))
                .or_default() += 1;
            return false;
        }
        *self
            .served
            .lock()
            .unwrap()
            .entry(what.to_owned())
            .or_default() += 1;
        true
    }

    async fn take(&self, person: &mut Person<'_>, step: Step) {
        let client = &person.client;
        match step {
            Step::Hold { adults, named } => {
                let found = client.search(adults).await;
                let Some(offer) = found.body["offers"].get(0).cloned() else {
                    return;
                };
                let flight = &offer["flights"][0]["flight_id"];
                let seats: Vec<_> = self
                    .seats
                    .iter()
                    .skip(usize::try_from(adults).unwrap())
                    .take(named.min(usize::try_from(adults).unwrap()))
                    .map(|seat| json!({ "flight_id": flight, "seat": seat }))
                    .collect();
                let body = json!({ "offers": [offer["offer_id"]], "seats": seats });
                let answer = client.post("/v1/holds", &body).await;
                if self.served("hold", &answer) {
                    person.hold = Some(answer.body);
                }
            }
            Step::Release => {
                let Some(hold) = &person.hold else { return };
                let path = format!("/v1/holds/{}", hold["id"].as_str().unwrap());
                self.served("release", &client.delete(&path).await);
            }
            Step::Book => {
                let Some(hold) = &person.hold else { return };
                let answer = client.post("/v1/bookings", &booking_of(hold)).await;
                if self.served("book", &answer) {
                    person.booking = Some(answer.body);
                }
            }
            Step::BookAtOnce => {
                let found = client.search(1).await;
                let Some(offer) = found.body["offers"].get(0) else {
                    return;
                };
                let body = json!({
                    "offers": [offer["offer_id"]], "passengers": [trip::passenger(&trip::somebody(&Uuid::now_v7().to_string()), "1990-05-17")], "contact": trip::contact(),
                });
                let answer = client.post("/v1/bookings", &body).await;
                if self.served("book at once", &answer) {
                    person.booking = Some(answer.body);
                }
            }
            Step::OpenPayment => {
                let Some(booking) = &person.booking else {
                    return;
                };
                let answer = client.open_payment(booking).await;
                if self.served("open payment", &answer) {
                    person.page = Some(answer.body["checkout_url"].as_str().unwrap().to_owned());
                }
            }
            Step::Pay | Step::Decline => {
                let Some(page) = &person.page else { return };
                let card = match step {
                    Step::Pay => "4242424242424242",
                    _ => "4000000000000002",
                };
                pay_with(self.app, page, card).await;
            }
            Step::Cancel => {
                let Some(booking) = &person.booking else {
                    return;
                };
                let path = format!("/v1/bookings/{}/cancellations", trip::reference(booking));
                self.served("cancel", &client.post(&path, &json!({})).await);
            }
            Step::Wait { seconds } => self.app.clock.advance(Duration::seconds(seconds)),
            Step::SweepHolds => {
                hold::sweep_due(self.pool, &self.app.clock).await.unwrap();
            }
            Step::SweepBookings => {
                booking::sweep_due(self.pool, &self.app.clock)
                    .await
                    .unwrap();
            }
        }
    }
}

fn booking_of(hold: &Value) -> Value {
    let adults = hold["passengers"]["adults"].as_u64().unwrap();
    let passengers: Vec<_> = (0..adults)
        .map(|_| trip::passenger(&trip::somebody(hold["id"].as_str().unwrap()), "1990-05-17"))
        .collect();
    json!({ "hold_id": hold["id"], "passengers": passengers, "contact": trip::contact() })
}

/// Waits until the sandbox has delivered every event to our webhook.
async fn until_delivered(pool: &PgPool, app: &TestApp) {
    let waiting = "select count(*) from sandbox.webhook_delivery where delivered_at is null";
    while trip::count(pool, waiting).await > 0 {
        app.clock.advance(Duration::seconds(1));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn whatever_a_crowd_does_at_once_the_counters_are_what_the_rows_say(pool: PgPool) {
    let (flight, wide) = (trip::a_flight(&pool).await, wide(&pool).await);
    let app = TestApp::start(wide.clone()).await;
    let deliveries = app.app.sandbox.as_ref().unwrap().spawn_background();
    trip::leave_seats(&pool, flight, 14).await;
    let seats = "select seat_row || letter from seat_layout where aircraft = '32N' and cabin = 'economy' order by seat_row, letter limit 6";
    let place = Place {
        app: &app,
        pool: &wide,
        seats: sqlx::query_scalar(seats).fetch_all(&pool).await.unwrap(),
        served: Mutex::default(),
    };
    let mut people: Vec<_> = travellers(&pool, PEOPLE)
        .await
        .into_iter()
        .map(|traveller| Person {
            client: Client {
                app: &app,
                key: traveller.key,
                account_id: traveller.account_id,
            },
            hold: None,
            booking: None,
            page: None,
        })
        .collect();
    let mut runner = seed::runner();
    // Before everybody wants the last seats, one hold is let go in any case.
    for step in [
        Step::Hold {
            adults: 1,
            named: 0,
        },
        Step::Release,
    ] {
        place.take(&mut people[0], step).await;
    }
    for _ in 0..ROUNDS {
        let plans: Vec<Vec<Step>> = (0..PEOPLE)
            .map(|_| {
                let plan = proptest::collection::vec(step(), STEPS);
                plan.new_tree(&mut runner).unwrap().current()
            })
            .collect();
        let lives = people.iter_mut().zip(plans).map(|(person, plan)| {
            let place = &place;
            async move {
                for step in plan {
                    place.take(person, step).await;
                }
            }
        });
        join_all(lives).await;
        // Offers and holds of this round end in the middle of the next but one.
        app.clock.advance(Duration::minutes(7));
        until_delivered(&pool, &app).await;
        assert_consistent(&pool).await;
    }
    // Everything unpaid ends: Stripe is asked, does not answer, and nothing stays held.
    for minutes in [90, 2] {
        app.clock.advance(Duration::minutes(minutes));
        hold::sweep_due(&wide, &app.clock).await.unwrap();
        booking::sweep_due(&wide, &app.clock).await.unwrap();
    }
    until_delivered(&pool, &app).await;
    assert_consistent(&pool).await;
    let (held, sold) = trip::counters(&pool, flight).await;
    let served = place.served.lock().unwrap().clone();
    assert!(
        held == 0 && sold > 0,
        "held {held}, sold {sold}: {served:?}"
    );
    for what in [
        "hold",
        "release",
        "book",
        "book at once",
        "open payment",
        "cancel",
        "hold: seat_taken",
    ] {
        assert!(served.contains_key(what), "nobody did {what}: {served:?}");
    }
    deliveries.abort();
    wide.close().await;
}
