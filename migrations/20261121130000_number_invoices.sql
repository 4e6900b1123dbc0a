-- Invoices: their numbers have no gaps, because each is taken in the transaction that settles.

-- Who sells. One row, in the database and not in the settings: all processes must number alike.
create table seller (
    is_only           boolean  not null default true,
    name              text     not null,
    address           text     not null,
    tax_number        text,
    -- begins every number: FD/26-27/000123
    number_prefix     text     not null,
    -- the month a fiscal year begins with, by the seller's own clocks: April in India
    fiscal_year_month smallint not null,
    time_zone         text     not null,
    constraint seller_pkey primary key (is_only),
    constraint seller_one_row check (is_only),
    constraint seller_prefix_is_short check (number_prefix ~ '^[A-Z]{1,2}$'),
    constraint seller_month_is_one check (fiscal_year_month between 1 and 12)
);
insert into seller (name, address, number_prefix, fiscal_year_month, time_zone)
values ('Flightdesk', 'The address of the seller is not set', 'FD', 4, 'Asia/Kolkata');

create table invoice_counter (
    kind        text   not null,
    -- `26-27`, or `26` where it is the calendar's year
    fiscal_year text   not null,
    last_number bigint not null,
    constraint invoice_counter_pkey primary key (kind, fiscal_year),
    constraint invoice_counter_kind_known check (kind in ('invoice', 'refund_receipt')),
    constraint invoice_counter_counts check (last_number > 0)
);

alter table document
    add column number     text,
    -- what an invoice is of; none when nothing was to pay
    add column payment_id uuid,
    add constraint document_number_unique unique (number),
    add constraint document_number_fits check (length(number) <= 16),
    add constraint document_invoice_is_numbered check (kind <> 'invoice' or number is not null),
    add constraint document_payment_fkey foreign key (payment_id) references payment (id);
create unique index document_one_invoice_per_payment on document (payment_id) where kind = 'invoice';
create unique index document_one_invoice_of_nothing on document (booking_id) where kind = 'invoice' and payment_id is null;

-- Which invoice says a line; none of what was sold before there were invoices.
alter table price_line
    add column invoice_id uuid,
    add constraint price_line_invoice_fkey foreign key (invoice_id) references document (id);
