//! Nothing goes wrong.

use sqlx::PgPool;

use super::traveller::{Traveller, assert_delivered_once, until_idle};
use super::{Deployment, files};
use crate::consistent::assert_consistent;

#[sqlx::test(migrator = "flightdesk_core::db::MIGRATOR")]
async fn from_the_sign_up_to_the_ticket_in_the_inbox(pool: PgPool) {
    let deployment = Deployment::start(&pool).await;
    let _worker = deployment.worker();
    let (asha, ravi) = tokio::join!(
        Traveller::sign_up(&deployment, "asha"),
        Traveller::sign_up(&deployment, "ravi")
    );
    // One only books, one looks at the page and does not pay, one pays.
    let _booked = ravi.book().await;
    let considered = ravi.book().await;
    ravi.checkout(&considered).await;
    let reference = asha.buy().await;

    asha.until_confirmed(&reference).await;
    assert_delivered_once(&deployment, &asha, &reference).await;

    until_idle(&pool).await;
    assert_eq!(ravi.status(&considered).await, "pending_payment");
    let (tickets, documents): (i64, i64) =
        sqlx::query_as("select (select count(*) from ticket), (select count(*) from document)")
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!((tickets, documents), (1, 2), "nothing unpaid is ticketed");
    assert_eq!(deployment.mails().len(), 1);
    assert_eq!(files(&deployment.documents()).len(), 2);
    assert_consistent(&pool).await;
}
