-- The least SQL that could be a booking: the counters, the booking, its passengers. -D trips=2 books round trips,
-- -D party=4 four people; with -D first=1 -D last=1 everybody books the same flights.
\set n :n + 1
\set key :n * 256 + :client_id
\set t random(:first, :last)
begin;
update flight_cabin set held = held + :party
where flight_id = (select case when :trips = 1 then flight_id else least(flight_id, return_id) end from bench.target where n = :t) and cabin = 'economy';
\if :trips > 1
update flight_cabin set held = held + :party
where flight_id = (select greatest(flight_id, return_id) from bench.target where n = :t) and cabin = 'economy';
\endif
insert into bench.least_booking (id, booking_ref, created_at) values (bench.id(0, :run, :key), bench.ref(:key), now());
insert into bench.least_passenger (id, booking_id, first_name, last_name)
select bench.id(number, :run, :key), bench.id(0, :run, :key), 'Asha', 'Verma' from generate_series(1, :party) as number;
commit;
