-- What a one-step booking asks PostgreSQL, in the product's own statements and order: key, idempotency, caps, hold,
-- booking, the answer, the seats last (core/src/{account,idempotency,hold,booking,flight,inventory}). The first
-- statement also looks up the flight to book. With -D first=1 -D last=1 everybody books one flight.
\set n :n + 1
\set key :n * 256 + :client_id
\set k random(1, :callers)
\set t random(:first, :last)
select k.id, k.account_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, a.role,
       t.flight_id, t.airline, t.departs_at, now() as now, now() + interval '15 minutes' as due
from bench.target t, api_key k join account a on a.id = k.account_id
where t.n = :t and k.key_hash = sha256(convert_to('fd_test_' || lpad((:k)::text, 43, '0'), 'UTF8')) \gset
begin;
select pg_try_advisory_xact_lock(hashtextextended((:account_id)::text || ':' || bench.id(9, :run, :key)::text, 0)) as "locked!",
       k.request_hash as "request_hash?", k.status as "status?", k.body as "body?"
from (values (1)) as one
left join idempotency_key k on k.account_id = (:account_id)::uuid and k.key = bench.id(9, :run, :key)::text
     and k.created_at > (:now)::timestamptz - interval '24 hours';
select f.id as "id: FlightId", f.airline, al.name as airline_name, f.flight_number, ac.name as aircraft,
       f.departure_date, f.departs_at, f.arrives_at, f.status as "status: FlightStatus",
       f.origin, o.name as origin_name, o.city as origin_city, o.country as origin_country, o.time_zone as origin_zone,
       f.destination, d.name as destination_name, d.city as destination_city, d.country as destination_country,
       d.time_zone as destination_zone
from unnest(array[(:flight_id)::uuid]) with ordinality as wanted (id, position)
join flight f on f.id = wanted.id
join airline al on al.iata = f.airline
join aircraft_type ac on ac.iata = f.aircraft
join airport o on o.iata = f.origin
join airport d on d.iata = f.destination
order by wanted.position;
select pg_advisory_xact_lock(hashtextextended('hold:' || :account_id, 0));
with open_hold as materialized (
    select id from hold where account_id = :account_id and status = 'open'
), unpaid_booking as materialized (
    select id from booking where account_id = :account_id and status = 'pending_payment'
)
select (select count(*) from open_hold) as "open!", wanted.flight_id as "flight_id!: FlightId", (
    (select coalesce(sum(l.seats), 0) from open_hold h join hold_line l on l.hold_id = h.id where l.flight_id = wanted.flight_id)
  + (select coalesce(sum(bf.seats), 0) from unpaid_booking b join booked_flight bf on bf.booking_id = b.id
     where bf.flight_id = wanted.flight_id)
)::bigint as "seats!"
from unnest(array[(:flight_id)::uuid]) as wanted (flight_id);
select flight_id as "flight_id: FlightId", cabin as "cabin: Cabin", capacity, held, sold, base_fare_minor
from flight_cabin where flight_id = any(array[(:flight_id)::uuid]);
with made as (
    insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers)
    values (bench.id(1, :run, :key), :account_id, 'booked', :now, :due, 1, 0, 0, 'INR', 482000,
            '[{"token": "eyJhIjoiMDFhYWExNTItYTM1Ny03ZDY0LThiY2YtYzY1YzQ3ZTg0ZDJiIiwiZSI6MTc5NTIwNjYwMCwicCI6eyJhZHVsdHMiOjEsImNoaWxkcmVuIjowLCJpbmZhbnRzIjowfSwiYyI6ImVjb25vbXkiLCJmIjoic3RhbmRhcmQiLCJ4IjpbIjAxYjNiYzJhLTQ1MDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMCJdfQ.c2lnbmF0dXJl", "pinned": {"a": "01aaa152-a357-7d64-8bcf-c65c47e84d2b", "c": "economy", "e": 1795206600, "f": "standard", "l": [{"code": "YSTANDARD", "kind": "base_fare", "quantity": 1, "direction": 0, "refundable": false, "unit_minor": 390000}, {"code": "ASF", "kind": "tax", "quantity": 1, "refundable": true, "unit_minor": 23600}, {"code": "PSF", "kind": "tax", "quantity": 1, "refundable": true, "unit_minor": 9100}, {"code": "GST", "kind": "tax", "quantity": 1, "refundable": true, "unit_minor": 19500}], "p": {"adults": 1, "infants": 0, "children": 0}, "u": "INR", "x": ["01b3bc2a-4500-7000-8000-000000000000"]}, "conditions": {"name": "Standard", "cabin_bag": "7 kg", "checked_kg": 15, "conditions": {"cancel": [{"fee_minor": 350000, "from_hours": 0}, {"fee_minor": 300000, "from_hours": 72}], "change": [{"fee_minor": 325000, "from_hours": 0}]}, "fare_family": "standard", "seat_choice": "standard_free", "checked_pieces": 1}}]')
    returning id
)
insert into hold_line (hold_id, direction, ordinal, flight_id, cabin, seats)
select made.id, t.direction, t.ordinal, t.flight_id, t.cabin, 1
from made, unnest('{0}'::smallint[], '{0}'::smallint[], array[(:flight_id)::uuid], '{economy}'::text[]) as t (direction, ordinal, flight_id, cabin);
insert into booking (id, booking_ref, account_id, hold_id, created_at, payment_due_at, currency, total_minor,
                     contact_email, contact_phone, first_departs_at)
values (bench.id(2, :run, :key), bench.ref(:key), :account_id, bench.id(1, :run, :key), :now, :due, 'INR', 482000,
        'asha@example.com', '+919876543210', :departs_at)
on conflict on constraint booking_ref_taken do nothing;
insert into direction (id, booking_id, ordinal, name, validating_airline, cabin, fare_family, conditions)
select t.id, bench.id(2, :run, :key), t.position - 1, case t.position when 1 then 'departing' else 'returning' end, t.airline, t.cabin, t.family, t.conditions
from unnest(array[bench.id(3, :run, :key)], array[(:airline)::text], '{economy}'::text[], '{standard}'::text[],
            array['{"name": "Standard", "cabin_bag": "7 kg", "checked_kg": 15, "conditions": {"cancel": [{"fee_minor": 350000, "from_hours": 0}, {"fee_minor": 300000, "from_hours": 72}], "change": [{"fee_minor": 325000, "from_hours": 0}]}, "fare_family": "standard", "seat_choice": "standard_free", "checked_pieces": 1}'::jsonb])
     with ordinality as t (id, airline, cabin, family, conditions, position);
insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats)
select t.id, bench.id(2, :run, :key), t.direction, t.position - 1, t.flight, t.cabin, 1
from unnest(array[bench.id(4, :run, :key)], array[bench.id(3, :run, :key)], array[(:flight_id)::uuid], '{economy}'::text[])
     with ordinality as t (id, direction, flight, cabin, position);
insert into passenger (id, booking_id, ordinal, passenger_type, title, first_name, middle_name, last_name, gender,
                       date_of_birth, adult_id, seat_preference)
select t.id, bench.id(2, :run, :key), t.position - 1, t.kind, t.title, t.first_name, t.middle_name, t.last_name, t.gender, t.born, t.adult, t.preference
from unnest(array[bench.id(5, :run, :key)], '{adult}'::text[], '{ms}'::text[], '{Asha}'::text[], '{null}'::text[], '{Verma}'::text[],
            '{female}'::text[], '{1990-04-12}'::date[], '{null}'::uuid[], '{null}'::text[])
     with ordinality as t (id, kind, title, first_name, middle_name, last_name, gender, born, adult, preference, position);
insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, passenger_type, quantity, unit_minor, amount_minor, refundable)
select bench.id(2, :run, :key), t.position - 1, t.direction, t.flight, t.kind, t.code, t.passenger_type, t.quantity, t.unit, t.unit * t.quantity, t.refundable
from unnest('{0,0,0,0,0,0,0,null}'::smallint[], array_fill((:flight_id)::uuid, array[8]), '{base_fare,tax,tax,tax,tax,tax,tax,fee}'::text[],
            '{YSTANDARD,CUTE,RCS,ASF,PSF,UDF,GST,CONV}'::text[], '{adult,adult,adult,adult,adult,adult,adult,null}'::text[],
            '{1,1,1,1,1,1,1,1}'::int[], '{390000,5000,5000,23600,9100,6100,19500,30000}'::bigint[], '{f,t,t,t,t,t,t,f}'::boolean[])
     with ordinality as t (direction, flight, kind, code, passenger_type, quantity, unit, refundable, position);
insert into live_traveller (account_id, flight_id, person, booking_id)
select :account_id, flight_id, person, bench.id(2, :run, :key)
from unnest(array[(:flight_id)::uuid]) as wanted (flight_id),
     unnest(array[sha256(convert_to(bench.id(5, :run, :key)::text, 'UTF8'))]) as people (person)
order by flight_id, person
on conflict on constraint live_traveller_booked_once do nothing;
select id as "id: BookingId", booking_ref as "booking_ref: BookingRef",
       status as "status: BookingStatus", created_at, payment_due_at, confirmed_at, currency, contact_email, contact_phone,
       late_payment_resolution as "late_payment: LatePayment"
from booking where id = bench.id(2, :run, :key);
select document.id as "id: DocumentId", booking_id as "booking_id: BookingId", booking_ref,
    kind as "kind: DocumentKind", airline, document.status as "status: DocumentStatus", revision,
    document.created_at, ready_at, storage_key, sha256, size_bytes
from document
join booking on booking.id = document.booking_id
where booking_id = bench.id(2, :run, :key)
order by document.id;
select d.id as "id: DirectionId", d.name as "name: Direction", d.status, d.validating_airline as airline, a.name as airline_name,
       d.cabin as "cabin: Cabin", d.conditions
from direction d join airline a on a.iata = d.validating_airline
where d.booking_id = bench.id(2, :run, :key) order by d.ordinal;
select direction_id as "direction_id: DirectionId", flight_id as "flight_id: FlightId"
from booked_flight where booking_id = bench.id(2, :run, :key) order by ordinal;
select f.id as "id: FlightId", f.airline, al.name as airline_name, f.flight_number, ac.name as aircraft,
       f.departure_date, f.departs_at, f.arrives_at, f.status as "status: FlightStatus",
       f.origin, o.name as origin_name, o.city as origin_city, o.country as origin_country, o.time_zone as origin_zone,
       f.destination, d.name as destination_name, d.city as destination_city, d.country as destination_country,
       d.time_zone as destination_zone
from unnest(array[(:flight_id)::uuid]) with ordinality as wanted (id, position)
join flight f on f.id = wanted.id
join airline al on al.iata = f.airline
join aircraft_type ac on ac.iata = f.aircraft
join airport o on o.iata = f.origin
join airport d on d.iata = f.destination
order by wanted.position;
select id as "id: PassengerId", passenger_type as "passenger_type: PassengerType", title, first_name, middle_name, last_name,
       gender as "gender: Gender", date_of_birth, adult_id as "adult_id: PassengerId",
       seat_preference as "seat_preference: SeatPreference"
from passenger where booking_id = bench.id(2, :run, :key) order by ordinal;
select s.passenger_id as "passenger_id!: PassengerId", s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, s.reason
from passenger_seat s
join passenger p on p.id = s.passenger_id
join booked_flight bf on bf.booking_id = p.booking_id and bf.flight_id = s.flight_id
where p.booking_id = bench.id(2, :run, :key) order by bf.ordinal;
select t.passenger_id as "passenger_id: PassengerId", good.number as "number!"
from ticket t
cross join lateral unnest(array[t.number, t.conjunction_number]) as good (number)
where t.booking_id = bench.id(2, :run, :key) and t.status = 'issued' and good.number is not null
order by (select min(d.ordinal) from direction d where d.booking_id = t.booking_id and d.validating_airline = t.validating_airline), good.number;
select direction, flight_id as "flight_id: FlightId", kind as "kind: LineKind", code,
       passenger_type as "passenger_type: PassengerType", quantity, unit_minor, refundable
from price_line where booking_id = bench.id(2, :run, :key) order by ordinal;
select coalesce(newest.status, 'none') as "status!", newest.checkout_url,
       (select coalesce(sum(amount_minor), 0)::bigint from payment where booking_id = b.id and status = 'succeeded') as "paid!",
       (select coalesce(sum(amount_minor), 0)::bigint from refund where booking_id = b.id and status <> 'failed') as "refunded!"
from booking b
left join lateral (
    select status, case when status = 'open' then checkout_url end as checkout_url
    from payment where booking_id = b.id order by (status = 'succeeded') desc, id desc limit 1
) newest on true
where b.id = bench.id(2, :run, :key);
update flight_cabin c set held = c.held + 1
from flight f
where c.flight_id = (:flight_id)::uuid and c.cabin = 'economy' and f.id = c.flight_id and f.status = 'scheduled'
  and f.departs_at >= (:now)::timestamptz + interval '120 minutes';
insert into idempotency_key (account_id, key, request_hash, status, body, created_at)
values (:account_id, bench.id(9, :run, :key)::text, sha256(convert_to(:account_id, 'UTF8')), 201, to_jsonb(repeat(md5(:account_id), 90)), :now)
on conflict on constraint idempotency_key_pkey do update
set request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = excluded.created_at
where idempotency_key.created_at <= (:now)::timestamptz - interval '24 hours';
commit;
