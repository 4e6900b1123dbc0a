select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s: %s has %s tickets of %s', b.booking_ref, p.id, count(t.id), a.validating_airline) as example
    from booking b
    join passenger p on p.booking_id = b.id
    join (select distinct booking_id, validating_airline from direction where status = 'booked') a on a.booking_id = b.id
    left join ticket t on t.passenger_id = p.id and t.validating_airline = a.validating_airline and t.status = 'issued'
    where b.status = 'confirmed'
    group by b.booking_ref, p.id, a.validating_airline
    having count(t.id) <> 1
    union all
    select format('booking %s: no ticket document of %s', b.booking_ref, a.validating_airline)
    from booking b
    join (select distinct booking_id, validating_airline from direction where status = 'booked') a on a.booking_id = b.id
    where b.status = 'confirmed' and not exists (
        select from document d where d.booking_id = b.id and d.kind = 'ticket' and d.airline = a.validating_airline)
) violation
limit 10
