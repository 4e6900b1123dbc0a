-- Who is on which flight in a live booking: one row for a person and flight, taken with the booking and given back
-- when it ends. `DuplicatePassenger` is the name of the key.

create table live_traveller (
    account_id uuid  not null,
    flight_id  uuid  not null,
    -- SHA-256 of folded first and last name and date of birth: no name is kept a second time
    person     bytea not null,
    booking_id uuid  not null,
    constraint live_traveller_booked_once primary key (account_id, flight_id, person),
    constraint live_traveller_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint live_traveller_person_is_digest check (octet_length(person) = 32)
);
create index live_traveller_booking_idx on live_traveller (booking_id);
