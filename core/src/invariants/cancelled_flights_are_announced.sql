-- A flight may be cancelled by its schedule, or by hand in the database: then nobody was told. What left a month ago is
-- history, and a job that has just begun is not late.
select format('flight %s does not fly, booking %s was not told', f.id, b.booking_ref) as "example!",
       count(*) over () as "violations!"
from booked_flight bf
join flight f on f.id = bf.flight_id and f.status = 'cancelled' and f.departs_at > $1::timestamptz - interval '30 days'
join direction d on d.id = bf.direction_id and d.status = 'booked'
join booking b on b.id = bf.booking_id and b.status in ('confirmed', 'partially_cancelled')
where not exists (
    select from disrupted_booking told join disruption s on s.id = told.disruption_id
    where told.booking_id = b.id and s.flight_id = f.id and s.kind = 'cancelled')
  and not exists (
    select from disruption s
    where s.flight_id = f.id and s.kind = 'cancelled' and s.finished_at is null and s.created_at > $1::timestamptz - interval '1 hour')
limit 10
