-- What the airline does to a flight that is sold, and what each of its bookings says to that.

create table disruption (
    id             uuid        not null,
    -- the order of a flight's disruptions: the last one counts
    position       bigint      generated always as identity,
    flight_id      uuid        not null,
    kind           text        not null,
    -- as travellers read it
    reason         text        not null,
    created_at     timestamptz not null,
    -- who did it
    account_id     uuid,
    api_key_id     uuid,
    departs_at     timestamptz not null,
    arrives_at     timestamptz not null,
    -- of a flight that is retimed
    new_departs_at timestamptz,
    new_arrives_at timestamptz,
    -- paid bookings that it concerned when it was made, and their passengers
    bookings       integer     not null,
    passengers     integer     not null,
    -- the job that tells them; forgotten some days after it is done
    job_id         uuid        not null,
    -- when the job had told everybody
    finished_at    timestamptz,
    constraint disruption_pkey primary key (id),
    constraint disruption_flight_fkey foreign key (flight_id) references flight (id),
    constraint disruption_kind_known check (kind in ('cancelled', 'retimed')),
    constraint disruption_counts_not_negative check (bookings >= 0 and passengers >= 0),
    constraint disruption_retimed_has_times check (
        (kind = 'retimed') = (new_departs_at is not null) and (kind = 'retimed') = (new_arrives_at is not null)),
    constraint disruption_lands_after_it_leaves check (new_arrives_at > new_departs_at)
);
create index disruption_flight_idx on disruption (flight_id, position desc);
create index disruption_job_idx on disruption (job_id);
create index disruption_created_idx on disruption (created_at);

create table disrupted_booking (
    id                uuid        not null,
    disruption_id     uuid        not null,
    booking_id        uuid        not null,
    direction_id      uuid        not null,
    status            text        not null default 'open',
    -- the times that its passengers know
    departs_at        timestamptz not null,
    arrives_at        timestamptz not null,
    connection_broken boolean     not null,
    -- until when its owner may choose, and what happens without an answer
    decide_by         timestamptz not null,
    default_choice    text        not null,
    -- what the law gives each passenger, as it was worked out
    entitlements      jsonb       not null,
    created_at        timestamptz not null,
    decided_at        timestamptz,
    -- who chose: an actor
    decided_by        text,
    -- whether nobody answered in time
    is_default        boolean     not null default false,
    cancellation_id   uuid,
    constraint disrupted_booking_pkey primary key (id),
    constraint disrupted_booking_disruption_fkey foreign key (disruption_id) references disruption (id),
    constraint disrupted_booking_booking_fkey foreign key (booking_id) references booking (id) on delete cascade,
    constraint disrupted_booking_direction_fkey foreign key (direction_id) references direction (id) on delete cascade,
    constraint disrupted_booking_cancellation_fkey foreign key (cancellation_id) references cancellation (id),
    -- However often the job runs, a booking is told once.
    constraint disrupted_booking_once unique (disruption_id, booking_id, direction_id),
    constraint disrupted_booking_status_known check (status in ('open', 'accepted', 'refunded', 'rebooked', 'lapsed', 'superseded')),
    constraint disrupted_booking_default_known check (default_choice in ('accept', 'refund', 'nothing')),
    constraint disrupted_booking_decided check ((status = 'open') = (decided_at is null) and (status = 'open') = (decided_by is null)),
    constraint disrupted_booking_refunded_by_cancellation check ((status = 'refunded') = (cancellation_id is not null))
);
create index disrupted_booking_booking_idx on disrupted_booking (booking_id, created_at desc);
create index disrupted_booking_due_idx on disrupted_booking (decide_by) where status = 'open';

-- A flight that is retimed over midnight keeps the local date that it is known by.
alter table flight add column departs_days_later smallint not null default 0;
alter table flight add constraint flight_departs_near_its_date check (departs_days_later between -1 and 1) not valid;
alter table flight validate constraint flight_departs_near_its_date;
