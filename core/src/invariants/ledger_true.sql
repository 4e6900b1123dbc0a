-- Each entry has two sides of one amount, so the books always balance; here, that they say what happened.
select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s %s: ledger has %s at stripe, %s payable, %s sold; rows say %s, %s, %s', b.booking_ref, side.currency,
                  sum(clearing), sum(payable), sum(sold), sum(came), sum(pending), sum(total)) as example
    from (
        select booking_id, currency,
               case 'stripe_clearing' when debit then amount_minor when credit then -amount_minor else 0 end as clearing,
               case 'refunds_payable' when credit then amount_minor when debit then -amount_minor else 0 end as payable,
               case when kind <> 'sale' then 0 when debit = 'customer' then amount_minor else -amount_minor end as sold,
               0 as came, 0 as pending, 0 as total
        from ledger_entry
        union all
        select booking_id, currency, 0, 0, 0, amount_minor, 0, 0 from payment where status in ('succeeded', 'mismatched')
        union all
        select booking_id, currency, 0, 0, 0, case status when 'succeeded' then -amount_minor else 0 end,
               case status when 'pending' then amount_minor else 0 end, 0
        from refund
        union all
        select id, currency, 0, 0, 0, 0, 0, total_minor from booking where confirmed_at is not null
    ) side
    join booking b on b.id = side.booking_id
    group by b.booking_ref, side.currency
    having sum(clearing) <> sum(came) or sum(payable) <> sum(pending) or sum(sold) <> sum(total)
    union all
    select format('refund %s of booking %s: %s entries', r.id, r.booking_id, count(e.id))
    from refund r left join ledger_entry e on e.kind = 'refund' and e.reference = r.id and e.amount_minor = r.amount_minor
    group by r.id
    having count(e.id) <> 1
) violation
limit 10
