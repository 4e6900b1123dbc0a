//! What travellers read when the airline cancels or moves their flight, from the job that tells them.

use chrono::{TimeZone, Utc};
use flightdesk_core::Clock;
use flightdesk_core::booking::{self, Announced, Answer, FlightChange, NewDisruption, RefundScope};
use flightdesk_core::ids::{BookingRef, FlightId, JobId};
use flightdesk_core::money::Currency;
use flightdesk_core::outbox::MailKind;
use flightdesk_core::trade::DisruptionChoice;
use flightdesk_worker::mail::Mail;
use flightdesk_worker::outcome::Outcome;
use flightdesk_worker::pushed::Pushed;
use flightdesk_worker::{Ctx, attempt};
use sqlx::PgPool;
use uuid::uuid;

use crate::support::bookings::{ACCOUNT, promise};
use crate::support::ctx;

/// AI 161 to London, 20 December at 14:00 in Delhi.
const OUT: FlightId = FlightId(uuid!("00000000-0000-7000-8000-000000000201"));
/// BA 143 back, 5 January at 18:50 in London.
const BACK: FlightId = FlightId(uuid!("00000000-0000-7000-8000-000000000202"));

fn at(month: u32, day: u32) -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, month, day, 9, 10, 0).unwrap())
}

/// An instant as the others, of a day on which the traveller is under way.
fn under_way() -> Clock {
    Clock::manual(Utc.with_ymd_and_hms(2026, 12, 20, 8, 45, 0).unwrap())
}

async fn run(ctx: &Ctx, kind: &str, job_id: JobId) {
    let pushed = Pushed {
        job_id,
        attempt: 1,
        kind: kind.to_owned(),
        request_id: None,
        trace_parent: None,
    };
    assert_eq!(attempt::run(ctx, &pushed).await, Outcome::Done);
}

/// Disrupts a flight, runs the job that tells its booking, and the mail that this promises.
async fn told(ctx: &Ctx, flight_id: FlightId, change: FlightChange) -> (Announced, Mail) {
    let wish = NewDisruption {
        flight_id,
        change,
        reason: "the aircraft is late".to_owned(),
    };
    let mut tx = ctx.db.begin().await.unwrap();
    let made = booking::disrupt(&mut tx, &ctx.clock, Currency::INR, &wish).await;
    tx.commit().await.unwrap();
    let made = made.unwrap();
    run(ctx, "notify_disrupted", made.job_id).await;
    let mails: Vec<JobId> = sqlx::query_scalar(
        "select id from outbox where kind = 'send_mail' and status = 'waiting' and unique_key like 'flight_%'",
    )
    .fetch_all(&*ctx.db)
    .await
    .unwrap();
    let [mail] = mails[..] else {
        panic!("one mail: {mails:?}");
    };
    run(ctx, "send_mail", mail).await;
    (made, ctx.mail.sent().pop().unwrap())
}

/// The same flight a day later, with every seat free.
async fn flies_a_day_later(pool: &PgPool, flight_id: FlightId) {
    sqlx::query(
        "with later as (
             insert into flight (id, schedule_id, airline, flight_number, origin, destination, departure_date, departs_at, arrives_at, aircraft)
             select gen_random_uuid(), schedule_id, airline, flight_number, origin, destination, departure_date + 1,
                    departs_at + interval '1 day', arrives_at + interval '1 day', aircraft from flight where id = $1
             returning id)
         insert into flight_cabin (flight_id, cabin, capacity, base_fare_minor)
         select later.id, c.cabin, c.capacity, c.base_fare_minor from later, flight_cabin c where c.flight_id = $1",
    )
    .bind(flight_id)
    .execute(pool)
    .await
    .unwrap();
}

fn assert_says(mail: &Mail, words: &[&str]) {
    for said in words {
        assert!(
            mail.text.contains(said),
            "{said:?} is missing in\n{}",
            mail.text
        );
    }
    assert!(mail.html.contains("/booking?link="), "{}", mail.html);
}

async fn with_connection_times(pool: &PgPool) {
    sqlx::query(
        "insert into connection_time (kind, minutes) values ('domestic_domestic', 30), ('domestic_international', 60),
         ('international_domestic', 90), ('international_international', 90), ('airport_change', 180), ('longest', 1440)",
    )
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_cancelled_flight_is_told_with_what_can_be_chosen_until_when_and_what_the_law_says(
    pool: PgPool,
) {
    let ctx = ctx(&pool, at(12, 31));
    flies_a_day_later(&pool, BACK).await;
    let (made, mail) = told(&ctx, BACK, FlightChange::Cancel).await;
    let subject = "Your flight BA 143 on Tue 5 Jan 2027 is cancelled";
    assert_eq!(mail.subject, subject);
    let kind = MailKind::FlightCancelled {
        disruption_id: made.id,
    };
    assert!(
        mail.message_id.starts_with(&kind.name()),
        "{}",
        mail.message_id
    );
    assert_says(
        &mail,
        &[
            "the airline has cancelled flight BA 143 from London to New Delhi. The reason: The aircraft is late.",
            "Booking reference: K7XQ3M",
            "Cancelled: Tue 5 Jan 2027, 18:50 (UTC) London (LHR) to Wed 6 Jan 2027, 09:00 (UTC+5:30) New Delhi (DEL)",
            "Another flight on the same route within 3 days, free of charge",
            "A full refund of INR 1,15,684.00 for this direction, seats and bags included.",
            "Passengers\n  Ms Hồng Đào Thị Nguyễn: AI 161 seat 21A, BA 143 seat 21A",
            // Three days after it was told, by the clocks of London.
            "Please choose by Sun 3 Jan 2027, 09:10 (UTC). If we do not hear from you by then, we will refund you in full.",
            "GBP 520.00 for each passenger.",
            "https://www.legislation.gov.uk/eur/2004/261",
        ],
    );
    for absent in ["Fly at the new times", "both directions"] {
        assert!(!mail.text.contains(absent), "{}", mail.text);
    }
    assert!(
        !mail.text.contains("eur-lex"),
        "what does not apply is left out"
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn new_times_are_told_beside_the_old_and_stand_on_the_new_tickets(pool: PgPool) {
    with_connection_times(&pool).await;
    let ctx = ctx(&pool, at(11, 20));
    let change = FlightChange::Retime {
        departs_at: Utc.with_ymd_and_hms(2026, 12, 20, 9, 45, 0).unwrap(),
        arrives_at: None,
    };
    flies_a_day_later(&pool, OUT).await;
    let (made, mail) = told(&ctx, OUT, change).await;
    assert_eq!(
        mail.subject,
        "Your flight AI 161 on Sun 20 Dec 2026 has new times"
    );
    assert_says(
        &mail,
        &[
            "Booked: Sun 20 Dec 2026, 14:00 (UTC+5:30) New Delhi (DEL)",
            "New: Sun 20 Dec 2026, 15:15 (UTC+5:30) New Delhi (DEL) to Sun 20 Dec 2026, 19:25 (UTC) London (LHR)",
            "Fly at the new times; you get new tickets.",
            "Another flight on the same route within 3 days, free of charge",
            "A full refund of INR 1,02,783.00 for this direction, seats and bags included.",
            "Please choose by Mon 23 Nov 2026, 14:40 (UTC+5:30). If we do not hear from you by then, you fly at the new times.",
        ],
    );

    let answer = Answer {
        choice: DisruptionChoice::Accept,
        scope: RefundScope::Direction,
        disruption_id: None,
    };
    let reference = BookingRef::parse("K7XQ3M").unwrap();
    let mut tx = ctx.db.begin().await.unwrap();
    booking::decide_disruption(&mut tx, &ctx.clock, ACCOUNT, &reference, answer)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // A mail that comes late does not ask any more.
    let kind = MailKind::FlightRetimed {
        disruption_id: made.id,
    };
    let late = promise(&pool, &ctx.clock, kind).await;
    run(&ctx, "send_mail", late).await;
    assert_eq!(ctx.mail.sent().len(), 1);
    let tickets = MailKind::TicketsChanged { revision: 2 };
    let tickets = promise(&pool, &ctx.clock, tickets).await;
    run(&ctx, "send_mail", tickets).await;
    let mail = ctx.mail.sent().pop().unwrap();
    assert_says(
        &mail,
        &[
            "Times of booking K7XQ3M have changed.",
            "Flight AI 161 leaves New Delhi at Sun 20 Dec 2026, 15:15 (UTC+5:30) instead of Sun 20 Dec 2026, 14:00 (UTC+5:30).",
        ],
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn a_ticket_of_one_airline_can_be_given_back_whole_and_the_mail_says_for_how_much(
    pool: PgPool,
) {
    sqlx::query("update direction set validating_airline = 'AI'")
        .execute(&pool)
        .await
        .unwrap();
    let ctx = ctx(&pool, at(11, 20));
    let (_, mail) = told(&ctx, OUT, FlightChange::Cancel).await;
    assert_says(
        &mail,
        &[
            "A full refund of INR 1,02,783.00 for this direction, seats and bags included.",
            // The fee of the booking comes back too, because nothing of it is flown.
            "A full refund of INR 2,18,767.00 for both directions, which are on one ticket, seats and bags included.",
        ],
    );
}

#[sqlx::test(
    migrator = "flightdesk_core::db::MIGRATOR",
    fixtures(
        path = "../../../core/src/document/fixtures",
        scripts("confirmed_booking")
    )
)]
async fn whoever_is_under_way_is_offered_no_refund_that_there_is_not(pool: PgPool) {
    with_connection_times(&pool).await;
    // The way to London goes on with the flight that is cancelled.
    for statement in [
        "update booked_flight set direction_id = '00000000-0000-7000-8000-000000000501'",
        "update direction set status = 'cancelled' where ordinal = 1",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let ctx = ctx(&pool, under_way());
    let (_, mail) = told(&ctx, BACK, FlightChange::Cancel).await;
    assert_says(
        &mail,
        &["There is nothing to choose on the page of the booking."],
    );
    for absent in ["A full refund", "Please choose", "we will refund"] {
        assert!(!mail.text.contains(absent), "{}", mail.text);
    }
}
