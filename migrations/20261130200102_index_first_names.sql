-- no-transaction
-- People who have one name, and those whose last name nobody heard.
create index concurrently passenger_first_name_idx on passenger (name_key(first_name) text_pattern_ops, booking_id);
