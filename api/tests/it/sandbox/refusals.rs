use serde_json::json;
use sqlx::PgPool;

use super::{Shop, error_code, fields, good_session};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_session_stripe_would_refuse_is_refused(db: PgPool) {
    let shop = Shop::open(db);
    let price = "line_items[0][price_data]";
    let cases: [(&str, String, &str, Option<&str>); 13] = [
        ("mode", String::new(), "mode", Some("parameter_missing")),
        ("mode", "setup".to_owned(), "mode", None),
        (
            "success_url",
            String::new(),
            "success_url",
            Some("parameter_missing"),
        ),
        (
            "success_url",
            "/done".to_owned(),
            "success_url",
            Some("url_invalid"),
        ),
        (
            "cancel_url",
            "javascript:alert(1)".to_owned(),
            "cancel_url",
            Some("url_invalid"),
        ),
        (
            "customer_email",
            "asha".to_owned(),
            "customer_email",
            Some("email_invalid"),
        ),
        (
            "client_reference_id",
            "x".repeat(201),
            "client_reference_id",
            None,
        ),
        (
            "expires_at",
            "soon".to_owned(),
            "expires_at",
            Some("parameter_invalid_integer"),
        ),
        ("expires_at", "0".to_owned(), "expires_at", None),
        (
            "payment_method_types[0]",
            "card".to_owned(),
            "payment_method_types",
            Some("payment_method_types_no_longer_supported"),
        ),
        (
            "allowed_payment_method_types[0]",
            "upi".to_owned(),
            "allowed_payment_method_types",
            None,
        ),
        (
            "colour",
            "red".to_owned(),
            "colour",
            Some("parameter_unknown"),
        ),
        (
            "line_items[0][quantity]",
            "0".to_owned(),
            "line_items[0][quantity]",
            Some("parameter_invalid_integer"),
        ),
    ];
    for (name, value, param, code) in cases {
        let mut params = good_session(shop.clock.now());
        params.retain(|(known, _)| known != name);
        params.push((name.to_owned(), value));
        let (status, body, _) = shop
            .call("/v1/checkout/sessions", &fields(&params), None)
            .await;
        assert_eq!(
            (status, error_code(&body)),
            (400, json!([code, param])),
            "{body}"
        );
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
    for (currency, amount, code) in [
        ("inr", "49", "amount_too_small"),
        ("inr", "1000000000", "amount_too_large"),
        ("inr", "9223372036854775807", "amount_too_large"),
        ("kwd", "5124", "invalid_charge_amount"),
        ("isk", "550", "invalid_charge_amount"),
    ] {
        let mut params = good_session(shop.clock.now());
        params[3].1 = currency.to_owned();
        params[4].1 = amount.to_owned();
        let (status, body, _) = shop
            .call("/v1/checkout/sessions", &fields(&params), None)
            .await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (400, &json!(code)),
            "{currency} {amount}"
        );
    }
    let mut params = good_session(shop.clock.now());
    params[3].1 = "irr".to_owned();
    let (status, body, _) = shop
        .call("/v1/checkout/sessions", &fields(&params), None)
        .await;
    assert_eq!(
        (status, &body["error"]["param"]),
        (400, &json!(format!("{price}[currency]")))
    );
    assert_eq!(shop.count("checkout_session").await, 0);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_refund_stripe_would_refuse_is_refused(db: PgPool) {
    let shop = Shop::open(db);
    let open = shop.session().await;
    shop.pay(&open, super::DECLINES).await;
    let unpaid = shop
        .stripe
        .checkout(&open.id)
        .await
        .unwrap()
        .payment_intent
        .unwrap();
    let intent = shop.paid().await.payment_intent.unwrap();
    let both = [("payment_intent", intent.as_str()), ("charge", "ch_1")];
    let cases: [(&[(&str, &str)], serde_json::Value); 7] = [
        (&[], json!(["parameter_missing", null])),
        (&both, json!([null, null])),
        (
            &[("payment_intent", "pi_none")],
            json!(["resource_missing", "payment_intent"]),
        ),
        (
            &[("charge", "ch_none")],
            json!(["resource_missing", "charge"]),
        ),
        (&[("payment_intent", &unpaid)], json!([null, null])),
        (
            &[("payment_intent", &intent), ("amount", "0")],
            json!(["parameter_invalid_integer", "amount"]),
        ),
        (
            &[("payment_intent", &intent), ("reason", "whim")],
            json!([null, "reason"]),
        ),
    ];
    for (params, expected) in cases {
        let (status, body, _) = shop.call("/v1/refunds", params, None).await;
        assert_eq!(
            (status, error_code(&body)),
            (400, expected),
            "{params:?}: {body}"
        );
    }
    assert_eq!(shop.count("refund").await, 0);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn calls_without_a_test_key_or_to_nowhere_are_refused_in_stripes_shape(db: PgPool) {
    let shop = Shop::open(db);
    let url = format!("{}/sandbox/stripe/v1/events", shop.base);
    for header in [
        None,
        Some("Bearer sk_live_real"),
        Some("Bearer sk_test_"),
        Some("Basic !!!"),
    ] {
        let mut request = shop.http.get(&url);
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{header:?}");
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(body["error"]["type"], "invalid_request_error");
    }
    // as `curl -u sk_test_…:` does
    let basic = shop
        .http
        .get(&url)
        .header("authorization", "Basic c2tfdGVzdF9jdXJsOg==")
        .send()
        .await
        .unwrap();
    assert_eq!(basic.status(), 200);
    for path in [
        "/v1/customers",
        "/v2/events",
        "/v1",
        "/v1/events/evt_none",
        "/v1/payment_intents/pi_none",
    ] {
        let (status, body) = shop.get(path).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(body["error"]["type"], "invalid_request_error", "{path}");
    }
    let (status, body) = shop.get("/v1/events?expand[]=data.type").await;
    assert_eq!(
        (status, &body["error"]["param"]),
        (200, &serde_json::Value::Null),
        "an empty list has nothing to expand"
    );
    let session = shop.session().await;
    let (status, body) = shop
        .get(&format!(
            "/v1/checkout/sessions/{}?expand[]=status",
            session.id
        ))
        .await;
    assert_eq!((status, &body["error"]["param"]), (400, &json!("expand")));
    let json_body = shop
        .http
        .post(format!("{}/sandbox/stripe/v1/refunds", shop.base))
        .bearer_auth("sk_test_x")
        .json(&json!({"charge": "ch_1"}))
        .send()
        .await
        .unwrap();
    assert_eq!(json_body.status(), 400);
}
