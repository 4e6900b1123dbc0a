-- What the timetable in the memory of each api process is refreshed by, and the rules of its connections.

-- The transaction that wrote what the timetable holds of a flight; null for flights older than this column.
-- The default comes second: with it in one step every row would be written again.
alter table flight add column changed_in xid8;
alter table flight alter column changed_in set default pg_current_xact_id();

create function flight_note_change() returns trigger language plpgsql as $$
begin
    new.changed_in := pg_current_xact_id();
    return new;
end;
$$;

create trigger flight_changed before update on flight for each row
when ((old.airline, old.flight_number, old.origin, old.destination, old.departure_date, old.departs_at, old.arrives_at, old.status)
    is distinct from
    (new.airline, new.flight_number, new.origin, new.destination, new.departure_date, new.departs_at, new.arrives_at, new.status))
execute function flight_note_change();

-- Minutes between two flights. A row without an airport is the rule, one with an airport is that airport's own.
create table connection_time (
    airport text,
    -- which flights meet: the one that lands, then the one that leaves · airport_change: at least that within a metro
    -- area · longest: the longest layover that is still a connection
    kind    text    not null,
    minutes integer not null,
    constraint connection_time_once unique nulls not distinct (airport, kind),
    constraint connection_time_airport_fkey foreign key (airport) references airport (iata),
    constraint connection_time_kind_known check (kind in ('domestic_domestic', 'domestic_international',
        'international_domestic', 'international_international', 'airport_change', 'longest')),
    constraint connection_time_minutes_in_range check (minutes between 0 and 2880)
);
