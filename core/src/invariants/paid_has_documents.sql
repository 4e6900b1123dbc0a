-- Of a paid booking every document is ready or will become so by itself, and so will the mail that carries them. A dead
-- job does nothing by itself: `manage jobs retry` brings it back.
with paid as materialized (
    select id, booking_ref from booking where status in ('confirmed', 'partially_cancelled')
), live as materialized (
    select kind, payload from outbox where status in ('waiting', 'queued', 'running')
), unready as materialized (
    select d.id, d.booking_id, d.status, d.revision, p.booking_ref
    from document d join paid p on p.id = d.booking_id
    -- Nobody flies any more with what is void.
    where d.status not in ('ready', 'void') and d.kind <> 'refund_receipt'
)
select example as "example!", count(*) over () as "violations!"
from (
    select format('booking %s: document %s is %s and nobody makes it', u.booking_ref, u.id, u.status) as example
    from unready u
    where not exists (
        select from live l
        where l.kind = 'render_document' and l.payload ->> 'document_id' = u.id::text and (l.payload ->> 'revision')::int = u.revision)
    union all
    -- Promises of mails have a unique key, and so their rows stay for ever.
    select format('booking %s: the confirmation was not sent and nobody sends it', p.booking_ref)
    from paid p
    where exists (select from document d where d.booking_id = p.id and d.kind = 'ticket')
      and not exists (select from unready u where u.booking_id = p.id)
      and not exists (select from outbox o where o.unique_key = 'booking_confirmed:' || p.id::text and o.status <> 'dead')
    union all
    select format('booking %s: job %s, the mail about new tickets, is dead', p.booking_ref, o.id)
    from outbox o join paid p on p.id::text = o.payload ->> 'booking_id'
    where o.status = 'dead' and o.kind = 'send_mail' and o.payload -> 'mail' ? 'tickets_changed'
) violation
limit 10
