-- The statements of an uncached search of direct flights, as the product runs them and in its
-- order: who calls, and the flights that the timetable in memory names with their seats and fares
-- (core/src/account/queries.rs, core/src/flight/queries.rs). The first also looks up what this client searches for.
\set k random(1, :callers)
\set t random(1, :targets)
select k.id, k.account_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, a.role,
       t.flight_ids, now() + interval '120 minutes' as earliest
from bench.target t, api_key k join account a on a.id = k.account_id
where t.n = :t and k.key_hash = sha256(convert_to('fd_test_' || lpad((:k)::text, 43, '0'), 'UTF8')) \gset
select f.id as "id: FlightId", f.airline, f.flight_number, f.aircraft, f.origin, f.destination,
       f.departure_date, f.departs_at, f.arrives_at, c.cabin, c.capacity, c.held, c.sold, c.base_fare_minor
from flight f join flight_cabin c on c.flight_id = f.id
  and c.cabin = any('{economy,premium_economy,business,first}'::text[])
where f.id = any((:flight_ids)::uuid[]) and f.status = 'scheduled' and f.departs_at >= (:earliest)::timestamptz
  and c.capacity - c.held - c.sold >= 1;
