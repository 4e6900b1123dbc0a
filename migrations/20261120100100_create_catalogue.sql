-- What is sold and by which rules: places, airlines, aircraft, fare families, taxes. Loaded by `manage loaddata`.

create table airport (
    iata        text             not null,
    icao        text,
    name        text             not null,
    city        text             not null,
    subdivision text,
    country     text             not null,
    lat         double precision not null,
    lon         double precision not null,
    time_zone   text             not null,
    kind        text             not null,
    scheduled   boolean          not null,
    -- accent-free, lower-case words of code, city, metro area, name and country, for autosuggest
    search_text text             not null,
    constraint airport_pkey primary key (iata),
    constraint airport_iata_is_code check (iata ~ '^[A-Z]{3}$'),
    constraint airport_country_is_code check (country ~ '^[A-Z]{2}$'),
    constraint airport_position_on_earth check (lat between -90 and 90 and lon between -180 and 180)
);

create table metro_area (
    code    text not null,
    city    text not null,
    country text not null,
    constraint metro_area_pkey primary key (code),
    constraint metro_area_code_is_code check (code ~ '^[A-Z]{3}$')
);

create table metro_area_airport (
    code text not null,
    iata text not null,
    constraint metro_area_airport_pkey primary key (code, iata),
    constraint metro_area_airport_code_fkey foreign key (code) references metro_area (code) on delete cascade,
    constraint metro_area_airport_iata_fkey foreign key (iata) references airport (iata)
);
create index metro_area_airport_iata_idx on metro_area_airport (iata);

create table airline (
    iata            text not null,
    icao            text,
    name            text not null,
    country         text not null,
    -- IATA's three-digit accounting code, the start of every e-ticket number; without one nothing is sold
    accounting_code text,
    constraint airline_pkey primary key (iata),
    constraint airline_iata_is_code check (iata ~ '^[A-Z0-9]{2}$'),
    constraint airline_accounting_code_is_code check (accounting_code ~ '^[0-9]{3}$')
);

create table airline_hub (
    airline text     not null,
    iata    text     not null,
    ordinal smallint not null,
    constraint airline_hub_pkey primary key (airline, iata),
    constraint airline_hub_airline_fkey foreign key (airline) references airline (iata) on delete cascade,
    constraint airline_hub_iata_fkey foreign key (iata) references airport (iata)
);

create table interline_agreement (
    airline text not null,
    partner text not null,
    constraint interline_agreement_pkey primary key (airline, partner),
    constraint interline_agreement_airline_fkey foreign key (airline) references airline (iata) on delete cascade,
    constraint interline_agreement_partner_fkey foreign key (partner) references airline (iata) on delete cascade,
    constraint interline_agreement_not_itself check (airline <> partner)
);

create table aircraft_type (
    iata       text    not null,
    icao       text,
    name       text    not null,
    range_km   integer not null,
    cruise_kmh integer not null,
    constraint aircraft_type_pkey primary key (iata)
);

-- One row a sellable seat of a type; `12A` is row 12, letter A.
create table seat_layout (
    aircraft text     not null,
    seat_row smallint not null,
    letter   text     not null,
    cabin    text     not null,
    position text     not null,
    exit_row boolean  not null default false,
    constraint seat_layout_pkey primary key (aircraft, seat_row, letter),
    constraint seat_layout_aircraft_fkey foreign key (aircraft) references aircraft_type (iata) on delete cascade,
    constraint seat_layout_cabin_known check (cabin in ('economy', 'premium_economy', 'business', 'first')),
    constraint seat_layout_position_known check (position in ('window', 'middle', 'aisle')),
    constraint seat_layout_row_positive check (seat_row > 0),
    constraint seat_layout_letter_is_letter check (letter ~ '^[A-Z]$')
);

create table fare_family (
    code             text           not null,
    cabin            text           not null,
    name             text           not null,
    multiplier       numeric(6, 4)  not null,
    cabin_bag        text           not null,
    checked_pieces   smallint       not null,
    checked_kg       smallint       not null,
    seat_choice      text           not null,
    -- what changing and cancelling costs, by hours before departure; frozen on the booking when it is made
    conditions       jsonb          not null,
    constraint fare_family_pkey primary key (code, cabin),
    constraint fare_family_cabin_known check (cabin in ('economy', 'premium_economy', 'business', 'first')),
    constraint fare_family_multiplier_positive check (multiplier > 0),
    constraint fare_family_seat_choice_known check (seat_choice in ('paid', 'standard_free', 'free'))
);

-- The base fare rises with the share of the cabin that is sold: of the steps below that share the last one applies,
-- so a cabin that is exactly half full still sells at the first.
create table load_step (
    from_load numeric(5, 4) not null,
    factor    numeric(6, 4) not null,
    constraint load_step_pkey primary key (from_load),
    constraint load_step_factor_positive check (factor > 0)
);

create table passenger_factor (
    passenger_type text          not null,
    factor         numeric(6, 4) not null,
    constraint passenger_factor_pkey primary key (passenger_type),
    constraint passenger_factor_type_known check (passenger_type in ('adult', 'child', 'infant'))
);

create table tax_rule (
    code             text          not null,
    -- country of departure
    country          text          not null,
    name             text          not null,
    kind             text          not null,
    -- minor units of `currency` when fixed, percent of the base fare when percent
    amount           numeric(14, 4) not null,
    currency         text,
    cabins           text[]        not null,
    passenger_types  text[]        not null,
    -- flight: every departure · first_departure: once a direction · booking: once a booking
    applies_to       text          not null,
    refundable       boolean       not null,
    constraint tax_rule_pkey primary key (country, code, cabins),
    constraint tax_rule_kind_known check (kind in ('fixed', 'percent')),
    constraint tax_rule_fixed_has_currency check ((kind = 'fixed') = (currency is not null)),
    constraint tax_rule_applies_to_known check (applies_to in ('flight', 'first_departure', 'booking')),
    constraint tax_rule_amount_not_negative check (amount >= 0)
);

create table coupon (
    code            text          not null,
    kind            text          not null,
    -- percent of the base fare, or minor units of `currency`
    amount          numeric(14, 4) not null,
    currency        text,
    cap_minor       bigint,
    minimum_minor   bigint,
    valid_from      timestamptz,
    valid_until     timestamptz,
    max_uses        integer,
    max_uses_per_account integer,
    used            integer       not null default 0,
    airlines        text[],
    routes          text[],
    cabins          text[],
    first_booking_only boolean    not null default false,
    constraint coupon_pkey primary key (code),
    constraint coupon_code_upper check (code = upper(code)),
    constraint coupon_kind_known check (kind in ('fixed', 'percent')),
    constraint coupon_fixed_has_currency check (kind = 'percent' or currency is not null),
    constraint coupon_percent_at_most_hundred check (kind <> 'percent' or amount <= 100),
    constraint coupon_not_overused check (used >= 0 and (max_uses is null or used <= max_uses))
);
