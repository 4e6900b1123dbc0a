-- A refund that failed is money in limbo: it is named here until somebody has given it back.
select example as "example!", count(*) over () as "violations!"
from (
    select format('payment %s of booking %s, which is %s: %s of %s goes back', p.id, b.booking_ref, b.status,
                  coalesce(sum(r.amount_minor), 0), p.amount_minor) as example
    from payment p
    join booking b on b.id = p.booking_id
    left join refund r on r.payment_id = p.id and r.status <> 'failed'
    where p.status = 'mismatched' or (p.status = 'succeeded' and b.confirmed_at is null)
    group by p.id, b.booking_ref, b.status
    having coalesce(sum(r.amount_minor), 0) <> p.amount_minor
    union all
    select format('booking %s costs %s, kept is %s', b.booking_ref, b.total_minor, coalesce(k.kept, 0))
    from booking b
    left join (
        select p.booking_id, sum(p.amount_minor) as kept from payment p
        where p.status = 'succeeded' and not exists (
            select from refund r where r.payment_id = p.id and r.reason in ('late_payment', 'duplicate_payment'))
        group by p.booking_id
    ) k on k.booking_id = b.id
    where b.status = 'confirmed' and b.total_minor <> coalesce(k.kept, 0)
) violation
limit 10
