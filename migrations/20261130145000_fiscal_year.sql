-- The seller's fiscal year of a moment, as numbers of documents name it: 26-27, or 26 where it is the calendar's.
create function fiscal_year(at timestamptz, zone text, first_month smallint) returns text
    language sql stable strict
as $$
    select case when first_month = 1 then lpad((year % 100)::text, 2, '0')
                else lpad((year % 100)::text, 2, '0') || '-' || lpad(((year + 1) % 100)::text, 2, '0') end
    from (
        select extract(year from at at time zone zone)::int
             - case when extract(month from at at time zone zone) < first_month then 1 else 0 end as year
    ) as began
$$;
