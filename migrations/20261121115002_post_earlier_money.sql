-- What was sold, paid and given back before there was a ledger, in the order it happened.
insert into ledger_entry (id, booking_id, posted_at, kind, reference, ordinal, debit, credit, amount_minor, currency)
select gen_random_uuid(), e.booking_id, e.posted_at, e.kind, e.reference, e.ordinal, e.debit, e.credit, e.amount_minor, e.currency
from (
    select p.booking_id, p.ended_at as posted_at, 1 as step,
           case when b.late_payment_resolution is not null and p.ended_at >= b.payment_due_at then 'late_payment' else 'payment' end as kind,
           p.id as reference, 0 as ordinal, 'stripe_clearing' as debit, 'customer' as credit, p.amount_minor, p.currency
    from payment p join booking b on b.id = p.booking_id where p.status = 'succeeded'
    union all
    select b.id, b.confirmed_at, 2, 'sale', b.id, l.ordinal,
           case when l.amount_minor > 0 then 'customer' else l.account end,
           case when l.amount_minor > 0 then l.account else 'customer' end,
           abs(l.amount_minor), b.currency
    from booking b
    join (
        select booking_id, account, sum(amount_minor)::bigint as amount_minor,
               row_number() over (partition by booking_id order by min(ordinal)) - 1 as ordinal
        from (
            select booking_id, ordinal, amount_minor, case when kind in ('tax', 'fee') then kind || ':' || code else kind end as account
            from price_line
        ) line
        group by booking_id, account
    ) l on l.booking_id = b.id and l.amount_minor <> 0
    where b.confirmed_at is not null
    union all
    select booking_id, created_at, 3, 'refund', id, 0, 'customer', 'refunds_payable', amount_minor, currency from refund
    union all
    select booking_id, ended_at, 4, 'refund_paid', id, 0, 'refunds_payable', 'stripe_clearing', amount_minor, currency from refund where status = 'succeeded'
    union all
    select booking_id, ended_at, 4, 'refund_failed', id, 0, 'refunds_payable', 'customer', amount_minor, currency from refund where status = 'failed'
) e
order by e.posted_at, e.step, e.ordinal;
