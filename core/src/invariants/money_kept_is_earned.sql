-- A refund that failed is money in limbo: it is named here until somebody has given it back.
-- What was lost in a dispute is given as well; what replaces a refund that failed is the same money.
with back as materialized (
    select payment_id, coalesce(sum(ours), 0) as ours, sum(given) as given, coalesce(bool_or(is_whole), false) as is_whole
    from (
        select payment_id, case when reason in ('seat_fees', 'seat_swap', 'cancellation', 'change') and replaces_id is null then amount_minor end as ours,
               case when status <> 'failed' then amount_minor else 0 end as given, reason in ('late_payment', 'duplicate_payment') as is_whole
        from refund
        union all
        select payment_id, null, amount_minor, null from dispute where status = 'lost' and payment_id is not null
    ) one
    group by payment_id
), party as materialized (
    -- Bookings that were one share their payments: what was given back too much to one is missing to the other. What each has
    -- of them is the question of another rule.
    select coalesce(s.origin_id, b.id) as id, min(b.booking_ref) filter (where s.origin_id is null) as booking_ref,
           sum(b.total_minor) as total_minor, bool_and(b.status = 'confirmed') as is_confirmed
    from booking b left join booking_split s on s.new_booking_id = b.id
    where b.confirmed_at is not null and b.status in ('confirmed', 'partially_cancelled', 'cancelled')
    group by coalesce(s.origin_id, b.id)
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('payment %s of booking %s, which is %s: %s of %s goes back', p.id, b.booking_ref, b.status,
                  coalesce(r.given, 0), p.amount_minor) as example
    from payment p
    join booking b on b.id = p.booking_id
    left join back r on r.payment_id = p.id
    where (p.status = 'mismatched' or (p.status = 'succeeded' and (b.confirmed_at is null or r.is_whole)))
      and coalesce(r.given, 0) <> p.amount_minor
    union all
    select format('booking %s costs %s, kept is %s', b.booking_ref, b.total_minor, coalesce(k.most, 0))
    from party b
    left join (
        -- Fees of seats that could not be had, or that another aircraft took, and what was cancelled are not kept, whoever gave
        -- them back. Staff who give back more at Stripe do so out of goodwill: the total stays.
        select coalesce(s.origin_id, p.booking_id) as booking_id, sum(p.amount_minor - coalesce(least(r.ours, r.given), 0)) as most,
               sum(p.amount_minor - coalesce(r.given, 0)) as least
        from payment p
        left join back r on r.payment_id = p.id
        left join booking_split s on s.new_booking_id = p.booking_id
        where p.status = 'succeeded' and not coalesce(r.is_whole, false)
        group by coalesce(s.origin_id, p.booking_id)
    ) k on k.booking_id = b.id
    where not b.total_minor between coalesce(k.least, 0) and coalesce(k.most, 0)
      -- Without a cancellation nothing but the fees of seats may go back.
      or b.is_confirmed and b.total_minor <> coalesce(k.most, 0)
) violation
limit 10
