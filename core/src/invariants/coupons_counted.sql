-- A coupon of a party that has several bookings since was used once.
-- A use is given back when its booking ends unpaid, and not afterwards.
select format('coupon %s: used %s, by %s bookings', c.code, c.used, count(b.id)) as "example!", count(*) over () as "violations!"
from coupon c
left join (
    select distinct l.code, coalesce(s.origin_id, b.id) as id
    from price_line l
    join booking b on b.id = l.booking_id
    left join booking_split s on s.new_booking_id = b.id
    where l.kind = 'discount' and (b.status = 'pending_payment' or b.confirmed_at is not null)
) b on b.code = c.code
group by c.code
having c.used <> count(b.id)
limit 10
