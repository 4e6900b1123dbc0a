-- The least SQL that could find a day's flights: their ids.
\set t random(1, :targets)
select f.id from bench.target t
join flight f on f.origin = t.origin and f.destination = t.destination and f.departure_date = t.departure_date
where t.n = :t;
