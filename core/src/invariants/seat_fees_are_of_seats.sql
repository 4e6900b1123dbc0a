-- What a sold booking pays for choosing seats on a flight is what was paid for the seats that its passengers chose and
-- have: whoever lost a seat, or has it in a cheaper class now, has the fee back.
with charged as materialized (
    select booking_id, flight_id, sum(amount_minor) as minor from price_line where kind = 'seat' group by booking_id, flight_id
), sat as materialized (
    select c.booking_id, c.flight_id, sum(c.paid_minor) as minor
    from seat_choice c
    join passenger_seat s on s.passenger_id = c.passenger_id and s.flight_id = c.flight_id
         and (s.seat_row, s.letter) = (c.seat_row, c.letter)
    group by c.booking_id, c.flight_id
)
select format('booking %s pays %s for seats on flight %s, those chosen and had cost %s', b.booking_ref,
              coalesce(charged.minor, 0), coalesce(charged.flight_id, sat.flight_id), coalesce(sat.minor, 0)) as "example!",
       count(*) over () as "violations!"
from charged
full join sat on (sat.booking_id, sat.flight_id) = (charged.booking_id, charged.flight_id)
join booking b on b.id = coalesce(charged.booking_id, sat.booking_id)
where b.status = 'confirmed' and coalesce(charged.minor, 0) <> coalesce(sat.minor, 0)
limit 10
