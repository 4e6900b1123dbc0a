-- When a direction was cancelled; a booking that its owner cancelled took both directions with it.
alter table direction add column cancelled_at timestamptz;
update direction set status = 'cancelled', cancelled_at = booking.ended_at
from booking where booking.id = direction.booking_id and booking.status = 'cancelled';
