-- What extra checked baggage costs, and who bought which.

create table baggage_rate (
    -- prepaid: a weight and its price · airport: the price of each kilogram at the desk, shown and not sold
    channel      text     not null,
    kg           smallint not null,
    currency     text     not null,
    amount_minor bigint   not null,
    constraint baggage_rate_pkey primary key (channel, kg, currency),
    constraint baggage_rate_channel_known check (channel in ('prepaid', 'airport')),
    constraint baggage_rate_kg_positive check (kg > 0),
    constraint baggage_rate_airport_is_per_kg check (channel <> 'airport' or kg = 1),
    constraint baggage_rate_amount_not_negative check (amount_minor >= 0)
);

-- One weight a passenger and direction: the heaviest rate is the most that anybody can add.
create table baggage_item (
    booking_id   uuid     not null,
    passenger_id uuid     not null,
    direction    smallint not null,
    kg           smallint not null,
    constraint baggage_item_pkey primary key (passenger_id, direction),
    constraint baggage_item_passenger_fkey foreign key (passenger_id) references passenger (id) on delete cascade,
    constraint baggage_item_direction_fkey foreign key (booking_id, direction) references direction (booking_id, ordinal) on delete cascade,
    constraint baggage_item_kg_positive check (kg > 0)
);
create index baggage_item_booking_idx on baggage_item (booking_id);

-- Whom a line is for, where it is for one person: a bag, a seat.
alter table price_line add column passenger_id uuid;
alter table price_line add constraint price_line_passenger_fkey foreign key (passenger_id) references passenger (id);
