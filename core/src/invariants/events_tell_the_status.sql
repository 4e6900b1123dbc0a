-- The last event that changes a booking's status says it. Bookings from before there were events have none, and while
-- versions are exchanged the older one writes none for an hour at most: those bookings are not asked.
with beginning as materialized (
    select min(occurred_at) as at from booking_event
), told as materialized (
    select distinct on (booking_id) booking_id,
           case kind when 'held' then 'pending_payment' when 'split_from' then details #>> '{status,to}' else kind end as status
    from booking_event
    where kind in ('held', 'confirmed', 'partially_cancelled', 'cancelled', 'expired', 'split_from')
    order by booking_id, position desc
)
select format('booking %s is %s, its events say %s', b.booking_ref, b.status, coalesce(t.status, 'nothing')) as "example!",
       count(*) over () as "violations!"
from booking b
left join told t on t.booking_id = b.id
where b.created_at > (select at + interval '1 hour' from beginning)
  and b.status is distinct from t.status
limit 10
