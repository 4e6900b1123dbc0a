-- Mails that went to addresses which have never paid us, for an hour: what one of them gets is capped.
create table mail_to_stranger (
    -- SHA-256 of the address in lower case
    recipient   bytea       not null,
    -- the mail as its Message-ID names it, so that a second attempt is no second mail
    mail        text        not null,
    asked_at    timestamptz not null,
    constraint mail_to_stranger_pkey primary key (recipient, mail)
);
create index mail_to_stranger_asked_at on mail_to_stranger (asked_at);
-- Whether an address has paid before.
create index booking_paid_contact on booking (lower(contact_email)) where confirmed_at is not null;
