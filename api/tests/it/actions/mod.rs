//! `available_actions` in every state of a booking: what is listed works, and what is not is refused by the conflict that says why.
//!
//! A state is made once for each action, by an account of its own, so that no attempt sees what another has changed.

mod attempts;
mod disrupted;
mod paid;
mod states;
mod unpaid;

use std::collections::BTreeSet;

use serde_json::Value;
use sqlx::PgPool;

use self::states::{State, World};
use crate::consistent::assert_consistent;
use crate::support::Client;

/// What a state allows, and by which code each of the other actions is refused.
type Expected<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);

/// Every action that the API knows.
fn every_action() -> BTreeSet<String> {
    let enums: Value =
        serde_json::from_str(include_str!("../../../src/openapi/enums.json")).unwrap();
    let actions = enums["BookingAction"]["enum"].as_array().unwrap().iter();
    actions
        .map(|one| one.as_str().unwrap().to_owned())
        .collect()
}

/// Makes the state and tries every action on a booking of its own.
async fn check(pool: PgPool, state: State, (listed, refused): Expected<'_>) {
    let world = World::open(&pool).await;
    let actions = every_action();
    let mut clients = Vec::new();
    for _ in &actions {
        clients.push(world.app.sign_up().await);
    }
    let mut copies = Vec::new();
    for client in &clients {
        copies.push((client, world.book(state, client).await));
    }
    world.go_on(state, &copies).await;
    for (action, (client, booking)) in actions.iter().zip(&copies) {
        let booking = client.booking(booking).await;
        try_one(&world, client, &booking, action, (listed, refused)).await;
    }
    assert_consistent(&pool).await;
}

async fn try_one(
    world: &World,
    client: &Client<'_>,
    booking: &Value,
    action: &str,
    (listed, refused): Expected<'_>,
) {
    let shown: BTreeSet<_> = booking["available_actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    assert_eq!(shown, listed.iter().copied().collect(), "what is listed");
    let answer = world.attempt(client, booking, action).await;
    let code = refused.iter().find(|(name, _)| *name == action);
    match code {
        None => {
            assert!(listed.contains(&action), "{action} is in neither list");
            assert!(answer.status.is_success(), "{action}: {answer:?}");
        }
        Some((_, code)) => {
            assert!(!listed.contains(&action), "{action} is in both lists");
            assert_eq!(answer.problem(), (409, *code), "{action}: {answer:?}");
            let after = client.booking(booking).await;
            assert_eq!(&after, booking, "{action} was refused");
        }
    }
}

/// A test for each state: what is listed, then what is refused and by which code.
macro_rules! each_state {
    ($($name:ident: $state:ident, $listed:expr, $refused:expr;)*) => {$(
        #[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
        async fn $name(pool: sqlx::PgPool) {
            super::check(pool, super::State::$state, (&$listed, &$refused)).await;
        }
    )*};
}
use each_state;
