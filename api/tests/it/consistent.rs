//! What must hold of the whole database once nothing is under way: counters are what the rows say, and nobody flies
//! unpaid or pays for nothing. The program asks its own rules too; these were written without looking at them.

use chrono::DateTime;
use flightdesk_core::{Clock, invariants};
use sqlx::PgPool;

/// What is wrong, and the query that lists who breaks it, a line each.
const RULES: &[(&str, &str)] = &[
    (
        "`held` is the seats of open holds and unpaid bookings",
        "select format('%s %s: held %s, rows say %s', c.flight_id, c.cabin, c.held, r.seats)
         from flight_cabin c
         cross join lateral (
             select (select coalesce(sum(w.seats), 0) from booking_change_flight w join booking_change x on x.id = w.booking_change_id
                     where w.flight_id = c.flight_id and w.cabin = c.cabin and x.status = 'open')
                  + (select coalesce(sum(l.seats), 0) from hold_line l join hold h on h.id = l.hold_id
                     where l.flight_id = c.flight_id and l.cabin = c.cabin and h.status = 'open')
                  + (select coalesce(sum(bf.seats), 0) from booked_flight bf join booking b on b.id = bf.booking_id
                     where bf.flight_id = c.flight_id and bf.cabin = c.cabin and b.status = 'pending_payment') as seats
         ) r
         where c.held <> r.seats",
    ),
    (
        "`sold` is the seats of paid bookings",
        "select format('%s %s: sold %s, rows say %s', c.flight_id, c.cabin, c.sold, r.seats)
         from flight_cabin c
         cross join lateral (
             select coalesce(sum(bf.seats), 0) as seats from booked_flight bf join booking b on b.id = bf.booking_id
             join direction d on d.id = bf.direction_id and d.status = 'booked'
             where bf.flight_id = c.flight_id and bf.cabin = c.cabin and b.status in ('confirmed', 'partially_cancelled')
         ) r
         where c.sold <> r.seats",
    ),
    (
        "no cabin is oversold",
        "select format('%s %s: %s of %s', flight_id, cabin, held + sold, capacity) from flight_cabin where held + sold > capacity",
    ),
    (
        "a hold counts a seat for everybody but infants",
        "select h.id::text from hold h join hold_line l on l.hold_id = h.id where l.seats <> h.adults + h.children",
    ),
    (
        "a hold has the lines of at least one flight",
        "select h.id::text from hold h where not exists (select from hold_line l where l.hold_id = h.id)",
    ),
    (
        "a booking counts a seat for everybody who flies but infants",
        "select b.booking_ref from booking b join booked_flight bf on bf.booking_id = b.id
         join direction d on d.id = bf.direction_id and d.status = 'booked'
         where bf.seats <> (select count(*) from passenger p where p.booking_id = b.id and p.passenger_type <> 'infant'
             and not exists (select from cancelled_place c where c.passenger_id = p.id and c.direction_id = d.id))",
    ),
    (
        "a booked hold has its booking, and no other hold has one",
        "select h.id::text from hold h left join booking b on b.hold_id = h.id where (h.status = 'booked') <> (b.id is not null)",
    ),
    (
        "nobody sits on the seat of a hold or booking that has ended",
        "select format('%s%s of hold %s', s.seat_row, s.letter, s.hold_id)
         from passenger_seat s join hold h on h.id = s.hold_id left join booking b on b.hold_id = h.id
         where not (h.status = 'open' or (h.status = 'booked' and b.status in ('pending_payment', 'confirmed', 'partially_cancelled')))",
    ),
    (
        "no party sits on more seats of a flight than it has",
        "select format('%s: %s seats', s.hold_id, count(*)) from passenger_seat s
         join hold_line l on l.hold_id = s.hold_id and l.flight_id = s.flight_id
         -- Nobody sits yet where a change that waits for its money would have them sit.
         where s.passenger_id is not null or not exists (
             select from booking b join booking_change c on c.booking_id = b.id and c.status = 'open'
             join booking_change_seat i on i.booking_change_id = c.id
             where b.hold_id = s.hold_id and (i.flight_id, i.seat_row, i.letter) = (s.flight_id, s.seat_row, s.letter))
         group by s.hold_id, s.flight_id, l.seats having count(*) > l.seats",
    ),
    (
        "everybody of a live booking, and nobody else, is on its flights once",
        "select b.booking_ref from booking b
         where case when b.status in ('pending_payment', 'confirmed', 'partially_cancelled')
             then not exists (select from live_traveller t where t.booking_id = b.id)
                  or (select count(distinct t.flight_id) from live_traveller t where t.booking_id = b.id
                      -- Nor on the flights of a change that waits for its money.
                      and not exists (select from booking_change_flight w join booking_change x on x.id = w.booking_change_id
                                      where x.booking_id = b.id and x.status = 'open' and w.flight_id = t.flight_id))
                     <> (select count(*) from booked_flight bf join direction d on d.id = bf.direction_id and d.status = 'booked'
                         where bf.booking_id = b.id)
             else exists (select from live_traveller t where t.booking_id = b.id) end",
    ),
    (
        "a ticket has a coupon for each flight of its airline's directions",
        "select t.number from ticket t
         where t.status = 'issued'
           and (select count(*) from ticket_coupon c where c.ticket_id = t.id and c.status <> 'refunded')
            <> (select count(*) from booked_flight bf join direction d on d.id = bf.direction_id
                where d.booking_id = t.booking_id and d.validating_airline = t.validating_airline
                  and not exists (select from cancelled_place g where g.passenger_id = t.passenger_id and g.direction_id = d.id)
                  -- What was flown or cancelled before an exchange stays on the old ticket.
                  and not exists (select from ticket o join ticket_coupon u on u.ticket_id = o.id and u.status in ('flown', 'no_show', 'refunded')
                                  where o.passenger_id = t.passenger_id and o.status = 'exchanged' and u.booked_flight_id = bf.id))",
    ),
    (
        "everybody on a paid booking has one ticket of each validating airline",
        "select format('%s: %s tickets', b.booking_ref, count(t.id))
         from booking b join passenger p on p.booking_id = b.id
         cross join lateral (select distinct d.validating_airline from direction d where d.booking_id = b.id) a
         left join ticket t on t.passenger_id = p.id and t.validating_airline = a.validating_airline and t.status = 'issued'
         where b.status = 'confirmed'
         group by b.booking_ref, p.id, a.validating_airline having count(t.id) <> 1",
    ),
    (
        "a paid booking has one document of each validating airline",
        "select format('%s: %s documents', b.booking_ref, count(d.id))
         from booking b
         cross join lateral (select distinct d.validating_airline from direction d where d.booking_id = b.id) a
         left join document d on d.booking_id = b.id and d.kind = 'ticket' and d.airline = a.validating_airline
         where b.status = 'confirmed'
         group by b.booking_ref, a.validating_airline having count(d.id) <> 1",
    ),
    (
        "the lines of an invoice are what was paid for it",
        "select d.number from document d join payment p on p.id = d.payment_id
         where d.kind = 'invoice'
           and p.amount_minor - (select coalesce(sum(r.amount_minor), 0) from refund r where r.payment_id = p.id and r.reason = 'seat_fees' and r.replaces_id is null)
            <> (select coalesce(sum(l.amount_minor), 0) from price_line l where l.invoice_id = d.id)",
    ),
    (
        "invoices are numbered from one without a gap",
        "select d.number from (
             select number, row_number() over (partition by left(number, -7) order by number) as position
             from document where kind = 'invoice'
         ) d where right(d.number, 6)::bigint <> d.position",
    ),
    (
        "credit notes and receipts are numbered from one without a gap, each by itself",
        "select d.number from (
             select number, row_number() over (partition by left(number, -5) order by number) as position
             from document where kind = 'refund_receipt'
         ) d where right(d.number, 5)::bigint <> d.position",
    ),
    (
        "what went back has a receipt, a credit note if an invoice is of the money",
        "select r.id::text from refund r
         left join document d on d.refund_id = r.id and d.kind = 'refund_receipt' and d.booking_id = r.booking_id
         left join document i on i.payment_id = r.payment_id and i.kind = 'invoice'
         where (r.status = 'succeeded' and d.id is null) or (r.status = 'pending' and d.id is not null)
            or (d.id is not null and r.reason in ('late_payment', 'duplicate_payment', 'mismatched_payment', 'seat_fees')
                and (d.corrects_id is not null or d.number not like '%/R%'))
            or (d.id is not null and r.reason in ('cancellation', 'change', 'seat_swap') and i.id is not null
                and (d.corrects_id is null or d.number not like '%/C%'))
            or (r.status = 'failed' and d.revision = 1)",
    ),
    (
        "nothing unpaid is ticketed",
        "select b.booking_ref from booking b
         where (exists (select from ticket t where t.booking_id = b.id)
                or exists (select from document d where d.booking_id = b.id and d.kind <> 'refund_receipt'))
           and not exists (select from payment p where p.booking_id = b.id and p.status = 'succeeded')
           -- Who came of a split has paid there.
           and not exists (select from payment_split s join payment p on p.id = s.payment_id where s.new_booking_id = b.id and p.status = 'succeeded')
           and b.total_minor > 0",
    ),
    (
        "who has no seat has no good ticket",
        "select b.booking_ref from booking b join ticket t on t.booking_id = b.id and t.status = 'issued'
         where b.status not in ('confirmed', 'partially_cancelled')",
    ),
    (
        "a paid booking keeps exactly one payment",
        "select format('%s: %s payments kept', b.booking_ref, count(p.id))
         from booking b
         left join payment p on p.booking_id = b.id and p.status = 'succeeded' and p.booking_change_id is null
              and not exists (select from refund r where r.payment_id = p.id and r.reason in ('late_payment', 'duplicate_payment'))
         where b.status = 'confirmed' and not exists (select from booking_split s where s.new_booking_id = b.id)
         group by b.booking_ref, b.total_minor having count(p.id) <> (b.total_minor > 0)::int",
    ),
    (
        "a coupon and an account count the uses that were not given back, and what ended unpaid keeps none",
        "select c.code from coupon c
         where c.used <> (select count(distinct coalesce((select s.origin_id from booking_split s where s.new_booking_id = r.booking_id), r.booking_id))
                          from coupon_redemption r where r.code = c.code and r.returned_at is null)
         union all
         select a.code from coupon_account a
         where a.used <> (select count(distinct coalesce((select s.origin_id from booking_split s where s.new_booking_id = r.booking_id), r.booking_id))
                          from coupon_redemption r where r.code = a.code and r.account_id = a.account_id and r.returned_at is null)
         union all
         select b.booking_ref from booking b join coupon_redemption r on r.booking_id = b.id
         where (r.returned_at is null) <> (b.status in ('pending_payment', 'confirmed', 'partially_cancelled') or b.confirmed_at is not null)",
    ),
    (
        "a booking's discount lines are its coupon's, baggage has a line each, and no fare is discounted below zero",
        "select b.booking_ref from booking b
         where coalesce((select -sum(l.amount_minor) from price_line l where l.booking_id = b.id and l.kind = 'discount' and l.amount_minor < 0), 0)
               <> coalesce((select r.discount_minor from coupon_redemption r where r.booking_id = b.id), 0)
            or (select count(*) from price_line l where l.booking_id = b.id and l.kind = 'baggage' and l.amount_minor > 0)
               <> (select count(*) from baggage_item i where i.booking_id = b.id)
            or exists (select from price_line l where l.booking_id = b.id and l.kind in ('base_fare', 'discount')
                       and l.passenger_id is null group by l.direction, l.flight_id, l.passenger_type having sum(l.amount_minor) < 0)",
    ),
    (
        "money for a booking that is not paid is on its way back",
        "select b.booking_ref from payment p join booking b on b.id = p.booking_id
         where p.status = 'succeeded' and b.confirmed_at is null
           and not exists (select from refund r where r.payment_id = p.id and r.amount_minor = p.amount_minor and r.status <> 'failed')
           and p.amount_minor <> (select coalesce(sum(r.amount_minor), 0) from refund r where r.payment_id = p.id and r.status <> 'failed')
             + (select coalesce(sum(d.amount_minor), 0) from dispute d where d.payment_id = p.id and d.status = 'lost')",
    ),
    (
        "no more goes back than came",
        "select p.id::text from payment p
         cross join lateral (
             select (select coalesce(sum(r.amount_minor), 0) from refund r where r.payment_id = p.id and r.status <> 'failed')
                  + (select coalesce(sum(d.amount_minor), 0) from dispute d where d.payment_id = p.id and d.status = 'lost') as back
         ) gone
         where gone.back > p.amount_minor or (gone.back > 0 and p.status not in ('succeeded', 'mismatched'))",
    ),
    (
        "a booking costs the sum of its lines, and that is what is charged and kept",
        "select b.booking_ref from booking b
         where b.total_minor <> (select sum(l.amount_minor) from price_line l where l.booking_id = b.id)
            or exists (select from payment p where p.booking_id = b.id and p.status = 'open' and p.booking_change_id is null
                and (p.currency <> b.currency or p.amount_minor <> b.total_minor - (
                    select coalesce(sum(c.amount_minor), 0) from booking_change c where c.booking_id = b.id and c.status = 'done')))
            or exists (select from payment p where p.booking_id = b.id and p.status = 'succeeded' and p.booking_change_id is null
                and not exists (select from refund r where r.payment_id = p.id and r.reason in ('late_payment', 'duplicate_payment'))
                and p.amount_minor <> b.total_minor - (
                    select coalesce(sum(c.amount_minor), 0) from booking_change c where c.booking_id = b.id and c.status = 'done') + (
                    select coalesce(sum(r.amount_minor), 0) from refund r
                    where r.replaces_id is null and ((r.payment_id = p.id and r.reason = 'seat_fees') or (r.booking_id = b.id and r.reason = 'seat_swap'))) + (
                    -- What was cancelled is not kept, whoever gave it back.
                    select coalesce(sum(x.refund_minor), 0) from cancellation x where x.booking_id = b.id) + (
                    -- What others cost who have a booking of their own since.
                    select coalesce(sum(s.total_minor), 0) from booking_split s where s.booking_id = b.id))",
    ),
    (
        "nobody can pay for what has ended",
        "select b.booking_ref from booking b join payment p on p.booking_id = b.id and p.status = 'open' where b.status in ('expired', 'cancelled')",
    ),
    (
        "a booking begins with an event, and is paid, cancelled or expired as its newest event of these says",
        "select b.booking_ref from booking b
         where exists (select from booking_event e where e.booking_id = b.id)
           and b.status is distinct from (
               select case e.kind when 'held' then 'pending_payment' when 'split_from' then e.details -> 'status' ->> 'to' else e.kind end from booking_event e
               where e.booking_id = b.id and e.kind in ('held', 'split_from', 'confirmed', 'partially_cancelled', 'cancelled', 'expired')
                 and not exists (
                     select from booking_event newer
                     where newer.booking_id = b.id and newer.position > e.position
                       and newer.kind in ('confirmed', 'partially_cancelled', 'cancelled', 'expired')))
         union all
         select e.booking_id::text from booking_event e where e.kind = 'held'
           and exists (select from booking_event o where o.booking_id = e.booking_id and o.position < e.position)",
    ),
    (
        "what Stripe has of us in the ledger is what came less what went back or was taken",
        "select b.booking_ref from booking b
         where (select coalesce(sum(amount_minor), 0) from ledger_line l where l.booking_id = b.id and l.account = 'stripe_clearing' and l.currency = b.currency)
            <> (select coalesce(sum(amount_minor), 0) from payment p where p.booking_id = b.id and p.ended_at is not null and p.stripe_payment_intent_id is not null and p.currency = b.currency)
             + (select coalesce(sum(case when s.new_booking_id = b.id then s.amount_minor else -s.amount_minor end), 0)
                from payment_split s where b.id in (s.new_booking_id, s.booking_id))
             - (select coalesce(sum(amount_minor), 0) from refund r where r.booking_id = b.id and r.status = 'succeeded' and r.currency = b.currency and r.settled_by is null)
             - (select coalesce(sum(amount_minor), 0) from dispute d where d.booking_id = b.id and d.currency = b.currency
                    and d.status not in ('won', 'prevented') and d.status not like 'warning%')",
    ),
    (
        "a dispute took its money once, and returned it only when it was won",
        "select d.stripe_dispute_id from dispute d
         where d.booking_id is not null
           and ((select coalesce(sum(e.amount_minor), 0) from ledger_entry e where e.reference = d.id and e.kind = 'dispute_withdrawn')
                    <> case when d.status in ('needs_response', 'under_review', 'won', 'lost') then d.amount_minor else 0 end
                or (select coalesce(sum(e.amount_minor), 0) from ledger_entry e where e.reference = d.id and e.kind = 'dispute_reinstated')
                    <> case when d.status = 'won' then d.amount_minor else 0 end)",
    ),
    (
        "nobody owes the traveller of a booking what a lost dispute gave",
        "select r.id::text from refund r join ledger_entry e on e.kind = 'refund_by_dispute' and e.reference = r.id
         where r.status <> 'failed' or r.failure <> 'lost_dispute' or e.amount_minor > r.amount_minor
            or not exists (select from dispute d where d.payment_id = r.payment_id and d.status = 'lost')",
    ),
    (
        "a refund replaces one that failed, of the same payment and amount",
        "select r.id::text from refund r join refund f on f.id = r.replaces_id
         where f.status <> 'failed' or (f.payment_id, f.amount_minor, f.currency, f.reason) <> (r.payment_id, r.amount_minor, r.currency, r.reason)",
    ),
    (
        "two bookings that were one have its people, its money and its use of a coupon between them",
        "select n.booking_ref from booking_split s join booking n on n.id = s.new_booking_id join booking b on b.id = s.booking_id
         where (n.account_id, n.created_at, n.currency) <> (b.account_id, b.created_at, b.currency)
            or s.total_minor <> (select coalesce(sum(p.amount_minor), 0) from payment_split p where p.new_booking_id = n.id)
            or s.total_minor <> (select coalesce(sum(l.amount_minor), 0) from ledger_line l where l.booking_id = n.id and l.account = 'customer' and l.kind = 'sale_split')
            or exists (select from passenger p join passenger a on a.id = p.adult_id where p.booking_id = n.id and a.booking_id <> n.id)
            or exists (select from ticket t join passenger p on p.id = t.passenger_id where t.booking_id <> p.booking_id)
            or exists (select from passenger_seat x join passenger p on p.id = x.passenger_id join booking o on o.id = p.booking_id where x.hold_id <> o.hold_id)
         union all
         select p.id::text from payment p
         where p.amount_minor < (select coalesce(sum(s.amount_minor), 0) from payment_split s where s.payment_id = p.id and s.booking_id = p.booking_id)",
    ),
    (
        "a ticket that is not ready has a job that makes it, and a refund that was not asked for one that asks",
        "select d.id::text from document d where d.status in ('queued', 'rendering') and not exists (
             select from outbox o where o.kind = 'render_document' and o.payload ->> 'document_id' = d.id::text and o.status in ('waiting', 'queued', 'running'))
         union all
         select r.id::text from refund r where r.status = 'pending' and r.stripe_refund_id is null and r.failure is distinct from 'charge_disputed'
             and not exists (select from dispute d where d.payment_id = r.payment_id and d.closed_at is null and d.status not like 'warning%')
             and not exists (
             select from outbox o where o.kind = 'create_refund' and o.payload ->> 'refund_id' = r.id::text and o.status in ('waiting', 'queued', 'running'))",
    ),
];

/// Fails with everybody who breaks a rule.
pub async fn assert_consistent(pool: &PgPool) {
    for (rule, query) in RULES {
        let broken: Vec<String> = sqlx::query_scalar(*query).fetch_all(pool).await.unwrap();
        assert!(broken.is_empty(), "{rule}, but not {broken:?}");
    }
    // Events are older than any booking: each is asked for its own. Rolled back.
    let mut tx = pool.begin().await.unwrap();
    sqlx::query(
        "insert into booking_event (id, booking_id, kind, occurred_at, actor, details)
         values (gen_random_uuid(), gen_random_uuid(), 'changed', '2020-01-01', 'system', '{\"version\": 1}')",
    )
    .execute(&mut *tx)
    .await
    .unwrap();
    // Whatever a test's clock says: no lease has lapsed long ago.
    let clock = Clock::manual(DateTime::UNIX_EPOCH);
    for finding in invariants::check(&mut tx, &clock).await.unwrap() {
        assert_eq!(finding.violations, 0, "{finding:?}");
    }
}
