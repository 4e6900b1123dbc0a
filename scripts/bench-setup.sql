-- Whom scripts/bench is and what it asks for: callers with keys, and routes on days that have flights.
-- Run with -v callers=2000 -v targets=2000. The ids of pgbench's rows come from bench.id.
set client_min_messages = warning;
begin;
drop schema if exists bench cascade;
create schema bench;

create table bench.caller (n integer primary key, account_id uuid not null, key text not null);
insert into bench.caller
select n, gen_random_uuid(), 'fd_test_' || lpad(n::text, 43, '0') from generate_series(1, :callers) as n;
-- What the last run left hangs on its callers.
truncate booking, hold, idempotency_key, outbox cascade;
delete from account where email like 'bench-%@example.com';
insert into account (id, email, first_name, last_name, password_hash, created_at)
select account_id, 'bench-' || n || '@example.com', 'Asha', 'Verma', '!', now() from bench.caller;
-- The first is staff too. Used just now: when a key was last used is written once a minute, not once a request.
insert into api_key (id, account_id, name, prefix, key_hash, scopes, created_at, last_used_at)
select gen_random_uuid(), account_id, 'bench', left(key, 13), sha256(convert_to(key, 'UTF8')),
       case when n = 1 then array['search', 'bookings', 'admin'] else array['search', 'bookings'] end, now(), now()
from bench.caller;

-- Economy only, nothing that leaves before everybody has finished, with a flight back and another one after that.
create table bench.target (
    n integer primary key, flight_id uuid not null, origin text not null, destination text not null, departure_date date not null,
    airline text not null, departs_at timestamptz not null,
    return_id uuid not null, return_date date not null, return_airline text not null,
    onward_id uuid not null, onward_date date not null,
    -- as a search passes them: the flights that its timetable has on the route that day
    flight_ids text not null
);
create view bench.on_sale as
select f.id, f.origin, f.destination, f.departure_date, f.airline, f.departs_at
from flight f join flight_cabin c on c.flight_id = f.id and c.cabin = 'economy'
join airline al on al.iata = f.airline and al.accounting_code is not null
where f.status = 'scheduled' and f.departure_date > current_date + 2 and c.capacity > 100;
insert into bench.target
select row_number() over (), drawn.id, drawn.origin, drawn.destination, drawn.departure_date, drawn.airline, drawn.departs_at,
       back.id, back.departure_date, back.airline, onward.id, onward.departure_date, (
    select array_agg(of_route.id order by of_route.id)::text
    from flight of_route join airline al on al.iata = of_route.airline and al.accounting_code is not null
    where of_route.origin = drawn.origin and of_route.destination = drawn.destination
      and of_route.departure_date = drawn.departure_date and of_route.status = 'scheduled'
)
from (
    select * from bench.on_sale
    -- a code that is a metro area too stands for several airports
    where not exists (select from metro_area_airport where code in (origin, destination))
    order by md5(id::text) limit 4 * :targets
) as drawn
cross join lateral (
    select * from bench.on_sale as back
    where back.origin = drawn.destination and back.destination = drawn.origin
      and back.departure_date between drawn.departure_date + 2 and drawn.departure_date + 10
    order by back.departs_at limit 1
) as back
cross join lateral (
    select * from bench.on_sale as onward
    where onward.origin = drawn.origin and onward.destination = drawn.destination
      and onward.departure_date between back.departure_date + 2 and back.departure_date + 10
    order by onward.departs_at limit 1
) as onward
order by md5(drawn.id::text) limit :targets;

-- Ascending as the product's own ids are (UUID version 7): kind of row, run, number.
create function bench.id(kind integer, run bigint, n bigint) returns uuid language sql immutable parallel safe as $$
    select (lpad(to_hex(run), 8, '0') || lpad(to_hex(n), 12, '0') || lpad(to_hex(kind), 12, '0'))::uuid
$$;
-- A booking reference from a number: base 28 in the letters and digits that references are made of.
create function bench.ref(n bigint) returns text language sql immutable parallel safe as $$
    select string_agg(substr('ABCDEFGHJKLMNPQRSTUVWXYZ3789', (n / power(28, i)::bigint % 28)::integer + 1, 1), '') from generate_series(0, 5) as i
$$;
commit;
vacuum analyze account;
vacuum analyze api_key;
vacuum analyze bench.caller;
vacuum analyze bench.target;
