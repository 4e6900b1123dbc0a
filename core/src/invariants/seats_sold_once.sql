-- The key of passenger_seat lets a seat have one row; here, that each row is a seat the aircraft has, in a cabin that
-- its party booked, and that nobody has more of them on a flight than the party has seats.
with entitled as materialized (
    select b.hold_id, bf.flight_id, bf.cabin, bf.seats from booking b join booked_flight bf on bf.booking_id = b.id
    union all
    select b.hold_id, f.flight_id, f.cabin, f.seats
    from booking_change c
    join booking_change_flight f on f.booking_change_id = c.id
    join booking b on b.id = c.booking_id
    where c.status = 'open'
    union all
    select l.hold_id, l.flight_id, l.cabin, l.seats from hold_line l where not exists (select from booking b where b.hold_id = l.hold_id)
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('flight %s seat %s%s: not in the cabin of hold %s', s.flight_id, s.seat_row, s.letter, s.hold_id) as example
    from passenger_seat s
    join flight f on f.id = s.flight_id
    left join seat_layout l on l.aircraft = f.aircraft and l.seat_row = s.seat_row and l.letter = s.letter
    left join entitled e on e.hold_id = s.hold_id and e.flight_id = s.flight_id and e.cabin = l.cabin
    where s.reason <> 'blocked' and e.hold_id is null
    union all
    select format('flight %s: hold %s has %s seats for %s', s.flight_id, s.hold_id, count(*), max(e.seats))
    from passenger_seat s
    join entitled e on e.hold_id = s.hold_id and e.flight_id = s.flight_id
    -- Blocked seats are nobody's, and seats that wait for their difference to be paid are beside those of the party.
    where s.reason <> 'blocked' and not exists (
        select from booking_change_seat i join booking_change c on c.id = i.booking_change_id and c.status = 'open'
        where s.passenger_id is null and (i.flight_id, i.seat_row, i.letter) = (s.flight_id, s.seat_row, s.letter))
    group by s.flight_id, s.hold_id
    having count(*) > max(e.seats)
) violation
limit 10
