select format('payment %s of booking %s, which is %s', p.id, b.booking_ref, b.status) as "example!", count(*) over () as "violations!"
from payment p
join booking b on b.id = p.booking_id
where p.status = 'open' and b.status in ('cancelled', 'expired')
limit 10
