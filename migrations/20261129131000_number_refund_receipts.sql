-- Receipts of refunds: one for each that succeeded, numbered without gaps as invoices are.

-- What succeeded before there were receipts has none.
alter table refund add column predates_receipts boolean not null default false;
update refund set predates_receipts = true where status = 'succeeded';
-- The latest are looked through for one without its receipt.
create index refund_succeeded_idx on refund (ended_at) where status = 'succeeded' and not predates_receipts;

-- Two series beside the invoices: a credit note corrects an invoice, a receipt is of money that no invoice is of.
alter table invoice_counter drop constraint invoice_counter_kind_known;
alter table invoice_counter add constraint invoice_counter_kind_known
    check (kind in ('invoice', 'credit_note', 'refund_receipt')) not valid;
alter table invoice_counter validate constraint invoice_counter_kind_known;

alter table document
    -- the refund that a receipt is of
    add column refund_id   uuid,
    -- the invoice that it corrects; none when no invoice is of the money
    add column corrects_id uuid,
    add constraint document_refund_fkey foreign key (refund_id) references refund (id),
    add constraint document_corrects_fkey foreign key (corrects_id) references document (id),
    add constraint document_receipt_is_numbered
        check (case when kind = 'refund_receipt' then number is not null and refund_id is not null else refund_id is null and corrects_id is null end) not valid;
alter table document validate constraint document_receipt_is_numbered;
create unique index document_one_receipt_per_refund on document (refund_id) where refund_id is not null;
