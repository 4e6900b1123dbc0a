-- What succeeded before there were receipts has none. A receipt outlives the success of its refund: a later revision says
-- that it is void.
with receipt as materialized (
    select d.id, d.number, d.status, d.revision, d.booking_id, d.refund_id, r.status as refund_status, r.booking_id as refunded_booking_id,
           i.id is not null and (i.kind <> 'invoice'
               -- The invoice of a party stays with the booking that it was issued for.
               or coalesce(io.origin_id, i.booking_id) <> coalesce(o.origin_id, d.booking_id)) as corrects_another
    from document d
    join refund r on r.id = d.refund_id
    left join document i on i.id = d.corrects_id
    left join booking_split o on o.new_booking_id = d.booking_id
    left join booking_split io on io.new_booking_id = i.booking_id
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('refund %s of booking %s succeeded and has no receipt', r.id, r.booking_id) as example
    from refund r
    where r.status = 'succeeded' and not r.predates_receipts and not exists (select from receipt where receipt.refund_id = r.id)
    union all
    select format('receipt %s is of refund %s, which is %s', number, refund_id, refund_status)
    from receipt
    where refund_status = 'pending' or (refund_status = 'failed' and revision < 2)
    union all
    select format('receipt %s is of another booking than its refund or its invoice', number)
    from receipt
    where booking_id <> refunded_booking_id or corrects_another
    union all
    select format('receipt %s is %s and nobody makes it', number, status)
    from receipt
    where status <> 'ready' and not exists (
        select from outbox o
        where o.kind = 'render_document' and o.status in ('waiting', 'queued', 'running')
          and o.payload ->> 'document_id' = receipt.id::text and (o.payload ->> 'revision')::int = receipt.revision)
    union all
    -- Promises of mails have a unique key, and so their rows stay for ever.
    select format('receipt %s is ready and nobody sends it', number)
    from receipt
    where status = 'ready' and not exists (
        select from outbox o where o.unique_key = format('refund_paid.%s:%s', refund_id, booking_id) and o.status <> 'dead')
) violation
limit 10
