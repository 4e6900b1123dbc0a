-- What a search of direct flights that nobody searched for lately asks PostgreSQL, in the product's own statements and
-- order: who calls, what the codes stand for, seats and prices of the flights that the timetable in memory names, the
-- page (core/src/account/queries.rs, core/src/search/{places,prices}.rs, core/src/flight/queries.rs). The first also
-- looks up what this client searches for.
\set k random(1, :callers)
\set t random(1, :targets)
select k.id, k.account_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, a.role,
       t.codes, t.flight_ids, now() + interval '120 minutes' as earliest
from bench.target t, api_key k join account a on a.id = k.account_id
where t.n = :t and k.key_hash = sha256(convert_to('fd_test_' || lpad((:k)::text, 43, '0'), 'UTF8')) \gset
select code as "code!", iata as "iata!", true as "is_metro!",
       (select min(area.code) from metro_area_airport as area where area.iata = metro.iata) as area
from metro_area_airport as metro where code = any((:codes)::text[])
union all
select iata, iata, false,
       (select min(area.code) from metro_area_airport as area where area.iata = airport.iata)
from airport where iata = any((:codes)::text[]);
select c.flight_id, f.origin, c.base_fare_minor, c.capacity, c.sold
from flight_cabin c join flight f on f.id = c.flight_id
where c.flight_id = any((:flight_ids)::uuid[]) and c.cabin = 'economy' and c.capacity - c.held - c.sold >= 1
  and f.status = 'scheduled' and f.departs_at >= (:earliest)::timestamptz;
select f.id as "id: FlightId", f.airline, al.name as airline_name, f.flight_number, ac.name as aircraft,
       f.departure_date, f.departs_at, f.arrives_at, f.status as "status: FlightStatus",
       f.origin, o.name as origin_name, o.city as origin_city, o.country as origin_country, o.time_zone as origin_zone,
       f.destination, d.name as destination_name, d.city as destination_city, d.country as destination_country,
       d.time_zone as destination_zone, c.capacity, c.held, c.sold, c.base_fare_minor
from flight f
join flight_cabin c on c.flight_id = f.id and c.cabin = 'economy'
join airline al on al.iata = f.airline
join aircraft_type ac on ac.iata = f.aircraft
join airport o on o.iata = f.origin
join airport d on d.iata = f.destination
where f.id = any((:flight_ids)::uuid[]) and f.status = 'scheduled' and f.departs_at >= (:earliest)::timestamptz
  and c.capacity - c.held - c.sold >= 1;
