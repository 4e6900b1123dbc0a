select format('booking %s is %s and has ticket %s', b.booking_ref, b.status, t.number) as "example!", count(*) over () as "violations!"
from ticket t
join booking b on b.id = t.booking_id
where t.status = 'issued' and b.status not in ('confirmed', 'partially_cancelled')
limit 10
