-- Hold, booking, and who sits where. A held or sold seat is counted in flight_cabin in the same transaction.

create table hold (
    id         uuid        not null,
    account_id uuid        not null,
    status     text        not null default 'open',
    created_at timestamptz not null,
    expires_at timestamptz not null,
    adults     smallint    not null,
    children   smallint    not null,
    infants    smallint    not null,
    currency   text        not null,
    total_minor bigint     not null,
    -- what was offered, as it was served: flights, lines, conditions
    offers     jsonb       not null,
    constraint hold_pkey primary key (id),
    constraint hold_account_fkey foreign key (account_id) references account (id) on delete cascade,
    constraint hold_status_known check (status in ('open', 'booked', 'released', 'expired')),
    constraint hold_party_has_adult check (adults >= 1 and children >= 0 and infants between 0 and adults)
);
create index hold_account_open_idx on hold (account_id) where status = 'open';
create index hold_open_expiry_idx on hold (expires_at) where status = 'open';

create table hold_line (
    hold_id   uuid     not null,
    direction smallint not null,
    ordinal   smallint not null,
    flight_id uuid     not null,
    cabin     text     not null,
    seats     integer  not null,
    constraint hold_line_pkey primary key (hold_id, direction, ordinal),
    constraint hold_line_hold_fkey foreign key (hold_id) references hold (id) on delete cascade,
    constraint hold_line_cabin_fkey foreign key (flight_id, cabin) references flight_cabin (flight_id, cabin),
    constraint hold_line_seats_positive check (seats > 0)
);
create index hold_line_flight_idx on hold_line (flight_id);

create table booking (
    id             uuid        not null,
    booking_ref    text        not null,
    account_id     uuid        not null,
    hold_id        uuid        not null,
    status         text        not null default 'pending_payment',
    created_at     timestamptz not null,
    payment_due_at timestamptz not null,
    confirmed_at   timestamptz,
    ended_at       timestamptz,
    currency       text        not null,
    total_minor    bigint      not null,
    contact_email  text        not null,
    contact_phone  text        not null,
    first_departs_at timestamptz not null,
    late_payment_resolution text,
    constraint booking_pkey primary key (id),
    constraint booking_account_fkey foreign key (account_id) references account (id),
    constraint booking_hold_fkey foreign key (hold_id) references hold (id),
    constraint booking_hold_booked_once unique (hold_id),
    constraint booking_ref_taken unique (booking_ref),
    constraint booking_ref_is_reference check (booking_ref ~ '^[ABCDEFGHJKLMNPQRSTUVWXYZ3789]{6}$'),
    constraint booking_status_known check (status in ('pending_payment', 'confirmed', 'partially_cancelled', 'cancelled', 'expired')),
    constraint booking_late_payment_resolution_known check (late_payment_resolution in ('same_seats', 'other_seats', 'refunded')),
    constraint booking_total_not_negative check (total_minor >= 0)
);
create index booking_account_idx on booking (account_id, id desc);
create index booking_pending_due_idx on booking (payment_due_at) where status = 'pending_payment';

create table direction (
    id                 uuid     not null,
    booking_id         uuid     not null,
    ordinal            smallint not null,
    name               text     not null,
    status             text     not null default 'booked',
    validating_airline text     not null,
    cabin              text     not null,
    fare_family        text     not null,
    -- fare family, baggage and tiers as they were when it was booked: later changes of the tables change no sold ticket
    conditions         jsonb    not null,
    constraint direction_pkey primary key (id),
    constraint direction_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint direction_airline_fkey foreign key (validating_airline) references airline (iata),
    constraint direction_ordinal_unique unique (booking_id, ordinal),
    constraint direction_name_known check (name in ('departing', 'returning')),
    constraint direction_status_known check (status in ('booked', 'cancelled'))
);

create table booked_flight (
    id           uuid     not null,
    booking_id   uuid     not null,
    direction_id uuid     not null,
    ordinal      smallint not null,
    flight_id    uuid     not null,
    cabin        text     not null,
    seats        integer  not null,
    constraint booked_flight_pkey primary key (id),
    constraint booked_flight_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint booked_flight_direction_fkey foreign key (direction_id) references direction (id) on delete cascade,
    constraint booked_flight_cabin_fkey foreign key (flight_id, cabin) references flight_cabin (flight_id, cabin),
    constraint booked_flight_ordinal_unique unique (booking_id, ordinal)
);
create index booked_flight_flight_idx on booked_flight (flight_id);

create table passenger (
    id              uuid     not null,
    booking_id      uuid     not null,
    ordinal         smallint not null,
    passenger_type  text     not null,
    title           text     not null,
    first_name      text     not null,
    middle_name     text,
    last_name       text     not null,
    gender          text     not null,
    date_of_birth   date     not null,
    adult_id        uuid,
    seat_preference text,
    constraint passenger_pkey primary key (id),
    constraint passenger_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint passenger_adult_fkey foreign key (adult_id) references passenger (id),
    constraint passenger_one_infant_per_adult unique (adult_id),
    constraint passenger_ordinal_unique unique (booking_id, ordinal),
    constraint passenger_type_known check (passenger_type in ('adult', 'child', 'infant')),
    constraint passenger_infant_has_adult check ((passenger_type = 'infant') = (adult_id is not null)),
    constraint passenger_gender_known check (gender in ('male', 'female', 'other')),
    constraint passenger_seat_preference_known check (seat_preference in ('window', 'middle', 'aisle'))
);

-- A row for each seat that is held or taken by name; the free ones are not rows.
create table passenger_seat (
    flight_id    uuid     not null,
    seat_row     smallint not null,
    letter       text     not null,
    hold_id      uuid     not null,
    passenger_id uuid,
    reason       text     not null,
    -- Invariant 3: no seat is sold twice. `SeatTaken` is this name.
    constraint passenger_seat_taken primary key (flight_id, seat_row, letter),
    constraint passenger_seat_flight_fkey foreign key (flight_id) references flight (id),
    constraint passenger_seat_hold_fkey foreign key (hold_id) references hold (id),
    constraint passenger_seat_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade,
    constraint passenger_seat_one_per_flight unique (passenger_id, flight_id),
    constraint passenger_seat_reason_known check (reason in ('chosen', 'preference', 'together', 'assigned', 'separated'))
);
create index passenger_seat_hold_idx on passenger_seat (hold_id);

create table price_line (
    booking_id     uuid     not null,
    ordinal        smallint not null,
    direction      smallint,
    flight_id      uuid,
    kind           text     not null,
    code           text     not null,
    passenger_type text,
    quantity       integer  not null,
    unit_minor     bigint   not null,
    amount_minor   bigint   not null,
    refundable     boolean  not null,
    constraint price_line_pkey primary key (booking_id, ordinal),
    constraint price_line_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint price_line_kind_known check (kind in ('base_fare', 'tax', 'fee', 'seat', 'baggage', 'discount')),
    constraint price_line_adds_up check (amount_minor = unit_minor * quantity or kind = 'discount')
);
