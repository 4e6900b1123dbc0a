-- The same search of direct flights with all of it in SQL, as it would be without a timetable and names in memory: who
-- calls, and the flights of the route and day with their names, seats and fares. The first also looks up what this
-- client searches for.
\set k random(1, :callers)
\set t random(1, :targets)
select k.id, k.account_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, a.role,
       t.origin, t.destination, t.departure_date, now() + interval '120 minutes' as earliest
from bench.target t, api_key k join account a on a.id = k.account_id
where t.n = :t and k.key_hash = sha256(convert_to('fd_test_' || lpad((:k)::text, 43, '0'), 'UTF8')) \gset
select f.id, f.airline, al.name, f.flight_number, ac.name, f.departure_date, f.departs_at, f.arrives_at, f.status,
       f.origin, o.name, o.city, o.country, o.time_zone, f.destination, d.name, d.city, d.country, d.time_zone,
       c.capacity, c.held, c.sold, c.base_fare_minor
from flight f
join flight_cabin c on c.flight_id = f.id and c.cabin = 'economy'
join airline al on al.iata = f.airline and al.accounting_code is not null
join aircraft_type ac on ac.iata = f.aircraft
join airport o on o.iata = f.origin
join airport d on d.iata = f.destination
where f.origin = (:origin)::text and f.destination = (:destination)::text and f.departure_date = (:departure_date)::date
  and f.status = 'scheduled' and f.departs_at >= (:earliest)::timestamptz and c.capacity - c.held - c.sold >= 1;
