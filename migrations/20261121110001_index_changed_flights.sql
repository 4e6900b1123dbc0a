-- no-transaction
-- Alone in its file: an index is built without stopping writers only outside of a transaction.
create index concurrently flight_changed_in_idx on flight (changed_in) where changed_in is not null;
