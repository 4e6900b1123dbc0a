-- no-transaction
-- The jobs of a booking, of its documents, payments and refunds.
create index concurrently outbox_subject_idx on outbox (coalesce(payload ->> 'booking_id', payload ->> 'document_id', payload ->> 'payment_id', payload ->> 'refund_id'));
