-- What was lost in a dispute has gone back, too.
with back as (
    select payment_id, currency, amount_minor from refund where status <> 'failed'
    union all
    select payment_id, currency, amount_minor from dispute where status = 'lost' and payment_id is not null
)
select format('payment %s of %s %s: %s goes back', p.id, p.amount_minor, p.status, sum(back.amount_minor)) as "example!",
       count(*) over () as "violations!"
from back
join payment p on p.id = back.payment_id
group by p.id
having sum(back.amount_minor) > p.amount_minor or p.status not in ('succeeded', 'mismatched') or bool_or(back.currency <> p.currency)
limit 10
