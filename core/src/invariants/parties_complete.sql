select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s: %s seats on flight %s for %s', b.booking_ref, bf.seats, bf.flight_id, p.seated) as example
    from booking b
    join booked_flight bf on bf.booking_id = b.id
    join (
        select booking_id, count(*) filter (where passenger_type <> 'infant') as seated from passenger group by booking_id
    ) p on p.booking_id = b.id
    where bf.seats <> p.seated and b.status in ('pending_payment', 'confirmed')
    union all
    select format('hold %s: %s, booking %s', h.id, h.status, coalesce(b.booking_ref, 'none'))
    from hold h left join booking b on b.hold_id = h.id
    where (h.status = 'booked') <> (b.id is not null)
) violation
limit 10
