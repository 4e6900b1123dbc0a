-- Every tariff that was ever for sale, whole: an offer names the one it was made with, so that its price is the same
-- however the tables change before it is held. Rows come with changes of the tariff, which are rare, and stay.
create table tariff_version (
    id          bigint generated always as identity,
    content     jsonb  not null,
    -- One change of the tariff is one transaction, whatever it writes on the way.
    transaction xid8   not null,
    constraint tariff_version_pkey primary key (id),
    constraint tariff_version_transaction_once unique (transaction)
);

create function current_tariff() returns jsonb language sql stable as $$
    select jsonb_build_object(
        'load_steps', (
            select coalesce(jsonb_agg(jsonb_build_array((from_load * 10000)::bigint, (factor * 10000)::bigint) order by from_load), '[]')
            from load_step),
        'passenger_factors', (
            select coalesce(jsonb_agg(jsonb_build_array(passenger_type, (factor * 10000)::bigint) order by passenger_type), '[]')
            from passenger_factor),
        'taxes', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'country', country, 'code', code, 'percent', (amount * 10000)::bigint, 'minor', amount::bigint, 'currency', currency,
                'cabins', cabins, 'passenger_types', passenger_types, 'applies_to', applies_to, 'refundable', refundable)
                order by country, code, cabins), '[]')
            from tax_rule),
        'families', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'code', code, 'cabin', cabin, 'name', name, 'multiplier', (multiplier * 10000)::bigint, 'cabin_bag', cabin_bag,
                'checked_pieces', checked_pieces, 'checked_kg', checked_kg, 'seat_choice', seat_choice, 'conditions', conditions)
                order by cabin, multiplier, code), '[]')
            from fare_family),
        'baggage', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'channel', channel, 'kg', kg, 'currency', currency, 'amount_minor', amount_minor) order by currency, kg, channel), '[]')
            from baggage_rate),
        'seat_fees', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'cabin', cabin, 'kind', kind, 'first_rows', first_rows, 'amount_minor', amount_minor, 'currency', currency)
                order by cabin, kind), '[]')
            from seat_fee)
    )
$$;

-- Whoever changes the tariff waits here for whoever changes it too: the later one's version has both changes.
create function note_tariff() returns trigger language plpgsql as $$
declare
    latest jsonb;
    present jsonb;
begin
    perform pg_advisory_xact_lock(hashtextextended('tariff_version', 0));
    select content into latest from tariff_version order by id desc limit 1;
    present := current_tariff();
    if present is distinct from latest then
        insert into tariff_version (content, transaction) values (present, pg_current_xact_id())
        on conflict on constraint tariff_version_transaction_once do update set content = excluded.content;
    end if;
    return null;
end
$$;

create trigger load_step_noted after insert or update or delete or truncate on load_step for each statement execute function note_tariff();
create trigger passenger_factor_noted after insert or update or delete or truncate on passenger_factor for each statement execute function note_tariff();
create trigger tax_rule_noted after insert or update or delete or truncate on tax_rule for each statement execute function note_tariff();
create trigger fare_family_noted after insert or update or delete or truncate on fare_family for each statement execute function note_tariff();
create trigger baggage_rate_noted after insert or update or delete or truncate on baggage_rate for each statement execute function note_tariff();
create trigger seat_fee_noted after insert or update or delete or truncate on seat_fee for each statement execute function note_tariff();

insert into tariff_version (content, transaction) select current_tariff(), pg_current_xact_id();
