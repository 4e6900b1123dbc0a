-- When the owner of an account proved to read the mails to its address; null until then.
alter table account add column email_verified_at timestamptz;
