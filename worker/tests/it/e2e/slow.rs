//! R12: a PDF that takes a minute, far longer than a lease, is not made twice.

use sqlx::PgPool;

use super::traveller::{Traveller, assert_delivered_once};
use super::{Deployment, PATIENCE};
use crate::consistent::assert_consistent;
use crate::support::until_true;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn a_ticket_that_takes_a_minute_to_draw_is_drawn_once(pool: PgPool) {
    let deployment = Deployment::start(&pool).await;
    let slow = [
        ("FAULT_PAUSE", "ticket_drawing"),
        ("FAULT_PAUSE_SECONDS", "60"),
    ];
    // Two of them: whoever is idle would take what the other seems to have left.
    let _workers = [deployment.worker_with(&slow), deployment.worker_with(&slow)];
    let traveller = Traveller::sign_up(&deployment, "asha").await;
    let reference = traveller.buy().await;
    traveller.until_confirmed(&reference).await;
    until_true("the ticket is drawn", PATIENCE * 2, async || {
        let ready = "select count(*) from document where kind = 'ticket' and status = 'ready'";
        sqlx::query_scalar::<_, i64>(ready)
            .fetch_one(&pool)
            .await
            .unwrap()
            == 1
    })
    .await;
    let (attempts, seconds): (i32, f64) = sqlx::query_as(
        "select o.attempts, extract(epoch from o.finished_at - o.started_at)::float8 from outbox o
         join document d on d.id::text = o.payload ->> 'document_id' and d.kind = 'ticket' where o.kind = 'render_document'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(attempts, 1);
    assert!(seconds >= 60.0, "it took {seconds} s");
    assert_delivered_once(&deployment, &traveller, &reference).await;
    assert_consistent(&pool).await;
}
