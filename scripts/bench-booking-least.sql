-- The least SQL that could be a booking: the counter, the booking, its passenger.
-- With -D first=1 -D last=1 everybody books one flight.
\set n :n + 1
\set key :n * 256 + :client_id
\set t random(:first, :last)
begin;
update flight_cabin set held = held + 1
where flight_id = (select flight_id from bench.target where n = :t) and cabin = 'economy';
insert into bench.least_booking (id, booking_ref, created_at) values (bench.id(0, :run, :key), bench.ref(:key), now());
insert into bench.least_passenger (id, booking_id, first_name, last_name) values (bench.id(1, :run, :key), bench.id(0, :run, :key), 'Asha', 'Verma');
commit;
