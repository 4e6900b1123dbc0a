-- The last requests of each API key, for its owner: seven days of them, written behind the requests and losable.
create table api_key_request (
    id         uuid        not null,
    -- No keys of other tables: a row that is written late must not fail the others beside it.
    api_key_id uuid        not null,
    at         timestamptz not null,
    method     text        not null,
    -- as the document writes it, without what was in its place: `/v1/bookings/{booking_ref}`
    path       text        not null,
    status     smallint    not null,
    request_id text,
    constraint api_key_request_pkey primary key (id)
);
create index api_key_request_key_idx on api_key_request (api_key_id, id);
create index api_key_request_at_idx on api_key_request (at);
