//! Autosuggest and the lists of the catalogue.

use flightdesk_core::fixtures;
use sqlx::PgPool;

use crate::support::TestApp;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn places_are_found_by_what_people_call_them(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let found = client.get("/v1/airports?q=lond&limit=3").await;
    assert_eq!(found.status, 200, "{found:?}");
    let first = &found.body["data"][0];
    assert_eq!(
        (&first["iata"], &first["type"]),
        (&"LON".into(), &"metro".into())
    );
    assert_eq!(found.body["data"].as_array().unwrap().len(), 3);
    let found = client.get("/v1/airports?q=m%C3%BCnchen").await;
    assert_eq!(found.body["data"][0]["iata"], "MUC");
    assert_eq!(found.body["data"][0]["country_name"], "Germany");
    let nothing = client.get("/v1/airports?q=zzzzzz").await;
    assert_eq!(
        (nothing.status.as_u16(), nothing.text.as_str()),
        (200, r#"{"data":[]}"#)
    );
    let empty = client.get("/v1/airports?q=&limit=0").await;
    assert_eq!(empty.problem(), (422, "invalid_request"));
}

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn codes_are_explained(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    fixtures::load_small(&mut conn).await.unwrap();
    let app = TestApp::start(pool).await;
    let client = app.sign_up().await;
    let airport = client.get("/v1/airports/lhr").await;
    assert_eq!(airport.body["time_zone"], "Europe/London");
    assert_eq!(airport.body["metro_code"], "LON");
    assert_eq!(
        client.get("/v1/airports/QQQ").await.problem(),
        (404, "not_found")
    );
    let airlines = client.get("/v1/airlines").await;
    let code = |iata: &str| {
        let list = airlines.body["data"].as_array().unwrap();
        let airline = list.iter().find(|row| row["iata"] == iata).unwrap();
        airline["accounting_code"].clone()
    };
    assert_eq!(code("AI"), "098");
    assert!(code("W6").is_null());
    let codes = async |query: &str| -> Vec<String> {
        let answer = client.get(&format!("/v1/airlines?{query}")).await;
        let list = answer.body["data"].as_array().unwrap().clone();
        let codes = list
            .iter()
            .map(|row| row["iata"].as_str().unwrap().to_owned());
        codes.collect()
    };
    assert_eq!(codes("country=in").await, ["6E", "AI"]);
    assert_eq!(codes("sold=false").await, ["W6"]);
    assert_eq!(codes("sold=true&country=US").await, ["UA"]);
    assert_eq!(codes("country=QQ").await, Vec::<String>::new());
    let wrong = client.get("/v1/airlines?country=IND").await;
    assert_eq!(wrong.problem(), (422, "invalid_request"));
    let aircraft = client.get("/v1/aircraft").await;
    assert_eq!(aircraft.body["data"][0]["seats"], 174);
    let cabins = aircraft.body["data"][0]["cabins"].clone();
    let expected =
        serde_json::json!([{"cabin": "business", "seats": 24}, {"cabin": "economy", "seats": 150}]);
    assert_eq!(
        (&aircraft.body["data"][0]["iata"], cabins),
        (&"320".into(), expected)
    );
}
