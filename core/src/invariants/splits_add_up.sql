-- What was divided is what there was: for each account of the ledger the entries of a split sum to zero, the new booking has of the
-- payments what its passengers had cost, and no booking has less than nothing of one.
select example as "example!", count(*) over () as "violations!"
from (
    select format('split into %s: %s of %s in %s', reference, sum(amount_minor), account, currency) as example
    from ledger_line where kind in ('sale_split', 'payment_split')
    group by reference, kind, account, currency having sum(amount_minor) <> 0
    union all
    select format('split into %s: %s moved, %s sold there, %s paid, %s posted as paid', s.new_booking_id, s.total_minor,
                  coalesce(e.sold, 0), coalesce(p.paid, 0), coalesce(e.paid, 0))
    from booking_split s
    left join (
        select reference, booking_id,
               sum(case when kind = 'sale_split' then case debit when 'customer' then amount_minor else -amount_minor end end) as sold,
               sum(case when kind = 'payment_split' then case debit when 'stripe_clearing' then amount_minor else -amount_minor end end) as paid
        from ledger_entry where kind in ('sale_split', 'payment_split') group by reference, booking_id
    ) e on (e.reference, e.booking_id) = (s.new_booking_id, s.new_booking_id)
    left join (select new_booking_id, sum(amount_minor) as paid from payment_split group by new_booking_id) p
        on p.new_booking_id = s.new_booking_id
    where s.total_minor <> coalesce(e.sold, 0) or s.total_minor <> coalesce(p.paid, 0) or s.total_minor <> coalesce(e.paid, 0)
    union all
    select format('booking %s has %s of payment %s', booking_id, sum(amount_minor), payment_id)
    from payment_share
    where payment_id in (select payment_id from payment_split)
    group by booking_id, payment_id having sum(amount_minor) < 0
    union all
    select format('split into %s: of another account, or not told in both bookings', s.new_booking_id)
    from booking_split s
    join booking n on n.id = s.new_booking_id
    join booking b on b.id = s.booking_id
    where n.account_id <> b.account_id
       or not exists (select from booking_event e where e.booking_id = n.id and e.kind = 'split_from')
       or not exists (select from booking_event e where e.booking_id = b.id and e.kind = 'split_into'
                      and e.details ->> 'booking_ref' = n.booking_ref)
) violation
limit 10
