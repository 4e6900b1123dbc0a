-- Deletes all bookings, so that every measurement starts from the same state.
set client_min_messages = warning;
truncate booking, booking_event, hold, idempotency_key, outbox, disruption cascade;
-- What a measurement has cancelled flies again.
update flight set status = 'scheduled'
where status = 'cancelled' and id in (select unnest(array[flight_id, return_id, onward_id]) from bench.target);
update flight_cabin set held = 0, sold = 0 where held + sold > 0;
-- No flight is full before its measurement ends.
update flight_cabin set capacity = 1000000
where cabin = 'economy' and capacity < 1000000 and flight_id in (select unnest(array[flight_id, return_id, onward_id]) from bench.target);
vacuum analyze flight_cabin;
update api_key set last_used_at = now() where name = 'bench';
vacuum api_key;
checkpoint;
drop table if exists bench.least_passenger, bench.least_booking;
create table bench.least_booking (id uuid primary key, booking_ref text not null unique, created_at timestamptz not null);
create table bench.least_passenger (
    id uuid primary key, booking_id uuid not null references bench.least_booking, first_name text not null, last_name text not null
);
