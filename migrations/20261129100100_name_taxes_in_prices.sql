-- What a tax or fee was called when it was sold. Lines from before have none: documents then look it up.
alter table price_line add column name text;

create or replace function current_tariff() returns jsonb language sql stable as $$
    select jsonb_build_object(
        'load_steps', (
            select coalesce(jsonb_agg(jsonb_build_array((from_load * 10000)::bigint, (factor * 10000)::bigint) order by from_load), '[]')
            from load_step),
        'passenger_factors', (
            select coalesce(jsonb_agg(jsonb_build_array(passenger_type, (factor * 10000)::bigint) order by passenger_type), '[]')
            from passenger_factor),
        'taxes', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'country', country, 'code', code, 'name', name, 'percent', (amount * 10000)::bigint, 'minor', amount::bigint, 'currency', currency,
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

-- Whatever is sold from now on has the names.
insert into tariff_version (content, transaction)
select current_tariff(), pg_current_xact_id()
where current_tariff() is distinct from (select content from tariff_version order by id desc limit 1);
