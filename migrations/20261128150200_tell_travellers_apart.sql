-- Two people of one name and birthday are told apart by gender and by travel documents; what is not known tells nothing
-- apart. The unique key only keeps the same row from being written twice: whether two rows may be one person is asked
-- under a lock of the account (core/src/booking/traveller.rs), because "unknown" is equal to everything.
alter table live_traveller add column gender text;
-- SHA-256 of issuing country, type and number
alter table live_traveller add column document bytea;
alter table live_traveller add constraint live_traveller_gender_known check (gender in ('male', 'female', 'other'));
alter table live_traveller add constraint live_traveller_document_is_digest check (octet_length(document) = 32);
alter table live_traveller drop constraint live_traveller_booked_once;
alter table live_traveller add constraint live_traveller_booked_once unique nulls not distinct (account_id, flight_id, person, gender, document);
