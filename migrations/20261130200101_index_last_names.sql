-- no-transaction
-- Staff look for passengers; the newest booking of a name comes first.
create index concurrently passenger_last_name_idx on passenger (name_key(last_name) text_pattern_ops, booking_id);
