-- The relay asks every 100 ms for the due rows of one queue, in order; the metrics count what is open. A partial
-- index keeps both independent of how many jobs were ever done.

create index outbox_open_idx on outbox (queue, status, run_after, id) where status <> 'done';
drop index outbox_waiting_idx;

-- Rows with a unique key stay for ever: they are the proof that the promise was made. The others are trimmed.
create index outbox_trim_idx on outbox (finished_at) where status = 'done' and unique_key is null;
drop index outbox_finished_idx;
