-- Writes an event of a booking and promises what tells it: jobs, and a delivery to each endpoint of the account that wants
-- it. One function, so that it adds no statement to those that change a booking. False when the event was recorded before:
-- a departure is near once.
create function record_booking_event(
    new_id uuid, of_booking uuid, of_account uuid, event_kind text, told_as text, now_at timestamptz, who text,
    by_account uuid, by_key uuid, by_session uuid, of_request text, of_trace text, said jsonb,
    job_ids uuid[], job_kinds text[], job_queues text[], job_payloads jsonb[], job_keys text[], job_attempts integer[]
) returns boolean
language plpgsql
as $$
begin
    insert into booking_event (id, booking_id, kind, occurred_at, actor, account_id, api_key_id, session_id, request_id, details)
    values (new_id, of_booking, event_kind, now_at, who, by_account, by_key, by_session, of_request, said)
    on conflict (booking_id, (details ->> 'direction')) where kind = 'departure_near' do nothing;
    if not found then
        return false;
    end if;
    insert into outbox (id, kind, queue, payload, unique_key, account_id, request_id, trace_parent, max_attempts, created_at, run_after)
    select job.id, job.kind, job.queue, job.payload, job.key, of_account, of_request, of_trace, job.attempts, now_at, now_at
    from unnest(job_ids, job_kinds, job_queues, job_payloads, job_keys, job_attempts) as job (id, kind, queue, payload, key, attempts)
    on conflict on constraint outbox_unique_key do nothing;
    insert into webhook_delivery (id, endpoint_id, event_id, event_type, created_at, next_attempt_at)
    select gen_random_uuid(), endpoint.id, new_id, told_as, now_at, now_at
    from webhook_endpoint endpoint
    where endpoint.account_id = of_account and endpoint.status = 'enabled' and (endpoint.events = '{}' or told_as = any(endpoint.events));
    return true;
end
$$;
