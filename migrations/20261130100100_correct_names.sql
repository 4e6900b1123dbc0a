-- Names of passengers of paid bookings that were corrected. It says who and when, never what the names were.

create table name_correction (
    id           uuid        not null,
    booking_id   uuid        not null,
    passenger_id uuid        not null,
    corrected_at timestamptz not null,
    -- why staff did it; absent when the traveller did
    staff_reason text,
    constraint name_correction_pkey primary key (id),
    constraint name_correction_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint name_correction_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade
);
-- A traveller corrects each passenger once; staff as often as it takes.
create unique index name_correction_once on name_correction (passenger_id) where staff_reason is null;
create index name_correction_booking_idx on name_correction (booking_id);
-- The cascade of a deleted passenger.
create index name_correction_passenger_idx on name_correction (passenger_id);
