-- Whoever flies has one good ticket of each validating airline, with a good coupon for each flight, open or used, and whoever does not
-- fly any more has none. Who has flown, had the way back exchanged, and then gave that ticket back, has none either: what was flown
-- stays on the ticket that it was flown with.
with flown as materialized (
    select b.id, b.booking_ref, d.id as direction_id, d.validating_airline
    from booking b join direction d on d.booking_id = b.id and d.status = 'booked'
    where b.status in ('confirmed', 'partially_cancelled')
), flyer as materialized (
    select f.id, f.booking_ref, f.direction_id, f.validating_airline, p.id as passenger_id, gone.passenger_id is null as flies
    from flown f
    join passenger p on p.booking_id = f.id
    left join cancelled_place gone on gone.passenger_id = p.id and gone.direction_id = f.direction_id
), good as materialized (
    select passenger_id, validating_airline, count(*) as tickets from ticket where status = 'issued'
    group by passenger_id, validating_airline
), open_coupon as materialized (
    select t.passenger_id, bf.direction_id, count(*) as coupons
    from ticket t
    join ticket_coupon c on c.ticket_id = t.id and c.status in ('open', 'flown', 'no_show')
    join booked_flight bf on bf.id = c.booked_flight_id
    -- What was flown stays on the ticket that it was flown with, also when that was exchanged since.
    where t.status in ('issued', 'exchanged')
    group by t.passenger_id, bf.direction_id
), used as materialized (
    select distinct t.passenger_id, t.validating_airline
    from ticket t
    join ticket_coupon c on c.ticket_id = t.id and c.status in ('flown', 'no_show')
    join booked_flight bf on bf.id = c.booked_flight_id
    where t.status = 'exchanged'
), flight_count as materialized (
    select direction_id, count(*) as flights from booked_flight group by direction_id
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s: %s has %s tickets of %s', a.booking_ref, a.passenger_id, coalesce(g.tickets, 0), a.validating_airline) as example
    from (
        select booking_ref, passenger_id, validating_airline, bool_or(flies) as flies
        from flyer group by booking_ref, passenger_id, validating_airline
    ) a
    left join good g on g.passenger_id = a.passenger_id and g.validating_airline = a.validating_airline
    left join used u on u.passenger_id = a.passenger_id and u.validating_airline = a.validating_airline
    where coalesce(g.tickets, 0) <> a.flies::int and not (a.flies and g.tickets is null and u.passenger_id is not null)
    union all
    select format('booking %s: %s has %s open coupons for a direction of %s flights, flies: %s', a.booking_ref, a.passenger_id,
                  coalesce(o.coupons, 0), n.flights, a.flies)
    from flyer a
    join flight_count n on n.direction_id = a.direction_id
    left join open_coupon o on o.passenger_id = a.passenger_id and o.direction_id = a.direction_id
    where coalesce(o.coupons, 0) <> case when a.flies then n.flights else 0 end
    union all
    select format('booking %s: no ticket document of %s', a.booking_ref, a.validating_airline)
    from (select distinct id, booking_ref, validating_airline from flown) a
    left join document d on d.booking_id = a.id and d.kind = 'ticket' and d.airline = a.validating_airline and d.status <> 'void'
    where d.id is null
) violation
limit 10
