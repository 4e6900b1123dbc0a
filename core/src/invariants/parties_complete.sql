select example as "example!", count(*) over () as "violations!"
from (
    -- In each direction that somebody flies, the seats are those of the passengers who do.
    select format('booking %s: %s seats on flight %s for %s', b.booking_ref, bf.seats, bf.flight_id,
                  p.seated - coalesce(gone.seated, 0)) as example
    from booking b
    join booked_flight bf on bf.booking_id = b.id
    join direction d on d.id = bf.direction_id and d.status = 'booked'
    join (
        select booking_id, count(*) filter (where passenger_type <> 'infant') as seated from passenger group by booking_id
    ) p on p.booking_id = b.id
    left join (
        select c.direction_id, count(*) filter (where passenger.passenger_type <> 'infant') as seated
        from cancelled_place c join passenger on passenger.id = c.passenger_id group by c.direction_id
    ) gone on gone.direction_id = d.id
    where bf.seats <> p.seated - coalesce(gone.seated, 0) and b.status in ('pending_payment', 'confirmed', 'partially_cancelled')
    union all
    select format('hold %s: %s, booking %s', h.id, h.status, coalesce(b.booking_ref, 'none'))
    from hold h left join booking b on b.hold_id = h.id
    where (h.status = 'booked') <> (b.id is not null)
) violation
limit 10
