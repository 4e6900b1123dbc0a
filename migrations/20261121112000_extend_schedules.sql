-- What a schedule says beyond its pattern, and what a flight remembers of the schedule that made it.

alter table schedule
    -- minor units of one adult's base fare in a cabin that is not economy's × its factor
    add column premium_economy_fare_minor bigint,
    add column business_fare_minor bigint,
    add column first_fare_minor bigint,
    -- the generator's fares differ from day to day; what people write is what they get
    add column fare_varies boolean not null default true,
    -- its pattern changed, and not all of its flights follow it yet
    add column is_amended boolean not null default false,
    add constraint schedule_premium_economy_fare_positive check (premium_economy_fare_minor > 0),
    add constraint schedule_business_fare_positive check (business_fare_minor > 0),
    add constraint schedule_first_fare_positive check (first_fare_minor > 0);
create index schedule_amended_idx on schedule (id) where is_amended;

alter table flight
    -- the local time at the origin that `departs_at` was made of; null: its schedule's
    add column departs_local time,
    -- cancelled because its schedule no longer flies that day: it comes back when the schedule does
    add column off_schedule boolean not null default false,
    add constraint flight_off_schedule_is_cancelled check (not off_schedule or status = 'cancelled') not valid;

-- The release of the zone data that every flight's instants were computed with. Without a row nobody knows.
create table zone_release (
    only_one   boolean     not null default true,
    release    text        not null,
    adopted_at timestamptz not null,
    constraint zone_release_pkey primary key (only_one),
    constraint zone_release_only_one check (only_one)
);
