with flown_by as materialized (
    select distinct b.id, b.booking_ref, d.validating_airline
    from booking b join direction d on d.booking_id = b.id and d.status = 'booked'
    where b.status = 'confirmed'
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s: %s has %s tickets of %s', a.booking_ref, p.id, coalesce(t.tickets, 0), a.validating_airline) as example
    from flown_by a
    join passenger p on p.booking_id = a.id
    left join (
        select passenger_id, validating_airline, count(*) as tickets from ticket where status = 'issued'
        group by passenger_id, validating_airline
    ) t on t.passenger_id = p.id and t.validating_airline = a.validating_airline
    where coalesce(t.tickets, 0) <> 1
    union all
    select format('booking %s: no ticket document of %s', a.booking_ref, a.validating_airline)
    from flown_by a
    left join document d on d.booking_id = a.id and d.kind = 'ticket' and d.airline = a.validating_airline
    where d.id is null
) violation
limit 10
