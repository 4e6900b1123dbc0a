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
     &[("no_seats_for_ended_bookings", 1)]),
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
     "insert into refund (id, payment_id, booking_id, status, reason, currency, amount_minor, created_at, predates_receipts)
         select gen_random_uuid(), id, booking_id, 'succeeded', 'made_at_stripe', currency, amount_minor + 1, created_at, true from payment where status = 'succeeded';
         insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
         select gen_random_uuid(), booking_id, created_at, kind, id, debit, credit, amount_minor, currency
         from refund, (values ('refund', 'customer', 'refunds_payable'), ('refund_paid', 'refunds_payable', 'stripe_clearing')) e (kind, debit, credit)",
     &[("refunds_within_payments", 1)]),
    ("a dispute whose money nobody posted",
     "select plant_dispute('succeeded', 'needs_response', 0)",
     &[("ledger_true", 1)]),
    ("a dispute that was won, and whose money did not come again",
     "select plant_dispute('succeeded', 'won', 1)",
     &[("ledger_true", 1)]),
    ("money that went back by a refund, and by a dispute that was lost",
     "select plant_receipt(plant_refund('succeeded'), 1); select plant_dispute('mismatched', 'lost', 1)",
     &[("money_kept_is_earned", 1), ("refunds_within_payments", 1)]),
    ("a refund that waits for a dispute which has ended",
     "select plant_refund('pending'); update refund set stripe_refund_id = null; select plant_dispute('mismatched', 'won', 2)",
     &[("no_job_is_lost", 1)]),
    ("a refund without its receipt",
     "select plant_refund('succeeded')",
     &[("refunds_have_receipts", 1)]),
    ("a receipt of money that the bank does not have yet",
     "select plant_receipt(plant_refund('pending'), 1)",
     &[("refunds_have_receipts", 1)]),
    ("a receipt that stays good though the bank sent the money back",
     "select plant_receipt(plant_refund('failed'), 1)",
     &[("money_kept_is_earned", 1), ("refunds_have_receipts", 1)]),
    ("a receipt that corrects what is no invoice",
     "select plant_receipt(plant_refund('succeeded'), 1);
         update document set corrects_id = (select id from document where kind = 'ticket' limit 1) where kind = 'refund_receipt'",
     &[("refunds_have_receipts", 1)]),
    ("a receipt that nobody makes",
     "select plant_receipt(plant_refund('succeeded'), 1);
         update document set status = 'failed' where kind = 'refund_receipt'",
     &[("refunds_have_receipts", 1)]),
    ("a receipt whose mail was given up",
     "select plant_receipt(plant_refund('succeeded'), 1);
         update outbox set status = 'dead' where unique_key like 'refund_paid.%'",
     &[("refunds_have_receipts", 1)]),
    ("a number that was skipped",
     "update invoice_counter set last_number = last_number + 1",
     &[("numbers_without_gaps", 1)]),
    ("an invoice of another number",
     "update document set number = 'FD/26-27/000002' where kind = 'invoice'",
     &[("numbers_without_gaps", 1)]),
    ("a number that was given twice, in two ways",
     "select plant_receipt(plant_refund('succeeded'), 1);
         select plant_receipt(plant_refund('succeeded'), 1);
         update document set number = 'FD/26-27R00001' where number = 'FD/26-27/R00002'",
     &[("numbers_without_gaps", 1)]),
    ("a receipt that nobody counted",
     "select plant_receipt(plant_refund('succeeded'), 1);
         delete from invoice_counter where kind = 'refund_receipt'",
     &[("numbers_without_gaps", 1)]),
    ("a number that none of ours looks like",
     "update document set number = 'FD-000001' where kind = 'invoice'",
     &[("numbers_without_gaps", 2)]),
    ("a seat's fee that is kept though its passenger sits elsewhere",
     "insert into seat_choice (booking_id, passenger_id, flight_id, seat_row, letter, paid_minor)
         select p.booking_id, p.id, s.flight_id, s.seat_row, s.letter, 60000 from passenger p join passenger_seat s on s.passenger_id = p.id
         join booking b on b.id = p.booking_id where b.status = 'confirmed' order by p.ordinal limit 1
         on conflict on constraint seat_choice_pkey do update set paid_minor = 60000",
     &[("seat_fees_are_of_seats", 1)]),
    ("a paid passenger without a ticket",
     "update ticket set status = 'void'",
     // The ticket is missing, and so are its coupons.
     &[("paid_is_ticketed", 2)]),
    ("a passenger who has cancelled and sits there still",
     "insert into cancellation_quote (id, booking_id, created_at, expires_at, content) select id, id, created_at, created_at, '{}' from booking where status = 'confirmed';
         insert into cancellation (id, booking_id, quote_id, cancelled_at, currency, refund_minor) select id, id, id, created_at, currency, 0 from booking where status = 'confirmed';
         insert into cancelled_place (passenger_id, direction_id, booking_id, cancellation_id)
         select p.id, d.id, b.id, b.id from booking b join passenger p on p.booking_id = b.id join direction d on d.booking_id = b.id where b.status = 'confirmed'",
     &[("no_seats_for_ended_bookings", 1), ("parties_complete", 1), ("paid_is_ticketed", 2)]),
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
    ("a booking that ended without an event",
     "delete from booking_event where kind = 'expired'",
     &[("events_tell_the_status", 1)]),
    ("a booking that never began",
     "delete from booking_event where booking_id in (select id from booking where status = 'pending_payment')",
     &[("events_tell_the_status", 1)]),
    ("an event that did not happen",
     "insert into booking_event (id, booking_id, kind, occurred_at, actor, details)
         select gen_random_uuid(), id, 'cancelled', created_at, 'system', '{\"version\": 1}' from booking where status = 'confirmed'",
     &[("events_tell_the_status", 1)]),
    ("a flight that does not fly, which nobody was told",
     "update flight set status = 'cancelled'",
     &[("cancelled_flights_are_announced", 1)]),
    ("a booking that the job of a disruption has forgotten",
     "update flight set status = 'cancelled';
         insert into disruption (id, flight_id, kind, reason, created_at, departs_at, arrives_at, bookings, passengers, job_id, finished_at)
         select gen_random_uuid(), id, 'cancelled', 'Crew', departs_at - interval '1 year', departs_at, arrives_at, 1, 1, gen_random_uuid(), departs_at from flight",
     &[("cancelled_flights_are_announced", 1)]),
    ("a booking that was divided, and has nothing of it",
     "insert into booking_split (new_booking_id, booking_id, origin_id, split_at, currency, total_minor)
         select n.id, b.id, b.id, n.created_at, n.currency, 5 from booking n, booking b where n.status = 'pending_payment' and b.status = 'expired'",
     &[("splits_add_up", 2)]),
    ("a job that nobody took back",
     "update outbox set status = 'running', lease_until = created_at - interval '61 minutes' where kind = 'send_sms'",
     &[("no_job_is_lost", 1)]),
];

/// Money that came in error and goes back, posted; and a receipt of it, numbered, ready and mailed. Each function breaks no
/// rule but for what its argument breaks.
const PLANTS: &str = "
    create function plant_refund(refund_status text) returns uuid language sql as $$
        with came as (
            insert into payment (id, booking_id, status, currency, amount_minor, created_at, expires_at, success_url, cancel_url)
            select gen_random_uuid(), id, 'mismatched', 'USD', 5, created_at, created_at, '', '' from booking where status = 'expired'
            returning *
        ), went as (
            insert into refund (id, payment_id, booking_id, status, reason, currency, amount_minor, created_at, stripe_refund_id)
            select gen_random_uuid(), id, booking_id, refund_status, 'mismatched_payment', currency, amount_minor, created_at, id from came
            returning *
        ), posted as (
            insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
            select gen_random_uuid(), w.booking_id, w.created_at, e.kind, case e.kind when 'mismatched_payment' then w.payment_id else w.id end,
                   e.debit, e.credit, w.amount_minor, w.currency
            from went w, (values
                ('mismatched_payment', 'stripe_clearing', 'customer', array['pending', 'succeeded', 'failed']),
                ('refund', 'customer', 'refunds_payable', array['pending', 'succeeded', 'failed']),
                ('refund_paid', 'refunds_payable', 'stripe_clearing', array['succeeded']),
                ('refund_failed', 'refunds_payable', 'customer', array['failed'])) e (kind, debit, credit, of)
            where w.status = any(e.of)
        )
        select id from went
    $$;
    create function plant_dispute(payment_status text, dispute_status text, entries integer) returns void language sql as $$
        with opened as (
            insert into dispute (id, stripe_dispute_id, stripe_payment_intent_id, payment_id, booking_id, status, reason, currency,
                                 amount_minor, opened_at, closed_at)
            select gen_random_uuid(), 'du_1', 'pi_1', id, booking_id, dispute_status, 'fraudulent', currency, amount_minor, created_at,
                   case when dispute_status in ('won', 'lost') then created_at end
            from payment where status = payment_status
            returning *
        )
        insert into ledger_entry (id, booking_id, posted_at, kind, reference, debit, credit, amount_minor, currency)
        select gen_random_uuid(), booking_id, opened_at, e.kind, opened.id, e.debit, e.credit, amount_minor, currency
        from opened, (values (1, 'dispute_withdrawn', 'disputes', 'stripe_clearing'),
                             (2, 'dispute_reinstated', 'stripe_clearing', 'disputes')) e (position, kind, debit, credit)
        where e.position <= entries
    $$;
    create function plant_receipt(refund_id uuid, revision integer) returns void language sql as $$
        with counted as (
            insert into invoice_counter as c (kind, fiscal_year, last_number) values ('refund_receipt', '26-27', 1)
            on conflict on constraint invoice_counter_pkey do update set last_number = c.last_number + 1 returning last_number
        ), made as (
            insert into document (id, account_id, booking_id, kind, created_at, number, refund_id, revision, status, ready_at, storage_key, sha256)
            select gen_random_uuid(), b.account_id, b.id, 'refund_receipt', r.created_at, 'FD/26-27/R' || lpad(last_number::text, 5, '0'), r.id, $2,
                   'ready', r.created_at, 'x', 'x'
            from counted, refund r join booking b on b.id = r.booking_id where r.id = $1
            returning *
        )
        insert into outbox (id, kind, queue, payload, unique_key, status, max_attempts, created_at, run_after)
        select gen_random_uuid(), 'send_mail', 'mail', '{}', format('refund_paid.%s:%s', made.refund_id, booking_id), 'done', 1, created_at, created_at
        from made
    $$;";

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_receipt_of_money_that_went_back_and_a_void_one_of_money_that_came_again_break_no_rule_of_receipts(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let ended = world.book(&mut conn, 1).await;
    crate::booking::expire(&mut conn, &world.clock, &ended)
        .await
        .unwrap();
    sqlx::raw_sql(PLANTS).execute(&mut *conn).await.unwrap();
    for (planted, rules) in [
        ("select plant_receipt(plant_refund('succeeded'), 1)", 0),
        ("select plant_receipt(plant_refund('failed'), 2)", 1),
    ] {
        sqlx::raw_sql(planted).execute(&mut *conn).await.unwrap();
        let noticed = broken(&mut conn, &world).await;
        assert_eq!(noticed.len(), rules, "{planted}: {noticed:?}");
        // What came again is limbo until somebody has given it back.
        assert!(
            noticed
                .iter()
                .all(|(rule, _)| rule == "money_kept_is_earned")
        );
    }
}

#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn a_refund_that_waits_for_an_open_dispute_and_one_that_a_lost_one_paid_break_no_rule(
    pool: PgPool,
) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    let ended = world.book(&mut conn, 1).await;
    crate::booking::expire(&mut conn, &world.clock, &ended)
        .await
        .unwrap();
    sqlx::raw_sql(PLANTS).execute(&mut *conn).await.unwrap();
    for planted in [
        "select plant_refund('pending'); update refund set stripe_refund_id = null; select plant_dispute('mismatched', 'under_review', 1)",
        "select plant_refund('failed'); select plant_dispute('mismatched', 'lost', 1)",
    ] {
        let mut tx = conn.begin().await.unwrap();
        sqlx::raw_sql(planted).execute(&mut *tx).await.unwrap();
        assert_eq!(broken(&mut tx, &world).await, [], "{planted}");
        tx.rollback().await.unwrap();
    }
}

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
    sqlx::raw_sql(PLANTS).execute(&mut *conn).await.unwrap();
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

/// A version that writes no events may serve beside this one for a while.
#[sqlx::test(migrator = "crate::db::MIGRATOR")]
async fn bookings_of_the_first_hour_may_lack_events(pool: PgPool) {
    let mut conn = pool.acquire().await.unwrap();
    let world = World::begin(&mut conn).await;
    world.book(&mut conn, 1).await;
    for (first, violations) in [("59 minutes", 0), ("61 minutes", 1)] {
        let mut tx = conn.begin().await.unwrap();
        let harm = format!(
            "delete from booking_event where kind <> 'changed';
             update booking_event set occurred_at = (select created_at from booking) - interval '{first}'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(harm))
            .execute(&mut *tx)
            .await
            .unwrap();
        let noticed = broken(&mut tx, &world).await;
        assert_eq!(noticed.len(), violations, "{first}: {noticed:?}");
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
