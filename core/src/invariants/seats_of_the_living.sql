select format('flight %s seat %s%s: hold %s has ended', s.flight_id, s.seat_row, s.letter, s.hold_id) as "example!",
       count(*) over () as "violations!"
from passenger_seat s
join hold h on h.id = s.hold_id
left join booking b on b.hold_id = h.id
where not (h.status = 'open' or (h.status = 'booked' and coalesce(b.status in ('pending_payment', 'confirmed', 'partially_cancelled'), false)))
limit 10
