-- What a passenger asks for (IATA special service requests) and travels with, both optional.
alter table passenger add column special_requests text[] not null default '{}';
alter table passenger add column travel_document_type text;
alter table passenger add column travel_document_number text;
alter table passenger add column travel_document_country text;
alter table passenger add column travel_document_expires_on date;
alter table passenger add constraint passenger_special_requests_are_codes
    check (array_to_string(special_requests, ' ') ~ '^([A-Z]{4}( [A-Z]{4})*)?$');
alter table passenger add constraint passenger_travel_document_type_known
    check (travel_document_type in ('passport', 'national_id'));
alter table passenger add constraint passenger_travel_document_whole
    check (num_nonnulls(travel_document_type, travel_document_number, travel_document_country, travel_document_expires_on) in (0, 4));
