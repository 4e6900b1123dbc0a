-- What staff can change and had no column, and how the processes learn that the catalogue was changed.

-- What an airport is found by beside its code, its names and its country; `search_text` has it too.
alter table airport add column search_words text not null default '';

-- Where a flight leaves and lands; null: nobody has said it.
alter table flight
    add column departure_terminal text,
    add column arrival_terminal text,
    add constraint flight_terminals_short check (length(departure_terminal) <= 10 and length(arrival_terminal) <= 10) not valid;

-- Counts the changes of what processes keep in memory. They look at it every two seconds, and read again when it differs.
create table catalogue_version (
    only_one boolean not null default true,
    version  bigint  not null default 1,
    constraint catalogue_version_pkey primary key (only_one),
    constraint catalogue_version_only_one check (only_one)
);
insert into catalogue_version default values;

create function note_catalogue() returns trigger language plpgsql as $$
begin
    update catalogue_version set version = version + 1;
    return null;
end
$$;

create trigger airport_noted after insert or update or delete or truncate on airport for each statement execute function note_catalogue();
create trigger metro_area_noted after insert or update or delete or truncate on metro_area for each statement execute function note_catalogue();
create trigger metro_area_airport_noted after insert or update or delete or truncate on metro_area_airport for each statement execute function note_catalogue();
create trigger airline_noted after insert or update or delete or truncate on airline for each statement execute function note_catalogue();
create trigger interline_agreement_noted after insert or update or delete or truncate on interline_agreement for each statement execute function note_catalogue();
create trigger connection_time_noted after insert or update or delete or truncate on connection_time for each statement execute function note_catalogue();
create trigger aircraft_type_noted after insert or update or delete or truncate on aircraft_type for each statement execute function note_catalogue();
