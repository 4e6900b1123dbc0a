-- no-transaction
-- Backwards, because people name the end of a number: without its country code.
create index concurrently booking_contact_phone_idx on booking (reverse(contact_phone) text_pattern_ops, id);
