-- The timetable and the inventory.

create table schedule (
    id              uuid     not null,
    airline         text     not null,
    -- digits and, rarely, a suffix letter: `AI 101`, `AI 101A`
    flight_number   text     not null,
    origin          text     not null,
    destination     text     not null,
    -- bit 0 is Monday; days of the local departure date
    weekdays        smallint not null,
    departs_local   time     not null,
    block_minutes   integer  not null,
    aircraft        text     not null,
    effective_from  date     not null,
    effective_until date     not null,
    -- minor units of the sale currency for one adult in economy, standard load, before any factor
    base_fare_minor bigint   not null,
    constraint schedule_pkey primary key (id),
    constraint schedule_airline_fkey foreign key (airline) references airline (iata),
    constraint schedule_origin_fkey foreign key (origin) references airport (iata),
    constraint schedule_destination_fkey foreign key (destination) references airport (iata),
    constraint schedule_aircraft_fkey foreign key (aircraft) references aircraft_type (iata),
    constraint schedule_number_unique unique (airline, flight_number, origin, effective_from),
    constraint schedule_goes_somewhere check (origin <> destination),
    constraint schedule_weekdays_some check (weekdays between 1 and 127),
    constraint schedule_block_minutes_positive check (block_minutes between 1 and 1440),
    constraint schedule_effective_range check (effective_from <= effective_until),
    constraint schedule_base_fare_positive check (base_fare_minor > 0)
);

create table flight (
    id             uuid        not null,
    schedule_id    uuid        not null,
    airline        text        not null,
    flight_number  text        not null,
    origin         text        not null,
    destination    text        not null,
    -- the local date at the origin, and the instants it stands for
    departure_date date        not null,
    departs_at     timestamptz not null,
    arrives_at     timestamptz not null,
    aircraft       text        not null,
    status         text        not null default 'scheduled',
    constraint flight_pkey primary key (id),
    constraint flight_schedule_fkey foreign key (schedule_id) references schedule (id),
    constraint flight_airline_fkey foreign key (airline) references airline (iata),
    constraint flight_origin_fkey foreign key (origin) references airport (iata),
    constraint flight_destination_fkey foreign key (destination) references airport (iata),
    constraint flight_aircraft_fkey foreign key (aircraft) references aircraft_type (iata),
    constraint flight_once_a_day unique (schedule_id, departure_date),
    constraint flight_lands_after_it_leaves check (arrives_at > departs_at),
    constraint flight_status_known check (status in ('scheduled', 'cancelled', 'departed'))
);
create index flight_route_idx on flight (origin, destination, departure_date, departs_at);

create table flight_cabin (
    flight_id uuid     not null,
    cabin     text     not null,
    capacity  integer  not null,
    held      integer  not null default 0,
    sold      integer  not null default 0,
    -- minor units of the sale currency for one adult, before load, family and type factors
    base_fare_minor bigint not null,
    constraint flight_cabin_pkey primary key (flight_id, cabin),
    constraint flight_cabin_flight_fkey foreign key (flight_id) references flight (id) on delete cascade,
    constraint flight_cabin_cabin_known check (cabin in ('economy', 'premium_economy', 'business', 'first')),
    -- Invariant 3: no cabin is oversold. `SoldOut` is this name.
    constraint flight_cabin_not_oversold check (held + sold <= capacity),
    constraint flight_cabin_counts_not_negative check (held >= 0 and sold >= 0 and capacity >= 0),
    constraint flight_cabin_base_fare_positive check (base_fare_minor > 0)
) with (fillfactor = 80);
