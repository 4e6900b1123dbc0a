-- A key of staff who look after what is sold: flights, fares, coupons.
alter table api_key drop constraint api_key_scopes_known;
alter table api_key add constraint api_key_scopes_known
    check (scopes <@ array['search', 'bookings', 'admin', 'refunds', 'catalogue'] and scopes <> '{}') not valid;
alter table api_key validate constraint api_key_scopes_known;
