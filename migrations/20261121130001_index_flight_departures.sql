-- no-transaction
-- Who flies within a day is asked every few minutes.
create index concurrently flight_departure_idx on flight (departs_at);
