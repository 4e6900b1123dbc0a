//! Where nothing is delivered to.

use flightdesk_core::webhook::DeliveryStatus;
use sqlx::PgPool;

use super::receiver::Receiver;
use super::{ctx_with, endpoint, happen, log, run};

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn no_delivery_reaches_an_address_that_is_not_public_or_what_a_redirect_names(pool: PgPool) {
    let (receiver, hidden) = (Receiver::start().await, Receiver::start().await);
    let (strict, open) = (ctx_with(&pool, false), ctx_with(&pool, true));
    let (id, _) = endpoint(&open, &receiver.url()).await;
    let name =
        |scheme: &str, host: &str| format!("{scheme}://{host}:{}/hook", receiver.address.port());
    for (url, why) in [
        // Made while it was allowed, or written into the table.
        (receiver.url(), "https://"),
        (name("https", "127.0.0.1"), "public address"),
        (name("https", "2130706433"), "public address"),
        (name("https", "[::1]"), "public address"),
        (name("https", "[::ffff:127.0.0.1]"), "public address"),
        // What it resolves to is known once it is resolved.
        (name("https", "localhost"), "public address"),
    ] {
        sqlx::query("update webhook_endpoint set url = $1")
            .bind(&url)
            .execute(&pool)
            .await
            .unwrap();
        sqlx::query("delete from webhook_delivery")
            .execute(&pool)
            .await
            .unwrap();
        happen(&strict).await;
        assert_eq!(run(&strict).await, 1);
        let delivery = log(&strict, id).await.pop().unwrap();
        let error = delivery.error.unwrap_or_default();
        assert!(error.contains(why), "{url}: {error}");
        assert_eq!(
            (delivery.status, delivery.response_status),
            (DeliveryStatus::Pending, None)
        );
    }
    assert!(receiver.received().is_empty());

    let to = format!("302 Found\r\nlocation: {}", hidden.url());
    receiver.answers(&to, "over there");
    sqlx::query("update webhook_endpoint set url = $1")
        .bind(receiver.url())
        .execute(&pool)
        .await
        .unwrap();
    sqlx::query("delete from webhook_delivery")
        .execute(&pool)
        .await
        .unwrap();
    happen(&open).await;
    assert_eq!(run(&open).await, 1);
    let delivery = log(&open, id).await.pop().unwrap();
    assert_eq!(
        (delivery.status, delivery.response_status),
        (DeliveryStatus::Pending, Some(302))
    );
    assert_eq!(
        delivery.error.as_deref(),
        Some("a redirect is not followed")
    );
    assert_eq!(delivery.response_body.as_deref(), Some("over there"));
    assert_eq!((receiver.received().len(), hidden.received().len()), (1, 0));
}
