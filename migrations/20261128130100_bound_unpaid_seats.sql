-- Where an account was opened from, for a day: accounts that are younger share their bounds of unpaid seats by it.
alter table account add column signed_up_from text;
create index account_signed_up_from_idx on account (signed_up_from) where signed_up_from is not null;
