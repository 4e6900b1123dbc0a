use sqlx::{PgPool, Row};

use super::{PAYS, Shop};

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn the_page_says_what_is_bought_and_loads_nothing(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    let page = shop
        .http
        .get(session.url.as_ref().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains("form-action 'self' https://shop.example"),
        "{policy}"
    );
    let html = page.text().await.unwrap();
    for expected in [
        "INR 5914.10",
        "asha@example.com",
        "DEL to BOM",
        "&lt;2 adults&gt;",
        "https://shop.example/back",
        "lang=\"en\"",
    ] {
        assert!(html.contains(expected), "{expected}");
    }
    for absent in ["<2 adults>", "<script", "src=", "@import", "url("] {
        assert!(!html.contains(absent), "{absent}");
    }
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_page_that_is_over_says_so(db: PgPool) {
    let shop = Shop::open(db);
    let paid = shop.paid().await;
    let at = |id: &str| format!("{}/sandbox/checkout/{id}", shop.base);
    let html = shop
        .http
        .get(at(&paid.id))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        html.contains("You have paid INR 5914.10") && !html.contains("<form"),
        "{html}"
    );
    let open = shop.session().await;
    shop.stripe.expire_checkout(&open.id).await.unwrap();
    let html = shop
        .http
        .get(at(&open.id))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        html.contains("has expired") && !html.contains("<form"),
        "{html}"
    );
    assert_eq!(
        shop.http
            .get(at("cs_test_none"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
    assert_eq!(shop.pay(&open, PAYS).await.status(), 410);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_card_that_asks_the_bank_pays_or_fails_as_the_traveller_says(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    let asked = shop.pay(&session, "4000 0025 0000 3155").await;
    assert_eq!(asked.status(), 200);
    assert!(asked.text().await.unwrap().contains("Your bank asks"));
    assert_eq!(shop.count("charge").await, 0);
    let refused = shop.pay(&session, "4000002500003155:refused").await;
    assert_eq!(refused.status(), 402);
    assert_eq!(
        shop.pay(&session, "4000002500003155:approved")
            .await
            .status(),
        303
    );
    let paid = shop.stripe.checkout(&session.id).await.unwrap();
    let card = shop
        .stripe
        .card(&paid.payment_intent.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(card.last4, "3155");
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn mistyped_numbers_are_not_tried_and_real_cards_are_declined(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    for typed in ["", "4242", "4242424242424241", "abc", "4242424242424242é"] {
        assert_eq!(shop.pay(&session, typed).await.status(), 422, "{typed:?}");
    }
    assert_eq!(shop.count("charge").await, 0);
    // right by its check digit, but no test card
    assert_eq!(shop.pay(&session, "4111111111111111").await.status(), 402);
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn no_card_number_is_kept(db: PgPool) {
    let shop = Shop::open(db);
    let session = shop.session().await;
    shop.pay(&session, "4111111111111111").await;
    shop.pay(&session, PAYS).await;
    shop.delivered().await;
    let tables = sqlx::query(
        "select table_name::text from information_schema.tables where table_schema = 'sandbox'",
    )
    .fetch_all(&shop.db)
    .await
    .unwrap();
    assert!(tables.len() >= 8);
    for table in tables {
        let table: String = table.get(0);
        let query = sqlx::AssertSqlSafe(format!(
            "select coalesce(string_agg(t::text, ' '), '') from sandbox.{table} t"
        ));
        let all: String = sqlx::query_scalar(query).fetch_one(&shop.db).await.unwrap();
        for number in [PAYS, "4111111111111111"] {
            assert!(!all.contains(number), "{table} has a card number");
        }
    }
}
