-- What waits for a job has one that is not done; a dead one is not lost, staff see it. A refund of a disputed payment waits
-- for the bank and has none. And no lease lapsed an hour ago without anybody taking the job back.
select example as "example!", count(*) over () as "violations!"
from (
    select format('document %s is %s and has no job', d.id, d.status) as example
    from document d
    where d.status in ('queued', 'rendering') and not exists (
        select from outbox o where o.kind = 'render_document' and o.status <> 'done' and o.payload ->> 'document_id' = d.id::text)
    union all
    select format('refund %s was not asked for and has no job', r.id)
    from refund r
    where r.status = 'pending' and r.stripe_refund_id is null and coalesce(r.failure, '') <> 'charge_disputed'
      and not exists (
        select from dispute d where d.payment_id = r.payment_id and d.status in ('needs_response', 'under_review'))
      and not exists (
        select from outbox o where o.kind = 'create_refund' and o.status <> 'done' and o.payload ->> 'refund_id' = r.id::text)
    union all
    select format('job %s %s is %s since %s', id, kind, status, lease_until)
    from outbox
    where status in ('queued', 'running') and (lease_until is null or lease_until < $1::timestamptz - interval '1 hour')
) violation
limit 10
