-- no-transaction
-- The books of a month.
create index concurrently ledger_entry_posted_idx on ledger_entry (posted_at, position);
