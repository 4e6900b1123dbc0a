-- Added up from the rows and compared with the cabins that are in use: most of a million flights are not, and an index
-- of those that are would cost every booking its heap-only update.
select example as "example!", count(*) over () as "violations!"
from (
    select format('flight %s %s: held %s and sold %s of %s, the rows say %s and %s',
                  coalesce(c.flight_id, r.flight_id), coalesce(c.cabin, r.cabin), c.held, c.sold, c.capacity,
                  coalesce(r.held, 0), coalesce(r.sold, 0)) as example
    from (
        select flight_id, cabin, held, sold, capacity from flight_cabin where held + sold > 0
    ) c
    full join (
        select flight_id, cabin, sum(held) as held, sum(sold) as sold
        from (
            select l.flight_id, l.cabin, l.seats as held, 0 as sold
            from hold h join hold_line l on l.hold_id = h.id
            where h.status = 'open'
            union all
            select f.flight_id, f.cabin, f.seats, 0
            from booking_change c join booking_change_flight f on f.booking_change_id = c.id
            where c.status = 'open'
            union all
            select bf.flight_id, bf.cabin, case when b.status = 'pending_payment' then bf.seats else 0 end,
                   case when b.status <> 'pending_payment' then bf.seats else 0 end
            from booking b
            join booked_flight bf on bf.booking_id = b.id
            join direction d on d.id = bf.direction_id and d.status = 'booked'
            where b.status in ('pending_payment', 'confirmed', 'partially_cancelled')
        ) seats
        group by flight_id, cabin
    ) r on r.flight_id = c.flight_id and r.cabin = c.cabin
    where (c.held, c.sold) is distinct from (r.held, r.sold) or c.held + c.sold > c.capacity
) violation
limit 10
