//! R4 of what changes a booking that is paid: the api is killed at each step of confirming other flights, of hearing that they
//! are paid, of dividing a party and of trying a refund again, the worker at each step of answering for an owner who is silent.
//!
//! All of it happens in one deployment, whose api is told by a file what to die of (`FAULT_ORDER`): it starts once a kill.

use std::path::{Path, PathBuf};

use chrono::Duration as Days;
use flightdesk_core::fixtures::{AddFlight, add_flight};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::killed::{kill_worker_at, try_checkout, without_caps, worker};
use super::killed_cancelling::buy;
use super::traveller::{Traveller, until_idle};
use super::{Deployment, PATIENCE, in_a_month};
use crate::consistent::assert_consistent;
use crate::support::redis::Redis;
use crate::support::smtp::Smtp;
use crate::support::{Folder, until_true};

/// Where the api is killed while everybody of a booking changes (`fault::point`).
const CHANGE: [&str; 5] = [
    "change_seats_held",
    "change_flights_moved",
    "change_tickets_exchanged",
    "change_refunded",
    "change_committed",
];

/// Where the api is killed while it hears that a change is paid.
const WEBHOOK: [&str; 7] = [
    "event_verified",
    "event_stored",
    "money_booked",
    "change_flights_moved",
    "change_tickets_exchanged",
    "event_settled",
    "event_committed",
];

/// Where the api is killed while one of two changes alone.
const DIVISION: [&str; 2] = ["split_passengers_moved", "split_money_moved"];

/// Where the worker is killed while it does what silence means.
const SILENCE: [&str; 2] = ["disruption_defaulted", "disruption_default_committed"];

/// Where the api is killed while staff try a refund again.
const RETRY: [&str; 2] = ["refund_retried", "refund_retry_committed"];

/// What the api is killed with.
struct Killer {
    deployment: Deployment,
    order: PathBuf,
}

impl Killer {
    /// Kills the api at a step of what it is asked to do, and starts another one.
    async fn kill_api_at(&mut self, point: &str, ask: impl AsyncFnOnce() -> Option<Value>) {
        give(&self.order, point);
        assert!(ask().await.is_none(), "{point}");
        let order = &self.order;
        until_true(point, PATIENCE, async || !order.exists()).await;
        let api = &mut self.deployment.api;
        assert_eq!(api.wait().code(), None, "{point}: it was killed");
        api.restart().await;
    }
}

/// Whoever reads an order reads all of it.
fn give(order: &Path, point: &str) {
    let draft = order.with_extension("draft");
    std::fs::write(&draft, point).unwrap();
    std::fs::rename(&draft, order).unwrap();
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn killed_at_any_step_of_a_change_everybody_flies_once_and_money_moves_once(pool: PgPool) {
    let orders = Folder::new();
    let order = orders.path().join("order");
    let mut settings = without_caps();
    settings.push(("FAULT_ORDER", order.to_str().unwrap()));
    let mut deployment = Deployment::start_with(&pool, Redis::start(), &settings).await;
    a_day_later(&pool, "201", 300_000).await;
    a_day_later(&pool, "202", 900_000).await;
    // The timetable is read when the api begins.
    deployment.api.kill();
    deployment.api.restart().await;
    let mut killer = Killer {
        deployment,
        order: order.clone(),
    };
    let traveller = Traveller::sign_up(&killer.deployment, "asha").await;
    sqlx::query("update api_key set scopes = '{search,bookings,admin,refunds}'")
        .execute(&pool)
        .await
        .unwrap();
    let smtp = Smtp::start(&["ok"]);
    let healthy = worker(&killer.deployment, &smtp, &[]);
    let paid = hear_of_payments(&mut killer, &pool, &traveller).await;
    let changed = change_at_once(&mut killer, &pool, &traveller).await;
    let divided = divide(&mut killer, &pool, &traveller).await;
    until_idle(&pool).await;
    counts_agree(&pool).await;
    mails_agree(&smtp, &paid, &changed, &divided);
    retry_refunds(&mut killer, &pool, &traveller).await;
    drop(healthy);
    be_silent(&killer, &pool, &traveller, &smtp, &divided).await;
    assert_consistent(&pool).await;
}

/// A dearer change of each of these bookings is paid once, whatever the api dies of meanwhile.
async fn hear_of_payments(
    killer: &mut Killer,
    pool: &PgPool,
    traveller: &Traveller,
) -> Vec<String> {
    let mut paid = Vec::new();
    for point in WEBHOOK {
        let reference = buy(pool, traveller, paid.len()).await;
        let quote = quote(traveller, &reference, "AI 202", &[]).await;
        let waiting = confirm(traveller, &reference, &quote).await.unwrap();
        assert!(waiting["flight_change"].is_object(), "{point}: {waiting}");
        let page = try_checkout(traveller, &reference).await.unwrap();
        let pay = async || {
            traveller.try_to_pay(&page).await;
            None
        };
        killer.kill_api_at(point, pay).await;
        // It died of an older event that came again, if the page is not paid.
        traveller.try_to_pay(&page).await;
        until_true("everybody has moved", PATIENCE, async || {
            flies(traveller, &reference, "AI 202").await
        })
        .await;
        paid.push(reference);
    }
    paid
}

/// A cheaper change of each of these bookings gives back once.
async fn change_at_once(killer: &mut Killer, pool: &PgPool, traveller: &Traveller) -> Vec<String> {
    let mut changed = Vec::new();
    for point in CHANGE {
        let reference = buy(pool, traveller, WEBHOOK.len() + changed.len()).await;
        // The first tickets are mailed before.
        until_idle(pool).await;
        let quote = quote(traveller, &reference, "AI 201", &[]).await;
        let die = async || confirm(traveller, &reference, &quote).await;
        killer.kill_api_at(point, die).await;
        confirm(traveller, &reference, &quote).await.unwrap();
        assert!(flies(traveller, &reference, "AI 201").await, "{point}");
        changed.push(reference);
    }
    changed
}

/// One of two gets a booking of its own, once; the references of both.
async fn divide(
    killer: &mut Killer,
    pool: &PgPool,
    traveller: &Traveller,
) -> Vec<(String, String)> {
    let mut divided = Vec::new();
    for point in DIVISION {
        let number = WEBHOOK.len() + CHANGE.len() + divided.len();
        let reference = buy(pool, traveller, number).await;
        until_idle(pool).await;
        let booking = traveller.get(&format!("/v1/bookings/{reference}")).await;
        let goes = [booking["passengers"][1]["id"].clone()];
        let quote = quote(traveller, &reference, "AI 201", &goes).await;
        let die = async || confirm(traveller, &reference, &quote).await;
        killer.kill_api_at(point, die).await;
        let new = confirm(traveller, &reference, &quote).await.unwrap();
        let again = confirm(traveller, &reference, &quote).await.unwrap();
        assert_eq!(new["booking_ref"], again["booking_ref"], "{point}");
        let new = new["booking_ref"].as_str().unwrap().to_owned();
        assert!(flies(traveller, &new, "AI 201").await, "{point}");
        assert!(flies(traveller, &reference, "AI 101").await, "{point}");
        for reference in [&new, &reference] {
            let booking = traveller.get(&format!("/v1/bookings/{reference}")).await;
            let people = booking["passengers"].as_array().unwrap();
            assert_eq!(people.len(), 1, "{point}: {booking}");
        }
        divided.push((reference, new));
    }
    divided
}

async fn counts_agree(pool: &PgPool) {
    until_true("every refund succeeds", PATIENCE, async || {
        let open = "select count(*) from refund where status <> 'succeeded'";
        let open = sqlx::query_scalar::<_, i64>(open);
        open.fetch_one(pool).await.unwrap() == 0
    })
    .await;
    until_idle(pool).await;
    let (dearer, whole, parts) = (WEBHOOK.len(), CHANGE.len(), DIVISION.len());
    for (what, query, expected) in [
        (
            "booking",
            "select count(*) from booking",
            dearer + whole + 2 * parts,
        ),
        ("division", "select count(*) from booking_split", parts),
        (
            "payment",
            "select count(*) from payment where status = 'succeeded'",
            2 * dearer + whole + parts,
        ),
        (
            "invoice",
            "select count(*) from document where kind = 'invoice' and status = 'ready'",
            2 * dearer + whole + parts,
        ),
        (
            "refund at Stripe",
            "select count(*) from sandbox.refund",
            whole + parts,
        ),
        (
            "refund",
            "select count(*) from refund where reason = 'change'",
            whole + parts,
        ),
        (
            "refund of all",
            "select count(*) from refund",
            whole + parts,
        ),
        (
            "credit note",
            "select count(*) from document where kind = 'refund_receipt' and status = 'ready'",
            whole + parts,
        ),
        (
            "event",
            "select count(*) from booking_event where kind = 'flights_changed'",
            dearer + whole + parts,
        ),
        (
            "change",
            "select count(*) from booking_change where status = 'done'",
            dearer + whole + parts,
        ),
    ] {
        let count: i64 = sqlx::query_scalar(query).fetch_one(pool).await.unwrap();
        assert_eq!(count, i64::try_from(expected).unwrap(), "{what}");
    }
}

/// Each change is told, and each division once a booking, with its tickets.
fn mails_agree(smtp: &Smtp, paid: &[String], changed: &[String], divided: &[(String, String)]) {
    // Long lines are folded on the way.
    let unfolded = |mail: String| mail.replace("=\r\n", "").replace("=\n", "");
    let mails: Vec<_> = smtp.accepted().into_iter().map(unfolded).collect();
    let entitled = |title: &str| -> Vec<&String> {
        mails.iter().filter(|mail| mail.contains(title)).collect()
    };
    for reference in paid.iter().chain(changed) {
        let title = format!("You have new flights on booking {reference}");
        assert!(!entitled(&title).is_empty(), "{reference} is told");
    }
    for reference in changed {
        let title = format!("New tickets for booking {reference}");
        let newest = entitled(&title).pop().unwrap();
        assert!(newest.contains("They have new ticket numbers"), "{newest}");
    }
    for (reference, new) in divided {
        for (about, other) in [(reference, new), (new, reference)] {
            let told = mails.iter().filter(|mail| {
                let mut lines = mail.lines();
                let is_about =
                    lines.any(|line| line.starts_with("Subject:") && line.contains(about.as_str()));
                is_about && mail.contains("booking of their own from now on")
            });
            let told: Vec<_> = told.collect();
            assert_eq!(told.len(), 1, "{about}");
            assert!(told[0].contains(other.as_str()), "{}", told[0]);
            assert!(told[0].contains("application/pdf"), "{about}");
        }
    }
}

/// A refund that failed is tried again once, whatever the api dies of meanwhile.
async fn retry_refunds(killer: &mut Killer, pool: &PgPool, traveller: &Traveller) {
    for (number, point) in RETRY.into_iter().enumerate() {
        let reference = buy(pool, traveller, 20 + number).await;
        refunds_end(pool, "pending_then_fail").await;
        let path = format!("/v1/bookings/{reference}/cancellation-quotes");
        let quote = traveller.post(&path, &json!({ "scope": "both" })).await;
        let path = format!("/v1/bookings/{reference}/cancellations");
        let body = json!({ "quote_id": quote["quote_id"] });
        traveller.post(&path, &body).await;
        let failed = "select count(*) from refund where status = 'failed'";
        until_true("the refund fails", PATIENCE, async || {
            let failed = sqlx::query_scalar::<_, i64>(failed);
            failed.fetch_one(pool).await.unwrap() == i64::try_from(number).unwrap() + 1
        })
        .await;
        refunds_end(pool, "succeed").await;
        let id: uuid::Uuid = sqlx::query_scalar(
            "select id from refund where status = 'failed' order by id desc limit 1",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        let path = format!("/v1/admin/refunds/{id}/retries");
        let ask = async || traveller.attempt(Method::POST, &path, None).await;
        killer.kill_api_at(point, ask).await;
        let again = ask().await.unwrap();
        assert_eq!(again, ask().await.unwrap(), "{point}");
    }
    until_idle(pool).await;
    let retries: Vec<(String, i64)> = sqlx::query_as(
        "select status, count(*) from refund where replaces_id is not null group by status",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let each = i64::try_from(RETRY.len()).unwrap();
    assert_eq!(retries, [("succeeded".to_owned(), each)]);
}

/// What becomes of the refunds that Stripe is asked for from now on.
async fn refunds_end(pool: &PgPool, how: &str) {
    sqlx::query("update sandbox.behaviour set refund_outcome = $1, refund_after_ms = 0")
        .bind(how)
        .execute(pool)
        .await
        .unwrap();
}

/// Those who stayed on the first flight are silent when it is cancelled, and have everything back once.
async fn be_silent(
    killer: &Killer,
    pool: &PgPool,
    traveller: &Traveller,
    smtp: &Smtp,
    divided: &[(String, String)],
) {
    let first = traveller
        .get(&format!("/v1/bookings/{}", divided[0].0))
        .await;
    let flight = &first["directions"][0]["flights"][0]["flight_id"];
    let path = format!("/v1/admin/flights/{}/disruptions", flight.as_str().unwrap());
    let body = json!({ "cancel": true, "reason": "A part has to be replaced" });
    let made = traveller.post(&path, &body).await;
    assert_eq!(made["bookings"], divided.len());
    let healthy = worker(&killer.deployment, smtp, &[]);
    until_idle(pool).await;
    drop(healthy);
    for ((reference, _), point) in divided.iter().zip(SILENCE) {
        sqlx::query(
            "update disrupted_booking set decide_by = now() - interval '1 minute'
             where booking_id = (select id from booking where booking_ref = $1)",
        )
        .bind(reference)
        .execute(pool)
        .await
        .unwrap();
        kill_worker_at(&killer.deployment, smtp, point).await;
    }
    let _healthy = worker(&killer.deployment, smtp, &[]);
    until_true("silence is answered", PATIENCE, async || {
        let open = "select count(*) from disrupted_booking where status = 'open'";
        let open = sqlx::query_scalar::<_, i64>(open);
        open.fetch_one(pool).await.unwrap() == 0
    })
    .await;
    until_idle(pool).await;
    let counts: Vec<(String, bool, i64)> = sqlx::query_as(
        "select told.status, told.is_default, (select count(*) from refund r where r.booking_id = told.booking_id and r.reason = 'cancellation')
         from disrupted_booking told",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let once = ("refunded".to_owned(), true, 1);
    assert_eq!(counts, vec![once; divided.len()]);
}

async fn a_day_later(pool: &PgPool, number: &str, base_fare_minor: i64) {
    let day = in_a_month() + Days::days(1);
    let flight = AddFlight {
        airline: "AI",
        number,
        origin: "DEL",
        destination: "BOM",
        departs_local: day.and_hms_opt(8, 0, 0).unwrap(),
        block_minutes: 130,
        aircraft: "32N",
        base_fare_minor,
    };
    add_flight(&mut pool.acquire().await.unwrap(), flight)
        .await
        .unwrap();
}

/// Whether a booking departs with a flight.
async fn flies(traveller: &Traveller, reference: &str, flight: &str) -> bool {
    let booking = traveller.get(&format!("/v1/bookings/{reference}")).await;
    booking["directions"][0]["flights"][0]["flight_number"] == flight
}

/// A quote of a flight a day later for some of the party, or for both of it.
async fn quote(traveller: &Traveller, reference: &str, flight: &str, people: &[Value]) -> Value {
    let day = in_a_month() + Days::days(1);
    let booking = traveller.get(&format!("/v1/bookings/{reference}")).await;
    let family = &booking["directions"][0]["fare_family"];
    let adults = if people.is_empty() { 2 } else { people.len() };
    let path = format!(
        "/v1/flights/search?origin=DEL&destination=BOM&departure_date={day}&adults={adults}&sort=price&fare_family={}",
        family.as_str().unwrap()
    );
    let found = traveller.get(&path).await;
    // The cheaper flight comes first.
    let mut offers = found["offers"].as_array().unwrap().iter();
    let offer = if flight == "AI 201" {
        offers.next()
    } else {
        offers.next_back()
    };
    let mut body = json!({ "direction": "departing", "offer": offer.unwrap()["offer_id"] });
    if !people.is_empty() {
        body["passengers"] = people.into();
    }
    let path = format!("/v1/bookings/{reference}/change-quotes");
    traveller.post(&path, &body).await
}

/// The booking, unless the api dies before it answers.
async fn confirm(traveller: &Traveller, reference: &str, quote: &Value) -> Option<Value> {
    let path = format!("/v1/bookings/{reference}/changes");
    let body = json!({ "quote_id": quote["quote_id"] });
    traveller.attempt(Method::POST, &path, Some(&body)).await
}
