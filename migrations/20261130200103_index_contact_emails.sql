-- no-transaction
-- Staff look for the contact of any booking, paid or not.
create index concurrently booking_contact_email_idx on booking (lower(contact_email), id);
