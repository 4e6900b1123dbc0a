-- no-transaction
-- A flight as people name it, and the flights of some days.
create index concurrently flight_number_idx on flight (departure_date, airline, flight_number);
