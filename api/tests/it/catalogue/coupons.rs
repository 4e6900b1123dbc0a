//! A coupon from its first day to its last.

use serde_json::{Value, json};
use sqlx::PgPool;

use super::staff;
use crate::support::TestApp;
use crate::trip;

const COUPONS: &str = "/v1/admin/coupons";
const SPRING: &str = "/v1/admin/coupons/SPRING10";

fn spring() -> Value {
    json!({ "code": "SPRING10", "percent": "10", "currency": "INR", "cap_minor": 100_000, "max_uses": 5, "cabins": ["economy"] })
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_coupon_is_made_changed_used_and_ended(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    let made = desk.post(COUPONS, &spring()).await;
    assert_eq!(made.status.as_u16(), 201, "{made:?}");
    assert_eq!(made.header("location"), SPRING);
    assert_eq!(
        (&made.body["used"], &made.body["routes"]),
        (&json!(0), &json!([]))
    );
    let again = desk.post(COUPONS, &spring()).await;
    assert_eq!(again.problem(), (409, "already_exists"));

    let seen = desk.get(SPRING).await;
    assert_eq!(
        (seen.header("etag"), &seen.body),
        (made.header("etag"), &made.body)
    );
    let changed = desk
        .change(SPRING, &json!({ "percent": "12.5", "cap_minor": null }))
        .await;
    let mut expected = seen.body.clone();
    expected["percent"] = json!("12.5");
    expected.as_object_mut().unwrap().remove("cap_minor");
    assert_eq!(changed.body, expected, "what is not named stays");

    // 12.5 % of 6,000.00.
    let mut body = trip::booking_of(&desk.hold(1).await);
    body["coupon"] = json!("spring10");
    let booked = desk.post("/v1/bookings", &body).await;
    assert_eq!(
        booked.body["coupon"]["discount"]["amount"], "-750.00",
        "{booked:?}"
    );
    let used = desk.get(SPRING).await;
    assert_eq!(used.body["used"], 1);
    assert_eq!(
        used.header("etag"),
        changed.header("etag"),
        "a use is no change"
    );

    let refused = desk.delete_any(SPRING).await;
    assert_eq!(refused.problem(), (409, "in_use"));
    assert_eq!(
        refused.body["detail"],
        "The coupon SPRING10 is used by 1 booking."
    );
    let ended = desk
        .change(SPRING, &json!({ "valid_until": "2026-11-20T12:00:00Z" }))
        .await;
    assert_eq!(ended.body["valid_until"], "2026-11-20T12:00:00Z");
    let mut body = trip::booking_of(&desk.hold(1).await);
    body["coupon"] = json!("SPRING10");
    let late = desk.post("/v1/bookings", &body).await;
    assert_eq!(late.wrong_fields(), ["coupon: expired"]);
    let kept = desk.booking(&booked.body).await;
    assert_eq!(kept["coupon"]["discount"]["amount"], "-750.00");

    let gone = desk.delete_any("/v1/admin/coupons/FLAT500").await;
    assert_eq!(gone.status.as_u16(), 204, "{gone:?}");
    let missing = desk.get("/v1/admin/coupons/FLAT500").await;
    assert_eq!(missing.problem(), (404, "not_found"));
    let first = desk.get("/v1/admin/coupons?limit=2").await.body;
    let next = format!(
        "/v1/admin/coupons?limit=9&cursor={}",
        first["next_cursor"].as_str().unwrap()
    );
    let rest = desk.get(&next).await.body;
    let code = |coupon: &Value| coupon["code"].as_str().unwrap().to_owned();
    let pages = [&first, &rest].map(|page| page["data"].as_array().unwrap());
    let codes: Vec<_> = pages.into_iter().flatten().map(code).collect();
    assert_eq!(
        codes,
        ["FRONTROW", "METRO15", "SPRING10", "SUMMER2026", "WELCOME10"]
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn every_wrong_field_of_a_coupon_is_named(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    let wrong = json!({
        "code": "spring", "amount_minor": 100, "cap_minor": 5, "minimum_minor": 7, "valid_from": "2027-03-01T00:00:00Z",
        "valid_until": "2027-03-01T00:00:00Z", "max_uses": 3, "airlines": ["AI", "Q9"], "routes": ["DEL", "DEL-QQQ"],
        "cabins": ["economy", "steerage"],
    });
    let answer = desk.post(COUPONS, &wrong).await;
    let mut fields = answer.wrong_fields();
    fields.sort();
    let expected = [
        "airlines[1]: unknown",
        "cabins[1]: unknown",
        "cap_minor: contradicts",
        "code: format",
        "currency: required",
        "routes[0]: format",
        "routes[1]: unknown",
        "valid_until: before_start",
    ];
    assert_eq!(fields, expected);
    // Types and meanings in one answer.
    let wrong = json!({ "code": "x", "percent": 10, "max_uses": 0, "colour": "red" });
    let answer = desk.post(COUPONS, &wrong).await;
    let expected = [
        "code: format",
        "colour: unknown_field",
        "max_uses: minimum",
        "percent: type",
    ];
    assert_eq!(answer.wrong_fields(), expected);
    let answer = desk.get("/v1/admin/coupons?limit=0&cursor=%2B").await;
    assert_eq!(answer.problem(), (422, "invalid_request"));

    desk.post(COUPONS, &spring()).await;
    sqlx::query("update coupon set used = 3 where code = 'SPRING10'")
        .execute(&pool)
        .await
        .unwrap();
    let tag = desk.get(SPRING).await;
    let less = desk
        .change_of(SPRING, tag.header("etag"), &json!({ "max_uses": 2 }))
        .await;
    assert_eq!(less.wrong_fields(), ["max_uses: below_used"]);
    assert!(less.text.contains("must be 3 or more"), "{less:?}");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn of_two_who_have_seen_the_same_one_changes_it_and_the_other_loses_nothing(pool: PgPool) {
    trip::a_flight(&pool).await;
    let app = TestApp::start(pool.clone()).await;
    let desk = staff(&app, &pool).await;
    let made = desk.post(COUPONS, &spring()).await;
    let tag = made.header("etag");
    let unsaid = desk.patch(SPRING, &json!({ "max_uses": 7 })).await;
    assert_eq!(unsaid.problem(), (428, "precondition_required"));
    let unsaid = desk.delete(SPRING).await;
    assert_eq!(unsaid.problem(), (428, "precondition_required"));
    let wrong = desk
        .change_of(SPRING, "spring", &json!({ "max_uses": 7 }))
        .await;
    assert_eq!(wrong.wrong_fields(), ["If-Match: format"]);
    let weak = desk
        .change_of(SPRING, &format!("W/{tag}"), &json!({ "max_uses": 7 }))
        .await;
    assert_eq!(weak.problem(), (412, "precondition_failed"));

    let (uses, cabins) = (json!({ "max_uses": 7 }), json!({ "cabins": [] }));
    let (one, other) = tokio::join!(
        desk.change_of(SPRING, tag, &uses),
        desk.change_of(SPRING, tag, &cabins),
    );
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{one:?} {other:?}");
    let (won, lost) = if one.status.as_u16() == 200 {
        (&one, &cabins)
    } else {
        (&other, &uses)
    };
    let now = desk.get(SPRING).await;
    assert_eq!(now.body, won.body, "nothing of the other was written");
    let second = desk.change_of(SPRING, now.header("etag"), lost).await;
    assert_eq!(
        (&second.body["max_uses"], &second.body["cabins"]),
        (&json!(7), &json!([]))
    );
    let stale = desk.change_of(SPRING, tag, &json!({ "max_uses": 9 })).await;
    assert_eq!(stale.problem(), (412, "precondition_failed"));
}
