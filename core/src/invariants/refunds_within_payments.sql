select format('payment %s of %s %s: %s goes back', p.id, p.amount_minor, p.status, sum(r.amount_minor)) as "example!",
       count(*) over () as "violations!"
from refund r
join payment p on p.id = r.payment_id
where r.status <> 'failed'
group by p.id
having sum(r.amount_minor) > p.amount_minor or p.status not in ('succeeded', 'mismatched') or bool_or(r.currency <> p.currency)
limit 10
