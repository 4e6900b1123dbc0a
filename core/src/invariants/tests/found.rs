//! What the random sequences have found, each told once and small.

use chrono::Duration;
use sqlx::{PgConnection, PgPool};

use super::world::{World, name, paid, rupees};
use crate::booking::{
    self, CancellationScope, Canceller, ChangeRequest, FlightChange, NewDisruption, QuoteRequest,
    sweep_disruptions_with,
};
use crate::booking_lock::LockedBooking;
use crate::ids::{FlightId, PassengerId, RefundId};
use crate::invariants::check;
use crate::money::Currency;
use crate::payment::stripe::{StripeRefund, StripeRefundStatus};
use crate::payment::{Settlement, record_refund, retry_refund};
use crate::settlement;

/// Two people on some flights, paid.
async fn two(conn: &mut PgConnection, world: &World, flights: &[FlightId]) -> LockedBooking {
    let mut offers = Vec::new();
    for flight in flights {
        offers.push(world.offer(conn, *flight, 2).await.unwrap().id);
    }
    let booking = world.journey(conn, offers, &[name(), name()]).await;
    assert_eq!(pay(conn, world, &booking).await, Settlement::Confirmed);
    booking
}

async fn pay(conn: &mut PgConnection, world: &World, booking: &LockedBooking) -> Settlement {
    let payment = world.open(conn, booking).await.unwrap();
    let settled = settlement::settle(conn, &world.clock, &paid(&payment)).await;
    settled.unwrap()
}

async fn people(conn: &mut PgConnection, booking: &LockedBooking) -> Vec<PassengerId> {
    sqlx::query_scalar("select id from passenger where booking_id = $1 order by ordinal")
        .bind(booking.id.0)
        .fetch_all(conn)
        .await
        .unwrap()
}

/// Everybody changes to another flight.
async fn change(conn: &mut PgConnection, world: &World, booking: &LockedBooking, to: FlightId) {
    let offer = world.offer(conn, to, 2).await.unwrap();
    let request = ChangeRequest {
        offer: Some(offer.id),
        ..ChangeRequest::default()
    };
    let (shop, account, reference) = (world.shop(), world.account, &booking.reference);
    let quote = booking::quote_change(conn, shop, account, reference, &request).await;
    booking::change(conn, shop, account, reference, quote.unwrap().id)
        .await
        .unwrap();
}

/// Some cancel, and how much goes back.
async fn cancel(
    conn: &mut PgConnection,
    world: &World,
    booking: &LockedBooking,
    scope: CancellationScope,
    who: Option<PassengerId>,
) -> i64 {
    let request = QuoteRequest {
        scope: Some(scope),
        passengers: who.map(|who| vec![who]),
        waiver: None,
    };
    let owner = Canceller::Owner(world.account);
    let reference = &booking.reference;
    let quote = booking::quote(conn, &world.clock, owner, reference, &request).await;
    let quote = quote.unwrap();
    booking::cancel(conn, &world.clock, owner, reference, quote.id)
        .await
        .unwrap();
    quote.content.refund().minor()
}

/// Stripe fails the pending refund of the smallest amount.
async fn fail_smallest(conn: &mut PgConnection, world: &World) -> RefundId {
    let (id, minor): (RefundId, i64) = sqlx::query_as(
        "select id, amount_minor from refund where status = 'pending' order by amount_minor limit 1",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    let failed = StripeRefund {
        id: format!("re_{id}"),
        status: StripeRefundStatus::Failed,
        failure: Some("expired_or_canceled_card".to_owned()),
        refund_id: Some(id),
        payment_intent: None,
        amount: rupees(minor),
    };
    record_refund(conn, &world.clock, id, &failed)
        .await
        .unwrap();
    id
}

async fn limbo(conn: &mut PgConnection, world: &World) -> i64 {
    let findings = check(conn, &world.clock).await.unwrap();
    let broken = findings.iter().filter(|one| one.violations > 0);
    assert!(
        broken.clone().all(|one| one.name == "money_kept_is_earned"),
        "{:?}",
        broken.collect::<Vec<_>>()
    );
    broken.map(|one| one.violations).sum()
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn who_changes_to_a_flight_that_was_moved_before_is_not_told_that_it_is(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let other = world.second_flight(&mut conn).await;
    let stays = two(&mut conn, &world, &[other]).await;
    let comes = two(&mut conn, &world, &[world.flight]).await;
    let departs_at = comes.first_departs_at + Duration::hours(5);
    let wish = NewDisruption {
        flight_id: other,
        change: FlightChange::Retime {
            departs_at,
            arrives_at: None,
        },
        reason: "Crew".to_owned(),
    };
    let clock = &world.clock;
    let made = booking::disrupt(&mut conn, clock, Currency::INR, &wish).await;
    let id = made.unwrap().id;
    let told = booking::notify_disrupted(&mut conn, clock, &world.disruptions, id).await;
    assert_eq!(told.unwrap(), 1);
    booking::mark_disruption_told(&mut conn, clock, id)
        .await
        .unwrap();

    clock.advance(Duration::minutes(1));
    change(&mut conn, &world, &comes, other).await;
    assert_eq!(pay(&mut conn, &world, &comes).await, Settlement::Confirmed);
    let swept = sweep_disruptions_with(&mut conn, clock, &world.disruptions).await;
    assert_eq!(swept.unwrap(), 0);
    let told: Vec<uuid::Uuid> = sqlx::query_scalar("select booking_id from disrupted_booking")
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(told, [stays.id.0]);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_direction_is_cancelled_for_all_who_fly_it_when_others_fly_the_other_one_only(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let [back, _] = world.flights_back(&mut conn).await;
    let booking = two(&mut conn, &world, &[world.flight, back]).await;
    let first = people(&mut conn, &booking).await[0];
    let scope = CancellationScope::Departing;
    let of_first = cancel(&mut conn, &world, &booking, scope, Some(first)).await;
    let of_all = cancel(&mut conn, &world, &booking, scope, None).await;
    assert_eq!(of_first, of_all, "the second paid as much as the first");
    assert_eq!(limbo(&mut conn, &world).await, 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_refund_that_failed_can_be_tried_again_after_the_rest_was_cancelled(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let other = world.second_flight(&mut conn).await;
    let booking = two(&mut conn, &world, &[world.flight]).await;
    change(&mut conn, &world, &booking, other).await;
    assert_eq!(
        pay(&mut conn, &world, &booking).await,
        Settlement::Confirmed
    );
    let [first, second] = people(&mut conn, &booking).await[..] else {
        panic!("two people");
    };
    let scope = CancellationScope::Departing;
    cancel(&mut conn, &world, &booking, scope, Some(first)).await;
    // All of the newer payment, which paid the difference.
    let failed = fail_smallest(&mut conn, &world).await;
    cancel(&mut conn, &world, &booking, scope, Some(second)).await;
    assert_eq!(limbo(&mut conn, &world).await, 1);
    retry_refund(&mut conn, &world.clock, failed).await.unwrap();
    assert_eq!(limbo(&mut conn, &world).await, 0);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn money_that_bought_nothing_of_a_sold_booking_is_named_when_its_refund_fails(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let other = world.second_flight(&mut conn).await;
    let booking = two(&mut conn, &world, &[world.flight]).await;
    change(&mut conn, &world, &booking, other).await;
    let page = world.open(&mut conn, &booking).await.unwrap();
    // Asked for once more, the first page is of a change that has ended.
    change(&mut conn, &world, &booking, other).await;
    let late = settlement::settle(&mut conn, &world.clock, &paid(&page)).await;
    assert_eq!(late.unwrap(), Settlement::Refunding);
    assert_eq!(limbo(&mut conn, &world).await, 0);
    let failed = fail_smallest(&mut conn, &world).await;
    assert_eq!(limbo(&mut conn, &world).await, 1);
    retry_refund(&mut conn, &world.clock, failed).await.unwrap();
    assert_eq!(limbo(&mut conn, &world).await, 0);
}
