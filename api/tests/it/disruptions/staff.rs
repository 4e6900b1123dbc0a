//! What staff see before they do it, what is refused, and how far the job is.

use chrono::Duration;
use serde_json::json;
use sqlx::PgPool;

use super::{cancellation, disrupt, retiming, staff, tell};
use crate::cancellations::{buy, departure, flights, rupees, turn_to};
use crate::consistent::assert_consistent;
use crate::support::TestApp;
use crate::trip::{self, adults, grown_ups, passenger};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_dry_run_says_whom_it_concerns_and_changes_nothing(pool: PgPool) {
    let [out, back] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(2)).await;
    buy(&app, &pool, &client, &[offer], &grown_ups(2)).await;
    let offers = client.offers_of(&[out], &[back], adults(1)).await;
    let mai = [passenger("Mai", "1990-05-17")];
    let round_trip = buy(&app, &pool, &client, &offers, &mai).await;
    let unpaid = client.book().await;
    let before = trip::count(&pool, "select count(*) from outbox").await;

    let mut body = cancellation();
    body["dry_run"] = json!(true);
    let seen = disrupt(&desk, out, &body).await;
    // 6,788.00 for each of three people, of the round trip one direction alone, and 300.00 once for the booking that ends by it.
    let expected = json!({
        "dry_run": true, "flight_id": out.0, "kind": "cancelled", "bookings": 2, "passengers": 3,
        "paid": rupees("20664.00"), "unpaid_bookings": 1, "connections_broken": 0,
    });
    assert_eq!(seen.body, expected, "{seen:?}");
    let mut body = retiming("2026-12-22T03:00:00Z");
    body["dry_run"] = json!(true);
    let seen = disrupt(&desk, back, &body).await.body;
    assert_eq!(
        (&seen["kind"], &seen["bookings"]),
        (&json!("retimed"), &json!(1))
    );
    assert_eq!(seen["connections_broken"], 0);

    for (what, query) in [
        ("disruption", "select count(*) from disruption"),
        ("booking", "select count(*) from disrupted_booking"),
        (
            "flight",
            "select count(*) from flight where status <> 'scheduled'",
        ),
    ] {
        assert_eq!(trip::count(&pool, query).await, 0, "{what}");
    }
    assert_eq!(
        trip::count(&pool, "select count(*) from outbox").await,
        before
    );
    let booking = client.booking(&round_trip).await;
    assert!(booking["disruption"].is_null());
    assert_eq!(client.booking(&unpaid).await["status"], "pending_payment");
    let none = client.get(&super::path(&round_trip)).await;
    assert_eq!(none.problem(), (404, "not_found"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn only_staff_disrupt_a_flight_and_every_wrong_field_is_named(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let refused = disrupt(&client, out, &cancellation()).await;
    assert_eq!(refused.problem(), (403, "missing_scope"));
    let nowhere = flightdesk_core::ids::FlightId::new();
    let unknown = disrupt(&desk, nowhere, &cancellation()).await;
    assert_eq!(unknown.problem(), (404, "not_found"));

    let reason = "The aircraft comes late";
    for (body, wrong) in [
        (json!({ "reason": reason }), vec!["cancel: required"]),
        (
            json!({ "cancel": false, "reason": reason }),
            vec!["cancel: required"],
        ),
        (
            json!({ "cancel": true, "reason": "ab" }),
            vec!["reason: min_length"],
        ),
        (
            json!({ "cancel": true, "reason": "a\u{200b}bc" }),
            vec!["reason: invisible_character"],
        ),
        (
            json!({ "cancel": true, "retime": { "departs_at": "2026-12-20T04:00:00Z" }, "reason": reason }),
            vec!["retime: contradicts"],
        ),
        (
            json!({ "retime": { "departs_at": "2026-11-20T12:00:00Z" }, "reason": reason }),
            vec!["retime.departs_at: in_the_past"],
        ),
        (
            json!({ "retime": { "departs_at": "2026-12-20T04:00:00Z", "arrives_at": "2026-12-20T04:00:00Z" }, "reason": reason }),
            vec!["retime.arrives_at: before_departure"],
        ),
        (
            json!({ "retime": { "departs_at": "2026-12-20T04:00:00Z", "arrives_at": "2026-12-21T04:00:01Z" }, "reason": reason }),
            vec!["retime.arrives_at: out_of_range"],
        ),
        (
            json!({ "retime": { "departs_at": "2026-11-01T00:00:00Z", "arrives_at": "2026-10-01T00:00:00Z" }, "reason": reason }),
            vec![
                "retime.departs_at: in_the_past",
                "retime.arrives_at: before_departure",
            ],
        ),
        (
            json!({ "retime": { "departs_at": "2026-12-20T02:30:00Z" }, "reason": reason }),
            vec!["retime.departs_at: unchanged"],
        ),
        // Known by the 20th in Delhi: from midnight of the 19th to that of the 22nd.
        (
            json!({ "retime": { "departs_at": "2026-12-21T18:30:00Z" }, "reason": reason }),
            vec!["retime.departs_at: another_date"],
        ),
        (
            json!({ "retime": { "departs_at": "2026-12-18T18:29:59Z" }, "reason": reason }),
            vec!["retime.departs_at: another_date"],
        ),
    ] {
        for dry_run in [true, false] {
            let mut body = body.clone();
            body["dry_run"] = json!(dry_run);
            let refused = disrupt(&desk, out, &body).await;
            assert_eq!(refused.wrong_fields(), wrong, "{body}");
        }
    }

    let query = "select count(*) from flight where status = 'scheduled' and departs_at = '2026-12-20T02:30:00Z'";
    assert_eq!(trip::count(&pool, query).await, 1, "nothing has changed");
    turn_to(&app, departure(), Duration::zero());
    let left = disrupt(&desk, out, &cancellation()).await;
    assert_eq!(left.problem(), (409, "too_late"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_cancelled_flight_is_not_sold_and_unpaid_bookings_of_it_end(pool: PgPool) {
    let out = trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let (unpaid, hold) = (client.book().await, client.hold(1).await);
    let offer = client.offer(1).await;
    let made = disrupt(&desk, out, &cancellation()).await;
    assert_eq!(made.status.as_u16(), 200, "{made:?}");
    assert_eq!(made.body["unpaid_bookings"], 1);
    assert_eq!(client.search(1).await.body["total"], 0);
    let held = json!({ "offers": [offer["offer_id"]] });
    let held = client.post("/v1/holds", &held).await;
    assert_eq!(held.problem().0, 409, "{held:?}");

    assert_eq!(tell(&app, &made.body).await, 1);
    assert_eq!(client.booking(&unpaid).await["status"], "cancelled");
    // What was held before is booked after: the clock looks again.
    let booked = client.post("/v1/bookings", &trip::booking_of(&hold)).await;
    assert_eq!(booked.status.as_u16(), 201, "{booked:?}");
    let policy = &app.app.settings.disruptions;
    let sweep = async || {
        let swept = flightdesk_core::booking::sweep_disruptions(&pool, &app.clock, policy);
        swept.await.unwrap()
    };
    assert_eq!((sweep().await, sweep().await), (1, 0));
    assert_eq!(client.booking(&booked.body).await["status"], "cancelled");
    assert_eq!(trip::counters(&pool, out).await, (0, 0));
    assert_consistent(&pool).await;

    for body in [cancellation(), retiming("2026-12-20T04:00:00Z")] {
        let again = disrupt(&desk, out, &body).await;
        assert_eq!(again.problem(), (409, "flight_cancelled"), "{body}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_request_that_is_repeated_is_one_disruption_whose_job_only_staff_see(pool: PgPool) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    let path = format!("/v1/admin/flights/{out}/disruptions");
    let first = desk.post_once(&path, "one", &cancellation()).await;
    let again = desk.post_once(&path, "one", &cancellation()).await;
    assert_eq!(first.body, again.body, "{again:?}");
    let job = format!("/v1/jobs/{}", first.body["job_id"].as_str().unwrap());
    assert_eq!(client.get(&job).await.problem(), (404, "not_found"));
    let seen = desk.get(&job).await.body;
    assert_eq!(seen["kind"], "notify_disrupted");
    assert_eq!(seen["progress"], json!({ "done": 0, "total": 1 }));
    tell(&app, &first.body).await;
    let seen = desk.get(&job).await.body;
    assert_eq!(seen["progress"], json!({ "done": 1, "total": 1 }));
    let listed = desk.get("/v1/admin/jobs?kind=notify_disrupted").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_flight_that_was_cancelled_by_hand_is_noticed_and_its_bookings_are_told_then(
    pool: PgPool,
) {
    let [out, _] = flights(&pool, ["AI", "AI"]).await;
    let app = TestApp::start(pool.clone()).await;
    let (client, desk) = (app.sign_up().await, staff(&app, &pool).await);
    let offer = client.offer_of(&[out], adults(1)).await;
    let booking = buy(&app, &pool, &client, &[offer], &grown_ups(1)).await;
    sqlx::query("update flight set status = 'cancelled' where id = $1")
        .bind(out.0)
        .execute(&pool)
        .await
        .unwrap();
    let checked = desk.get("/v1/admin/invariants").await.body;
    let broken = checked["checks"].as_array().unwrap().iter();
    let mut broken = broken.filter(|check| check["violations"] != 0);
    let broken = (broken.next(), broken.next());
    assert_eq!(broken.0.unwrap()["name"], "cancelled_flights_are_announced");
    assert_eq!(broken.1, None);

    super::disrupted(&desk, out, &cancellation()).await;
    assert_eq!(super::disruption(&client, &booking).await["status"], "open");
    assert_consistent(&pool).await;
}
