-- What a one-step booking asks PostgreSQL, in the product's own statements and order, as its log shows them: key,
-- idempotency, caps, hold, booking, the answer, the seats last (core/src/{account,idempotency,hold,booking,flight,
-- inventory}). The first statement also looks up the flights to book. -D trips=2 books round trips, -D party=4 four
-- people; with -D first=1 -D last=1 everybody books the same flights.
\set n :n + 1
\set key :n * 256 + :client_id
\set k random(1, :callers)
\set t random(:first, :last)
\set held :trips * :party
select k.id, k.account_id, k.scopes, k.expires_at, k.revoked_at, k.last_used_at, a.role,
       least(t.flight_id, t.return_id) as lower, greatest(t.flight_id, t.return_id) as higher, t.flight_id, t.departs_at,
       (array[t.flight_id, t.return_id])[1 : :trips]::text as flights, (array[t.airline, t.return_airline])[1 : :trips]::text as airlines,
       now() as now, now() + interval '15 minutes' as due
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
from unnest((:flights)::uuid[]) with ordinality as wanted (id, position)
join flight f on f.id = wanted.id
join airline al on al.iata = f.airline
join aircraft_type ac on ac.iata = f.aircraft
join airport o on o.iata = f.origin
join airport d on d.iata = f.destination
order by wanted.position;
\if :trips > 1
select airport, kind, minutes from connection_time;
\endif
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
from unnest((:flights)::uuid[]) as wanted (flight_id);
select flight_id as "flight_id: FlightId", cabin as "cabin: Cabin", capacity, held, sold, base_fare_minor
from flight_cabin where flight_id = any((:flights)::uuid[]) and capacity > 0;
with made as (
    insert into hold (id, account_id, status, created_at, expires_at, adults, children, infants, currency, total_minor, offers, extras)
    values (bench.id(1, :run, :key), :account_id, 'booked', :now, :due, :party, 0, 0, 'INR', 507920 * :held,
            to_jsonb((array[
                '{"token": "eyJhIjoiMTdhOTQwMDAtNmE1Ny00MmEwLWIyZTItYTllYTU0MjIwM2Q3IiwiZSI6MTc5NTI2Nzk0NSwicCI6eyJhZHVsdHMiOjEsImNoaWxkcmVuIjowLCJpbmZhbnRzIjowfSwiYyI6ImVjb25vbXkiLCJmIjoic3RhbmRhcmQiLCJ4IjpbIjAxYTIyMjU0LTliZTAtN2NlZS05NzU4LWM2YWNlZjhkNjZlYyJdLCJ1IjoiSU5SIiwibCI6W3siZCI6MCwiZiI6IjAxYTIyMjU0LTliZTAtN2NlZS05NzU4LWM2YWNlZjhkNjZlYyIsImsiOiJiYXNlX2ZhcmUiLCJjIjoic3RhbmRhcmQiLCJ0IjoiYWR1bHQiLCJxIjoxLCJ1IjozMjI5MjAsInIiOmZhbHNlfSx7ImQiOjAsImYiOiIwMWEyMjI1NC05YmUwLTdjZWUtOTc1OC1jNmFjZWY4ZDY2ZWMiLCJrIjoidGF4IiwiYyI6IlBTQyIsInQiOiJhZHVsdCIsInEiOjEsInUiOjE4NTAwMCwiciI6dHJ1ZX1dfQ.QIvuLNntuhBMPEFkvBqEunUKEInQKGj6uy2dNtM-tIs", "pinned": {"a": "17a94000-6a57-42a0-b2e2-a9ea542203d7", "c": "economy", "e": 1795267945, "f": "standard", "l": [{"c": "standard", "d": 0, "f": "01a22254-9be0-7cee-9758-c6acef8d66ec", "k": "base_fare", "q": 1, "r": false, "t": "adult", "u": 322920}, {"c": "PSC", "d": 0, "f": "01a22254-9be0-7cee-9758-c6acef8d66ec", "k": "tax", "q": 1, "r": true, "t": "adult", "u": 185000}], "p": {"adults": 1, "infants": 0, "children": 0}, "u": "INR", "x": ["01a22254-9be0-7cee-9758-c6acef8d66ec"]}, "conditions": {"name": "Standard", "cabin_bag": "7 kg, 115 cm", "checked_kg": 15, "conditions": {"change": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction, plus any fare difference: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours. Not possible within 2 hours of departure.", "allowed": true}, "baggage": {"words": "No checked piece may weigh more than 32 kg.", "piece_kg": 32}, "currency": "INR", "cancellation": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours, never more than the base fare. Not possible within 2 hours of departure."}, "too_late_hours": 2}, "fare_family": "standard", "seat_choice": "standard_free", "extra_baggage": {"airport": [{"kg": 1, "currency": "INR", "amount_minor": 55000}], "prepaid": [{"kg": 3, "currency": "INR", "amount_minor": 135000}, {"kg": 5, "currency": "INR", "amount_minor": 225000}, {"kg": 10, "currency": "INR", "amount_minor": 450000}, {"kg": 15, "currency": "INR", "amount_minor": 675000}, {"kg": 20, "currency": "INR", "amount_minor": 900000}, {"kg": 30, "currency": "INR", "amount_minor": 1350000}]}, "checked_pieces": 1}}'::jsonb,
                '{"token": "eyJhIjoiMTdhOTQwMDAtNmE1Ny00MmEwLWIyZTItYTllYTU0MjIwM2Q3IiwiZSI6MTc5NTI2Nzk0NSwicCI6eyJhZHVsdHMiOjEsImNoaWxkcmVuIjowLCJpbmZhbnRzIjowfSwiYyI6ImVjb25vbXkiLCJmIjoic3RhbmRhcmQiLCJ4IjpbIjAxYTIyMjU0LTliZTAtN2NlZS05NzU4LWM2YWNlZjhkNjZlYyJdLCJ1IjoiSU5SIiwibCI6W3siZCI6MCwiZiI6IjAxYTIyMjU0LTliZTAtN2NlZS05NzU4LWM2YWNlZjhkNjZlYyIsImsiOiJiYXNlX2ZhcmUiLCJjIjoic3RhbmRhcmQiLCJ0IjoiYWR1bHQiLCJxIjoxLCJ1IjozMjI5MjAsInIiOmZhbHNlfSx7ImQiOjAsImYiOiIwMWEyMjI1NC05YmUwLTdjZWUtOTc1OC1jNmFjZWY4ZDY2ZWMiLCJrIjoidGF4IiwiYyI6IlBTQyIsInQiOiJhZHVsdCIsInEiOjEsInUiOjE4NTAwMCwiciI6dHJ1ZX1dfQ.QIvuLNntuhBMPEFkvBqEunUKEInQKGj6uy2dNtM-tIs", "pinned": {"a": "17a94000-6a57-42a0-b2e2-a9ea542203d7", "c": "economy", "e": 1795267945, "f": "standard", "l": [{"c": "standard", "d": 0, "f": "01a22254-9be0-7cee-9758-c6acef8d66ec", "k": "base_fare", "q": 1, "r": false, "t": "adult", "u": 322920}, {"c": "PSC", "d": 0, "f": "01a22254-9be0-7cee-9758-c6acef8d66ec", "k": "tax", "q": 1, "r": true, "t": "adult", "u": 185000}], "p": {"adults": 1, "infants": 0, "children": 0}, "u": "INR", "x": ["01a22254-9be0-7cee-9758-c6acef8d66ec"]}, "conditions": {"name": "Standard", "cabin_bag": "7 kg, 115 cm", "checked_kg": 15, "conditions": {"change": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction, plus any fare difference: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours. Not possible within 2 hours of departure.", "allowed": true}, "baggage": {"words": "No checked piece may weigh more than 32 kg.", "piece_kg": 32}, "currency": "INR", "cancellation": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours, never more than the base fare. Not possible within 2 hours of departure."}, "too_late_hours": 2}, "fare_family": "standard", "seat_choice": "standard_free", "extra_baggage": {"airport": [{"kg": 1, "currency": "INR", "amount_minor": 55000}], "prepaid": [{"kg": 3, "currency": "INR", "amount_minor": 135000}, {"kg": 5, "currency": "INR", "amount_minor": 225000}, {"kg": 10, "currency": "INR", "amount_minor": 450000}, {"kg": 15, "currency": "INR", "amount_minor": 675000}, {"kg": 20, "currency": "INR", "amount_minor": 900000}, {"kg": 30, "currency": "INR", "amount_minor": 1350000}]}, "checked_pieces": 1}}'::jsonb
            ])[1 : :trips]), '[]')
    returning id
)
insert into hold_line (hold_id, direction, ordinal, flight_id, cabin, seats)
select made.id, t.direction, t.ordinal, t.flight_id, t.cabin, :party
from made, unnest(('{0,1}'::smallint[])[1 : :trips], ('{0,0}'::smallint[])[1 : :trips], (:flights)::uuid[], ('{economy,economy}'::text[])[1 : :trips]) as t (direction, ordinal, flight_id, cabin);
insert into booking (id, booking_ref, account_id, hold_id, created_at, payment_due_at, currency, total_minor,
                     contact_email, contact_phone, first_departs_at)
values (bench.id(2, :run, :key), bench.ref(:key), :account_id, bench.id(1, :run, :key), :now, :due, 'INR', 507920 * :held,
        'asha@example.com', '+919876543210', :departs_at)
on conflict on constraint booking_ref_taken do nothing;
insert into direction (id, booking_id, ordinal, name, validating_airline, cabin, fare_family, conditions)
select t.id, bench.id(2, :run, :key), t.position - 1, case t.position when 1 then 'departing' else 'returning' end, t.airline, t.cabin, t.family, t.conditions
from unnest((array[bench.id(3, :run, :key), bench.id(13, :run, :key)])[1 : :trips], (:airlines)::text[], ('{economy,economy}'::text[])[1 : :trips], ('{standard,standard}'::text[])[1 : :trips],
            (array[
                '{"name": "Standard", "cabin_bag": "7 kg, 115 cm", "checked_kg": 15, "conditions": {"change": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction, plus any fare difference: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours. Not possible within 2 hours of departure.", "allowed": true}, "baggage": {"words": "No checked piece may weigh more than 32 kg.", "piece_kg": 32}, "currency": "INR", "cancellation": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours, never more than the base fare. Not possible within 2 hours of departure."}, "too_late_hours": 2}, "fare_family": "standard", "seat_choice": "standard_free", "extra_baggage": {"airport": [{"kg": 1, "currency": "INR", "amount_minor": 55000}], "prepaid": [{"kg": 3, "currency": "INR", "amount_minor": 135000}, {"kg": 5, "currency": "INR", "amount_minor": 225000}, {"kg": 10, "currency": "INR", "amount_minor": 450000}, {"kg": 15, "currency": "INR", "amount_minor": 675000}, {"kg": 20, "currency": "INR", "amount_minor": 900000}, {"kg": 30, "currency": "INR", "amount_minor": 1350000}]}, "checked_pieces": 1}'::jsonb,
                '{"name": "Standard", "cabin_bag": "7 kg, 115 cm", "checked_kg": 15, "conditions": {"change": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction, plus any fare difference: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours. Not possible within 2 hours of departure.", "allowed": true}, "baggage": {"words": "No checked piece may weigh more than 32 kg.", "piece_kg": 32}, "currency": "INR", "cancellation": {"tiers": [{"charge_minor": 0, "more_than_hours": 168}, {"charge_minor": 300000, "more_than_hours": 72}, {"charge_minor": 350000, "more_than_hours": 2}], "words": "Per passenger and direction: free more than 168 hours before departure, INR 3000 from 168 to 72 hours, INR 3500 from 72 to 2 hours, never more than the base fare. Not possible within 2 hours of departure."}, "too_late_hours": 2}, "fare_family": "standard", "seat_choice": "standard_free", "extra_baggage": {"airport": [{"kg": 1, "currency": "INR", "amount_minor": 55000}], "prepaid": [{"kg": 3, "currency": "INR", "amount_minor": 135000}, {"kg": 5, "currency": "INR", "amount_minor": 225000}, {"kg": 10, "currency": "INR", "amount_minor": 450000}, {"kg": 15, "currency": "INR", "amount_minor": 675000}, {"kg": 20, "currency": "INR", "amount_minor": 900000}, {"kg": 30, "currency": "INR", "amount_minor": 1350000}]}, "checked_pieces": 1}'::jsonb
            ])[1 : :trips])
     with ordinality as t (id, airline, cabin, family, conditions, position);
insert into booked_flight (id, booking_id, direction_id, ordinal, flight_id, cabin, seats)
select t.id, bench.id(2, :run, :key), t.direction, t.position - 1, t.flight, t.cabin, :party
from unnest((array[bench.id(4, :run, :key), bench.id(14, :run, :key)])[1 : :trips], (array[bench.id(3, :run, :key), bench.id(13, :run, :key)])[1 : :trips], (:flights)::uuid[], ('{economy,economy}'::text[])[1 : :trips])
     with ordinality as t (id, direction, flight, cabin, position);
insert into passenger (id, booking_id, ordinal, passenger_type, title, first_name, middle_name, last_name, gender,
                       date_of_birth, adult_id, seat_preference, special_requests, travel_document_type, travel_document_number,
                       travel_document_country, travel_document_expires_on)
select t.id, bench.id(2, :run, :key), t.position - 1, t.kind, t.title, t.first_name, t.middle_name, t.last_name, t.gender, t.born, t.adult, t.preference,
       string_to_array(t.requests, ' '), t.document, t.number, t.country, t.expires_on
from unnest((array[bench.id(5, :run, :key), bench.id(6, :run, :key), bench.id(7, :run, :key), bench.id(8, :run, :key)])[1 : :party], ('{adult,adult,adult,adult}'::text[])[1 : :party], ('{ms,ms,ms,ms}'::text[])[1 : :party],
            ('{aaopcgcinjkl,aaopcgcinjkl,aaopcgcinjkl,aaopcgcinjkl}'::text[])[1 : :party], ('{null,null,null,null}'::text[])[1 : :party], ('{Verma,Verma,Verma,Verma}'::text[])[1 : :party],
            ('{female,female,female,female}'::text[])[1 : :party], ('{1990-04-12,1990-04-12,1990-04-12,1990-04-12}'::date[])[1 : :party], ('{null,null,null,null}'::uuid[])[1 : :party],
            ('{null,null,null,null}'::text[])[1 : :party], ('{"","","",""}'::text[])[1 : :party], ('{null,null,null,null}'::text[])[1 : :party],
            ('{null,null,null,null}'::text[])[1 : :party], ('{null,null,null,null}'::text[])[1 : :party], ('{null,null,null,null}'::date[])[1 : :party])
     with ordinality as t (id, kind, title, first_name, middle_name, last_name, gender, born, adult, preference, requests,
                           document, number, country, expires_on, position);
insert into price_line (booking_id, ordinal, direction, flight_id, kind, code, passenger_type, quantity, unit_minor, amount_minor, refundable, passenger_id)
select bench.id(2, :run, :key), t.position - 1 + (select coalesce(max(ordinal) + 1, 0) from price_line where booking_id = bench.id(2, :run, :key)),
       t.direction, t.flight, t.kind, t.code, t.passenger_type, t.quantity, t.unit, t.unit * t.quantity, t.refundable, t.passenger
from unnest(('{0,0,1,1}'::smallint[])[1 : 2 * :trips], ((:flights)::uuid[] || (:flights)::uuid[]), ('{base_fare,tax,base_fare,tax}'::text[])[1 : 2 * :trips],
            ('{standard,PSC,standard,PSC}'::text[])[1 : 2 * :trips], ('{adult,adult,adult,adult}'::text[])[1 : 2 * :trips],
            array_fill(:party::int, array[2 * :trips]), ('{322920,185000,322920,185000}'::bigint[])[1 : 2 * :trips],
            ('{f,t,f,t}'::boolean[])[1 : 2 * :trips], ('{null,null,null,null}'::uuid[])[1 : 2 * :trips])
     with ordinality as t (direction, flight, kind, code, passenger_type, quantity, unit, refundable, passenger, position);
insert into live_traveller (account_id, flight_id, person, booking_id)
select :account_id, flight_id, person, bench.id(2, :run, :key)
from unnest((:flights)::uuid[]) as wanted (flight_id),
     unnest((array[sha256(convert_to(bench.id(5, :run, :key)::text, 'UTF8')), sha256(convert_to(bench.id(6, :run, :key)::text, 'UTF8')), sha256(convert_to(bench.id(7, :run, :key)::text, 'UTF8')), sha256(convert_to(bench.id(8, :run, :key)::text, 'UTF8'))])[1 : :party]) as people (person)
order by flight_id, person
on conflict on constraint live_traveller_booked_once do nothing;
select b.id as "id: BookingId", b.account_id as "account_id: AccountId", b.booking_ref as "booking_ref: BookingRef",
       b.status as "status: BookingStatus", b.created_at, b.payment_due_at, b.confirmed_at, b.currency, b.contact_email,
       b.contact_phone, b.late_payment_resolution as "late_payment: LatePayment",
       r.code as "coupon?", r.discount_minor as "discount_minor?"
from booking b left join coupon_redemption r on r.booking_id = b.id
where b.id = bench.id(2, :run, :key);
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
from unnest((:flights)::uuid[]) with ordinality as wanted (id, position)
join flight f on f.id = wanted.id
join airline al on al.iata = f.airline
join aircraft_type ac on ac.iata = f.aircraft
join airport o on o.iata = f.origin
join airport d on d.iata = f.destination
order by wanted.position;
select id as "id: PassengerId", passenger_type as "passenger_type: PassengerType", title, first_name, middle_name, last_name,
       gender as "gender: Gender", date_of_birth, adult_id as "adult_id: PassengerId",
       seat_preference as "seat_preference: SeatPreference", special_requests, travel_document_type as document,
       travel_document_number as number, travel_document_country as country, travel_document_expires_on as expires_on,
       array(select d.name from baggage_item i join direction d on d.booking_id = i.booking_id and d.ordinal = i.direction
             where i.passenger_id = passenger.id order by i.direction) as "bag_directions!: Vec<Direction>",
       array(select kg from baggage_item i where i.passenger_id = passenger.id order by i.direction) as "bag_kg!"
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
       passenger_type as "passenger_type: PassengerType", passenger_id as "passenger_id: PassengerId",
       quantity, unit_minor, refundable
from price_line where booking_id = bench.id(2, :run, :key) order by ordinal;
select coalesce(newest.status, 'none') as "status!", newest.checkout_url,
       (select coalesce(sum(amount_minor), 0)::bigint from payment where booking_id = b.id and currency = b.currency and status in ('succeeded', 'mismatched')) as "paid!",
       (select coalesce(sum(amount_minor), 0)::bigint from refund where booking_id = b.id and currency = b.currency and status <> 'failed') as "refunded!",
       exists (select from payment where booking_id = b.id and status = 'mismatched') as "mismatched!"
from booking b
left join lateral (
    select status, case when status = 'open' then checkout_url end as checkout_url
    from payment where booking_id = b.id order by (status = 'succeeded') desc, id desc limit 1
) newest on true
where b.id = bench.id(2, :run, :key);
\if :trips > 1
update flight_cabin c set held = c.held + :party
from flight f
where c.flight_id = (:lower)::uuid and c.cabin = 'economy' and f.id = c.flight_id and f.status = 'scheduled'
  and f.departs_at >= (:now)::timestamptz + interval '120 minutes';
update flight_cabin c set held = c.held + :party
from flight f
where c.flight_id = (:higher)::uuid and c.cabin = 'economy' and f.id = c.flight_id and f.status = 'scheduled'
  and f.departs_at >= (:now)::timestamptz + interval '120 minutes';
\else
update flight_cabin c set held = c.held + :party
from flight f
where c.flight_id = (:flight_id)::uuid and c.cabin = 'economy' and f.id = c.flight_id and f.status = 'scheduled'
  and f.departs_at >= (:now)::timestamptz + interval '120 minutes';
\endif
select s.flight_id as "flight_id: FlightId", s.seat_row, s.letter, l.exit_row
from passenger_seat s
join flight f on f.id = s.flight_id
join seat_layout l on l.aircraft = f.aircraft and l.seat_row = s.seat_row and l.letter = s.letter
where s.hold_id = bench.id(1, :run, :key) order by s.flight_id, s.seat_row, s.letter;
insert into idempotency_key (account_id, key, request_hash, status, body, created_at)
values (:account_id, bench.id(9, :run, :key)::text, sha256(convert_to(:account_id, 'UTF8')), 201,
        to_jsonb(repeat(md5(:account_id), 64 + 46 * :trips + 8 * :party)), :now)
on conflict on constraint idempotency_key_pkey do update
set request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, created_at = excluded.created_at
where idempotency_key.created_at <= (:now)::timestamptz - interval '24 hours';
commit;
