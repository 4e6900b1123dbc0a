use chrono::Duration;
use flightdesk_core::ids::RefundId;
use flightdesk_core::money::{Currency, Money};
use flightdesk_core::payment::stripe::{Fact, StripeError, StripeRefundStatus};
use serde_json::json;
use sqlx::PgPool;

use super::Shop;

fn inr(minor: i64) -> Money {
    Money::new(minor, Currency::INR)
}

fn code(error: StripeError) -> Option<String> {
    match error {
        StripeError::Refused { code, .. } => code,
        StripeError::Unavailable(why) => panic!("{why}"),
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_payment_is_given_back_in_parts_and_never_more_than_whole(db: PgPool) {
    let shop = Shop::open(db);
    let intent = shop.paid().await.payment_intent.unwrap();
    shop.delivered().await;
    let first = RefundId::new();
    let refund = shop
        .stripe
        .create_refund(first, &intent, inr(500_000))
        .await
        .unwrap();
    assert_eq!(
        (refund.status, refund.amount, refund.refund_id),
        (StripeRefundStatus::Succeeded, inr(500_000), Some(first))
    );
    assert_eq!(refund.payment_intent.as_deref(), Some(intent.as_str()));
    assert_eq!(shop.stripe.refund(&refund.id).await.unwrap(), refund);

    let too_much = shop
        .stripe
        .create_refund(RefundId::new(), &intent, inr(91_411))
        .await;
    assert_eq!(
        code(too_much.unwrap_err()).as_deref(),
        Some("amount_too_large")
    );
    shop.stripe
        .create_refund(RefundId::new(), &intent, inr(91_410))
        .await
        .unwrap();
    let nothing_left = shop
        .stripe
        .create_refund(RefundId::new(), &intent, inr(1))
        .await;
    assert_eq!(
        code(nothing_left.unwrap_err()).as_deref(),
        Some("charge_already_refunded")
    );

    let events = shop.delivered().await;
    let told = events
        .iter()
        .any(|event| event.fact == Fact::Refund(refund.clone()));
    assert!(told, "{events:?}");
    let (_, charges) = shop
        .get(&format!(
            "/v1/payment_intents/{intent}?expand[]=latest_charge"
        ))
        .await;
    assert_eq!(charges["latest_charge"]["refunded"], true);
    let (_, list) = shop
        .get(&format!("/v1/refunds?payment_intent={intent}"))
        .await;
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn one_refund_asked_for_often_is_made_once(db: PgPool) {
    let shop = Shop::open(db);
    let intent = shop.paid().await.payment_intent.unwrap();
    let id = RefundId::new();
    let calls = (0..4).map(|_| shop.stripe.create_refund(id, &intent, inr(1_000)));
    let answers = futures::future::join_all(calls).await;
    let made = shop
        .stripe
        .create_refund(id, &intent, inr(1_000))
        .await
        .unwrap();
    for answer in answers {
        match answer {
            Ok(refund) => assert_eq!(refund, made),
            // the key was in use, three times
            Err(error) => assert!(matches!(error, StripeError::Unavailable(_)), "{error}"),
        }
    }
    assert_eq!(shop.count("refund").await, 1);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn refunds_at_once_never_give_back_more_than_was_paid(db: PgPool) {
    let shop = Shop::open(db);
    let intent = shop.paid().await.payment_intent.unwrap();
    let calls = (0..4).map(|_| {
        shop.stripe
            .create_refund(RefundId::new(), &intent, inr(400_000))
    });
    let made = futures::future::join_all(calls)
        .await
        .into_iter()
        .flatten()
        .count();
    assert_eq!((made, shop.count("refund").await), (1, 1));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_pending_refund_ends_by_event(db: PgPool) {
    let shop = Shop::open(db);
    let intent = shop.paid().await.payment_intent.unwrap();
    shop.delivered().await;
    for (outcome, status, failure, kinds) in [
        (
            "pending_then_fail",
            StripeRefundStatus::Failed,
            Some("expired_or_canceled_card"),
            &["charge.refund.updated", "refund.failed", "refund.updated"][..],
        ),
        (
            "pending_then_succeed",
            StripeRefundStatus::Succeeded,
            None,
            &["charge.refund.updated", "refund.updated"][..],
        ),
    ] {
        shop.configure("outcomes", json!({"refund": outcome, "after_ms": 5000}))
            .await;
        // the failed one leaves the whole amount refundable again
        let refund = shop
            .stripe
            .create_refund(RefundId::new(), &intent, inr(591_410))
            .await
            .unwrap();
        assert_eq!(refund.status, StripeRefundStatus::Pending);
        assert_eq!(
            shop.delivered_kinds().await,
            ["charge.refunded", "refund.created"]
        );
        shop.clock.advance(Duration::seconds(5));
        assert_eq!(shop.delivered_kinds().await, kinds);
        let ended = shop.stripe.refund(&refund.id).await.unwrap();
        assert_eq!((ended.status, ended.failure.as_deref()), (status, failure));
    }
}
