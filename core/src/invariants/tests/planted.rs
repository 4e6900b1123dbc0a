//! Each rule is broken by hand, and named. Where a constraint keeps the rule as well, it is dropped first.

use sqlx::{Connection, PgConnection, PgPool};

use super::world::World;
use crate::invariants::{check, check_snapshot};

/// The rules that are broken, and how often.
async fn broken(conn: &mut PgConnection, world: &World) -> Vec<(String, i64)> {
    let findings = check(conn, &world.clock).await.unwrap();
    for finding in &findings {
        let shown = i64::try_from(finding.examples.len()).unwrap();
        assert_eq!(shown, finding.violations.min(10), "{finding:?}");
    }
    findings
        .into_iter()
        .filter(|finding| finding.violations > 0)
        .map(|finding| (finding.name, finding.violations))
        .collect()
}

/// What is done, the harm, and which rules are broken how often.
type Harm = (&'static str, &'static str, &'static [(&'static str, i64)]);

const HARMS: &[Harm] = &[
    ("a seat of another cabin",
     "update passenger_seat set seat_row = 99",
     &[("seats_sold_once", 1)]),
    ("a party with too many seats",
     "insert into passenger_seat (flight_id, seat_row, letter, hold_id, reason)
         select flight_id, 12, 'C', hold_id, 'assigned' from passenger_seat",
     &[("seats_sold_once", 1)]),
    ("a counter that lost a seat",
     "update flight_cabin set held = held - 1",
     &[("cabin_counters", 1)]),
    ("a counter that counts nobody",
     "update flight_cabin set held = 0, sold = 0 where sold > 0;
         insert into flight_cabin (flight_id, cabin, capacity, sold, base_fare_minor) select id, 'first', 4, 2, 1 from flight",
     &[("cabin_counters", 2)]),
    ("an oversold cabin",
     "alter table flight_cabin drop constraint flight_cabin_not_oversold;
         update flight_cabin set capacity = 2",
     &[("cabin_counters", 1)]),
    ("a seat of an ended booking",
     "insert into passenger_seat (flight_id, seat_row, letter, hold_id, reason)
         select f.id, 12, 'C', b.hold_id, 'chosen' from booking b, flight f where b.status = 'expired'",
     &[("seats_of_the_living", 1)]),
    ("a passenger without a seat",
     "update booked_flight set seats = seats - 1 where seats = 2; update flight_cabin set held = held - 1 where held > 0",
     &[("parties_complete", 1)]),
    ("a booked hold without a booking",
     "update hold set status = 'released' where id in (select hold_id from booking where status = 'expired')",
     &[("parties_complete", 1)]),
    ("a price that is not its lines",
     "update price_line set quantity = 2, amount_minor = unit_minor * 2 where ordinal = 0 and booking_id in (select id from booking where status = 'expired')",
     &[("prices_add_up", 1)]),
    ("a page that takes another price",
     "update payment set amount_minor = amount_minor - 1 where status = 'open'",
     &[("prices_add_up", 1)]),
    ("money that nobody posted",
     "insert into payment (id, booking_id, status, currency, amount_minor, created_at, expires_at, success_url, cancel_url)
         select gen_random_uuid(), id, 'mismatched', 'USD', 5, created_at, created_at, '', '' from booking where status = 'expired'",
     &[("ledger_true", 1), ("money_kept_is_earned", 1)]),
    ("an entry that nothing caused",
     "insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
         select gen_random_uuid(), id, created_at, 'refund_paid', id, 'refunds_payable', 'stripe_clearing', 1, 'INR' from booking where status = 'confirmed'",
     &[("ledger_true", 1)]),
    ("a sale without its booking",
     "insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
         select gen_random_uuid(), id, created_at, 'sale', id, 'customer', 'base_fare', 1, 'INR' from booking where status = 'pending_payment'",
     &[("ledger_true", 1)]),
    ("money kept for an ended booking",
     "update payment set status = 'succeeded' where status = 'open';
         insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
         select gen_random_uuid(), booking_id, created_at, 'payment', id, 'stripe_clearing', 'customer', amount_minor, currency from payment
         where booking_id not in (select id from booking where status = 'confirmed')",
     &[("money_kept_is_earned", 1)]),
    ("a confirmed booking that nobody paid",
     "update payment set status = 'expired' where status = 'succeeded'",
     &[("ledger_true", 1), ("money_kept_is_earned", 1)]),
    ("a refund of more than was paid",
     "insert into refund (id, payment_id, booking_id, status, reason, currency, amount_minor, created_at)
         select gen_random_uuid(), id, booking_id, 'succeeded', 'made_at_stripe', currency, amount_minor + 1, created_at from payment where status = 'succeeded';
         insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
         select gen_random_uuid(), booking_id, created_at, kind, id, debit, credit, amount_minor, currency
         from refund, (values ('refund', 'customer', 'refunds_payable'), ('refund_paid', 'refunds_payable', 'stripe_clearing')) e (kind, debit, credit)",
     &[("refunds_within_payments", 1)]),
    ("a seat's fee that is kept though its passenger sits elsewhere",
     "insert into seat_choice (booking_id, passenger_id, flight_id, seat_row, letter, paid_minor)
         select p.booking_id, p.id, s.flight_id, s.seat_row, s.letter, 60000 from passenger p join passenger_seat s on s.passenger_id = p.id
         join booking b on b.id = p.booking_id where b.status = 'confirmed' order by p.ordinal limit 1
         on conflict on constraint seat_choice_pkey do update set paid_minor = 60000",
     &[("seat_fees_are_of_seats", 1)]),
    ("a paid passenger without a ticket",
     "update ticket set status = 'void'",
     &[("paid_is_ticketed", 1)]),
    ("a paid booking without its document",
     "delete from document where kind = 'ticket'",
     &[("paid_is_ticketed", 1)]),
    ("a ticket that nobody paid",
     "insert into ticket (id, booking_id, passenger_id, validating_airline, number, issued_at)
         select gen_random_uuid(), b.id, p.id, 'AI', '0989999999999', b.created_at from booking b join passenger p on p.booking_id = b.id where b.status = 'expired'",
     &[("unpaid_is_not_ticketed", 1)]),
    ("a coupon that was counted twice",
     "update coupon set used = 2 where code = (select min(code) from coupon)",
     &[("coupons_counted", 1)]),
    ("a page of an ended booking",
     "insert into payment (id, booking_id, currency, amount_minor, created_at, expires_at, success_url, cancel_url)
         select gen_random_uuid(), id, currency, total_minor, created_at, created_at, '', '' from booking where status = 'expired'",
     &[("nothing_ended_is_payable", 1)]),
    ("a document without a job",
     "delete from outbox where payload ->> 'document_id' in (select id::text from document where kind = 'ticket')",
     &[("paid_has_documents", 1), ("no_job_is_lost", 1)]),
    ("a document that was given up",
     "update outbox set status = 'dead' where payload ->> 'document_id' in (select id::text from document where kind = 'ticket');
         update document set status = 'failed' where kind = 'ticket'",
     &[("paid_has_documents", 1)]),
    ("a job of an older revision of the document",
     "update document set revision = revision + 1 where kind = 'ticket'",
     &[("paid_has_documents", 1)]),
    ("documents without their mail",
     "update document set status = 'ready', ready_at = created_at, storage_key = id || '/1.pdf', sha256 = 'x'",
     &[("paid_has_documents", 1)]),
    ("a mail that was given up",
     "update document set status = 'ready', ready_at = created_at, storage_key = id || '/1.pdf', sha256 = 'x';
         insert into outbox (id, kind, queue, payload, unique_key, status, max_attempts, created_at, run_after)
         select gen_random_uuid(), 'send_mail', 'mail', jsonb_build_object('mail', 'booking_confirmed', 'booking_id', id), 'booking_confirmed:' || id, 'dead', 1, created_at, created_at
         from booking where status = 'confirmed'",
     &[("paid_has_documents", 1)]),
    ("a mail about new tickets that was given up",
     "insert into outbox (id, kind, queue, payload, unique_key, status, max_attempts, created_at, run_after)
         select gen_random_uuid(), 'send_mail', 'mail', jsonb_build_object('mail', jsonb_build_object('tickets_changed', jsonb_build_object('revision', 2)), 'booking_id', id), 'tickets_changed.2:' || id, 'dead', 1, created_at, created_at
         from booking where status = 'confirmed'",
     &[("paid_has_documents", 1)]),
    ("a job that nobody took back",
     "update outbox set status = 'running', lease_until = created_at - interval '61 minutes' where kind = 'send_sms'",
     &[("no_job_is_lost", 1)]),
];

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn every_harm_is_noticed_and_nothing_else(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    world.book_and_pay(&mut conn).await;
    let unpaid = world.book(&mut conn, 2).await;
    world.open(&mut conn, &unpaid).await.unwrap();
    let ended = world.book(&mut conn, 1).await;
    crate::booking::expire(&mut conn, &world.clock, &ended)
        .await
        .unwrap();
    assert_eq!(broken(&mut conn, &world).await, [], "before any harm");
    for (what, harm, rules) in HARMS {
        let mut tx = conn.begin().await.unwrap();
        sqlx::raw_sql(*harm).execute(&mut *tx).await.unwrap();
        let noticed = broken(&mut tx, &world).await;
        let noticed: Vec<_> = noticed
            .iter()
            .map(|(rule, times)| (rule.as_str(), *times))
            .collect();
        assert_eq!(noticed, *rules, "{what}");
        tx.rollback().await.unwrap();
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn eleven_violations_are_counted_and_ten_are_named(pool: PgPool) {
    let mut tx = pool.begin().await.unwrap();
    let world = World::begin(&mut tx).await;
    for _ in 0..11 {
        let booking = world.book(&mut tx, 1).await;
        crate::booking::expire(&mut tx, &world.clock, &booking)
            .await
            .unwrap();
    }
    sqlx::raw_sql("update booking set total_minor = 1")
        .execute(&mut *tx)
        .await
        .unwrap();
    assert_eq!(
        broken(&mut tx, &world).await,
        [("prices_add_up".to_owned(), 11)]
    );
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_check_writes_nothing_and_leaves_the_session_as_it_was(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let timeout =
        "select current_setting('statement_timeout') || current_setting('transaction_read_only')";
    let before: String = sqlx::query_scalar(timeout)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    check_snapshot(&mut conn, &world.clock).await.unwrap();
    let after: String = sqlx::query_scalar(timeout)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    assert_eq!(before, after);
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn posted_entries_are_never_changed(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    world.book_and_pay(&mut conn).await;
    for harm in [
        "update ledger_entry set amount_minor = 1",
        "delete from ledger_entry",
    ] {
        let refused = sqlx::raw_sql(harm).execute(&mut *conn).await.unwrap_err();
        let constraint = refused.as_database_error().unwrap().constraint();
        assert_eq!(constraint, Some("ledger_entry_stays"));
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_night_is_checked_once_after_two(pool: PgPool) {
    use crate::invariants::{last_run, run_nightly};
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    world.book(&mut conn, 1).await;
    sqlx::raw_sql("update flight_cabin set held = 7 where held > 0")
        .execute(&mut *conn)
        .await
        .unwrap();
    let clock = &world.clock;
    clock.advance(chrono::Duration::minutes(13 * 60 + 59));
    assert!(run_nightly(&pool, clock).await.unwrap().is_none(), "01:59");
    clock.advance(chrono::Duration::minutes(1));
    let (one, two) = tokio::join!(run_nightly(&pool, clock), run_nightly(&pool, clock));
    let runs: Vec<_> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(runs.len(), 1);
    assert!(
        run_nightly(&pool, clock).await.unwrap().is_none(),
        "later that night"
    );
    let kept = last_run(&mut conn).await.unwrap().unwrap();
    assert_eq!(
        (kept.checked_at, &kept.findings),
        (runs[0].checked_at, &runs[0].findings)
    );
    let counters = kept
        .findings
        .iter()
        .find(|finding| finding.name == "cabin_counters");
    assert_eq!(counters.unwrap().violations, 1);
}
