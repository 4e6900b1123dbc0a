-- What a search asks PostgreSQL, in the product's own statements and order (core/src/account/queries.rs,
-- core/src/place/resolve.rs, core/src/flight/search.rs). The first also looks up what this client searches for.
\set k random(1, :callers)
\set t random(1, :targets)
select k.id, k.account_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, a.role,
       t.origin, t.destination, t.origins, t.destinations, t.departure_date, now() + interval '120 minutes' as earliest
from bench.target t, api_key k join account a on a.id = k.account_id
where t.n = :t and k.key_hash = sha256(convert_to('fd_test_' || lpad((:k)::text, 43, '0'), 'UTF8')) \gset
select iata as "iata!" from metro_area_airport where code = :origin
union all
select iata from airport where iata = :origin and not exists (select from metro_area_airport where code = :origin)
order by 1;
select iata as "iata!" from metro_area_airport where code = :destination
union all
select iata from airport where iata = :destination and not exists (select from metro_area_airport where code = :destination)
order by 1;
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
where f.origin = any(:origins) and f.destination = any(:destinations) and f.departure_date = :departure_date
  and f.status = 'scheduled' and f.departs_at >= :earliest and c.capacity - c.held - c.sold >= 1
  and al.accounting_code is not null;
