-- A refund that failed is money in limbo: it is named here until somebody has given it back.
-- What was lost in a dispute is given as well; what replaces a refund that failed is the same money.
with back as materialized (
    select payment_id, booking_id, coalesce(sum(ours), 0) as ours, sum(given) as given, coalesce(bool_or(is_whole), false) as is_whole
    from (
        select payment_id, booking_id, case when reason in ('seat_fees', 'seat_swap', 'cancellation', 'change') and replaces_id is null then amount_minor end as ours,
               case when status <> 'failed' then amount_minor else 0 end as given, reason in ('late_payment', 'duplicate_payment') as is_whole
        from refund
        union all
        select payment_id, booking_id, null, amount_minor, null from dispute where status = 'lost' and payment_id is not null
        union all
        -- Where a payment is shared, what was lost of it has ended refunds of the other bookings too.
        select r.payment_id, whose.booking_id, null, case when whose.booking_id = r.booking_id then e.amount_minor else -e.amount_minor end, null
        from ledger_entry e
        join refund r on r.id = e.reference
        join payment p on p.id = r.payment_id and p.booking_id <> r.booking_id
        cross join lateral (values (r.booking_id), (p.booking_id)) as whose (booking_id)
        where e.kind = 'refund_by_dispute'
    ) one
    group by payment_id, booking_id
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('payment %s of booking %s, which is %s: %s of %s goes back', p.id, b.booking_ref, b.status,
                  coalesce(r.given, 0), p.amount_minor) as example
    from payment p
    join booking b on b.id = p.booking_id
    left join back r on r.payment_id = p.id and r.booking_id = p.booking_id
    where (p.status = 'mismatched' or (p.status = 'succeeded' and b.confirmed_at is null))
      and coalesce(r.given, 0) <> p.amount_minor
    union all
    select format('booking %s costs %s, kept is %s', b.booking_ref, b.total_minor, coalesce(k.most, 0))
    from booking b
    left join (
        -- Fees of seats that could not be had, or that another aircraft took, and what was cancelled are not kept, whoever gave
        -- them back. Staff who give back more at Stripe do so out of goodwill: the total stays.
        select p.booking_id, sum(p.amount_minor - coalesce(least(r.ours, r.given), 0)) as most,
               sum(p.amount_minor - coalesce(r.given, 0)) as least
        from (
            select payment_id, booking_id, sum(amount_minor) as amount_minor from payment_share where status = 'succeeded'
            group by payment_id, booking_id
        ) p
        left join back r on r.payment_id = p.payment_id and r.booking_id = p.booking_id
        where not coalesce(r.is_whole, false)
        group by p.booking_id
    ) k on k.booking_id = b.id
    where b.confirmed_at is not null and b.status in ('confirmed', 'partially_cancelled', 'cancelled')
      and not b.total_minor between coalesce(k.least, 0) and coalesce(k.most, 0)
      -- Without a cancellation nothing but the fees of seats may go back.
      or b.status = 'confirmed' and b.total_minor <> coalesce(k.most, 0)
) violation
limit 10
