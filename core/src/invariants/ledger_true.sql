-- Each entry has two sides of one amount, so the books always balance; here, that they say what happened. A booking's
-- entries are added up before anything is joined: they are most of the rows.
select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s %s: ledger has %s at stripe, %s payable, %s sold; rows say %s, %s, %s', b.booking_ref, wrong.currency,
                  clearing, payable, sold, came, pending, total) as example
    from (
        select booking_id, currency, sum(clearing) as clearing, sum(payable) as payable, sum(sold) as sold,
               sum(came) as came, sum(pending) as pending, sum(total) as total
        from (
            select booking_id, currency,
                   sum(case 'stripe_clearing' when debit then amount_minor when credit then -amount_minor end) as clearing,
                   sum(case 'refunds_payable' when credit then amount_minor when debit then -amount_minor end) as payable,
                   sum(case when kind in ('sale', 'sale_split') then case debit when 'customer' then amount_minor else -amount_minor end end) as sold,
                   0::bigint as came, 0::bigint as pending, 0::bigint as total
            from ledger_entry group by booking_id, currency
            union all
            select booking_id, currency, 0, 0, 0, amount_minor, 0, 0 from payment_share where status in ('succeeded', 'mismatched')
            union all
            select booking_id, currency, 0, 0, 0, case when status = 'succeeded' and settled_by is null then -amount_minor else 0 end,
                   case status when 'pending' then amount_minor else 0 end, 0
            from refund
            union all
            -- What banks have, or have kept.
            select booking_id, currency, 0, 0, 0, -amount_minor, 0, 0 from dispute
            where status in ('needs_response', 'under_review', 'lost') and booking_id is not null
            union all
            select id, currency, 0, 0, 0, 0, 0, total_minor from booking where confirmed_at is not null
        ) side
        group by booking_id, currency
        having coalesce(sum(clearing), 0) <> sum(came) or coalesce(sum(payable), 0) <> sum(pending) or coalesce(sum(sold), 0) <> sum(total)
    ) wrong
    join booking b on b.id = wrong.booking_id
    union all
    select format('refund %s of booking %s: %s entries', r.id, r.booking_id, count(e.id))
    from refund r left join ledger_entry e on e.kind = 'refund' and e.reference = r.id and e.amount_minor = r.amount_minor
    group by r.id
    having count(e.id) <> 1
) violation
limit 10
