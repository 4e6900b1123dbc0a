select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s costs %s, its lines %s', b.booking_ref, b.total_minor, coalesce(l.total, 0)) as example
    from booking b
    left join (select booking_id, sum(amount_minor) as total from price_line group by booking_id) l on l.booking_id = b.id
    where b.total_minor <> coalesce(l.total, 0)
    union all
    select format('booking %s costs %s %s, its payment %s takes %s %s', b.booking_ref, b.total_minor, b.currency, p.id, p.amount_minor, p.currency)
    from payment p join booking b on b.id = p.booking_id
    left join booking_change c on c.id = p.booking_change_id
    where p.status = 'open' and (p.amount_minor, p.currency) <> (coalesce(c.amount_minor, b.total_minor), b.currency)
) violation
limit 10
