use chrono::Duration;
use flightdesk_core::payment::stripe::{Card, CheckoutStatus, Fact, StripeError};
use serde_json::json;
use sqlx::PgPool;

use super::{DECLINES, PAYS, Shop, fields, good_session};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_paid_checkout_is_told_by_signed_events(db: PgPool) {
    let shop = Shop::open(db);
    let request = shop.request();
    let session = shop.stripe.create_checkout(&request).await.unwrap();
    assert_eq!(
        (session.status, session.paid),
        (CheckoutStatus::Open, false)
    );
    assert_eq!(session.amount, Some(request.amount));
    assert_eq!(session.expires_at, request.expires_at);
    assert_eq!(
        session.url,
        Some(format!("{}/sandbox/checkout/{}", shop.base, session.id))
    );
    assert_eq!(
        session.payment_intent, None,
        "a payment is made when a card is first tried"
    );

    let answer = shop.pay(&session, PAYS).await;
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str().unwrap();
    assert_eq!(
        location,
        format!("https://shop.example/done?session={}", session.id)
    );

    let paid = shop.stripe.checkout(&session.id).await.unwrap();
    assert_eq!(
        (paid.status, paid.paid, &paid.url),
        (CheckoutStatus::Complete, true, &None)
    );
    let intent = paid.payment_intent.clone().unwrap();
    let card = shop.stripe.card(&intent).await.unwrap();
    assert_eq!(
        card,
        Some(Card {
            brand: "visa".to_owned(),
            last4: "4242".to_owned()
        })
    );
    let (_, body) = shop.get(&format!("/v1/payment_intents/{intent}")).await;
    assert_eq!(
        body["metadata"]["payment_id"],
        json!(request.payment_id.to_string())
    );
    assert_eq!(body["amount_received"], 591_410);

    let mut events = shop.delivered().await;
    events.sort_by(|one, other| one.kind.cmp(&other.kind));
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "charge.succeeded",
            "checkout.session.completed",
            "payment_intent.created",
            "payment_intent.succeeded"
        ]
    );
    let Fact::Checkout(told) = &events[1].fact else {
        panic!("{:?}", events[1])
    };
    assert_eq!(told, &paid);
    assert_eq!(told.payment_id, Some(request.payment_id));
    assert_eq!(told.booking_id, Some(request.booking_id));
    assert!(
        shop.delivered().await.is_empty(),
        "what was taken is not sent again"
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_declined_card_leaves_the_page_open_for_another(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    let declined = shop.pay(&session, DECLINES).await;
    assert_eq!(declined.status(), 402);
    assert!(
        declined
            .text()
            .await
            .unwrap()
            .contains("Your card was declined.")
    );
    let still = shop.stripe.checkout(&session.id).await.unwrap();
    assert_eq!((still.status, still.paid), (CheckoutStatus::Open, false));
    let intent = still.payment_intent.unwrap();
    let (_, body) = shop.get(&format!("/v1/payment_intents/{intent}")).await;
    assert_eq!(body["status"], "requires_payment_method");
    assert_eq!(
        body["last_payment_error"]["decline_code"],
        "generic_decline"
    );
    assert_eq!(
        shop.delivered_kinds().await,
        [
            "charge.failed",
            "payment_intent.created",
            "payment_intent.payment_failed"
        ]
    );

    assert_eq!(
        shop.pay(&session, "5555 5555 5555 4444").await.status(),
        303
    );
    let paid = shop.stripe.checkout(&session.id).await.unwrap();
    assert_eq!(
        paid.payment_intent.as_deref(),
        Some(intent.as_str()),
        "one payment, two attempts"
    );
    assert_eq!(
        shop.stripe.card(&intent).await.unwrap().unwrap().brand,
        "mastercard"
    );
    assert_eq!(
        shop.delivered_kinds().await,
        [
            "charge.succeeded",
            "checkout.session.completed",
            "payment_intent.succeeded"
        ]
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn two_clicks_at_once_pay_once(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    let clicks = (0..8).map(|_| shop.pay(&session, PAYS));
    for answer in futures::future::join_all(clicks).await {
        assert_eq!(answer.status(), 303);
    }
    assert_eq!(
        (
            shop.count("charge").await,
            shop.count("payment_intent").await
        ),
        (1, 1)
    );
    let completed = shop.delivered_kinds().await;
    assert_eq!(
        completed
            .iter()
            .filter(|kind| *kind == "checkout.session.completed")
            .count(),
        1
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn an_open_session_expires_on_request_and_a_complete_one_does_not(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    let expired = shop.stripe.expire_checkout(&session.id).await.unwrap();
    assert_eq!(
        (expired.status, expired.paid, expired.url),
        (CheckoutStatus::Expired, false, None)
    );
    assert_eq!(shop.delivered_kinds().await, ["checkout.session.expired"]);
    assert_eq!(shop.pay(&session, PAYS).await.status(), 410);
    assert_eq!(shop.count("charge").await, 0);
    // again: Stripe refuses, the client answers what it is
    let again = shop.stripe.expire_checkout(&session.id).await.unwrap();
    assert_eq!(again.status, CheckoutStatus::Expired);

    let paid = shop.paid().await;
    let (status, body, _) = shop
        .call(
            &format!("/v1/checkout/sessions/{}/expire", paid.id),
            &[],
            None,
        )
        .await;
    assert_eq!(status, 400);
    assert!(
        body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("complete")
    );
    assert_eq!(shop.stripe.expire_checkout(&paid.id).await.unwrap(), paid);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_session_expires_by_itself_at_its_time(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    shop.pay(&session, DECLINES).await;
    shop.delivered().await;
    shop.clock
        .advance(Duration::minutes(31) - Duration::seconds(1));
    assert!(shop.delivered().await.is_empty());
    shop.clock.advance(Duration::seconds(1));
    // nobody asks: time alone does it, and cancels the payment that was tried
    assert_eq!(
        shop.delivered_kinds().await,
        ["checkout.session.expired", "payment_intent.canceled"]
    );
    assert_eq!(shop.pay(&session, PAYS).await.status(), 410);
    let expired = shop.stripe.checkout(&session.id).await.unwrap();
    assert_eq!(
        (expired.status, expired.paid),
        (CheckoutStatus::Expired, false)
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_session_lives_from_thirty_minutes_to_a_day(db: PgPool) {
    let shop = Shop::open(db);
    for (seconds, taken) in [(1799, false), (1800, true), (86_400, true), (86_401, false)] {
        let mut request = shop.request();
        request.expires_at = shop.clock.now() + Duration::seconds(seconds);
        match shop.stripe.create_checkout(&request).await {
            Ok(_) => assert!(taken, "{seconds}"),
            Err(StripeError::Refused { message, .. }) => {
                assert!(
                    !taken && message.contains("expires_at"),
                    "{seconds}: {message}"
                );
            }
            Err(error) => panic!("{seconds}: {error}"),
        }
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_same_payment_opens_one_page_and_another_amount_is_refused(db: PgPool) {
    let shop = Shop::open(db);
    let mut request = shop.request();
    let first = shop.stripe.create_checkout(&request).await.unwrap();
    let again = shop.stripe.create_checkout(&request).await.unwrap();
    assert_eq!(first, again);
    assert_eq!(shop.count("checkout_session").await, 1);
    request.description.push('!');
    let error = shop.stripe.create_checkout(&request).await.unwrap_err();
    assert!(matches!(error, StripeError::Refused { .. }), "{error}");
    assert_eq!(shop.count("checkout_session").await, 1);

    // the key is forgotten after a day
    shop.clock.advance(Duration::hours(24));
    request.expires_at = shop.clock.now() + Duration::minutes(31);
    assert_ne!(
        shop.stripe.create_checkout(&request).await.unwrap().id,
        first.id
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn keys_replay_what_was_executed_and_nothing_else(db: PgPool) {
    let shop = Shop::open(db);
    let good = good_session(shop.clock.now());
    let mut bad = good.clone();
    bad[4].1 = "49".to_owned();
    let path = "/v1/checkout/sessions";
    // refused before anything began: the key is free
    let (status, _, replayed) = shop.call(path, &fields(&bad), Some("k")).await;
    assert_eq!((status, replayed), (400, false));
    let (status, first, replayed) = shop.call(path, &fields(&good), Some("k")).await;
    assert_eq!((status, replayed), (200, false));
    let mut shuffled = good.clone();
    shuffled.reverse();
    let (status, again, replayed) = shop.call(path, &fields(&shuffled), Some("k")).await;
    assert_eq!((status, replayed), (200, true));
    assert_eq!(first, again);
    let (status, body, _) = shop.call(path, &fields(&bad), Some("k")).await;
    assert_eq!(
        (status, &body["error"]["type"]),
        (400, &json!("idempotency_error"))
    );
    let (status, body, _) = shop.call("/v1/refunds", &fields(&good), Some("k")).await;
    assert_eq!(
        (status, &body["error"]["type"]),
        (400, &json!("idempotency_error"))
    );

    // a refusal that the endpoint made while it worked is replayed
    let expire = format!("{path}/{}/expire", first["id"].as_str().unwrap());
    assert_eq!(shop.call(&expire, &[], Some("e1")).await.0, 200);
    let (status, _, replayed) = shop.call(&expire, &[], Some("e2")).await;
    assert_eq!((status, replayed), (400, false));
    let (status, _, replayed) = shop.call(&expire, &[], Some("e2")).await;
    assert_eq!((status, replayed), (400, true));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_key_whose_first_request_still_runs_is_in_use(db: PgPool) {
    let shop = Shop::open(db);
    let good = good_session(shop.clock.now());
    let mut running = shop.db.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('sandbox:k', 0))")
        .execute(&mut *running)
        .await
        .unwrap();
    let (status, body, _) = shop
        .call("/v1/checkout/sessions", &fields(&good), Some("k"))
        .await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (409, &json!("idempotency_key_in_use"))
    );
    running.rollback().await.unwrap();
    assert_eq!(
        shop.call("/v1/checkout/sessions", &fields(&good), Some("k"))
            .await
            .0,
        200
    );
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_client_tries_again_with_the_same_key(db: PgPool) {
    let shop = Shop::open(db);
    for kind in ["api_error", "rate_limit", "lock_timeout", "lost_answer"] {
        let before = shop.count("checkout_session").await;
        shop.configure(
            "faults",
            json!({"kind": kind, "times": 2, "path": "/v1/checkout/sessions"}),
        )
        .await;
        let session = shop.session().await;
        assert_eq!(session.status, CheckoutStatus::Open, "{kind}");
        assert_eq!(
            shop.count("checkout_session").await,
            before + 1,
            "{kind}: one session for three attempts"
        );
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn trouble_that_stays_is_unavailable_and_a_refusal_is_a_refusal(db: PgPool) {
    let shop = Shop::open(db);
    for kind in ["api_error", "rate_limit", "lock_timeout", "lost_answer"] {
        shop.configure("faults", json!({"kind": kind, "times": 3}))
            .await;
        let error = shop.stripe.checkout("cs_test_none").await.unwrap_err();
        assert!(
            matches!(error, StripeError::Unavailable(_)),
            "{kind}: {error}"
        );
    }
    let error = shop.stripe.checkout("cs_test_none").await.unwrap_err();
    let StripeError::Refused { code, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(code.as_deref(), Some("resource_missing"));

    let mut running = shop.db.begin().await.unwrap();
    let request = shop.request();
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('sandbox:' || $1, 0))")
        .bind(request.payment_id.to_string())
        .execute(&mut *running)
        .await
        .unwrap();
    let error = shop.stripe.create_checkout(&request).await.unwrap_err();
    assert!(
        matches!(error, StripeError::Unavailable(_)),
        "a key in use: {error}"
    );
}
