-- The key of passenger_seat lets a seat have one row; here, that each row is a seat the aircraft has, in a cabin that
-- its party booked, and that nobody has more of them on a flight than the party has seats.
select example as "example!", count(*) over () as "violations!"
from (
    select format('flight %s seat %s%s: not in the cabin of hold %s', s.flight_id, s.seat_row, s.letter, s.hold_id) as example
    from passenger_seat s
    join flight f on f.id = s.flight_id
    left join seat_layout l on l.aircraft = f.aircraft and l.seat_row = s.seat_row and l.letter = s.letter
    where s.reason <> 'blocked' and not exists (
        select from hold_line h where h.hold_id = s.hold_id and h.flight_id = s.flight_id and h.cabin = l.cabin
        union all
        select from booking b join booked_flight bf on bf.booking_id = b.id
        where b.hold_id = s.hold_id and bf.flight_id = s.flight_id and bf.cabin = l.cabin
    )
    union all
    select format('flight %s: hold %s has %s seats for %s', s.flight_id, s.hold_id, count(*), max(l.seats))
    from passenger_seat s
    left join booking b on b.hold_id = s.hold_id
    cross join lateral (
        select bf.seats from booked_flight bf where bf.booking_id = b.id and bf.flight_id = s.flight_id
        union all
        select h.seats from hold_line h where b.id is null and h.hold_id = s.hold_id and h.flight_id = s.flight_id
        limit 1
    ) l
    -- Blocked seats are nobody's, and seats that wait for their difference to be paid are beside those of the party.
    where s.reason <> 'blocked' and not exists (
        select from seat_change_item i join seat_change c on c.id = i.seat_change_id and c.status = 'open'
        where s.passenger_id is null and (i.flight_id, i.seat_row, i.letter) = (s.flight_id, s.seat_row, s.letter))
    group by s.flight_id, s.hold_id
    having count(*) > max(l.seats)
) violation
limit 10
