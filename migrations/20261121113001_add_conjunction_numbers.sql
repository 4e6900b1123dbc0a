-- A journey of five or six flights on one airline: the ticket takes two consecutive document numbers, four coupons on
-- the first, the others on the second.

alter table ticket add column conjunction_number text;
alter table ticket add constraint ticket_conjunction_number_unique unique (conjunction_number);
alter table ticket add constraint ticket_conjunction_number_follows check (
    conjunction_number = left(number, 3) || lpad((substr(number, 4)::bigint + 1)::text, 10, '0')
);

alter table ticket_coupon drop constraint ticket_coupon_ordinal_at_most_four;
alter table ticket_coupon add constraint ticket_coupon_ordinal_at_most_six check (ordinal between 1 and 6);

-- Two calls of one sequence are not consecutive when somebody else calls in between: pairs have their own numbers.
alter sequence ticket_document_number maxvalue 5999999999;
create sequence ticket_conjunction_pair start with 6000000001 increment by 2 maxvalue 9999999999;
