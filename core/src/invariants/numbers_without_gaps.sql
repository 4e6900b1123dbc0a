-- Each series of a fiscal year is numbered from one to what its counter says: `FD/26-27/000123` is an invoice, `C00012` in
-- its place a credit note, `R00003` the receipt of money that no invoice is of.
with numbered as (
    select number, regexp_match(number, '^[A-Z]{1,2}/([0-9]{2}(?:-[0-9]{2})?)/?([CR]?)([0-9]+)$') as parts
    from document where number is not null
), series as (
    select case parts[2] when 'C' then 'credit_note' when 'R' then 'refund_receipt' else 'invoice' end as kind, parts[1] as fiscal_year,
           count(distinct parts[3]::bigint) as numbers, count(*) as documents, max(parts[3]::bigint) as last_number
    from numbered where parts is not null group by 1, 2
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('%s of %s: the counter says %s, there are %s up to %s', kind, fiscal_year, coalesce(c.last_number, 0),
                  coalesce(s.documents, 0), coalesce(s.last_number, 0)) as example
    from invoice_counter c full join series s using (kind, fiscal_year)
    where c.last_number is distinct from s.last_number or s.documents <> s.last_number or s.numbers <> s.documents
    union all
    select format('%s is no number', number) from numbered where parts is null
) violation
limit 10
