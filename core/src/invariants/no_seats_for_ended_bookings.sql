select example as "example!", count(*) over () as "violations!"
from (
    select format('flight %s seat %s%s: hold %s has ended', s.flight_id, s.seat_row, s.letter, s.hold_id) as example
    from passenger_seat s
    join hold h on h.id = s.hold_id
    left join booking b on b.hold_id = h.id
    where not (h.status = 'open' or (h.status = 'booked' and coalesce(b.status in ('pending_payment', 'confirmed', 'partially_cancelled'), false)))
    union all
    select format('flight %s seat %s%s: %s has cancelled', s.flight_id, s.seat_row, s.letter, s.passenger_id)
    from cancelled_place gone
    join booked_flight bf on bf.direction_id = gone.direction_id
    join passenger_seat s on s.passenger_id = gone.passenger_id and s.flight_id = bf.flight_id
) violation
limit 10
