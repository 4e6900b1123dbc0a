-- no-transaction
-- The bookings of a day.
create index concurrently booking_created_idx on booking (created_at, id);
