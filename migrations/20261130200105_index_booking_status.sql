-- no-transaction
-- The newest bookings of a state.
create index concurrently booking_status_idx on booking (status, created_at, id);
