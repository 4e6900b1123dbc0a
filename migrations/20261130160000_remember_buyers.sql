-- Who an invoice was issued to, line by line: it stays so when names or the contact are corrected later, and a credit note says
-- the same. Older invoices have none, and say what the booking says.
alter table document
    add column buyer text[],
    add constraint document_buyer_is_of_invoice check (buyer is null or kind = 'invoice') not valid;
alter table document validate constraint document_buyer_is_of_invoice;
